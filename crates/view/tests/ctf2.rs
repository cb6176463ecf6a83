//! The text of CTF 2 traces, against what babeltrace2 2.1.1 printed of them (tests/vectors/ctf2/README.md).

use std::path::{Path, PathBuf};

use rttng_ctf::read::{Options, Reader};
use rttng_view::convert::ctf::{CtfOptions, CtfVersion, convert};
use rttng_view::run;
use rttng_view::select::{Selection, Selector};
use rttng_view::text::{Fields, Names, TextOptions, TextPrinter};

fn vectors() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/ctf2")
}

fn printed(trace: &Path, options: TextOptions) -> (String, String) {
    let (mut output, mut messages) = (Vec::new(), Vec::new());
    let mut reader = Reader::open(&[trace.to_owned()], &Options::default()).unwrap();
    let mut selector = Selector::new(Selection::default(), &reader).unwrap();
    let mut printer = TextPrinter::new(&reader, options, &mut output, &mut messages);
    run(&mut reader, &mut selector, &mut printer).unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (text(output), text(messages))
}

/// What babeltrace2 wrote down; the path of its stream as it stands there.
fn expected(name: &str, ending: &str) -> String {
    std::fs::read_to_string(vectors().join(format!("{name}.{ending}"))).unwrap()
}

#[test]
fn every_field_class_prints_as_by_babeltrace() {
    for name in ["every-class", "nested-roles", "from-lttng"] {
        let trace = vectors().join(name);
        let plain = TextOptions { gmt: true, ..TextOptions::default() };
        let (output, messages) = printed(&trace, plain);
        assert_eq!(output, expected(name, "txt"), "{name}");
        let place = format!("\"{}/", vectors().canonicalize().unwrap().display());
        assert_eq!(messages.replace(&place, "\""), expected(name, "err"), "{name}");
        let all = TextOptions { names: Names::ALL, fields: Fields::ALL, ..plain };
        assert_eq!(printed(&trace, all).0, expected(name, "all.txt"), "{name}");
        let colored = TextOptions { color: true, ..plain };
        assert_eq!(printed(&trace, colored).0, expected(name, "color.txt"), "{name}");
    }
}

#[test]
fn json_has_a_form_for_each() {
    let mut reader = Reader::open(&[vectors().join("every-class")], &Options::default()).unwrap();
    let mut selector = Selector::new(
        Selection { events: vec!["bits".into(), "blobs".into(), "options".into()], ..Selection::default() },
        &reader,
    )
    .unwrap();
    let mut output = Vec::new();
    let mut printer = rttng_view::json::JsonPrinter::new(&reader, &mut output);
    run(&mut reader, &mut selector, &mut printer).unwrap();
    let text = String::from_utf8(output).unwrap();
    let fields: Vec<&str> = text
        .lines()
        .filter(|line| !line.contains("\"lost\""))
        .map(|line| line.split_once("\"fields\":").unwrap().1)
        .collect();
    assert_eq!(
        fields,
        [
            r#"{"bits":32769,"map":{"value":1552,"flags":["GREEN","RED","YELLOW"]},"none":{"value":32,"flags":[]},"one":{"value":32768,"flags":["BLUE"]},"yes":true,"no":false,"rev":83,"ber":4660,"bit1":true,"bit2":42}}"#,
            r#"{"st":{"type":"image/tiff","base64":"AH+A/w=="},"len":3,"dyn":{"type":"application/octet-stream","base64":"YWJj"}}}"#,
            r#"{"st":{"type":"image/tiff","base64":"3q2+7w=="},"len":0,"dyn":{"type":"application/octet-stream","base64":""}}}"#,
            r#"{"has":true,"opt":4660,"sel":0,"opt2":{"a":"zero","b":9},"last":170}}"#,
            r#"{"has":false,"opt":null,"sel":20,"opt2":{"a":"twenty","b":null},"last":187}}"#,
            r#"{"has":false,"opt":null,"sel":127,"opt2":null,"last":204}}"#,
        ]
    );
}

fn converted(trace: &Path, target: &Path, version: CtfVersion) -> Result<(), String> {
    let mut reader = Reader::open(&[trace.to_owned()], &Options::default()).unwrap();
    let mut selector = Selector::new(Selection::default(), &reader).unwrap();
    let options = CtfOptions { version, ..CtfOptions::default() };
    let done = convert(&mut reader, &[trace], &mut selector, &options, target);
    done.map(drop).map_err(|error| error.to_string())
}

/// Written anew, they print the same: metadata and data are ours.
#[test]
fn every_field_class_is_written_anew() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["every-class", "nested-roles", "from-lttng"] {
        let copy = folder.path().join(name);
        converted(&vectors().join(name), &copy, CtfVersion::Ctf2).unwrap();
        let plain = TextOptions { gmt: true, ..TextOptions::default() };
        let (output, messages) = printed(&copy, plain);
        assert_eq!(output, expected(name, "txt"), "{name}");
        let place = format!("\"{}/", folder.path().canonicalize().unwrap().display());
        assert_eq!(messages.replace(&place, "\""), expected(name, "err"), "{name}");
        let all = TextOptions { names: Names::ALL, fields: Fields::ALL, ..plain };
        assert_eq!(printed(&copy, all).0, expected(name, "all.txt"), "{name}");
    }
}

#[test]
fn what_ctf_1_cannot_say_is_told_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("copy");
    let error = converted(&vectors().join("every-class"), &target, CtfVersion::Ctf1).unwrap_err();
    assert!(error.contains("event \"integers\" of stream 0: the field `with space` has a name"), "{error}");
    assert!(error.ends_with("(--to ctf2)"), "{error}");
    assert!(!target.exists());
}
