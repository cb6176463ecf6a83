//! Session configuration documents: what `save` writes and `load` reads (`docs/spec/session-config.md`).
//!
//! [`SavedSession::read_all`] turns a document into values and checks it as LTTng's schema does; [`SavedSession::load`]
//! replays one of them as ordinary commands. The session daemon, which loads configurations at its start, needs the first
//! half only.

mod document;
mod load;
mod tree;

use std::path::PathBuf;
use std::time::Duration;

use rttng_wire::client::{
    BufferType, Channel, Context, DomainType, Event, ProcessAttribute, ProcessAttributeValue,
    RotationSchedules, SnapshotOutput,
};

pub use load::{LoadError, Overrides};

/// Why a text is no session configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// It is no XML document.
    #[error("not a well-formed XML document: {0}")]
    NotXml(String),
    /// It is a document, but not one of these.
    #[error("{element}: {why}")]
    Invalid {
        /// The element that is wrong.
        element: String,
        /// What is wrong with it.
        why: String,
    },
}

/// Where a saved session records to, as text: a path or URLs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SavedDestination {
    /// A folder on this machine; may be empty.
    Path(PathBuf),
    /// A relay daemon.
    Network {
        /// The URL of the control connection.
        control: String,
        /// The URL of the data connection.
        data: String,
    },
}

/// An event rule of a saved channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedEvent {
    /// The rule; its filter has no bytecode.
    pub event: Event,
    /// Whether it is enabled.
    pub enabled: bool,
}

/// A channel of a saved session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedChannel {
    /// The channel, with the domain's defaults for what the document does not say.
    pub channel: Channel,
    /// Its event rules.
    pub events: Vec<SavedEvent>,
    /// Its context fields.
    pub contexts: Vec<Context>,
}

/// A tracker of a saved session. One that lets everything through is not saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedTracker {
    /// What is tracked.
    pub attribute: ProcessAttribute,
    /// The inclusion set; an empty one lets nothing through.
    pub values: Vec<ProcessAttributeValue>,
}

/// A domain of a saved session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedDomain {
    /// Which one.
    pub kind: DomainType,
    /// Who shares its buffers.
    pub buffers: BufferType,
    /// Its channels.
    pub channels: Vec<SavedChannel>,
    /// Its trackers.
    pub trackers: Vec<SavedTracker>,
}

/// What kind of session was saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SavedKind {
    /// One that records all the time.
    Regular(Option<SavedDestination>),
    /// One that records into memory.
    Snapshot(Vec<SnapshotOutput>),
    /// One that a viewer reads while it records.
    Live {
        /// Period of its beacons.
        timer: Duration,
        /// Its relay daemon.
        output: Option<SavedDestination>,
    },
}

/// A saved session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedSession {
    /// Its name.
    pub name: String,
    /// The kind and the output.
    pub kind: SavedKind,
    /// The folder of its ring buffers' files, used as it is.
    pub shared_memory_path: Option<PathBuf>,
    /// Its domains.
    pub domains: Vec<SavedDomain>,
    /// Its rotation schedules.
    pub schedules: RotationSchedules,
    /// Whether it is to record at once; also if the document does not say.
    pub started: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const VECTORS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/cli/session-config");

    fn read(name: &str) -> Result<Vec<SavedSession>, ConfigError> {
        SavedSession::read_all(&std::fs::read_to_string(format!("{VECTORS}/{name}.lttng")).unwrap())
    }

    /// What the real daemon saved, and what the real loader takes, is read (`tests/vectors/cli/README.md`).
    #[test]
    fn every_good_document_is_read() {
        let mut count = 0;
        for entry in std::fs::read_dir(VECTORS).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let name = name.trim_end_matches(".lttng");
            if name.starts_with("saved-") || name.starts_with("ok-") {
                let sessions = read(name).unwrap_or_else(|error| panic!("{name}: {error}"));
                assert_eq!(sessions.len(), 1, "{name}");
                count += 1;
            }
        }
        assert!(count >= 18, "{count} documents");
    }

    #[test]
    fn what_the_schema_refuses_is_refused() {
        for name in ["bad-missing-output-type", "bad-boolean", "bad-unknown-element", "bad-two-ust-domains"] {
            assert!(matches!(read(name), Err(ConfigError::Invalid { .. })), "{name}");
        }
        assert!(matches!(SavedSession::read_all("<sessions>"), Err(ConfigError::NotXml(_))));
        assert!(matches!(SavedSession::read_all("<sessions/>"), Err(ConfigError::Invalid { .. })));
    }

    #[test]
    fn a_document_with_everything_keeps_everything() {
        let session = read("saved-s1").unwrap().remove(0);
        assert_eq!((session.name.as_str(), session.started), ("s1", false));
        assert_eq!(session.shared_memory_path.as_deref(), Some("/home/user/shm/s1-20260101-000000".as_ref()));
        assert_eq!(session.domains.len(), 4);
        let ust = &session.domains[0];
        let c1 = ust.channels.iter().find(|channel| channel.channel.name == "c1").unwrap();
        assert_eq!(c1.channel.attributes.tracefile_count, 3);
        assert_eq!(c1.contexts.len(), 3);
        let rule = &c1.events[0];
        assert!(rule.enabled);
        assert_eq!(rule.event.exclusions, ["demo:small", "demo:other"]);
        assert_eq!(rule.event.filter.as_ref().unwrap().expression, "i > 3 && s == \"<&>\"");
        assert_eq!(ust.trackers.len(), 3);
        assert!(ust.trackers.iter().any(|tracker| tracker.values.is_empty()));
        assert!(session.schedules.periodic.is_some() || session.schedules.size.is_some());
    }

    proptest! {
        #[test]
        fn any_text_is_judged_without_panic(text in ".{0,200}") {
            let _ = SavedSession::read_all(&text);
        }

        /// A good document with a piece cut out or doubled.
        #[test]
        fn mutated_documents_are_judged_without_panic(from in 0usize..4000, length in 0usize..200, twice in any::<bool>()) {
            let text = std::fs::read_to_string(format!("{VECTORS}/saved-s1.lttng")).unwrap();
            let bytes = text.as_bytes();
            let from = from.min(bytes.len());
            let to = (from + length).min(bytes.len());
            let middle: &[u8] = if twice { &bytes[from..to] } else { &[] };
            let mutated = [&bytes[..if twice { to } else { from }], middle, &bytes[to..]].concat();
            let _ = SavedSession::read_all(&String::from_utf8_lossy(&mutated));
        }
    }
}
