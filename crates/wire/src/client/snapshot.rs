//! Where a snapshot is written (`docs/spec/client-protocol.md`, 9.6; `docs/spec/client-objects.md`, 9.4).

use std::num::NonZeroU32;

use super::text;
use crate::{Decode, Encode, Reader, WireError, Writer};

/// How large a snapshot may become.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SnapshotMaxSize {
    /// As large as the buffers are.
    Unlimited,
    /// Not said: the output's own limit when recording, else unlimited (all ones on the wire).
    Unset,
    /// At most so many bytes.
    Bytes(u64),
}

impl SnapshotMaxSize {
    /// The limit in bytes, if there is one.
    pub fn limit(self) -> Option<u64> {
        match self {
            SnapshotMaxSize::Bytes(bytes) => Some(bytes),
            SnapshotMaxSize::Unlimited | SnapshotMaxSize::Unset => None,
        }
    }

    fn from_number(number: u64) -> Self {
        match number {
            0 => SnapshotMaxSize::Unlimited,
            u64::MAX => SnapshotMaxSize::Unset,
            bytes => SnapshotMaxSize::Bytes(bytes),
        }
    }

    fn number(self) -> u64 {
        match self {
            SnapshotMaxSize::Unlimited => 0,
            SnapshotMaxSize::Unset => u64::MAX,
            SnapshotMaxSize::Bytes(bytes) => bytes,
        }
    }
}

/// A snapshot output. The destination is text: a path, or URLs of a relay daemon.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SnapshotOutput {
    /// The number that the daemon gave; counts from 1 in each session.
    pub id: Option<NonZeroU32>,
    /// How large a snapshot may become.
    pub max_size: SnapshotMaxSize,
    /// The name, or empty.
    pub name: String,
    /// The destination of a control stream, or the only destination; empty when none is given.
    pub ctrl_url: String,
    /// The destination of data streams; empty when `ctrl_url` says all.
    pub data_url: String,
}

impl SnapshotOutput {
    /// An output that says nothing: what recording with all defaults sends.
    pub fn unset() -> Self {
        SnapshotOutput {
            id: None,
            max_size: SnapshotMaxSize::Unset,
            name: String::new(),
            ctrl_url: String::new(),
            data_url: String::new(),
        }
    }

    /// Whether two are equal for LTTng, which leaves the number out.
    pub fn same_as(&self, other: &Self) -> bool {
        self.max_size == other.max_size
            && self.name == other.name
            && self.ctrl_url == other.ctrl_url
            && self.data_url == other.data_url
    }

    pub(crate) const SIZE: usize = 8459;
    const NAME_SIZE: usize = 255;
    const URL_SIZE: usize = 4096;
}

impl Encode for SnapshotOutput {
    fn encode(&self, out: &mut Writer) {
        out.u32(self.id.map_or(0, NonZeroU32::get));
        out.u64(self.max_size.number());
        text::put_fixed(out, &self.name, Self::NAME_SIZE);
        text::put_fixed(out, &self.ctrl_url, Self::URL_SIZE);
        text::put_fixed(out, &self.data_url, Self::URL_SIZE);
    }
}

impl Decode for SnapshotOutput {
    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        let id = NonZeroU32::new(input.u32("snapshot_output.id")?);
        let max_size = SnapshotMaxSize::from_number(input.u64("snapshot_output.max_size")?);
        let name = text::fixed_string(input, "snapshot_output.name", Self::NAME_SIZE)?;
        let ctrl_url = text::fixed_string(input, "snapshot_output.ctrl_url", Self::URL_SIZE)?;
        let data_url = text::fixed_string(input, "snapshot_output.data_url", Self::URL_SIZE)?;
        Ok(SnapshotOutput { id, max_size, name, ctrl_url, data_url })
    }
}
