//! How far from the limit counting is: beside a plain sum over the same bytes.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::turn::turn;
use super::{EVENTS, Line, Place, median};
use crate::traces::{self, Kind};

/// Turns of each.
const ROUNDS: usize = 5;

/// Bytes that are read at a time, as our reader does.
const WINDOW_BYTES: usize = 64 << 10;

/// A sum over the bytes as they are in memory, a sum over what is read from the page cache, and our count of the events.
pub(super) fn measure(place: &Place) -> Vec<String> {
    Kind::ALL.into_iter().flat_map(|kind| of(kind, place)).collect()
}

fn of(kind: Kind, place: &Place) -> [String; 3] {
    let trace = place.trace(kind, EVENTS);
    let content = data_files(&trace);
    let bytes: usize = content.iter().map(Vec::len).sum();
    let gigabytes = bytes as f64 / 1e9;
    let (mut in_memory, mut read, mut counted) = (Vec::new(), Vec::new(), Vec::new());
    let mut check = None;
    for _ in 0..ROUNDS {
        let (sum, seconds) = timed(|| content.iter().fold(0, |all: u64, bytes| all.wrapping_add(sum(bytes))));
        in_memory.push(seconds);
        let (same, seconds) = timed(|| sum_of_files(&trace));
        read.push(seconds);
        // Both were really done.
        assert_eq!(sum, same);
        check = Some(sum);
        let line = format!("'{}' view '{}' -o dummy", place.program.display(), trace.display());
        counted.push(turn(&line, &place.folder).processor);
    }
    assert!(check.is_some_and(|sum| sum != 0));
    let rate = |seconds: Vec<f64>| gigabytes / median(seconds);
    let rates = [rate(in_memory), rate(read), rate(counted)];
    let whats = [
        "a plain sum over the same bytes in memory",
        "a plain sum over them, read from the page cache 64 KiB at a time",
        "ours: all events in time order",
    ];
    [0, 1, 2].map(|at| {
        let times = (at == 2).then(|| rates[2] / rates[1]);
        let (what, trace, ours) = (whats[at], kind.name(), rates[at]);
        Line { what, trace, ours, unit: "GB/s", times, ..Line::default() }.text()
    })
}

fn data_paths(trace: &Path) -> impl Iterator<Item = PathBuf> {
    traces::streams(trace).expect("the trace is there").into_iter().map(|(data, _)| data)
}

fn data_files(trace: &Path) -> Vec<Vec<u8>> {
    data_paths(trace).map(|path| fs::read(path).expect("the trace can be read")).collect()
}

fn sum(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let words = words.iter().fold(0u64, |sum, word| sum.wrapping_add(u64::from_le_bytes(*word)));
    rest.iter().fold(words, |sum, byte| sum.wrapping_add((*byte).into()))
}

/// The sum of files whose sizes are multiples of 8.
fn sum_of_files(trace: &Path) -> u64 {
    let mut window = vec![0; WINDOW_BYTES];
    data_paths(trace).fold(0, |all: u64, path| {
        let mut file = File::open(path).expect("the trace can be read");
        let mut here = 0u64;
        loop {
            match file.read(&mut window).expect("the trace can be read") {
                0 => return all.wrapping_add(here),
                count => here = here.wrapping_add(sum(&window[..count])),
            }
        }
    })
}

/// Seconds of this thread's processor time.
fn timed<T>(what: impl FnOnce() -> T) -> (T, f64) {
    let now = || {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
    };
    let start = now();
    let result = std::hint::black_box(what());
    (result, (now() - start).as_secs_f64())
}
