//! Where probes sit: kernel symbols and addresses (`docs/spec/client-objects.md`, 7.2), functions and SDT tracepoints of
//! user-space binaries (7.3; `docs/spec/client-protocol.md`, 8.11).

use std::path::PathBuf;

use super::defaults::SYMBOL_NAME_MAX;
use super::text;
use crate::{Decode, Encode, Reader, WireError, Writer};

const SYMBOL_SIZE_MAX: usize = SYMBOL_NAME_MAX + 1;
const PATH_SIZE_MAX: usize = 4096;

/// Where a kernel probe sits.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum KernelProbeLocation {
    /// So many bytes after a symbol.
    Symbol {
        /// The symbol.
        symbol: String,
        /// Bytes after its start.
        offset: u64,
    },
    /// An address.
    Address(u64),
}

impl Encode for KernelProbeLocation {
    fn encode(&self, out: &mut Writer) {
        match self {
            KernelProbeLocation::Symbol { symbol, offset } => {
                out.i8(0);
                out.u32(text::counted_len(symbol));
                out.u64(*offset);
                text::put(out, symbol);
            }
            KernelProbeLocation::Address(address) => {
                out.i8(1);
                out.u64(*address);
            }
        }
    }
}

impl Decode for KernelProbeLocation {
    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        match input.i8("kernel_probe_location.type")? {
            0 => {
                let len = input.u32("kernel_probe_location.symbol_len")?;
                let offset = input.u64("kernel_probe_location.offset")?;
                let symbol = text::counted_name(input, "kernel_probe_location.symbol", len, SYMBOL_SIZE_MAX)?;
                Ok(KernelProbeLocation::Symbol { symbol, offset })
            }
            1 => Ok(KernelProbeLocation::Address(input.u64("kernel_probe_location.address")?)),
            other => Err(WireError::BadValue { field: "kernel_probe_location.type", value: other.into() }),
        }
    }
}

/// Where a probe in a user-space binary sits. One descriptor, the binary opened for reading, travels with each.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum UserspaceProbeLocation {
    /// The start of a function, found in the ELF symbol table.
    Function {
        /// The function.
        function: String,
        /// The binary, as an absolute path.
        binary: PathBuf,
    },
    /// An SDT tracepoint.
    Tracepoint {
        /// The probe.
        probe: String,
        /// Its provider.
        provider: String,
        /// The binary, as an absolute path.
        binary: PathBuf,
    },
}

const LOOKUP_DEFAULT: i8 = 0;
const LOOKUP_ELF: i8 = 1;
const LOOKUP_SDT: i8 = 2;

impl Encode for UserspaceProbeLocation {
    fn encode(&self, out: &mut Writer) {
        match self {
            UserspaceProbeLocation::Function { function, binary } => {
                out.i8(0);
                out.u32(text::counted_len(function));
                out.u32(text::counted_len(text::path_bytes(binary)));
                text::put(out, function);
                text::put(out, text::path_bytes(binary));
                out.i8(LOOKUP_ELF);
            }
            UserspaceProbeLocation::Tracepoint { probe, provider, binary } => {
                out.i8(1);
                out.u32(text::counted_len(probe));
                out.u32(text::counted_len(provider));
                out.u32(text::counted_len(text::path_bytes(binary)));
                text::put(out, probe);
                text::put(out, provider);
                text::put(out, text::path_bytes(binary));
                out.i8(LOOKUP_SDT);
            }
        }
    }
}

impl Decode for UserspaceProbeLocation {
    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        let (location, fitting) = match input.i8("probe_location.type")? {
            0 => {
                let function_len = input.u32("probe_location.function_name_len")?;
                let binary_len = input.u32("probe_location.binary_path_len")?;
                let function = text::counted_string(
                    input,
                    "probe_location.function_name",
                    function_len,
                    SYMBOL_SIZE_MAX,
                )?;
                let binary =
                    text::counted_path(input, "probe_location.binary_path", binary_len, PATH_SIZE_MAX)?;
                (UserspaceProbeLocation::Function { function, binary }, LOOKUP_ELF)
            }
            1 => {
                let probe_len = input.u32("probe_location.probe_name_len")?;
                let provider_len = input.u32("probe_location.provider_name_len")?;
                let binary_len = input.u32("probe_location.binary_path_len")?;
                let probe =
                    text::counted_string(input, "probe_location.probe_name", probe_len, SYMBOL_SIZE_MAX)?;
                let provider = text::counted_string(
                    input,
                    "probe_location.provider_name",
                    provider_len,
                    SYMBOL_SIZE_MAX,
                )?;
                let binary =
                    text::counted_path(input, "probe_location.binary_path", binary_len, PATH_SIZE_MAX)?;
                (UserspaceProbeLocation::Tracepoint { probe, provider, binary }, LOOKUP_SDT)
            }
            other => return Err(WireError::BadValue { field: "probe_location.type", value: other.into() }),
        };
        // The default method kills the reference daemon; nothing sends it, so it is refused with the unknown ones.
        match input.i8("probe_location.lookup_method")? {
            lookup if lookup == fitting && lookup != LOOKUP_DEFAULT => Ok(location),
            other => Err(WireError::BadValue { field: "probe_location.lookup_method", value: other.into() }),
        }
    }
}
