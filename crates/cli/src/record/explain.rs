//! Why a recording has no event: who registered, what they have, which rule came near.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::Duration;

use rttng_control::Client;
use rttng_wire::client::DomainType;

use crate::instrumented::Instrumented;

/// First look after the start of the program.
const FIRST_LOOK: Duration = Duration::from_millis(30);
/// The time between looks grows to this.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// Providers that every program with the tracer in it has.
const OWN_PROVIDERS: [&str; 4] =
    ["lttng_ust_statedump", "lttng_ust_lib", "lttng_ust_tracef", "lttng_ust_tracelog"];
/// Events that the tracer records at the start of each program by itself.
pub(super) const STATE_DUMP: &str = "lttng_ust_statedump:";
/// Near names that are shown.
const MOST_SUGGESTIONS: usize = 3;

/// What registered while the program ran.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// Applications: process id and name.
    pub(super) applications: BTreeMap<i32, String>,
    /// Tracepoints of all of them, and those that the program's files define.
    pub(super) tracepoints: BTreeSet<String>,
    /// Whether the program's file is linked with the tracer.
    pub(super) is_linked: bool,
}

impl Seen {
    /// Adds what the program's files say; they say it also of a program that was too quick to be asked.
    pub(super) fn learn(&mut self, files: &Instrumented) {
        self.is_linked = files.has_tracer;
        self.tracepoints.extend(files.tracepoints.iter().cloned());
    }
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
    pub(super) fn begin(client: Client) -> std::io::Result<Self> {
        let (stop, stopped) = mpsc::channel();
        let thread = std::thread::Builder::new().name("rttng-watch".into()).spawn(move || {
            let mut seen = Seen::default();
            let mut pause = FIRST_LOOK;
            while stopped.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
                look(&client, &mut seen);
                pause = (pause * 3).min(LONGEST_PAUSE);
            }
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
        seen.tracepoints.insert(event.name);
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
pub(super) fn explain(seen: &Seen, patterns: &[String], filtered: bool) -> Vec<String> {
    if seen.applications.is_empty() && !seen.is_linked && seen.tracepoints.is_empty() {
        return vec![
            "no program with the LTTng tracer in it registered, and the program is not linked with it".into(),
            "build it with liblttng-ust and its tracepoint provider, or preload the provider (LD_PRELOAD)"
                .into(),
            "`rttng doctor PID` tells what a running process has".into(),
        ];
    }
    let names: Vec<String> =
        seen.applications.iter().map(|(pid, name)| format!("{name} (pid {pid})")).collect();
    let mut lines = vec![match names.is_empty() {
        true => "the program has the tracer in it, and ended too soon to be seen registered".into(),
        false => format!("registered: {}", names.join(", ")),
    }];
    let own = |name: &str| OWN_PROVIDERS.contains(&name.split(':').next().unwrap_or_default());
    let theirs: Vec<&str> = seen.tracepoints.iter().map(String::as_str).filter(|name| !own(name)).collect();
    if theirs.is_empty() {
        lines.push(
            "they have no tracepoint of their own: the provider's library is not loaded (preload it with \
             LD_PRELOAD, or link it)"
                .into(),
        );
    } else {
        let providers: BTreeSet<&str> = theirs.iter().filter_map(|name| name.split(':').next()).collect();
        let providers: Vec<&str> = providers.into_iter().collect();
        lines.push(format!("they have {} tracepoints of {}", theirs.len(), providers.join(", ")));
    }
    let mut any_matches = false;
    for pattern in patterns {
        let matching = seen
            .tracepoints
            .iter()
            .filter(|name| rttng_filter::pattern::name_matches(pattern.as_bytes(), name.as_bytes()))
            .count();
        if matching > 0 {
            any_matches = true;
            continue;
        }
        let near = near_names(pattern, &seen.tracepoints);
        lines.push(match near.is_empty() {
            true => format!("--event {pattern:?} matches none of them"),
            false => format!("--event {pattern:?} matches none of them; near: {}", near.join(", ")),
        });
    }
    if any_matches {
        lines.push(match filtered {
            true => "matching tracepoints were there: none was reached, or the filter held for none".into(),
            false => "matching tracepoints were there, but none was reached while the program ran".into(),
        });
    }
    lines
}

/// Names that are spelled nearly like the pattern, the nearest first.
fn near_names<'a>(pattern: &str, names: &'a BTreeSet<String>) -> Vec<&'a str> {
    let wanted = pattern.trim_end_matches('*').to_lowercase();
    let mut near: Vec<(usize, &str)> = names
        .iter()
        .map(|name| {
            let compared = match pattern.ends_with('*') {
                true => name.chars().take(wanted.chars().count().max(1)).collect(),
                false => name.clone(),
            };
            (strsim::damerau_levenshtein(&wanted, &compared.to_lowercase()), name.as_str())
        })
        .filter(|(distance, _)| *distance <= 1 + wanted.chars().count() / 4)
        .collect();
    near.sort();
    near.into_iter().take(MOST_SUGGESTIONS).map(|(_, name)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(names: &[&str]) -> Seen {
        Seen {
            applications: BTreeMap::from([(7, "app".to_owned())]),
            tracepoints: names.iter().map(|name| (*name).to_owned()).collect(),
            is_linked: true,
        }
    }

    fn text(seen: &Seen, pattern: &str) -> String {
        explain(seen, &[pattern.to_owned()], false).join("\n")
    }

    #[test]
    fn nobody_came() {
        assert!(text(&Seen::default(), "*").contains("no program with the LTTng tracer"));
    }

    #[test]
    fn a_misspelled_rule_names_what_is_near() {
        let seen = seen(&["demo:tick", "demo:tock", "lttng_ust_lib:load"]);
        let text = text(&seen, "demo:tikc");
        assert!(text.contains("near: demo:tick"), "{text}");
        assert!(text.contains("app (pid 7)"), "{text}");
        assert!(near_names("dmeo:*", &seen.tracepoints).contains(&"demo:tick"));
        assert!(near_names("other:thing", &seen.tracepoints).is_empty());
    }

    #[test]
    fn a_provider_that_is_not_loaded_is_told() {
        assert!(text(&seen(&["lttng_ust_lib:load"]), "demo:*").contains("not loaded"));
        assert!(text(&seen(&["demo:tick"]), "demo:*").contains("none was reached"));
    }
}
