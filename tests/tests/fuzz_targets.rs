//! The fuzz targets of `fuzz/` on the stable compiler, without its fuzzer: each is built here and given its seeds, and
//! seeds with a few changes out of a number.
//!
//! Where `$RTTNG_FUZZ_SEEDS` names a folder, the seeds are put there, a folder for each target: a fuzzer begins with them.

#![allow(clippy::duplicate_mod, reason = "each target names the file that it shares with others")]

// The targets take the macro from the crate of the fuzzer.
extern crate self as libfuzzer_sys;

use std::collections::BTreeSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use rttng_ctf::{TraceClass, Version, tsdl};
use rttng_tests::any_ctf2::{Texts, any_ctf2};
use rttng_tests::any_trace::{Dice, any_trace};
use rttng_tests::vector;
use rttng_wire::client::CommandKind;

/// Declares a module for the file of each target, and the table of all.
macro_rules! targets {
    ($($name:ident: $path:literal, $runs:literal, $seeds:expr;)*) => {
        $(
            #[path = $path]
            #[allow(unused_attributes, reason = "as a program of its own it has no `main`")]
            mod $name;
        )*

        const TARGETS: &[Target] =
            &[$(Target { name: stringify!($name), run: $name::run, runs: $runs, seeds: $seeds }),*];
    };
}

/// A fuzz target.
struct Target {
    name: &'static str,
    run: fn(&[u8]),
    /// How often it is given a changed seed.
    runs: usize,
    seeds: fn() -> Vec<Vec<u8>>,
}

targets! {
    agent: "../../fuzz/fuzz_targets/agent.rs", 2000, || chosen(0..4, files("agents", ".bin"));
    client_reply: "../../fuzz/fuzz_targets/client_reply.rs", 2000,
        || chosen(0..CommandKind::ALL.len() as u8, files("client/2.13", ".rep.bin"));
    client_request: "../../fuzz/fuzz_targets/client_request.rs", 2000, || files("client/2.13", ".req.bin");
    consumer_command: "../../fuzz/fuzz_targets/consumer_command.rs", 2000, || files("consumer", ".bin");
    consumer_reply: "../../fuzz/fuzz_targets/consumer_reply.rs", 2000, || {
        let answers = ["get_channel_reply.bin", "metadata_request.bin", "monitor_samples.bin"];
        chosen(0..8, answers.iter().flat_map(|name| files("consumer", name)).collect())
    };
    ctf2_metadata: "../../fuzz/fuzz_targets/ctf2_metadata.rs", 150, || {
        traces().into_iter().filter(|trace| !is_ctf1(trace)).map(|trace| trace.metadata).collect()
    };
    ctf_index: "../../fuzz/fuzz_targets/ctf_index.rs", 2000, || files("trace", ".idx");
    ctf_packet: "../../fuzz/fuzz_targets/ctf_packet.rs", 100, || {
        let with_text = |trace: Trace| {
            let text = tsdl::write(&trace.class);
            [text.as_bytes(), b"\0", &trace.data].concat()
        };
        traces().into_iter().filter(is_ctf1).map(with_text).collect()
    };
    ctf_read: "../../fuzz/fuzz_targets/ctf_read.rs", 100, || {
        let joined = |trace: Trace| {
            let size = (trace.metadata.len() as u32).to_le_bytes();
            [&size[..3], &trace.metadata, &trace.data].concat()
        };
        traces().into_iter().map(joined).collect()
    };
    ctf_tsdl: "../../fuzz/fuzz_targets/ctf_tsdl.rs", 150, || {
        let ctf1 = traces().into_iter().filter(is_ctf1);
        ctf1.flat_map(|trace| [tsdl::write(&trace.class).into_bytes(), trace.metadata]).collect()
    };
    filter_bytecode: "../../fuzz/fuzz_targets/filter_bytecode.rs", 2000, || {
        let code = |line: &serde_json::Value| {
            let offset = line["reloc_offset"].as_u64()? as u16;
            let digits = line["data"].as_str()?.as_bytes();
            let byte = |two: &[u8]| u8::from_str_radix(std::str::from_utf8(two).ok()?, 16).ok();
            let code = digits.chunks(2).map(byte).collect::<Option<Vec<u8>>>()?;
            Some([&offset.to_le_bytes()[..], &code].concat())
        };
        ["compile.jsonl", "odd.jsonl"].into_iter().flat_map(filters).filter_map(|line| code(&line)).collect()
    };
    filter_expression: "../../fuzz/fuzz_targets/filter_expression.rs", 2000, || {
        let lines = ["compile.jsonl", "refused.jsonl", "odd.jsonl"].into_iter().flat_map(filters);
        lines.filter_map(|line| Some(line["expr"].as_str()?.as_bytes().to_vec())).collect()
    };
    objects: "../../fuzz/fuzz_targets/objects.rs", 2000, || chosen(0..13, files("objects", ".bin"));
    ust_command: "../../fuzz/fuzz_targets/ust_command.rs", 2000, || said(ToApplication, COMMANDS);
    ust_notify: "../../fuzz/fuzz_targets/ust_notify.rs", 2000, || {
        let requests = [said(FromApplication, NOTIFY), files("ust", "notification-pipe.bin")].concat();
        chosen(0..3, requests)
    };
    ust_registration: "../../fuzz/fuzz_targets/ust_registration.rs", 2000,
        || said(FromApplication, COMMANDS).into_iter().take(1).collect();
    ust_reply: "../../fuzz/fuzz_targets/ust_reply.rs", 2000, || {
        let answers = [said(FromApplication, COMMANDS), said(ToApplication, NOTIFY)].concat();
        chosen(0..7, answers)
    };
}

// Below the targets: those who find it there do not need to name it.
macro_rules! fuzz_target {
    (|$input:ident : &[u8]| $body:block) => {
        pub(crate) fn run($input: &[u8]) {
            $body
        }
    };
}
pub(crate) use fuzz_target;

/// All files below a folder of the captures whose names end so.
fn files(folder: &str, ending: &str) -> Vec<Vec<u8>> {
    let mut folders = vec![vector(folder)];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_string_lossy().ends_with(ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    assert!(!found.is_empty(), "the captures of {folder} are gone");
    found.iter().map(|path| fs::read(path).unwrap()).collect()
}

/// Each of these behind each of the bytes that choose what they are read as.
fn chosen(choices: std::ops::Range<u8>, inputs: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    inputs.iter().flat_map(|input| choices.clone().map(|choice| [&[choice], &input[..]].concat())).collect()
}

/// Lines of JSON of the captures of filters.
fn filters(name: &str) -> Vec<serde_json::Value> {
    let [lines] = files("filter", name).try_into().expect("one file has this name");
    let lines = String::from_utf8(lines).unwrap();
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[derive(Clone, Copy, PartialEq)]
enum Direction {
    ToApplication,
    FromApplication,
}
use Direction::{FromApplication, ToApplication};

/// The sockets of the captures.
const COMMANDS: u8 = 0;
const NOTIFY: u8 = 1;

/// What was said in one direction of captured exchanges with applications: each message (`tests/vectors/ust/README.md`)
/// with a byte behind it where descriptors came, and with those after it.
fn said(direction: Direction, socket: u8) -> Vec<Vec<u8>> {
    let mut messages = Vec::new();
    for name in ["/per-uid.bin", "/per-pid.bin", "/rich.bin", "/event-notifier.bin", "/abi8.bin"] {
        let [capture] = files("ust", name).try_into().expect("one file has this name");
        let (mut rest, mut spoken) = (&capture[..], Vec::new());
        while let Some((head, behind)) = rest.split_first_chunk::<8>() {
            let size = u32::from_le_bytes(*head.last_chunk().expect("the head ends with the size"));
            let (message, behind) = behind.split_at(size as usize);
            rest = behind;
            if head[..2] == [u8::from(direction == FromApplication), socket] {
                let descriptors: &[u8] = if head[2..4] == [0; 2] { &[] } else { &[0] };
                spoken.push([message, descriptors].concat());
            }
        }
        let first = messages.len();
        messages.extend(spoken.iter().cloned());
        messages.push(spoken.concat());
        assert!(messages.len() > first, "{name} has no messages");
    }
    messages
}

/// A trace of one data file.
struct Trace {
    metadata: Vec<u8>,
    class: TraceClass,
    data: Vec<u8>,
}

fn is_ctf1(trace: &Trace) -> bool {
    trace.class.version == Version::Ctf1
}

/// Traces of any types of both versions, and the small ones of the captures.
fn traces() -> Vec<Trace> {
    let folder = tempfile::tempdir().unwrap();
    let mut folders: Vec<PathBuf> = Vec::new();
    for seed in 0..12 {
        let places = [1, 2].map(|version| folder.path().join(format!("{seed}-{version}")));
        any_trace(seed, &places[0]);
        any_ctf2(seed, &places[1], Texts::Any);
        folders.extend(places);
    }
    for place in ["per-uid/trace/ust/uid/0/64-bit", "synthetic-kernel/trace/kernel"] {
        folders.push(vector("trace").join(place));
    }
    folders.extend(["every-class", "nested-roles", "from-lttng"].map(|name| vector("ctf2").join(name)));
    let mut traces = Vec::new();
    for folder in folders {
        let metadata = fs::read(folder.join("metadata")).unwrap();
        let class = rttng_ctf::read_metadata(&metadata).unwrap().trace;
        let mut data: Vec<PathBuf> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        data.retain(|path| path.is_file() && !path.ends_with("metadata"));
        data.sort();
        for file in data {
            let data = fs::read(file).unwrap();
            traces.push(Trace { metadata: metadata.clone(), class: class.clone(), data });
        }
    }
    traces
}

/// A seed with a few changes, some of them out of another one.
fn changed(dice: &mut Dice, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = dice.pick(seeds);
    for _ in 0..1 + dice.below(4) {
        let at = dice.below(bytes.len() as u64 + 1) as usize;
        let length = dice.below(16) as usize;
        let end = (at + length).min(bytes.len());
        match dice.below(6) {
            0 | 1 => bytes[at..].iter_mut().take(1).for_each(|byte| *byte = dice.bits() as u8),
            2 => {
                // The sizes and counts that are trouble.
                let number =
                    dice.pick(&[0, 1, 0x7f, 0x80, 0xffff, 0x7fff_ffff, u64::from(u32::MAX), u64::MAX]);
                bytes[at..]
                    .iter_mut()
                    .zip(number.to_le_bytes())
                    .take(length)
                    .for_each(|(to, from)| *to = from);
            }
            3 => drop(bytes.splice(at..end, [])),
            4 => {
                let other = dice.pick(seeds);
                let from = dice.below(other.len() as u64 + 1) as usize;
                let piece: Vec<u8> = other[from..].iter().copied().take(length).collect();
                bytes.splice(at..at, piece);
            }
            _ if dice.one_in(4) => bytes.truncate(at),
            _ => bytes[at..].iter_mut().take(1).for_each(|byte| *byte ^= 1 << dice.below(8)),
        }
    }
    bytes
}

#[test]
fn each_target_lives_through_its_seeds_and_changes_of_them() {
    for target in TARGETS {
        let seeds = (target.seeds)();
        if let Some(folder) = std::env::var_os("RTTNG_FUZZ_SEEDS") {
            let folder = Path::new(&folder).join(target.name);
            fs::create_dir_all(&folder).unwrap();
            for (number, seed) in seeds.iter().enumerate() {
                fs::write(folder.join(format!("seed-{number}")), seed).unwrap();
            }
        }
        let mut dice = Dice::new(0);
        let changed = (0..target.runs).map(|_| changed(&mut dice, &seeds));
        for (number, input) in seeds.iter().cloned().chain(changed).enumerate() {
            let lived = catch_unwind(AssertUnwindSafe(|| (target.run)(&input)));
            assert!(lived.is_ok(), "{}, input {number}: {}", target.name, input.escape_ascii());
        }
    }
}

#[test]
fn every_target_is_here() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/fuzz_targets");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = files.filter(|path| path.is_file()).map(|path| path.file_stem().unwrap().to_owned());
    let here: BTreeSet<_> = TARGETS.iter().map(|target| target.name.into()).collect();
    assert_eq!(here, files.collect::<BTreeSet<_>>());
}
