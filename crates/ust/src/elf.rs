//! Which program and libraries are mapped where, and what identifies them: from `/proc/self/maps` and the files' own
//! headers. The files may be anything; what is not understood is left out.

use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// A mapped program, library or kernel page.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Mapped {
    /// Where its first loadable segment begins.
    pub(crate) address: u64,
    /// Bytes of all loadable segments and what is between them.
    pub(crate) size: u64,
    pub(crate) path: Vec<u8>,
    pub(crate) is_position_independent: bool,
    pub(crate) build_id: Option<Vec<u8>>,
    /// Name and checksum of the file with debug information.
    pub(crate) debug_link: Option<(Vec<u8>, u32)>,
}

/// Largest part of a file that is read at once.
const MAX_PART: u64 = 1 << 20;
const PT_LOAD: u32 = 1;
const PT_NOTE: u32 = 4;
const NT_GNU_BUILD_ID: u32 = 3;
const ET_DYN: u16 = 3;

/// Everything of ELF that is mapped now, by address.
pub(crate) fn mapped() -> Vec<Mapped> {
    let Ok(maps) = std::fs::read("/proc/self/maps") else { return Vec::new() };
    let mut all: Vec<Mapped> = Vec::new();
    for line in maps.split(|&byte| byte == b'\n') {
        let Some((address, offset, path)) = mapping(line) else { continue };
        if all.iter().any(|of| of.path == path) {
            continue;
        }
        if path == b"[vdso]" {
            all.push(Mapped { address, path: path.to_vec(), ..Mapped::default() });
        } else if path.first() == Some(&b'/') && offset == 0 {
            all.extend(read(path, address));
        }
    }
    all
}

/// Start address, file offset and path of a line.
fn mapping(line: &[u8]) -> Option<(u64, u64, &[u8])> {
    let hex = |text: &[u8]| u64::from_str_radix(std::str::from_utf8(text).ok()?, 16).ok();
    let mut rest = line;
    let mut word = || {
        let start = rest.iter().position(|&byte| byte != b' ')?;
        let text = &rest[start..];
        let end = text.iter().position(|&byte| byte == b' ').unwrap_or(text.len());
        rest = &text[end..];
        Some(&text[..end])
    };
    let range = word()?;
    let address = hex(&range[..range.iter().position(|&byte| byte == b'-')?])?;
    word()?;
    let offset = hex(word()?)?;
    word()?;
    word()?;
    let start = rest.iter().position(|&byte| byte != b' ')?;
    Some((address, offset, &rest[start..]))
}

fn number<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    number(bytes, at).map(u16::from_ne_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    number(bytes, at).map(u32::from_ne_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    number(bytes, at).map(u64::from_ne_bytes)
}

fn part(file: &File, offset: u64, len: u64) -> Option<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(len.min(MAX_PART)).ok()?];
    file.read_exact_at(&mut bytes, offset).ok()?;
    Some(bytes)
}

/// What an ELF file of 64 bits says of itself; `None` if it is none.
fn read(path: &[u8], address: u64) -> Option<Mapped> {
    // A device or a pipe could keep us; files that were deleted have a suffix and are not found.
    let name = Path::new(std::ffi::OsStr::from_bytes(path));
    if !std::fs::metadata(name).ok()?.is_file() {
        return None;
    }
    let file = File::open(name).ok()?;
    let header = part(&file, 0, 64)?;
    if header.get(..5)? != b"\x7fELF\x02" {
        return None;
    }
    let is_position_independent = u16_at(&header, 16)? == ET_DYN;
    let (at, size, count) = (u64_at(&header, 32)?, u16_at(&header, 54)?, u16_at(&header, 56)?);
    let segments = part(&file, at, u64::from(size) * u64::from(count))?;
    let (mut start, mut end) = (u64::MAX, 0);
    let mut build_id = None;
    for segment in segments.chunks_exact(usize::from(size.max(56))) {
        let (offset, virtual_address) = (u64_at(segment, 8)?, u64_at(segment, 16)?);
        let (file_size, memory_size) = (u64_at(segment, 32)?, u64_at(segment, 40)?);
        match u32_at(segment, 0)? {
            PT_LOAD => {
                start = start.min(virtual_address);
                end = end.max(virtual_address.saturating_add(memory_size));
            }
            PT_NOTE if build_id.is_none() => {
                build_id = part(&file, offset, file_size).and_then(|notes| find_build_id(&notes));
            }
            _ => {}
        }
    }
    if start == u64::MAX {
        return None;
    }
    let debug_link = debug_link(&file, &header);
    let size = end.saturating_sub(start);
    Some(Mapped { address, size, path: path.to_vec(), is_position_independent, build_id, debug_link })
}

fn find_build_id(notes: &[u8]) -> Option<Vec<u8>> {
    let padded = |len: u32| (len as usize).checked_next_multiple_of(4);
    let mut at = 0usize;
    loop {
        let (name, value) = (u32_at(notes, at)?, u32_at(notes, at.checked_add(4)?)?);
        let kind = u32_at(notes, at + 8)?;
        let name_at = at + 12;
        let value_at = name_at.checked_add(padded(name)?)?;
        if kind == NT_GNU_BUILD_ID && notes.get(name_at..name_at + 4) == Some(b"GNU\0") {
            return notes.get(value_at..value_at.checked_add(value as usize)?).map(<[u8]>::to_vec);
        }
        at = value_at.checked_add(padded(value)?)?;
    }
}

/// The section `.gnu_debuglink`: a name, padding, a checksum.
fn debug_link(file: &File, header: &[u8]) -> Option<(Vec<u8>, u32)> {
    let (at, size, count, names) =
        (u64_at(header, 40)?, u16_at(header, 58)?, u16_at(header, 60)?, u16_at(header, 62)?);
    let sections = part(file, at, u64::from(size) * u64::from(count))?;
    let section = |at: u16| sections.chunks_exact(usize::from(size.max(64))).nth(usize::from(at));
    let contents = |of: &[u8]| part(file, u64_at(of, 24)?, u64_at(of, 32)?);
    let names = contents(section(names)?)?;
    for of in (0..count).filter_map(section) {
        let name = names.get(u32_at(of, 0)? as usize..)?;
        if name.starts_with(b".gnu_debuglink\0") {
            let link = contents(of)?;
            let end = link.iter().position(|&byte| byte == 0)?;
            return Some((link[..end].to_vec(), u32_at(&link, (end + 1).next_multiple_of(4))?));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn this_program_and_its_libraries_are_found() {
        let all = mapped();
        let exe = std::fs::read_link("/proc/self/exe").unwrap();
        let own = all.iter().find(|of| of.path == exe.as_os_str().as_bytes()).expect("this program");
        let here = this_program_and_its_libraries_are_found as fn() as usize as u64;
        assert!((own.address..own.address + own.size).contains(&here), "{own:?}, {here:#x}");
        assert!(own.is_position_independent);
        assert!(all.iter().any(|of| of.path == b"[vdso]" && of.size == 0));
    }

    #[test]
    fn lines_are_read() {
        let line = b"7f00-7f10 r--p 00001000 08:01 42     /usr/lib/a b.so";
        assert_eq!(mapping(line), Some((0x7f00, 0x1000, &b"/usr/lib/a b.so"[..])));
        assert_eq!(mapping(b"7f00-7f10 r--p 00000000 00:00 0 "), None);
    }

    proptest! {
        #[test]
        fn damaged_notes_are_left_out(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = find_build_id(&bytes);
            let _ = mapping(&bytes);
        }
    }
}
