//! A session that records to a file: who plays which part, from `lttng create` to the events that were read back.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use rustix::process::{Pid, Signal, kill_process};

use crate::daemon::{Make, Sessiond};
use crate::need::Need;
use crate::program::{Program, eventually};
use crate::trace::Event;
use crate::world::World;

/// Who plays the client, the session daemon and the consumer daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cast {
    /// Whose `lttng`.
    pub lttng: Make,
    /// Whose `lttng-sessiond`.
    pub sessiond: Make,
    /// Whose `lttng-consumerd`.
    pub consumerd: Make,
}

impl Cast {
    /// The real programs alone.
    pub const REAL: Cast = Cast { lttng: Make::Real, sessiond: Make::Real, consumerd: Make::Real };

    /// Ours alone.
    pub const OURS: Cast = Cast { lttng: Make::Ours, sessiond: Make::Ours, consumerd: Make::Ours };
}

/// A session of one name in a world of its own, recording to a file.
#[derive(Debug)]
pub struct Recording {
    /// The session daemon. Dropped before its world, which cannot end while a program in it stands still.
    pub daemon: Sessiond,
    /// Where it happens.
    pub world: World,
    cast: Cast,
    trace: PathBuf,
}

impl Recording {
    /// Starts the daemons and creates the session; skips the test when the real programs are missing, or what else it
    /// needs.
    #[must_use]
    pub fn create(cast: Cast, needs: &[Need]) -> Option<Recording> {
        let world = World::open(&[&[Need::RealLttng, Need::Babeltrace2], needs].concat())?;
        let daemon = world.sessiond(cast.sessiond, cast.consumerd);
        let trace = world.file("trace");
        let recording = Recording { world, daemon, cast, trace };
        recording.lttng(["create", "recording", "--output", &recording.trace.display().to_string()]);
        Some(recording)
    }

    /// Runs a client command that must succeed; gives what it said.
    ///
    /// # Panics
    /// When it fails.
    #[track_caller]
    pub fn lttng<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> String {
        self.world.lttng(self.cast.lttng, args).ok()
    }

    /// Enables a channel of user space, named `main`, that waits for the consumer daemon rather than lose an event of
    /// an application that allows it ([`Recording::traced`]). Its buffers are so large that a thread which loses its
    /// processor in the middle of a record has it back before the others are there again a lap later: liblttng-ust loses
    /// records there, whatever the channel says.
    pub fn enable_patient_channel(&self) {
        let buffers = ["--blocking-timeout=inf", "--subbuf-size=1M", "--num-subbuf=16"];
        self.lttng(["enable-channel", "-u", "main"].into_iter().chain(buffers));
    }

    /// A program that waits for its registration before its `main`, and, where the channel says so, for room in it.
    pub fn traced(&self, program: impl AsRef<OsStr>) -> Program {
        self.world.program(program).env("LTTNG_UST_ALLOW_BLOCKING", "1")
    }

    /// Sends a signal to the consumer daemons, and waits until they stand still if it stops them.
    ///
    /// # Panics
    /// When there is none.
    pub fn signal_consumer(&self, signal: Signal) {
        let consumers = self.world.processes("lttng-consumerd");
        assert!(!consumers.is_empty(), "there is a consumer daemon");
        for consumer in consumers {
            kill_process(consumer, signal).expect("the consumer daemon lives");
            // On a busy machine its threads consume for a while before the first of them takes the signal.
            eventually("all threads have stopped", || signal != Signal::STOP || is_stopped(consumer));
        }
    }

    /// Where it records to.
    pub fn trace(&self) -> &Path {
        &self.trace
    }

    /// Stops and destroys the session, ends the daemons in order, and reads the trace.
    ///
    /// # Panics
    /// When any of it fails, or babeltrace2 warns.
    #[track_caller]
    pub fn finish(self) -> Vec<Event> {
        self.lttng(["stop"]);
        self.lttng(["destroy"]);
        let ended = self.daemon.terminate();
        assert_eq!(ended.code(), Some(0), "the session daemon ends in order: {ended}");
        self.world.babeltrace2(&self.trace)
    }
}

/// Whether all threads of a process stand still.
fn is_stopped(process: Pid) -> bool {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", process.as_raw_nonzero())).expect("it lives");
    tasks.flatten().all(|task| {
        let stat = std::fs::read_to_string(task.path().join("stat")).unwrap_or_default();
        stat.rsplit_once(") ").is_some_and(|(_, state)| state.starts_with('T'))
    })
}
