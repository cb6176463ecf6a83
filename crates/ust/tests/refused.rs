//! What does not compile, and where the compiler says so: each error points at the part that is wrong.
//!
//! The files in `refused/` say behind each line what is complained about in it: below the place, `//~ ^^^^` and a part of
//! the message (of the error itself, or of what is said beside it). They are compiled against the crate as it was built
//! for the tests; every complaint must be announced, and every announced one come.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value as Json;

/// An error of the compiler: where it is, and all that it says.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Complaint {
    line: usize,
    /// The first column and the one behind the last, from 1 on.
    columns: (usize, usize),
    text: String,
}

/// What the file announces.
fn announced(source: &str) -> Vec<Complaint> {
    let mut code_line = 0;
    let mut all = Vec::new();
    for (at, line) in source.lines().enumerate() {
        let Some((before, rest)) = line.split_once("//~") else {
            code_line = at + 1;
            continue;
        };
        let carets = rest.trim_start();
        let count = carets.chars().take_while(|of| *of == '^').count();
        assert!(before.trim().is_empty() && count > 0, "line {}: //~ ^^^^ and a text", at + 1);
        let first = line.chars().count() - carets.chars().count() + 1;
        let text = carets[count..].trim().to_owned();
        all.push(Complaint { line: code_line, columns: (first, first + count), text });
    }
    all
}

/// The place of a span in the case's own file: where a macro was called, if it is in one.
fn place(span: &Json, file: &str) -> Option<(usize, (usize, usize))> {
    if span["file_name"] != file {
        return place(&span["expansion"]["span"], file).filter(|_| span["expansion"].is_object());
    }
    let number = |name: &str| span[name].as_u64().and_then(|number| usize::try_from(number).ok());
    // Only the first line of what has several is compared.
    let end = match number("line_start") == number("line_end") {
        true => number("column_end")?,
        false => span["text"][0]["text"].as_str()?.chars().count() + 1,
    };
    Some((number("line_start")?, (number("column_start")?, end)))
}

/// What the compiler says of the file.
fn complaints(folder: &Path, file: &str, library: &Path) -> BTreeSet<Complaint> {
    let dependencies = library.parent().expect("a library is in a folder").join("deps");
    let output = tempfile();
    let compiler = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
        .current_dir(folder)
        .args(["--edition=2024", "--crate-type=bin", "--emit=metadata", "--error-format=json", "-o"])
        .arg(output)
        .arg("-L")
        .arg(format!("dependency={}", dependencies.display()))
        .arg("--extern")
        .arg(format!("rttng_ust={}", library.display()))
        .arg(file)
        .output()
        .expect("the compiler starts");
    let said = String::from_utf8(compiler.stderr).expect("the compiler writes UTF-8");
    let mut all = BTreeSet::new();
    for line in said.lines() {
        let message: Json = serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
        let spans = message["spans"].as_array().map_or(&[][..], Vec::as_slice);
        // A sum of all errors has no place.
        if message["level"] != "error" || spans.is_empty() {
            continue;
        }
        let primary = spans.iter().filter(|span| span["is_primary"] == true);
        let (line, columns) = primary
            .filter_map(|span| place(span, file))
            .next()
            .unwrap_or_else(|| panic!("{file}: a complaint elsewhere:\n{}", message["rendered"]));
        let labels = spans.iter().map(|span| &span["label"]);
        let beside = message["children"].as_array().into_iter().flatten().map(|child| &child["message"]);
        let text: Vec<&str> = [&message["message"]]
            .into_iter()
            .chain(labels)
            .chain(beside)
            .filter_map(|text| text.as_str())
            .collect();
        all.insert(Complaint { line, columns, text: text.join("\n") });
    }
    all
}

/// A name for what nobody reads.
fn tempfile() -> PathBuf {
    let thread = format!("{:?}", std::thread::current().id());
    let number: String = thread.chars().filter(char::is_ascii_digit).collect();
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("refused-{}-{number}.rmeta", std::process::id()))
}

/// The crate, built as a program that uses it would have it.
fn library() -> PathBuf {
    let test = std::env::current_exe().expect("a test has a path");
    let profile = test.parent().and_then(Path::parent).expect("a test is in a folder of the profile's");
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(env!("CARGO_MANIFEST_DIR")).args(["build", "--quiet", "--package", "rttng-ust"]);
    if profile.file_name().is_some_and(|name| name == "release") {
        cargo.arg("--release");
    }
    assert!(cargo.status().expect("cargo starts").success(), "the crate builds");
    profile.join("librttng_ust.rlib")
}

#[test]
fn what_is_wrong_is_said_where_it_is() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/refused");
    let library = library();
    let mut files: Vec<String> = std::fs::read_dir(&folder)
        .expect("the cases are there")
        .map(|entry| entry.expect("a folder can be read").file_name().into_string().expect("a plain name"))
        .collect();
    files.sort();
    let check = |file: &String| {
        let source = std::fs::read_to_string(folder.join(file)).expect("a case can be read");
        let announced = announced(&source);
        let said = complaints(&folder, file, &library);
        let _ = std::fs::remove_file(tempfile());
        let meets = |announced: &Complaint, said: &Complaint| {
            (announced.line, announced.columns) == (said.line, said.columns)
                && said.text.contains(&announced.text)
        };
        let unannounced = said.iter().filter(|said| !announced.iter().any(|of| meets(of, said)));
        let missing = announced.iter().filter(|announced| !said.iter().any(|of| meets(announced, of)));
        let show = |one: &Complaint| {
            format!("{file}:{}:{}..{}: {}", one.line, one.columns.0, one.columns.1, one.text)
        };
        let faults: Vec<String> = unannounced
            .map(|one| format!("not announced: {}", show(one)))
            .chain(missing.map(|one| format!("did not come: {}", show(one))))
            .collect();
        assert!(faults.is_empty(), "{}", faults.join("\n"));
        assert!(!announced.is_empty(), "{file} announces nothing");
    };
    std::thread::scope(|scope| {
        for half in files.chunks(files.len().div_ceil(2)) {
            scope.spawn(|| half.iter().for_each(check));
        }
    });
}
