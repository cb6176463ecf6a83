//! The first record on each of an application's two connections (`docs/spec/ust-protocol.md` 3.2).

use crate::{Bitness, Decode, Encode, Reader, WireError, Writer};

/// Size of a registration record.
pub const REGISTRATION_LEN: usize = 136;
/// Name of the application socket in the run directory; ABI 8, 9 and 10 share it.
pub const SOCKET_NAME: &str = "lttng-ust-sock-8";
/// Name of the shared-memory file with the wait word of the global daemon; a per-user daemon appends `-<uid>`.
pub const WAIT_PAGE_NAME: &str = "lttng-ust-wait-8";

const MAGIC: u32 = 0xC57C_57C5;
const PROCESS_NAME_LEN: usize = 16;
const PADDING_LEN: usize = 64;

codes! {
    /// What a connection is for.
    pub enum SocketKind: u32, "socket type" {
        /// The session daemon asks, the application answers.
        Command = 0,
        /// The application asks, the session daemon answers.
        Notify = 1,
    }
}

/// The version of the protocol that an application announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AbiVersion {
    /// Differs between incompatible revisions.
    pub major: u32,
    /// Differs between compatible ones; not checked by lttng-sessiond.
    pub minor: u32,
}

impl AbiVersion {
    /// What our own tracer announces to the daemon of `rttng record --clock tsc`, and to no other: that it speaks ABI 9 and
    /// counts in the processor's time-stamp counter (`docs/spec/ust-protocol.md`, section 16).
    pub const TSC: AbiVersion = AbiVersion { major: 9, minor: 0x5453_4300 };
}

/// How integers are aligned in the ring buffer, in bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Alignments {
    /// Of 8-bit integers.
    pub u8_bits: u32,
    /// Of 16-bit integers.
    pub u16_bits: u32,
    /// Of 32-bit integers.
    pub u32_bits: u32,
    /// Of 64-bit integers.
    pub u64_bits: u32,
    /// Of a C `long`.
    pub long_bits: u32,
}

impl Alignments {
    /// Everything packed to bytes, as on x86 and PowerPC.
    pub const BYTES: Alignments =
        Alignments { u8_bits: 8, u16_bits: 8, u32_bits: 8, u64_bits: 8, long_bits: 8 };
    /// Natural alignment of a 64-bit architecture other than those.
    pub const NATURAL_64: Alignments =
        Alignments { u8_bits: 8, u16_bits: 16, u32_bits: 32, u64_bits: 64, long_bits: 64 };
}

/// The name of a thread (`comm`): at most 15 bytes, of any kind, without NUL.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct ProcessName(Vec<u8>);

impl ProcessName {
    /// Takes the bytes up to the first NUL, at most 15.
    pub fn new(bytes: &[u8]) -> Self {
        let end = bytes.iter().position(|&b| b == 0).unwrap_or(bytes.len()).min(PROCESS_NAME_LEN - 1);
        ProcessName(bytes[..end].to_vec())
    }

    /// The bytes, without a NUL.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Display for ProcessName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        String::from_utf8_lossy(&self.0).fmt(f)
    }
}

/// Who connects, and for what. The identifiers are as the application sees them: the session daemon replaces pid, uid
/// and gid by the credentials of the connection, and believes `ppid` only if the pid was true.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// The protocol's version; see [`Dialect::of`](super::Dialect::of).
    pub version: AbiVersion,
    /// Process.
    pub pid: u32,
    /// Its parent.
    pub ppid: u32,
    /// Real user.
    pub uid: u32,
    /// Real group.
    pub gid: u32,
    /// Width of a `long`.
    pub bitness: Bitness,
    /// How the application aligns integers in the ring buffer.
    pub alignments: Alignments,
    /// What the connection is for.
    pub socket: SocketKind,
    /// Name of the thread that registers.
    pub name: ProcessName,
}

impl Encode for Registration {
    fn encode(&self, out: &mut Writer) {
        out.u32(MAGIC);
        for word in [self.version.major, self.version.minor, self.pid, self.ppid, self.uid, self.gid] {
            out.u32(word);
        }
        out.u32(self.bitness.code());
        let of = self.alignments;
        for bits in [of.u8_bits, of.u16_bits, of.u32_bits, of.u64_bits, of.long_bits] {
            out.u32(bits);
        }
        out.u32(self.socket.code());
        out.fixed_text(self.name.as_bytes(), PROCESS_NAME_LEN);
        out.zeros(PADDING_LEN);
    }
}

impl Decode for Registration {
    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        let magic = input.u32("magic")?;
        if magic != MAGIC {
            return Err(WireError::BadValue { field: "magic", value: i128::from(magic) });
        }
        let version = AbiVersion { major: input.u32("major")?, minor: input.u32("minor")? };
        let (pid, ppid) = (input.u32("pid")?, input.u32("ppid")?);
        let (uid, gid) = (input.u32("uid")?, input.u32("gid")?);
        let bitness = Bitness::from_code(input.u32("bits per long")?)?;
        let mut alignment = || match input.u32("alignment")? {
            bits @ (8 | 16 | 32 | 64) => Ok(bits),
            bits => Err(WireError::BadValue { field: "alignment", value: i128::from(bits) }),
        };
        let alignments = Alignments {
            u8_bits: alignment()?,
            u16_bits: alignment()?,
            u32_bits: alignment()?,
            u64_bits: alignment()?,
            long_bits: alignment()?,
        };
        let socket = SocketKind::from_code(input.u32("socket type")?)?;
        // Unlike other text this one may fill its field: it is cut at byte 16.
        let name = ProcessName::new(input.bytes("process name", PROCESS_NAME_LEN)?);
        input.skip(PADDING_LEN)?;
        Ok(Registration { version, pid, ppid, uid, gid, bitness, alignments, socket, name })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn captured() -> Vec<u8> {
        let mut bytes = Vec::new();
        for word in [MAGIC, 9, 0, 14805, 14802, 0, 0, 64, 8, 8, 8, 8, 8, 0] {
            bytes.extend_from_slice(&word.to_ne_bytes());
        }
        bytes.extend_from_slice(b"app\0\0\0\0\0\0\0\0\0\0\0\0\0");
        bytes.resize(REGISTRATION_LEN, 0);
        bytes
    }

    /// The record in section 20 of the specification.
    #[test]
    fn reads_and_writes_what_the_real_library_sends() {
        let value = Registration::from_bytes(&captured()).unwrap();
        assert_eq!(value.version, AbiVersion { major: 9, minor: 0 });
        assert_eq!((value.pid, value.ppid, value.uid, value.gid), (14805, 14802, 0, 0));
        assert_eq!((value.bitness, value.alignments), (Bitness::Bits64, Alignments::BYTES));
        assert_eq!((value.socket, value.name.as_bytes()), (SocketKind::Command, &b"app"[..]));
        assert_eq!(value.to_bytes(), captured());
    }

    #[test]
    fn refuses_a_wrong_magic_and_an_unknown_socket_type() {
        let mut swapped = captured();
        swapped[..4].reverse();
        assert!(matches!(
            Registration::from_bytes(&swapped),
            Err(WireError::BadValue { field: "magic", .. })
        ));
        let mut third_socket = captured();
        third_socket[52] = 2;
        let refused = Registration::from_bytes(&third_socket);
        assert_eq!(refused, Err(WireError::BadValue { field: "socket type", value: 2 }));
    }

    #[test]
    fn a_name_that_fills_its_field_is_cut() {
        let mut bytes = captured();
        bytes[56..72].fill(b'x');
        assert_eq!(Registration::from_bytes(&bytes).unwrap().name.as_bytes(), [b'x'; 15]);
    }
}
