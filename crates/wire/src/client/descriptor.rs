//! Session descriptors: what a new session shall be, and in the reply what it became
//! (`docs/spec/client-protocol.md`, 8.5; `docs/spec/client-objects.md`, section 15).

use std::time::Duration;

use super::channel::whole_micros;
use super::defaults::SESSION_NAME_MAX;
use super::text;
use super::uri::{StreamKind, Uri};
use crate::{Decode, Encode, Reader, WireError, Writer};

/// What kind of session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SessionKind {
    /// One that records all the time.
    Regular,
    /// One that records into memory, to be written on demand.
    Snapshot,
    /// One that a viewer reads while it records.
    Live {
        /// Period of its beacons, more than zero (whole microseconds).
        timer: Duration,
    },
}

/// Where a new session records to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SessionOutput {
    /// Nowhere for now.
    None,
    /// A folder on this machine; without one the daemon chooses.
    Local(Option<Uri>),
    /// A relay daemon; without one the daemon takes the default.
    Network(Option<NetworkOutput>),
}

/// The two connections to a relay daemon.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NetworkOutput {
    /// Commands and metadata; its `subdir` is the session's folder there.
    pub control: Uri,
    /// Packets.
    pub data: Uri,
}

/// What a new session shall be.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SessionDescriptor {
    /// What kind of session.
    pub kind: SessionKind,
    /// Its name; without one the daemon chooses.
    pub name: Option<String>,
    /// Where it records to.
    pub output: SessionOutput,
}

impl SessionDescriptor {
    /// Whether the daemon has to choose the output, and so must know the client's home folder.
    pub fn needs_home(&self) -> bool {
        matches!(self.output, SessionOutput::Local(None) | SessionOutput::Network(None))
    }
}

const KIND_REGULAR: u8 = 1;
const KIND_SNAPSHOT: u8 = 2;
const KIND_LIVE: u8 = 3;
const OUTPUT_NONE: u8 = 0;
const OUTPUT_LOCAL: u8 = 1;
const OUTPUT_NETWORK: u8 = 2;

impl Encode for SessionDescriptor {
    fn encode(&self, out: &mut Writer) {
        let (output, uris): (u8, Vec<&Uri>) = match &self.output {
            SessionOutput::None => (OUTPUT_NONE, Vec::new()),
            SessionOutput::Local(uri) => (OUTPUT_LOCAL, uri.iter().collect()),
            SessionOutput::Network(None) => (OUTPUT_NETWORK, Vec::new()),
            SessionOutput::Network(Some(network)) => (OUTPUT_NETWORK, vec![&network.control, &network.data]),
        };
        out.u8(match self.kind {
            SessionKind::Regular => KIND_REGULAR,
            SessionKind::Snapshot => KIND_SNAPSHOT,
            SessionKind::Live { .. } => KIND_LIVE,
        });
        out.u8(output);
        out.u32(self.name.as_deref().map_or(0, text::counted_len));
        out.u8(uris.len() as u8);
        if let SessionKind::Live { timer } = self.kind {
            out.u64(whole_micros(timer));
        }
        if let Some(name) = &self.name {
            text::put(out, name);
        }
        for uri in uris {
            uri.encode(out);
        }
    }
}

impl Decode for SessionDescriptor {
    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        let bad = |field, value: u8| WireError::BadValue { field, value: value.into() };
        let kind = input.u8("descriptor.type")?;
        let output = input.u8("descriptor.output_type")?;
        let name_len = input.u32("descriptor.name_len")?;
        let uri_count = input.u8("descriptor.uri_count")?;
        let kind = match kind {
            KIND_REGULAR => SessionKind::Regular,
            KIND_SNAPSHOT => SessionKind::Snapshot,
            KIND_LIVE if output == OUTPUT_LOCAL => {
                return Err(bad("descriptor.output_type of a live session", output));
            }
            KIND_LIVE => match input.u64("descriptor.live_timer_us")? {
                0 => return Err(bad("descriptor.live_timer_us", 0)),
                us => SessionKind::Live { timer: Duration::from_micros(us) },
            },
            other => return Err(bad("descriptor.type", other)),
        };
        let name = match name_len {
            0 => None,
            len => Some(text::counted_name(input, "descriptor.name", len, SESSION_NAME_MAX + 1)?),
        };
        let output = match (output, uri_count) {
            (OUTPUT_NONE, 0) => SessionOutput::None,
            (OUTPUT_LOCAL, 0) => SessionOutput::Local(None),
            (OUTPUT_LOCAL, 1) => {
                let uri = Uri::decode(input)?;
                if !uri.is_local() {
                    return Err(WireError::BadText { field: "descriptor.uri", why: "not a local path" });
                }
                SessionOutput::Local(Some(uri))
            }
            (OUTPUT_NETWORK, 0) => SessionOutput::Network(None),
            (OUTPUT_NETWORK, 2) => {
                let (control, data) = (Uri::decode(input)?, Uri::decode(input)?);
                if control.stream != StreamKind::Control || data.stream != StreamKind::Data {
                    return Err(WireError::BadText {
                        field: "descriptor.uri",
                        why: "not control, then data",
                    });
                }
                SessionOutput::Network(Some(NetworkOutput { control, data }))
            }
            (OUTPUT_NONE | OUTPUT_LOCAL | OUTPUT_NETWORK, count) => {
                return Err(bad("descriptor.uri_count", count));
            }
            (other, _) => return Err(bad("descriptor.output_type", other)),
        };
        Ok(SessionDescriptor { kind, name, output })
    }
}
