//! Session daemons: those that answer, those that left their files behind, and what applications are told of them.

use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use rttng_control::{CLIENT_SOCKET, GLOBAL_RUN_DIR, PRIVATE_RUN_DIR, TRACING_GROUP};
use rttng_world::accounts;

use super::Finding;

/// Socket of applications in a run directory.
pub(super) const APPS_SOCKET: &str = "lttng-ust-sock-8";
/// Names of wait pages begin so.
const WAIT_PAGES: &str = "lttng-ust-wait-8";

/// What a run directory holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RunDirectory {
    /// Where it is.
    pub(super) path: PathBuf,
    /// Whether it is the machine's (root's), and not one user's.
    pub(super) is_global: bool,
    /// Whether somebody answers on the clients' socket.
    pub(super) clients: Answer,
    /// Whether somebody answers on the applications' socket.
    pub(super) applications: Answer,
    /// What the pid file says, and whether such a process is there.
    pub(super) pid: Option<(u32, bool)>,
    /// The owner of the clients' socket: user and group.
    pub(super) owner: Option<(u32, u32)>,
}

/// What became of connecting to a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// Somebody listens.
    Listens,
    /// The socket is there, nobody listens.
    Stale,
    /// This user may not connect.
    Forbidden,
    /// There is no socket.
    Absent,
}

impl RunDirectory {
    /// Looks at one.
    pub(super) fn look(path: &Path, is_global: bool) -> RunDirectory {
        let socket = path.join(CLIENT_SOCKET);
        let text = std::fs::read_to_string(path.join("lttng-sessiond.pid")).ok();
        let pid = text.and_then(|text| text.trim().parse::<u32>().ok());
        RunDirectory {
            path: path.to_owned(),
            is_global,
            clients: connect(&socket),
            applications: connect(&path.join(APPS_SOCKET)),
            pid: pid.map(|pid| (pid, Path::new(&format!("/proc/{pid}")).exists())),
            owner: std::fs::metadata(&socket).ok().map(|data| (data.uid(), data.gid())),
        }
    }

    /// Whether a daemon lives there.
    pub(super) fn lives(&self) -> bool {
        self.clients == Answer::Listens || self.applications == Answer::Listens
    }

    fn is_empty(&self) -> bool {
        self.clients == Answer::Absent && self.applications == Answer::Absent && self.pid.is_none()
    }
}

/// Whether somebody answers on a socket.
pub(super) fn connect(socket: &Path) -> Answer {
    use std::io::ErrorKind;
    match UnixStream::connect(socket) {
        Ok(_) => Answer::Listens,
        Err(error) => match error.kind() {
            ErrorKind::ConnectionRefused => Answer::Stale,
            ErrorKind::PermissionDenied => Answer::Forbidden,
            _ => Answer::Absent,
        },
    }
}

/// The run directories that this user's programs know of.
pub(super) fn find() -> Vec<RunDirectory> {
    let mut found = vec![RunDirectory::look(Path::new(GLOBAL_RUN_DIR), true)];
    let home = std::env::var_os("LTTNG_HOME").or_else(|| std::env::var_os("HOME"));
    if let Some(home) = home {
        found.push(RunDirectory::look(&Path::new(&home).join(PRIVATE_RUN_DIR), false));
    }
    found
}

/// What there is to say of them.
pub(super) fn examine(found: &[RunDirectory]) -> Vec<Finding> {
    let mut findings: Vec<Finding> = found.iter().flat_map(findings_of).collect();
    if !found.iter().any(RunDirectory::lives) {
        findings.push(Finding::fact(
            "no session daemon answers (not needed for `rttng record`; `rttng sessiond -d` starts one)",
        ));
    }
    findings.extend(wait_pages(found));
    findings.push(group());
    findings
}

fn findings_of(directory: &RunDirectory) -> Vec<Finding> {
    let shown = directory.path.display();
    if directory.is_empty() {
        return vec![Finding::fact(format!("{shown}: no daemon's files"))];
    }
    let mut findings = Vec::new();
    let who = match (directory.pid, directory.owner) {
        (Some((pid, _)), Some((uid, gid))) => format!(", process {pid}, user {uid}, group {gid}"),
        (Some((pid, _)), None) => format!(", process {pid}"),
        _ => String::new(),
    };
    match directory.clients {
        Answer::Listens => findings.push(Finding::good(format!("{shown}: a daemon answers clients{who}"))),
        Answer::Forbidden => findings.push(Finding::bad(
            format!("{shown}: a daemon's client socket is closed to this user{who}"),
            format!(
                "be root, or a member of the group {TRACING_GROUP} (then log in anew); or use a daemon of your own \
                 (`rttng sessiond -d`) or `rttng record`"
            ),
        )),
        Answer::Stale => {
            let why = match directory.pid {
                Some((pid, true)) => format!(
                    "; process {pid} exists, but it is not that daemon (another container shares this directory, or the \
                     number was given away again)"
                ),
                _ => String::new(),
            };
            findings.push(Finding::bad(
                format!("{shown}: the files of a daemon that is gone{why}"),
                "start a daemon (`rttng sessiond -d`): it replaces them; or use `rttng record`, which needs none",
            ));
        }
        Answer::Absent => {}
    }
    match (directory.clients, directory.applications) {
        (_, Answer::Listens) => {
            findings.push(Finding::good(format!("{shown}: a daemon answers applications")))
        }
        (Answer::Listens, _) => findings.push(Finding::bad(
            format!("{shown}: applications cannot reach the daemon ({APPS_SOCKET})"),
            "restart the daemon; it makes that socket at its start",
        )),
        _ => {}
    }
    findings
}

/// Applications sleep on a page until a daemon says that it is there; a page that says so without a daemon makes them
/// try every five seconds, and one that denies it keeps them away.
fn wait_pages(found: &[RunDirectory]) -> Vec<Finding> {
    let Ok(entries) = std::fs::read_dir("/dev/shm") else {
        return vec![Finding::bad(
            "/dev/shm is not there: programs cannot be told of a daemon",
            "mount a tmpfs on /dev/shm",
        )];
    };
    let own = format!("{WAIT_PAGES}-{}", rustix::process::getuid().as_raw());
    let mut findings = Vec::new();
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_global = match name.as_str() {
            WAIT_PAGES => true,
            name if name == own => false,
            _ => continue,
        };
        let word = std::fs::read(entry.path()).ok();
        let says_yes = word.and_then(|bytes| bytes.first_chunk::<4>().copied()).map(i32::from_ne_bytes);
        let lives = found.iter().any(|directory| directory.is_global == is_global && directory.lives());
        match (says_yes, lives) {
            (Some(0), true) => findings.push(Finding::bad(
                format!("/dev/shm/{name} tells programs that there is no daemon, and there is one"),
                "restart the daemon",
            )),
            (Some(word), false) if word != 0 => findings.push(Finding::fact(format!(
                "/dev/shm/{name} tells programs that there is a daemon (a private one, or one that was killed)"
            ))),
            _ => {}
        }
    }
    findings
}

fn group() -> Finding {
    let Some(gid) = accounts::group_id(TRACING_GROUP) else {
        return Finding::fact(format!(
            "there is no group {TRACING_GROUP}: only root may command a root daemon"
        ));
    };
    let mine = rustix::process::getgroups().unwrap_or_default();
    let own = rustix::process::getegid().as_raw();
    let is_member = own == gid || mine.iter().any(|group| group.as_raw() == gid);
    match is_member || rustix::process::getuid().is_root() {
        true => Finding::good(format!("this user may command a root daemon (group {TRACING_GROUP})")),
        false => Finding::fact(format!(
            "this user is not in the group {TRACING_GROUP}: it commands daemons of its own only"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    fn text(findings: &[Finding]) -> String {
        findings.iter().map(|finding| format!("{:?} {}\n", finding.mark, finding.text)).collect()
    }

    #[test]
    fn a_dead_daemon_s_files_are_told_from_a_living_one() {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join(CLIENT_SOCKET);
        let empty = RunDirectory::look(dir.path(), false);
        assert!(text(&findings_of(&empty)).contains("no daemon's files"));

        let listener = UnixListener::bind(&socket).unwrap();
        std::fs::write(dir.path().join("lttng-sessiond.pid"), format!("{}\n", std::process::id())).unwrap();
        let living = RunDirectory::look(dir.path(), false);
        assert!(living.lives());
        let said = text(&findings_of(&living));
        assert!(said.contains("answers clients") && said.contains("applications cannot reach"), "{said}");

        drop(listener);
        let dead = RunDirectory::look(dir.path(), false);
        assert!(!dead.lives());
        let said = text(&findings_of(&dead));
        assert!(said.contains("a daemon that is gone") && said.contains("another container"), "{said}");
    }
}
