//! What a program's file says of its instrumentation, before or without running it: whether it is linked with the
//! tracer, and which tracepoints it defines.

use std::collections::{BTreeSet, VecDeque};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use object::elf::FileHeader64;
use object::read::elf::{Dyn, FileHeader};
use object::{Endianness, Object, ObjectSection};

/// The section in which liblttng-ust's macros put the names of tracepoints: event, provider, event, provider, and so on.
const NAMES: &str = "lttng_ust_tracepoints_strings";
/// Libraries of the tracer begin so.
const TRACER: &str = "liblttng-ust";
/// Files that are looked at for one program.
const MOST_FILES: usize = 200;
/// A larger file is not looked into.
const LARGEST_FILE: u64 = 512 << 20;

/// What is known of a program from its files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Instrumented {
    /// Whether it, or a library that it is linked with, is linked with the tracer.
    pub(crate) has_tracer: bool,
    /// The tracepoints that they define, `provider:event`.
    pub(crate) tracepoints: BTreeSet<String>,
}

/// Looks at a program and the libraries that it is linked with, as far as they are found; what is no ELF file says
/// nothing.
pub(crate) fn look(program: &Path) -> Instrumented {
    let mut found = Instrumented::default();
    let mut seen = BTreeSet::new();
    let mut files = VecDeque::from([program.to_owned()]);
    while let Some(path) = files.pop_front() {
        if seen.len() >= MOST_FILES || !seen.insert(path.clone()) {
            continue;
        }
        let Some(file) = look_at_file(&path) else { continue };
        found.tracepoints.extend(file.tracepoints);
        for library in file.needed {
            if library.starts_with(TRACER) {
                found.has_tracer = true;
            } else if let Some(path) =
                library_directories().map(|folder| folder.join(&library)).find(|at| at.exists())
            {
                files.push_back(path);
            }
        }
    }
    found
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
    found.needed = needed(&bytes).unwrap_or_default();
    Some(found)
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
        assert_eq!(look(&shell), Instrumented::default());
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
