//! The ring buffers that applications share (per user) or that one has for itself (per process), as the consumer daemon
//! made them and as applications are given them (`docs/spec/consumer-protocol.md`, sections 6.6, 6.7, 7).

mod crash_copy;

use std::cell::RefCell;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

use rttng_wire::Bitness;
use rttng_wire::consumer::{ChannelKey, StreamObject};
use rttng_wire::ust;
use tokio::sync::Mutex;

pub(crate) use crash_copy::CrashCopy;

use crate::app::AppId;
use crate::model::{ChannelId, ChannelMode};
use crate::registry::Registry;

/// Whose buffers they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum BufferOwner {
    /// All applications of a user and word size.
    User {
        /// The user.
        uid: u32,
        /// The word size.
        bitness: Bitness,
    },
    /// One application.
    Process(AppId),
}

/// The buffers of one channel.
#[derive(Debug)]
pub struct ChannelBuffers {
    pub(crate) id: ChannelId,
    pub(crate) key: ChannelKey,
    pub(crate) stream_id: ust::ChannelId,
    pub(crate) mode: ChannelMode,
    pub(crate) blob: Arc<[u8]>,
    pub(crate) streams: Vec<StreamObject>,
    /// The channel's wake-up descriptor, then memory and wake-up of each stream.
    pub(crate) descriptors: Vec<OwnedFd>,
}

impl ChannelBuffers {
    /// The channel of the model.
    pub fn id(&self) -> ChannelId {
        self.id
    }

    /// The key by which the consumer knows it.
    pub fn key(&self) -> ChannelKey {
        self.key
    }

    /// The channel in packets and metadata.
    pub fn stream_id(&self) -> ust::ChannelId {
        self.stream_id
    }

    pub(crate) fn blob(&self) -> &Arc<[u8]> {
        &self.blob
    }

    pub(crate) fn streams(&self) -> &[StreamObject] {
        &self.streams
    }

    pub(crate) fn wakeup(&self) -> &OwnedFd {
        &self.descriptors[0]
    }

    /// Memory and wake-up of the stream of that number.
    pub(crate) fn stream_descriptors(&self, number: u32) -> Option<Vec<&OwnedFd>> {
        let at = self.streams.iter().position(|stream| stream.number == number)?;
        Some(self.descriptors.get(1 + 2 * at..3 + 2 * at)?.iter().collect())
    }
}

/// The buffers of all channels of a session for one owner, with what their applications have registered.
///
/// The descriptors are kept as long as this lives; when it and all applications have let go of them the consumer notices
/// the hang-up and ends the streams.
#[derive(Debug)]
pub struct Buffers {
    pub(crate) registry: Rc<RefCell<Registry>>,
    /// Held while what was registered is sent, so that it is sent once.
    pub(crate) sending: Mutex<()>,
    /// Where their files are, below the domain's directory.
    pub(crate) path: PathBuf,
    pub(crate) channels: Vec<ChannelBuffers>,
    /// `None` if the consumer refused the metadata channel.
    pub(crate) metadata_key: Option<ChannelKey>,
    /// The copy of the metadata beside buffers that lie in files.
    pub(crate) crash_copy: Option<CrashCopy>,
    /// Which consumer daemon holds them.
    pub(crate) incarnation: u64,
}

impl Buffers {
    /// The channels with their places.
    pub(crate) fn channels(&self) -> impl Iterator<Item = (usize, &ChannelBuffers)> {
        self.channels.iter().enumerate()
    }

    /// Declares the channels that no application has registered, because those that were to use them ended too soon: their
    /// files hold empty packets, which no reader opens without. Says whether there were any. Nobody may register after it.
    pub(crate) fn declare_unused(&self) -> bool {
        let mut registry = self.registry.borrow_mut();
        // Every channel is to be seen, hence no `any`.
        self.channels.iter().filter(|channel| registry.declare_unused(channel.stream_id)).count() > 0
    }

    /// The channel at a place.
    pub(crate) fn channel(&self, at: usize) -> Option<&ChannelBuffers> {
        self.channels.get(at)
    }
}
