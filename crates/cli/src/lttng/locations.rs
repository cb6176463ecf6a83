//! Where kernel probes and user-space probes sit, as people write it (`docs/spec/cli.md` §5).

use std::fs::File;
use std::path::PathBuf;

use rttng_wire::client::event::ProbeAttributes;
use rttng_wire::client::{KernelProbeLocation, UserspaceProbeLocation};

use rttng_wire::text;

use super::exit::{Exit, Step};
use super::output::{Output, strerror};
use super::values::c_integer;

/// Longest symbol, in bytes.
const SYMBOL_MAX: usize = 255;

/// `SYMBOL+OFFSET`, `SYMBOL` or an address. `None` has been complained about.
pub(crate) fn kernel_probe(out: Output, text: &str) -> Option<KernelProbeLocation> {
    let starts_symbol = |c: char| c.is_ascii_alphabetic() || c == '_';
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        let address = c_integer(text);
        if address.is_none() {
            out.error(format_args!("Invalid probe description {text}"));
        }
        return address.map(KernelProbeLocation::Address);
    }
    let (symbol, offset) = text.split_once('+').unwrap_or((text, "0"));
    if !symbol.starts_with(starts_symbol) || symbol.len() > SYMBOL_MAX {
        out.error(format_args!("Invalid probe description {text}"));
        return None;
    }
    let Some(offset) = c_integer(offset) else {
        out.error(format_args!("Invalid probe offset {offset}"));
        return None;
    };
    Some(KernelProbeLocation::Symbol { symbol: symbol.to_owned(), offset })
}

/// The location as event rules carry it.
pub(crate) fn probe_attributes(location: KernelProbeLocation) -> ProbeAttributes {
    match location {
        KernelProbeLocation::Address(address) => ProbeAttributes { address, ..ProbeAttributes::default() },
        KernelProbeLocation::Symbol { symbol, offset } => ProbeAttributes { address: 0, offset, symbol },
    }
}

/// `[elf:]PATH:SYMBOL` or `sdt:PATH:PROVIDER:PROBE`, with the binary open.
pub(crate) fn userspace_probe(out: Output, text: &str) -> Step<(UserspaceProbeLocation, File)> {
    let malformed = || {
        out.error("Unable to parse userspace probe options");
        Exit::ERROR
    };
    let parts = split_at_colons(text);
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let location = match parts[..] {
        ["sdt", path, provider, probe] => UserspaceProbeLocation::Tracepoint {
            probe: probe.to_owned(),
            provider: provider.to_owned(),
            binary: binary(out, path)?,
        },
        ["elf", path, symbol] | [path, symbol] if !symbol.is_empty() => {
            if c_integer(symbol).is_some() {
                out.error("Userspace probe on address not supported yet.");
                return Err(Exit::UNSUPPORTED);
            }
            if symbol.contains('+') {
                out.error("Userspace probe on symbol+offset not supported yet.");
                return Err(Exit::UNSUPPORTED);
            }
            UserspaceProbeLocation::Function { function: symbol.to_owned(), binary: binary(out, path)? }
        }
        _ => return Err(malformed()),
    };
    let path = match &location {
        UserspaceProbeLocation::Function { binary, .. }
        | UserspaceProbeLocation::Tracepoint { binary, .. } => binary,
    };
    match File::open(path) {
        Ok(file) => Ok((location, file)),
        Err(error) => {
            out.error(format_args!("Cannot open binary {}: {}", path.display(), strerror(&error)));
            Err(malformed())
        }
    }
}

/// Splits at `:`, except at `\:`, which stands for a colon.
fn split_at_colons(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, parts.last_mut()) {
            (':', _) => parts.push(String::new()),
            ('\\', Some(part)) if chars.peek() == Some(&':') => part.extend(chars.next()),
            (c, Some(part)) => part.push(c),
            (_, None) => {}
        }
    }
    parts
}

/// The absolute path of a binary; a bare name is looked for in `$PATH`.
fn binary(out: Output, path: &str) -> Step<PathBuf> {
    if !path.contains('/') {
        let folders = std::env::var_os("PATH").unwrap_or_default();
        return std::env::split_paths(&folders)
            .map(|folder| folder.join(text::to_path(path)))
            .find(|file| file.is_file())
            .ok_or_else(|| {
                out.error("Binary not found.");
                Exit::ERROR
            });
    }
    let absolute = std::path::absolute(text::to_path(path)).unwrap_or_else(|_| text::to_path(path));
    if absolute.exists() {
        return Ok(absolute);
    }
    out.error(format_args!("Cannot find binary at path: {}.", absolute.display()));
    Err(Exit::ERROR)
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUIET: Output = Output { quiet: true, machine: false, verbosity: 0 };

    #[test]
    fn kernel_probes() {
        let symbol =
            |symbol: &str, offset| Some(KernelProbeLocation::Symbol { symbol: symbol.to_owned(), offset });
        assert_eq!(kernel_probe(QUIET, "do_fork+0x10"), symbol("do_fork", 16));
        assert_eq!(kernel_probe(QUIET, "_x"), symbol("_x", 0));
        assert_eq!(kernel_probe(QUIET, "0xffff"), Some(KernelProbeLocation::Address(0xffff)));
        for text in ["", "+3", "12x", "a+", "a+-1", "a+b", "*"] {
            assert_eq!(kernel_probe(QUIET, text), None, "{text}");
        }
    }

    #[test]
    fn userspace_probes() {
        let (location, _) = userspace_probe(QUIET, "elf:/proc/self/exe:main").unwrap();
        assert!(matches!(location, UserspaceProbeLocation::Function { function, .. } if function == "main"));
        assert_eq!(userspace_probe(QUIET, "/proc/self/exe:0x10").unwrap_err(), Exit::UNSUPPORTED);
        assert_eq!(userspace_probe(QUIET, "/proc/self/exe:f+1").unwrap_err(), Exit::UNSUPPORTED);
        assert_eq!(userspace_probe(QUIET, "/nowhere/at/all:f").unwrap_err(), Exit::ERROR);
        assert_eq!(userspace_probe(QUIET, "just text").unwrap_err(), Exit::ERROR);
        assert_eq!(split_at_colons(r"a\:b:c"), ["a:b", "c"]);
    }
}
