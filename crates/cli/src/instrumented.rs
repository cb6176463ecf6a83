//! What a program's file says of its instrumentation, before or without running it: whether it is linked with the
//! tracer, and which tracepoints it defines.

use std::collections::{BTreeSet, VecDeque};
use std::ffi::OsStr;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use object::elf::{FileHeader64, PT_INTERP};
use object::read::elf::{Dyn, FileHeader, ProgramHeader};
use object::{Endianness, FileKind, Object, ObjectSection};

/// The section in which liblttng-ust's macros put the names of tracepoints: event, provider, event, provider, and so on.
const NAMES: &str = "lttng_ust_tracepoints_strings";
/// Libraries of the tracer begin so.
const TRACER: &str = "liblttng-ust";
/// Files that are looked at for one program.
const MOST_FILES: usize = 200;
/// A larger file is not looked into.
const LARGEST_FILE: u64 = 512 << 20;
/// As much of a file holds its program headers.
const HEAD_BYTES: u64 = 64 << 10;

/// What is known of a program from its files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Instrumented {
    /// The number in the soname of the tracer (`liblttng-ust.so.1`) that it, or a library that it is linked with, is
    /// linked with.
    pub(crate) tracer: Option<u32>,
    /// Whether the program itself has our own tracer, rttng-ust, in it.
    pub(crate) has_own_tracer: bool,
    /// The tracepoints that they define, `provider:event`.
    pub(crate) tracepoints: BTreeSet<String>,
    /// What the file is.
    pub(crate) kind: ProgramKind,
    /// Whether the kernel gives it other rights than its caller, this process, has.
    pub(crate) has_own_rights: bool,
}

/// What kind of program a file is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum ProgramKind {
    /// A 64-bit program that loads libraries.
    Dynamic,
    /// A 64-bit program that loads none.
    Static,
    /// A 32-bit program.
    Bits32,
    /// A script, or something else that another program interprets.
    #[default]
    Other,
}

/// Looks at a program and the libraries that it is linked with, as far as they are found; what is no ELF file says
/// nothing.
pub(crate) fn look(program: &Path) -> Instrumented {
    let mut found = Instrumented {
        kind: kind(program).unwrap_or_default(),
        has_own_rights: has_own_rights(program),
        ..Instrumented::default()
    };
    let mut seen = BTreeSet::new();
    let mut files = VecDeque::from([program.to_owned()]);
    while let Some(path) = files.pop_front() {
        if seen.len() >= MOST_FILES || !seen.insert(path.clone()) {
            continue;
        }
        let Some(file) = look_at_file(&path) else { continue };
        found.has_own_tracer |= file.has_own_tracer;
        found.tracepoints.extend(file.tracepoints);
        for library in file.needed {
            if library.starts_with(TRACER) {
                let number = library.split_once(".so.").and_then(|(_, rest)| rest.parse().ok());
                found.tracer = found.tracer.or(number);
            } else if let Some(path) =
                library_directories().map(|folder| folder.join(&library)).find(|at| at.exists())
            {
                files.push_back(path);
            }
        }
    }
    found
}

/// What the first bytes of a file say.
pub(crate) fn kind(path: &Path) -> Option<ProgramKind> {
    let mut head = Vec::new();
    std::fs::File::open(path).ok()?.take(HEAD_BYTES).read_to_end(&mut head).ok()?;
    Some(match FileKind::parse(&*head) {
        Ok(FileKind::Elf32) => ProgramKind::Bits32,
        Ok(FileKind::Elf64) => match has_interpreter(&head) {
            Some(false) => ProgramKind::Static,
            _ => ProgramKind::Dynamic,
        },
        _ => ProgramKind::Other,
    })
}

/// Whether the file names a loader.
fn has_interpreter(bytes: &[u8]) -> Option<bool> {
    let header = FileHeader64::<Endianness>::parse(bytes).ok()?;
    let endian = header.endian().ok()?;
    let segments = header.program_headers(endian, bytes).ok()?;
    Some(segments.iter().any(|segment| segment.p_type(endian) == PT_INTERP))
}

/// Whether a file changes its caller's user or group, or has capabilities that the caller lacks: the loader and the tracer
/// then trust nothing of the environment.
fn has_own_rights(path: &Path) -> bool {
    let Ok(file) = std::fs::metadata(path) else { return false };
    let (user, group) = (rustix::process::geteuid(), rustix::process::getegid());
    (file.mode() & 0o4000 != 0 && file.uid() != user.as_raw())
        || (file.mode() & 0o2000 != 0 && file.gid() != group.as_raw())
        || (!user.is_root() && rustix::fs::getxattr(path, "security.capability", &mut [0_u8; 64]).is_ok())
}

/// The program's file as a shell finds it: a path, or a name in `PATH`.
pub(crate) fn find_program(name: &OsStr) -> Option<PathBuf> {
    let path = Path::new(name);
    if path.components().count() > 1 {
        return path.exists().then(|| path.to_owned());
    }
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders).map(|folder| folder.join(path)).find(|at| at.is_file())
}

/// Where the loader looks, as far as that is known without asking it.
pub(crate) fn library_directories() -> impl Iterator<Item = PathBuf> {
    let from_environment: Vec<PathBuf> = std::env::var_os("LD_LIBRARY_PATH")
        .map(|paths| std::env::split_paths(&paths).collect())
        .unwrap_or_default();
    let multiarch = format!("{}-linux-gnu", std::env::consts::ARCH);
    let standard = ["/lib", "/usr/lib", "/usr/local/lib", "/lib64", "/usr/lib64"];
    let standard =
        standard.into_iter().flat_map(move |path| [Path::new(path).join(&multiarch), PathBuf::from(path)]);
    from_environment.into_iter().chain(standard)
}

/// One file: the libraries that it names, the tracepoints that it defines.
#[derive(Debug, Default)]
struct File {
    needed: Vec<String>,
    has_own_tracer: bool,
    tracepoints: Vec<String>,
}

fn look_at_file(path: &Path) -> Option<File> {
    if std::fs::metadata(path).ok()?.len() > LARGEST_FILE {
        return None;
    }
    let bytes = std::fs::read(path).ok()?;
    let mut found = File::default();
    let file = object::File::parse(&*bytes).ok()?;
    if let Some(names) = file.section_by_name(NAMES).and_then(|section| section.data().ok()) {
        found.tracepoints = tracepoints(names);
    }
    found.has_own_tracer = file.sections().any(|section| section.name().is_ok_and(is_own_list));
    found.needed = needed(&bytes).unwrap_or_default();
    Some(found)
}

/// Whether a section is one in which rttng-ust, of whatever version, lists events.
fn is_own_list(name: &str) -> bool {
    name.starts_with("rttng_ust_") && name.ends_with("_classes")
}

/// The libraries that a 64-bit file is linked with.
fn needed(bytes: &[u8]) -> Option<Vec<String>> {
    let header = FileHeader64::<Endianness>::parse(bytes).ok()?;
    let endian = header.endian().ok()?;
    let sections = header.sections(endian, bytes).ok()?;
    let (entries, strings) = sections.dynamic(endian, bytes).ok()??;
    let strings = sections.strings(endian, bytes, strings).ok()?;
    let names = entries.iter().filter(|entry| entry.tag(endian) == object::elf::DT_NEEDED);
    let names = names.filter_map(|entry| entry.string(endian, strings).ok());
    Some(names.map(|name| String::from_utf8_lossy(name).into_owned()).collect())
}

fn tracepoints(names: &[u8]) -> Vec<String> {
    let texts: Vec<String> = names
        .split(|&byte| byte == 0)
        .filter(|text| !text.is_empty())
        .map(|text| String::from_utf8_lossy(text).into_owned())
        .collect();
    texts.chunks_exact(2).map(|pair| format!("{}:{}", pair[1], pair[0])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_in_pairs_with_padding_between() {
        let section = b"small\0demo\0tick\0\0\0\0demo\0";
        assert_eq!(tracepoints(section), ["demo:small", "demo:tick"]);
    }

    #[test]
    fn a_program_without_the_tracer_says_so_and_a_text_says_nothing() {
        let shell = find_program(OsStr::new("sh")).unwrap();
        assert_eq!(look(&shell), Instrumented { kind: ProgramKind::Dynamic, ..Instrumented::default() });
        assert!(
            !needed(&std::fs::read(&shell).unwrap()).unwrap().is_empty(),
            "it is linked with a C library"
        );
        assert_eq!(look(Path::new("/etc/passwd")), Instrumented::default());
        assert!(find_program(OsStr::new("no-such-program-anywhere")).is_none());
    }

    #[test]
    fn damaged_files_are_read_without_harm() {
        let shell = std::fs::read(find_program(OsStr::new("sh")).unwrap()).unwrap();
        let dir = tempfile::tempdir().unwrap();
        for cut in [0, 1, 63, 64, 4096, shell.len() / 2, shell.len() - 1] {
            let path = dir.path().join("cut");
            std::fs::write(&path, &shell[..cut]).unwrap();
            let _ = look(&path);
        }
    }
}
