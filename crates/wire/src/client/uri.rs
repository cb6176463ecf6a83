//! One place where a trace can go: the URI object of 8210 bytes (`docs/spec/client-protocol.md`, section 11).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;

use super::text;
use crate::{Decode, Encode, Reader, WireError, Writer};

codes! {
    /// Which of a relay daemon's connections.
    pub enum StreamKind: u32, "uri.stype" {
        /// Commands and metadata.
        Control = 0,
        /// Packets.
        Data = 1,
    }
}

/// The machine or the folder that a URI names.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Destination {
    /// An IPv4 address.
    Ipv4(Ipv4Addr),
    /// An IPv6 address.
    Ipv6(Ipv6Addr),
    /// A folder on this machine.
    Path(PathBuf),
}

impl From<IpAddr> for Destination {
    fn from(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Destination::Ipv4(address),
            IpAddr::V6(address) => Destination::Ipv6(address),
        }
    }
}

/// One place where a trace can go. Printed as LTTng prints it: `file:///path/`, `tcp4://ADDR:PORT/SUBDIR`,
/// `tcp6://[ADDR]:PORT/SUBDIR`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Uri {
    /// The machine or the folder.
    pub destination: Destination,
    /// Which connection; control for folders.
    pub stream: StreamKind,
    /// The TCP port; 0 for folders.
    pub port: u16,
    /// A folder at the destination; may be empty.
    pub subdir: String,
}

const DTYPE_IPV4: u32 = 1;
const DTYPE_IPV6: u32 = 2;
const DTYPE_PATH: u32 = 3;
const PROTO_NONE: u32 = 0;
const PROTO_TCP: u32 = 1;
const SUBDIR_SIZE: usize = 4096;
const DESTINATION_SIZE: usize = 4096;

impl Uri {
    /// A folder on this machine.
    pub fn local(path: impl Into<PathBuf>) -> Self {
        Uri {
            destination: Destination::Path(path.into()),
            stream: StreamKind::Control,
            port: 0,
            subdir: String::new(),
        }
    }

    /// A relay daemon's connection.
    pub fn network(address: IpAddr, stream: StreamKind, port: u16, subdir: impl Into<String>) -> Self {
        Uri { destination: address.into(), stream, port, subdir: subdir.into() }
    }

    /// Whether it names a folder on this machine.
    pub fn is_local(&self) -> bool {
        matches!(self.destination, Destination::Path(_))
    }

    /// The size of the object.
    pub const SIZE: usize = 8210;
}

impl std::fmt::Display for Uri {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.destination {
            Destination::Path(path) => write!(f, "file://{}/{}", path.display(), self.subdir),
            Destination::Ipv4(address) => write!(f, "tcp4://{address}:{}/{}", self.port, self.subdir),
            Destination::Ipv6(address) => write!(f, "tcp6://[{address}]:{}/{}", self.port, self.subdir),
        }
    }
}

impl Encode for Uri {
    fn encode(&self, out: &mut Writer) {
        let (dtype, proto, text) = match &self.destination {
            Destination::Ipv4(address) => (DTYPE_IPV4, PROTO_TCP, address.to_string().into_bytes()),
            Destination::Ipv6(address) => (DTYPE_IPV6, PROTO_TCP, address.to_string().into_bytes()),
            Destination::Path(path) => (DTYPE_PATH, PROTO_NONE, text::path_bytes(path).to_vec()),
        };
        out.u32(dtype);
        out.u32(0);
        out.u32(self.stream.code());
        out.u32(proto);
        out.u16(self.port);
        text::put_fixed(out, &self.subdir, SUBDIR_SIZE);
        text::put_fixed(out, text, DESTINATION_SIZE);
    }
}

impl Decode for Uri {
    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        let dtype = input.u32("uri.dtype")?;
        input.skip(4)?;
        let stream = StreamKind::from_code(input.u32("uri.stype")?)?;
        input.skip(4)?;
        let port = input.u16("uri.port")?;
        let subdir = text::fixed_string(input, "uri.subdir", SUBDIR_SIZE)?;
        let mut union = Reader::new(input.bytes("uri.dst", DESTINATION_SIZE)?);
        let destination = match dtype {
            DTYPE_IPV4 => Destination::Ipv4(address(&mut union, "uri.dst.ipv4", 16)?),
            DTYPE_IPV6 => Destination::Ipv6(address(&mut union, "uri.dst.ipv6", 46)?),
            DTYPE_PATH => Destination::Path(text::fixed_path(&mut union, "uri.dst.path", DESTINATION_SIZE)?),
            other => return Err(WireError::BadValue { field: "uri.dtype", value: other.into() }),
        };
        Ok(Uri { destination, stream, port, subdir })
    }
}

fn address<A: std::str::FromStr>(
    input: &mut Reader<'_>,
    field: &'static str,
    size: usize,
) -> Result<A, WireError> {
    input.fixed_str(field, size)?.parse().map_err(|_| WireError::BadText { field, why: "not an address" })
}
