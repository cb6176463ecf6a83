//! A recording session as a client asked for it.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use rttng_world::run_as::Identity;

use super::{BufferOwnership, Channel, ChannelId, Trackers};

/// Names a session inside one daemon; counts from 0, also on the wire to consumer daemons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId(pub u64);

/// A recording session.
#[derive(Debug, Clone)]
pub struct Session {
    /// Its number.
    pub id: SessionId,
    /// Its name, 1 to 254 bytes, no `/`.
    pub name: String,
    /// Whether the daemon made the name (then the default output directory has no second date).
    pub name_is_generated: bool,
    /// Who made it: owner of its files, and the only one besides root who may command it.
    pub owner: Identity,
    /// When it was made; goes into directory names and into the metadata.
    pub created: SystemTime,
    /// Regular, snapshot or live.
    pub kind: SessionKind,
    /// Where traces go.
    pub output: Output,
    /// Directory for the ring buffers' files, verbatim as the client gave it.
    pub shm_path: Option<PathBuf>,
    /// Whether it is started now.
    pub active: bool,
    /// Whether it was started at least once; channels and contexts are fixed from then on.
    pub started_once: bool,
    /// Whether it is on its way out: invisible to clients, its name free again.
    pub destroying: bool,
    /// The user-space domain, from the first command that needs it.
    pub ust: Option<UstDomain>,
}

/// What kind of session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionKind {
    /// Records all the time while it is started.
    Regular,
    /// Records into memory, written out on request.
    Snapshot,
    /// Streams to a relay daemon for live viewing.
    Live {
        /// How often streams are flushed for viewers.
        timer: Duration,
    },
}

/// Where a session's traces go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Nowhere.
    None,
    /// To a directory of this machine (absolute).
    Local(PathBuf),
    /// To a relay daemon.
    Network(NetworkOutput),
}

/// A relay daemon's address, as the client resolved it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkOutput {
    /// Its host.
    pub host: IpAddr,
    /// TCP port of its control connection.
    pub control_port: u16,
    /// TCP port of its data connection.
    pub data_port: u16,
    /// Directory below the relay daemon's root, empty for its default.
    pub subdir: String,
}

/// The user-space part of a session.
#[derive(Debug, Clone)]
pub struct UstDomain {
    /// Who shares buffers; fixed by the first channel, per user until then.
    pub buffers: BufferOwnership,
    /// Whether a channel has fixed `buffers`.
    pub buffers_are_fixed: bool,
    /// Channels in the order of their making.
    pub channels: Vec<Channel>,
    /// Attributes that a client set for the metadata channel by naming it (`metadata`); never listed.
    pub metadata: Option<super::ChannelAttributes>,
    /// Which processes are recorded.
    pub trackers: Trackers,
}

impl Default for UstDomain {
    fn default() -> Self {
        UstDomain {
            buffers: BufferOwnership::PerUser,
            buffers_are_fixed: false,
            channels: Vec::new(),
            metadata: None,
            trackers: Trackers::default(),
        }
    }
}

impl UstDomain {
    /// The channel of that name.
    pub fn channel_named(&self, name: &str) -> Option<&Channel> {
        self.channels.iter().find(|channel| channel.name == name)
    }

    /// The channel of that name, to edit.
    pub fn channel_named_mut(&mut self, name: &str) -> Option<&mut Channel> {
        self.channels.iter_mut().find(|channel| channel.name == name)
    }

    /// The channel of that number.
    pub fn channel(&self, id: ChannelId) -> Option<&Channel> {
        self.channels.iter().find(|channel| channel.id == id)
    }
}

impl Session {
    /// Whether stream files are written while it records (not for snapshot sessions and those without output).
    pub fn has_monitored_output(&self) -> bool {
        self.kind != SessionKind::Snapshot && self.output != Output::None
    }

    /// The interval of the live timer, if it is a live session.
    pub fn live_timer(&self) -> Option<Duration> {
        match self.kind {
            SessionKind::Live { timer } => Some(timer),
            SessionKind::Regular | SessionKind::Snapshot => None,
        }
    }

    /// The local directory that its traces go to.
    pub fn local_output(&self) -> Option<&std::path::Path> {
        match &self.output {
            Output::Local(path) => Some(path),
            Output::None | Output::Network(_) => None,
        }
    }
}
