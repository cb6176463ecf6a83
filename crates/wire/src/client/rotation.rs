//! Rotations: their states and schedules, and where a rotated trace lies (`docs/spec/client-protocol.md`, 8.8 to 8.10;
//! `docs/spec/client-objects.md`, sections 16 and 17).

use std::path::PathBuf;
use std::time::Duration;

use super::channel::whole_micros;
use super::text;
use crate::{Decode, Encode, Reader, WireError, Writer};

/// The number of a rotation: that of the trace chunk that it archives, counted from 0 in each session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RotationId(pub u64);

codes! {
    /// How far a rotation has come.
    pub enum RotationState: i32, "rotation_state" {
        /// There was none.
        NoRotation = 0,
        /// It is running.
        Ongoing = 1,
        /// It has ended; there is a location.
        Completed = 2,
        /// It is neither the running nor the last one, so nothing is known of it any more.
        Expired = 3,
        /// It failed.
        Error = -1,
    }
}

codes! {
    /// How a relay daemon is reached.
    pub enum RelayProtocol: i8, "relay_protocol" {
        /// TCP.
        Tcp = 0,
    }
}

/// Where an archived trace chunk lies.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum TraceArchiveLocation {
    /// On this machine.
    Local {
        /// The folder's absolute path.
        path: PathBuf,
    },
    /// At a relay daemon.
    Relay {
        /// The host as the session names it.
        host: String,
        /// How it is reached.
        protocol: RelayProtocol,
        /// Port of its control connection.
        control_port: u16,
        /// Port of its data connection.
        data_port: u16,
        /// The folder's path, relative to the relay daemon's output folder.
        path: PathBuf,
    },
}

const LOCATION_LOCAL: i8 = 1;
const LOCATION_RELAY: i8 = 2;
const LOCATION_HEADER_SIZE: usize = 14;
const PATH_SIZE: usize = 4096;
const HOST_SIZE: usize = 256;

impl Encode for TraceArchiveLocation {
    fn encode(&self, out: &mut Writer) {
        match self {
            TraceArchiveLocation::Local { path } => {
                let end = out.len() + LOCATION_HEADER_SIZE;
                out.i8(LOCATION_LOCAL);
                out.u32(text::counted_len(text::path_bytes(path)));
                out.pad_to(end);
                text::put(out, text::path_bytes(path));
            }
            TraceArchiveLocation::Relay { host, protocol, control_port, data_port, path } => {
                out.i8(LOCATION_RELAY);
                out.u32(text::counted_len(host));
                out.i8(protocol.code());
                out.u16(*control_port);
                out.u16(*data_port);
                out.u32(text::counted_len(text::path_bytes(path)));
                text::put(out, host);
                text::put(out, text::path_bytes(path));
            }
        }
    }
}

impl Decode for TraceArchiveLocation {
    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        let mut header = Reader::new(input.bytes("location header", LOCATION_HEADER_SIZE)?);
        match header.i8("location.type")? {
            // The rest of a local location's header is whatever lay in the reference daemon's memory.
            LOCATION_LOCAL => {
                let len = header.u32("location.absolute_path_len")?;
                let path = text::counted_path(input, "location.absolute_path", len, usize::MAX)?;
                Ok(TraceArchiveLocation::Local { path })
            }
            LOCATION_RELAY => {
                let host_len = header.u32("location.hostname_len")?;
                let protocol = RelayProtocol::from_code(header.i8("location.protocol")?)?;
                let control_port = header.u16("location.control_port")?;
                let data_port = header.u16("location.data_port")?;
                let path_len = header.u32("location.relative_path_len")?;
                let host = text::counted_string(input, "location.hostname", host_len, usize::MAX)?;
                let path = text::counted_path(input, "location.relative_path", path_len, usize::MAX)?;
                Ok(TraceArchiveLocation::Relay { host, protocol, control_port, data_port, path })
            }
            other => Err(WireError::BadValue { field: "location.type", value: other.into() }),
        }
    }
}

/// What is known of a rotation: the reply to a rotation query, 4362 bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RotationInfo {
    /// How far it has come.
    pub state: RotationState,
    /// Where the archived chunk lies; only when it is completed.
    pub location: Option<TraceArchiveLocation>,
}

impl RotationInfo {
    pub(crate) const SIZE: usize = 4362;
}

impl Encode for RotationInfo {
    fn encode(&self, out: &mut Writer) {
        let end = out.len() + Self::SIZE;
        out.i32(self.state.code());
        match &self.location {
            None => {}
            Some(TraceArchiveLocation::Local { path }) => {
                out.i8(LOCATION_LOCAL);
                text::put_fixed(out, text::path_bytes(path), PATH_SIZE);
            }
            Some(TraceArchiveLocation::Relay { host, protocol, control_port, data_port, path }) => {
                out.i8(LOCATION_RELAY);
                text::put_fixed(out, host, HOST_SIZE);
                out.i8(protocol.code());
                out.u16(*control_port);
                out.u16(*data_port);
                text::put_fixed(out, text::path_bytes(path), PATH_SIZE);
            }
        }
        out.pad_to(end);
    }
}

impl Decode for RotationInfo {
    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        let mut object = Reader::new(input.bytes("rotation_info", Self::SIZE)?);
        let state = RotationState::from_code(object.i32("rotation_info.status")?)?;
        let location_type = object.i8("rotation_info.location_type")?;
        let location = match location_type {
            _ if state != RotationState::Completed => None,
            0 => None,
            LOCATION_LOCAL => Some(TraceArchiveLocation::Local {
                path: text::fixed_path(&mut object, "rotation_info.absolute_path", PATH_SIZE)?,
            }),
            LOCATION_RELAY => {
                let host = text::fixed_string(&mut object, "rotation_info.host", HOST_SIZE)?;
                let protocol = RelayProtocol::from_code(object.i8("rotation_info.protocol")?)?;
                let control_port = object.u16("rotation_info.control_port")?;
                let data_port = object.u16("rotation_info.data_port")?;
                let path = text::fixed_path(&mut object, "rotation_info.relative_path", PATH_SIZE)?;
                Some(TraceArchiveLocation::Relay { host, protocol, control_port, data_port, path })
            }
            other => {
                return Err(WireError::BadValue {
                    field: "rotation_info.location_type",
                    value: other.into(),
                });
            }
        };
        Ok(RotationInfo { state, location })
    }
}

/// When a session rotates by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RotationSchedule {
    /// Each time so many bytes were recorded.
    Size(u64),
    /// Each time so much time has passed (whole microseconds).
    Periodic(Duration),
}

/// The schedules of a session, at most one of each type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct RotationSchedules {
    /// The period.
    pub periodic: Option<Duration>,
    /// The size in bytes.
    pub size: Option<u64>,
}

impl Encode for RotationSchedules {
    fn encode(&self, out: &mut Writer) {
        for value in [self.periodic.map(whole_micros), self.size] {
            out.u8(value.is_some().into());
            out.u64(value.unwrap_or(0));
        }
    }
}

impl Decode for RotationSchedules {
    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        let mut read = |set_field, value_field| -> Result<Option<u64>, WireError> {
            let set = input.u8(set_field)? == 1;
            let value = input.u64(value_field)?;
            Ok(set.then_some(value))
        };
        let periodic = read("schedules.periodic.set", "schedules.periodic.value")?.map(Duration::from_micros);
        let size = read("schedules.size.set", "schedules.size.value")?;
        Ok(RotationSchedules { periodic, size })
    }
}
