//! Why a recording has no event: who registered, what they have, which rule came near.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::Duration;

use rttng_control::Client;
use rttng_ctf::summary::Summary;
use rttng_wire::client::log_level::log_level_name;
use rttng_wire::client::{DomainType, LogLevelSelection, LogLevelType};

use super::bystanders::{self, Bystander, Obstacle};
use super::filter_fields;
use crate::instrumented::{Instrumented, ProgramKind};
use crate::near::{MOST_SUGGESTIONS, near_names};

/// First look after the start of the program.
const FIRST_LOOK: Duration = Duration::from_millis(30);
/// The time between looks grows to this.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// Providers that every program with the tracer in it has.
const OWN_PROVIDERS: [&str; 4] =
    ["lttng_ust_statedump", "lttng_ust_lib", "lttng_ust_tracef", "lttng_ust_tracelog"];
/// Events that the tracer records at the start of each program by itself.
pub(super) const STATE_DUMP: &str = "lttng_ust_statedump:";
/// Field names that are shown.
const MOST_FIELDS: usize = 10;
/// How long programs wait for their registration; 0: not at all.
const REGISTER_TIMEOUT: &str = "LTTNG_UST_REGISTER_TIMEOUT";

/// What registered while the program ran.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// Applications: process id and name.
    pub(super) applications: BTreeMap<i32, String>,
    /// Tracepoints of all of them, and those that the program's files define; with the log level, where an application
    /// told it.
    pub(super) tracepoints: BTreeMap<String, Option<i32>>,
    /// Processes with the tracer in them.
    pub(super) bystanders: BTreeMap<i32, Bystander>,
    /// What the program's file is.
    pub(super) program: Instrumented,
    /// Whether an application registered: there is a trace then, also of one that was too quick to be seen.
    pub(super) was_recorded: bool,
    /// The tracepoints that a rule selected, with their fields.
    pub(super) selected: BTreeMap<String, BTreeSet<String>>,
    /// Applications that had not ended when the program had.
    pub(super) still_running: BTreeMap<i32, String>,
    /// Whether programs are told not to wait for their registration.
    pub(super) never_waits: bool,
}

impl Seen {
    /// Adds what the program's files say; they say it also of a program that was too quick to be asked.
    pub(super) fn learn_files(&mut self, files: Instrumented) {
        for name in &files.tracepoints {
            self.tracepoints.entry(name.clone()).or_default();
        }
        self.program = files;
    }

    /// Adds what the trace says: the events that a rule selected, also those of a provider that was loaded late.
    pub(super) fn learn_trace(&mut self, summary: &Summary) {
        for name in summary.declared.keys() {
            self.tracepoints.entry(name.clone()).or_default();
        }
        self.selected = summary.declared.clone();
        self.was_recorded = summary.traces > 0;
    }
}

/// What was asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    /// The patterns of --event.
    pub(super) patterns: &'a [String],
    /// Those of --exclude.
    pub(super) exclusions: &'a [String],
    /// The log levels.
    pub(super) log_level: LogLevelSelection,
    /// The expression of --filter.
    pub(super) filter: Option<&'a str>,
}

/// Looks now and then which tracepoints there are, while the program runs.
#[derive(Debug)]
pub(super) struct Watch {
    stop: mpsc::Sender<()>,
    thread: JoinHandle<Seen>,
}

impl Watch {
    /// Begins to look.
    ///
    /// # Errors
    /// No thread could be started.
    pub(super) fn begin(client: Client, home: PathBuf) -> std::io::Result<Self> {
        let (stop, stopped) = mpsc::channel();
        let thread = std::thread::Builder::new().name("rttng-watch".into()).spawn(move || {
            let mut seen = Seen {
                never_waits: std::env::var_os(REGISTER_TIMEOUT).is_some_and(|value| value == "0"),
                ..Seen::default()
            };
            let mut pause = FIRST_LOOK;
            while stopped.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
                bystanders::look(&home, &mut seen.bystanders);
                look(&client, &mut seen);
                pause = (pause * 3).min(LONGEST_PAUSE);
            }
            let before = std::mem::take(&mut seen.applications);
            look(&client, &mut seen);
            seen.still_running = std::mem::replace(&mut seen.applications, before);
            seen.applications.extend(seen.still_running.clone());
            seen
        })?;
        Ok(Watch { stop, thread })
    }

    /// Ends it and says what was seen.
    pub(super) fn end(self) -> Seen {
        // The thread may have ended by itself.
        let _ = self.stop.send(());
        self.thread.join().unwrap_or_default()
    }
}

fn look(client: &Client, seen: &mut Seen) {
    // A daemon that cannot say it now is asked again later.
    let Ok(events) = client.list_tracepoints(DomainType::Ust) else { return };
    for event in events {
        seen.applications.entry(event.pid).or_insert_with(|| process_name(event.pid));
        seen.tracepoints.insert(event.name, Some(event.log_level.level));
    }
}

fn process_name(pid: i32) -> String {
    let comm = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    match comm.trim() {
        "" => "(gone)".into(),
        name => name.into(),
    }
}

/// The explanation, a line each.
pub(super) fn explain(seen: &Seen, asked: &Asked<'_>) -> Vec<String> {
    let mut lines = rights_of(&seen.program);
    let others = seen.bystanders.iter().filter(|(pid, _)| !seen.applications.contains_key(pid));
    // If someone registered who was not seen to, then most likely the one who had nothing against it; and who does not wait
    // is told so below.
    let others = others.filter(|(_, other)| {
        !((seen.was_recorded || seen.never_waits) && other.obstacle == Obstacle::Unknown)
    });
    let others: Vec<String> = others.map(|(pid, other)| stays_away(*pid, other)).collect();
    if seen.applications.is_empty() && !seen.was_recorded {
        lines.extend(others);
        if seen.program.tracer.is_none() && seen.tracepoints.is_empty() && seen.bystanders.is_empty() {
            if lines.is_empty() {
                lines = nobody_came(seen.program.kind);
            }
            return lines;
        }
        if !lines.is_empty() {
            return lines;
        }
        lines = vec!["the program has the tracer in it, and ended before it was registered".into()];
    } else {
        let names: Vec<String> =
            seen.applications.iter().map(|(pid, name)| format!("{name} (pid {pid})")).collect();
        lines.push(match names.is_empty() {
            true => "the program registered".into(),
            false => format!("registered: {}", names.join(", ")),
        });
        lines.extend(others);
    }
    if seen.never_waits {
        lines.push(format!(
            "{REGISTER_TIMEOUT}=0 lets it run before it is registered: leave that out, or set it to -1"
        ));
    }
    let theirs: Vec<&str> =
        seen.tracepoints.keys().map(String::as_str).filter(|name| is_of_program(name)).collect();
    if theirs.is_empty() {
        lines.push(
            "they have no tracepoint of their own: the provider's library is not loaded (preload it with \
             LD_PRELOAD, or link it)"
                .into(),
        );
    } else {
        let providers: BTreeSet<&str> = theirs.iter().filter_map(|name| name.split(':').next()).collect();
        let providers: Vec<&str> = providers.into_iter().collect();
        let count =
            if theirs.len() == 1 { "1 tracepoint".into() } else { format!("{} tracepoints", theirs.len()) };
        lines.push(format!("they have {count} of {}", providers.join(", ")));
    }
    let mut any_matches = false;
    for pattern in asked.patterns {
        match selection(seen, asked, pattern) {
            // Everything is asked for by itself; only the tracer's own is there, which was just said.
            None if theirs.is_empty() && asked.patterns == ["*"] => {}
            None => any_matches = true,
            Some(line) => lines.push(line),
        }
    }
    let missing = asked.filter.map(|filter| missing_fields(seen, filter)).unwrap_or_default();
    if any_matches && !missing.is_empty() {
        lines.extend(missing);
    } else if any_matches && (seen.was_recorded || !seen.applications.is_empty()) {
        lines.push(match asked.filter.is_some() {
            true => "matching tracepoints were there: none was reached, or the filter held for none".into(),
            false => "matching tracepoints were there, but none was reached while the program ran".into(),
        });
    }
    lines
}

/// Fields that the filter names and none of the selected tracepoints has: it holds for none then.
fn missing_fields(seen: &Seen, filter: &str) -> Vec<String> {
    let theirs = seen.selected.iter().filter(|(name, _)| is_of_program(name));
    let there: BTreeSet<&String> = theirs.flat_map(|(_, fields)| fields).collect();
    if there.is_empty() {
        return Vec::new();
    }
    let missing = filter_fields::of(filter).into_iter().filter(|name| !there.contains(name));
    let shown: Vec<&str> = there.iter().take(MOST_FIELDS).map(|name| name.as_str()).collect();
    missing
        .map(|name| {
            format!("--filter: no selected event has a field {name:?}; they have {}", shown.join(", "))
        })
        .collect()
}

/// Whether a tracepoint is not one of the tracer's own.
fn is_of_program(name: &str) -> bool {
    !OWN_PROVIDERS.contains(&name.split(':').next().unwrap_or_default())
}

/// Why a rule selects no tracepoint; nothing if it does.
fn selection(seen: &Seen, asked: &Asked<'_>, pattern: &str) -> Option<String> {
    let matches =
        |rule: &str, name: &str| rttng_filter::pattern::name_matches(rule.as_bytes(), name.as_bytes());
    let matching: Vec<(&str, Option<i32>)> = seen
        .tracepoints
        .iter()
        .map(|(name, level)| (name.as_str(), *level))
        .filter(|(name, _)| matches(pattern, name))
        .collect();
    if matching.is_empty() {
        let near = near_names(pattern, seen.tracepoints.keys());
        return Some(match near.is_empty() {
            true => format!("--event {pattern:?} matches none of them"),
            false => format!("--event {pattern:?} matches none of them; near: {}", near.join(", ")),
        });
    }
    let excluded = |name: &str| asked.exclusions.iter().any(|rule| matches(rule, name));
    let left: Vec<(&str, Option<i32>)> = matching.into_iter().filter(|(name, _)| !excluded(name)).collect();
    if left.is_empty() {
        return Some(format!("--exclude leaves out all that --event {pattern:?} matches"));
    }
    let too_low = |level: i32| match asked.log_level.kind {
        LogLevelType::All => false,
        LogLevelType::Range => level > asked.log_level.level,
        LogLevelType::Single => level != asked.log_level.level,
    };
    // The tracer's own are of no interest, unless they are all that there is.
    let (theirs, own): (Vec<_>, Vec<_>) = left.into_iter().partition(|(name, _)| is_of_program(name));
    let left = if theirs.is_empty() { own } else { theirs };
    if left.iter().any(|(name, _)| seen.selected.contains_key(*name)) {
        return None;
    }
    // Without the level, which only a running application tells, it is the option all the same if nothing else is.
    let by_level = |level: Option<i32>| level.map_or(seen.was_recorded, too_low);
    if asked.log_level.kind == LogLevelType::All || !left.iter().all(|(_, level)| by_level(*level)) {
        return None;
    }
    let shown = left.iter().take(MOST_SUGGESTIONS).filter_map(|(name, level)| {
        let level = level.and_then(|level| log_level_name(DomainType::Ust, level))?;
        Some(format!("{name} is {level}"))
    });
    let shown: Vec<String> = shown.collect();
    let option = if asked.log_level.kind == LogLevelType::Single { "--loglevel-only" } else { "--loglevel" };
    let shown = if shown.is_empty() { String::new() } else { format!(": {}", shown.join(", ")) };
    Some(format!("{option} leaves out all that --event {pattern:?} matches{shown}"))
}

fn nobody_came(kind: ProgramKind) -> Vec<String> {
    match kind {
        ProgramKind::Static => vec![
            "the program is statically linked: the tracer, which is a library, is not in it".into(),
            "link it dynamically, with liblttng-ust and its tracepoint provider".into(),
        ],
        ProgramKind::Bits32 => vec![
            "the program is a 32-bit one: only 64-bit applications are recorded".into(),
            "build it for 64 bits".into(),
        ],
        ProgramKind::Dynamic | ProgramKind::Other => vec![
            "no program with the LTTng tracer in it registered, and the program is not linked with it".into(),
            "build it with liblttng-ust and its tracepoint provider, or preload the provider (LD_PRELOAD)"
                .into(),
            "`rttng doctor PID` tells what a running process has".into(),
        ],
    }
}

fn rights_of(program: &Instrumented) -> Vec<String> {
    // Root runs such a program with the rights that it has anyway.
    if !program.has_own_rights {
        return Vec::new();
    }
    vec![
        "the program has rights of its own (setuid, setgid or capabilities), so nothing of the environment is trusted \
         in it: neither LD_PRELOAD nor the way to this recording"
            .into(),
        "record it as the user that it becomes (root, most often), or record a copy of it without those rights".into(),
    ]
}

/// Why a process with the tracer in it did not register.
fn stays_away(pid: i32, other: &Bystander) -> String {
    let why = match other.obstacle {
        Obstacle::OtherUser(user) => {
            format!("it runs as user {user}, who may not enter this recording: record as root, or as that user")
        }
        Obstacle::Environment => {
            "LTTNG_HOME of this recording is not in its environment (sudo, su - and env -i drop it): keep it, as in \
             sudo --preserve-env=LTTNG_HOME, or put `rttng record` behind what changes the environment"
                .into()
        }
        Obstacle::Unknown => "it ended too soon, or speaks another ABI than 8 and 9".into(),
    };
    format!("{} (pid {pid}) has the tracer in it and did not register: {why}", other.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(names: &[&str]) -> Seen {
        Seen {
            applications: BTreeMap::from([(7, "app".to_owned())]),
            tracepoints: names.iter().map(|name| ((*name).to_owned(), Some(13))).collect(),
            ..Seen::default()
        }
    }

    fn asked(patterns: &[String]) -> Asked<'_> {
        let log_level = LogLevelSelection::all(DomainType::Ust);
        Asked { patterns, exclusions: &[], log_level, filter: None }
    }

    fn text(seen: &Seen, pattern: &str) -> String {
        explain(seen, &asked(&[pattern.to_owned()])).join("\n")
    }

    #[test]
    fn nobody_came() {
        assert!(text(&Seen::default(), "*").contains("no program with the LTTng tracer"));
        let of_kind = |kind| {
            let program = Instrumented { kind, ..Instrumented::default() };
            text(&Seen { program, ..Seen::default() }, "*")
        };
        assert!(of_kind(ProgramKind::Static).contains("statically linked"));
        assert!(of_kind(ProgramKind::Bits32).contains("32-bit"));
    }

    #[test]
    fn who_stays_away_is_told_with_the_reason() {
        let with = |obstacle| {
            let other = Bystander { name: "web".into(), obstacle };
            text(&Seen { bystanders: BTreeMap::from([(9, other)]), ..Seen::default() }, "*")
        };
        assert!(with(Obstacle::OtherUser(33)).contains("web (pid 9) has the tracer in it"));
        assert!(with(Obstacle::OtherUser(33)).contains("user 33"));
        assert!(with(Obstacle::Environment).contains("--preserve-env=LTTNG_HOME"));
        assert!(with(Obstacle::Unknown).contains("another ABI"));
    }

    #[test]
    fn a_program_that_does_not_wait_is_told_to() {
        let program = Instrumented { tracer: Some(1), ..Instrumented::default() };
        let seen = Seen { program, never_waits: true, ..Seen::default() };
        assert!(text(&seen, "*").contains("LTTNG_UST_REGISTER_TIMEOUT=0"));
        let other = Bystander { name: "web".into(), obstacle: Obstacle::Unknown };
        let seen = Seen { never_waits: true, bystanders: BTreeMap::from([(9, other)]), ..Seen::default() };
        assert!(text(&seen, "*").contains("LTTNG_UST_REGISTER_TIMEOUT=0"));
    }

    #[test]
    fn a_misspelled_rule_names_what_is_near() {
        let seen = seen(&["demo:tick", "demo:tock", "lttng_ust_lib:load"]);
        let text = text(&seen, "demo:tikc");
        assert!(text.contains("near: demo:tick"), "{text}");
        assert!(text.contains("app (pid 7)"), "{text}");
    }

    #[test]
    fn rules_that_leave_everything_out_are_named() {
        let seen = seen(&["demo:tick", "lttng_ust_lib:load"]);
        let patterns = ["demo:*".to_owned()];
        let exclusions = ["demo:t*".to_owned()];
        let text = explain(&seen, &Asked { exclusions: &exclusions, ..asked(&patterns) }).join("\n");
        assert!(text.contains("--exclude leaves out all"), "{text}");
        let log_level = LogLevelSelection::range(4);
        let text = explain(&seen, &Asked { log_level, ..asked(&patterns) }).join("\n");
        assert!(
            text.contains("--loglevel leaves out all") && text.contains("demo:tick is DEBUG_LINE"),
            "{text}"
        );
    }

    #[test]
    fn fields_that_no_event_has_are_named() {
        let fields = BTreeSet::from(["i".to_owned(), "s".to_owned()]);
        let selected = BTreeMap::from([("demo:tick".to_owned(), fields)]);
        let seen = Seen { selected, was_recorded: true, ..seen(&["demo:tick"]) };
        let patterns = ["demo:*".to_owned()];
        let with = |filter| explain(&seen, &Asked { filter: Some(filter), ..asked(&patterns) }).join("\n");
        assert!(
            with("j > 1").contains("no selected event has a field \"j\"; they have i, s"),
            "{}",
            with("j > 1")
        );
        assert!(with("i > 1").contains("the filter held for none"));
    }

    #[test]
    fn a_provider_that_is_not_loaded_is_told() {
        let bare = seen(&["lttng_ust_lib:load"]);
        assert!(text(&bare, "demo:*").contains("not loaded"));
        assert!(!text(&bare, "*").contains("none was reached"));
        assert!(text(&seen(&["demo:tick"]), "demo:*").contains("none was reached"));
    }
}
