//! How the recording of a trace stands, for those who read it meanwhile: the session daemon is asked; where it knows
//! nothing of the trace, the processes that hold its files open for writing tell.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rttng_control::{Client, ControlError, Endpoint, Unreachable};
use rttng_ctf::read::ReadError;
use rttng_view::follow::{Guide, Recording, pause_after};
use rttng_wire::client::Session;

/// The session daemon is not asked more often.
const ASK_EVERY: Duration = Duration::from_millis(250);

/// How long it may take from a timer of a channel to the file.
const SLACK: Duration = Duration::from_secs(1);

/// What is written after the session is gone has to come within this time.
const FAREWELL: Duration = Duration::from_secs(10);

/// A session daemon that is there and answers nothing for so long is taken for one that knows nothing of the traces.
const DEAFNESS: Duration = Duration::from_secs(30);

/// Where the processes that write cannot be seen: after so long without a change nobody writes any more.
const SILENCE: Duration = Duration::from_secs(10);

/// All of a stopped session is taken to be written when its files have not changed for so long.
const CALM: Duration = Duration::from_secs(2);

/// When it is said why nothing is shown.
const EXPLAIN_AFTER: Duration = Duration::from_secs(3);

/// Knows how the recording of some traces stands.
pub(crate) struct SessionGuide {
    client: Client,
    traces: Vec<PathBuf>,
    /// Events older than this are shown even if older ones may come.
    patience: Option<Duration>,
    interrupted: Arc<AtomicBool>,
    /// The session that writes the traces, once it was seen.
    session: Option<String>,
    /// Whether a process was seen that writes them.
    had_writer: bool,
    gone_since: Option<Instant>,
    silent_since: Option<Instant>,
    stopped_since: Option<Instant>,
    asked: Option<(Instant, Recording)>,
    looks: u32,
    held_since: Option<Instant>,
    was_explained: bool,
}

impl SessionGuide {
    /// For the traces in these folders. The flag is raised by SIGINT and SIGTERM.
    pub(crate) fn new(traces: &[PathBuf], patience: Option<Duration>) -> std::io::Result<SessionGuide> {
        let interrupted = Arc::new(AtomicBool::new(false));
        for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
            signal_hook::flag::register(signal, Arc::clone(&interrupted))?;
        }
        let traces = traces.iter().map(|path| path.canonicalize().unwrap_or_else(|_| path.clone()));
        Ok(SessionGuide {
            client: client(),
            traces: traces.collect(),
            patience,
            interrupted,
            session: None,
            had_writer: false,
            gone_since: None,
            silent_since: None,
            stopped_since: None,
            asked: None,
            looks: 0,
            held_since: None,
            was_explained: false,
        })
    }

    /// The session that writes the traces, once it was seen.
    pub(crate) fn session(&self) -> Option<&str> {
        self.session.as_deref()
    }

    /// Whether an end was asked for.
    pub(crate) fn is_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }

    fn state(&mut self) -> Recording {
        let now = wall_clock();
        let sessions = match self.client.list_sessions() {
            Ok(sessions) => sessions,
            Err(error) if is_slow(&error) && self.may_answer() => {
                return Recording::Going { written_until: None };
            }
            Err(_) => Vec::new(),
        };
        self.silent_since = None;
        let session = sessions.iter().find(|session| self.is_ours(session));
        let Some(session) = session else { return self.without_session() };
        self.session = Some(session.name.clone());
        self.gone_since = None;
        if session.active {
            self.stopped_since = None;
        }
        let written_until = if session.active {
            // What the tracer hands over regularly is in the files a little later.
            self.period(session).map(|period| before(now, period + SLACK))
        } else {
            self.is_settled(&session.name).then_some(now)
        };
        Recording::Going { written_until }
    }

    /// Whether to ask a session daemon again that did not answer. It has not forgotten a session that was seen.
    fn may_answer(&mut self) -> bool {
        let since = *self.silent_since.get_or_insert_with(Instant::now);
        self.session.is_some() || since.elapsed() < DEAFNESS
    }

    /// Whether a session writes the traces.
    fn is_ours(&self, session: &Session) -> bool {
        if session.path.is_empty() {
            return false;
        }
        let path = Path::new(&session.path);
        let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        self.traces.iter().any(|trace| trace.starts_with(&path) || path.starts_with(trace))
    }

    /// Whether all of a stopped session is written.
    fn is_settled(&mut self, session: &str) -> bool {
        // Whether data is pending must not be asked of a real session daemon: if the session is started at this moment,
        // it aborts (docs/spec/client-protocol.md, 16). Only ours tells how its buffers are used.
        if self.client.list_channel_usage(session).is_ok() {
            return self.client.data_pending(session).is_ok_and(|pending| !pending);
        }
        let since = *self.stopped_since.get_or_insert_with(Instant::now);
        since.elapsed() > CALM && youngest(&self.traces).is_none_or(|age| age > CALM)
    }

    /// The longest time after which each channel hands over what it has, if each of them does so.
    fn period(&self, session: &Session) -> Option<Duration> {
        let mut longest = Duration::ZERO;
        for domain in self.client.list_domains(&session.name).ok()? {
            for channel in self.client.list_channels(&session.name, domain).ok()? {
                let timers = [channel.attributes.switch_timer, channel.attributes.live_timer];
                longest = longest.max(timers.into_iter().filter(|timer| !timer.is_zero()).min()?);
            }
        }
        (!longest.is_zero()).then_some(longest)
    }

    fn without_session(&mut self) -> Recording {
        let is_written = match is_written(&self.traces) {
            Some(is_written) => is_written,
            None => youngest(&self.traces).is_none_or(|age| age < SILENCE),
        };
        if is_written {
            self.had_writer = true;
            let since = *self.gone_since.get_or_insert_with(Instant::now);
            // A daemon may keep its files open for long after the session is gone.
            if self.session.is_none() || since.elapsed() < FAREWELL {
                return Recording::Going { written_until: None };
            }
        }
        Recording::Over
    }
}

/// Whether there is a session daemon all the same.
fn is_slow(error: &ControlError) -> bool {
    matches!(error, ControlError::TimedOut(_) | ControlError::NoDaemon(Unreachable::Busy { .. }))
}

/// The session daemon that this user's commands go to; short bounds, since there is something to be shown meanwhile.
pub(crate) fn client() -> Client {
    Client::new(Endpoint::from_environment(None)).with_bounds(Duration::from_secs(2), Duration::from_secs(5))
}

impl Guide for SessionGuide {
    fn ask(&mut self) -> Recording {
        if self.is_interrupted() {
            return Recording::Interrupted;
        }
        let fresh = self.asked.filter(|(when, _)| when.elapsed() < ASK_EVERY).map(|(_, state)| state);
        let state = match fresh {
            Some(state) => state,
            None => {
                let state = self.state();
                self.asked = Some((Instant::now(), state));
                state
            }
        };
        match (state, self.patience) {
            (Recording::Going { .. }, Some(Duration::ZERO)) => {
                Recording::Going { written_until: Some(i64::MAX) }
            }
            (Recording::Going { written_until }, Some(patience)) => {
                let patient = before(wall_clock(), patience);
                Recording::Going { written_until: written_until.max(Some(patient)) }
            }
            _ => state,
        }
    }

    fn pause(&mut self, awaited: usize) {
        if awaited == 0 {
            self.held_since = None;
        } else if self.held_since.get_or_insert_with(Instant::now).elapsed() > EXPLAIN_AFTER
            && !std::mem::replace(&mut self.was_explained, true)
        {
            let streams = if awaited == 1 { "a stream has" } else { "streams have" };
            eprintln!(
                "rttng view: events are held back until {streams} told what was before them \
                 (--patience 1 waits no longer than a second; a --switch-timer of the channel tells sooner)"
            );
        }
        self.looks = self.looks.saturating_add(1);
        std::thread::sleep(pause_after(self.looks));
    }
}

fn wall_clock() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_nanos()).unwrap_or(i64::MAX)
}

fn before(time: i64, by: Duration) -> i64 {
    time.saturating_sub(i64::try_from(by.as_nanos()).unwrap_or(i64::MAX))
}

/// Whether any process holds a file below these folders open for writing. Nothing if not all processes can be looked at
/// and none of the others does.
fn is_written(folders: &[PathBuf]) -> Option<bool> {
    let mut saw_all = true;
    for process in std::fs::read_dir("/proc").ok()?.flatten() {
        if !process.file_name().as_encoded_bytes().iter().all(u8::is_ascii_digit) {
            continue;
        }
        let files = match std::fs::read_dir(process.path().join("fd")) {
            Ok(files) => files,
            Err(error) => {
                // One that has ended meanwhile writes nothing.
                saw_all &= error.kind() == std::io::ErrorKind::NotFound;
                continue;
            }
        };
        for file in files.flatten() {
            let is_ours = std::fs::read_link(file.path())
                .is_ok_and(|path| folders.iter().any(|folder| path.starts_with(folder)));
            if is_ours && is_for_writing(&process.path().join("fdinfo").join(file.file_name())) {
                return Some(true);
            }
        }
    }
    saw_all.then_some(false)
}

fn is_for_writing(info: &Path) -> bool {
    let text = std::fs::read_to_string(info).unwrap_or_default();
    let flags = text.lines().find_map(|line| line.strip_prefix("flags:"));
    let flags = flags.and_then(|flags| u64::from_str_radix(flags.trim(), 8).ok());
    // O_WRONLY and O_RDWR.
    flags.is_some_and(|flags| flags & 3 != 0)
}

/// How long ago anything below these folders was changed.
fn youngest(folders: &[PathBuf]) -> Option<Duration> {
    let mut folders = folders.to_vec();
    let mut youngest = None;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let Ok(status) = entry.metadata() else { continue };
            if status.is_dir() {
                folders.push(entry.path());
            }
            youngest = youngest.max(status.modified().ok());
        }
    }
    youngest.map(|time| time.elapsed().unwrap_or_default())
}

/// The folder of a trace: the path itself, or where the session of that name records to. The error says why there is
/// none.
pub(crate) fn trace_of(name: &Path) -> Result<PathBuf, String> {
    if name.exists() || name.components().count() != 1 {
        return Ok(name.to_owned());
    }
    let path = PathBuf::from(session_of(name)?.path);
    if !path.is_absolute() {
        return Err("the session does not record to a folder of this machine".to_owned());
    }
    Ok(path)
}

/// What is said when all is read of a folder, and nothing was in it.
pub(crate) fn nothing_in(folder: &Path) -> ReadError {
    let cause = "there is no trace in it, and nobody is writing one".to_owned();
    ReadError { path: folder.to_owned(), offset: None, cause }
}

/// The session of that name. The error says why there is none, where a folder would have been taken, too.
pub(crate) fn session_of(name: &Path) -> Result<Session, String> {
    let sessions = Client::new(Endpoint::from_environment(None)).list_sessions();
    let sessions =
        sessions.map_err(|error| format!("no such folder, and no session daemon to ask: {error}"))?;
    let session = sessions.into_iter().find(|session| Path::new(&session.name) == name);
    session.ok_or_else(|| "there is neither a folder nor a session of that name (rttng list)".to_owned())
}
