//! Events flat out: what one costs the application, what draining costs the consumer daemon, and how small the buffers
//! may be.

use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use rustix::process::getpid;

use crate::stage::{Cast, Stage, cpu_seconds};
use crate::table::{Bar, Row, Samples};

const ONE: &str = "an event of one integer, in the application, 1 thread";
const TWO: &str = "the same, 2 threads on 2 CPUs, which the consumer daemon shares";
const TEXT: &str = "an event of an integer and 32 characters, 1 thread";

pub(crate) const EVENT_ROWS: &[Row] = &[
    Row { what: ONE, unit: "ns", digits: 1, bar: Bar::Ratio(1.0) },
    Row { what: TWO, unit: "ns", digits: 1, bar: Bar::Ratio(1.0) },
    Row { what: TEXT, unit: "ns", digits: 1, bar: Bar::Ratio(1.0) },
];

/// Processor time per event of the threads that trace, with buffers that never run full: an event that is discarded
/// is cheap.
pub(crate) fn event(cast: Cast) -> Samples {
    let stage = Stage::set(cast);
    stage.record("8M", "16", "rttng_load:*");
    stage.lttng(&["start"]);
    let mut samples = Samples::new();
    for (what, args) in [
        (ONE, ["--threads", "1", "--events", "2000000"].as_slice()),
        (TWO, &["--threads", "2", "--events", "2000000"]),
        (TEXT, &["--threads", "1", "--events", "1000000", "--text"]),
    ] {
        let load = stage.load(args);
        samples.insert(what, load.cpu_ns / load.events);
    }
    let lost = stage.stop();
    if lost > 0 {
        eprintln!("{lost} events were lost: the cost of an event was not measured in this turn");
        samples.clear();
    }
    stage.lttng(&["destroy"]);
    stage.strike();
    samples
}

const CONSUMER: &str = "consumer daemon, CPU time per GB recorded";
const LOST: &str = "events lost meanwhile, of 10 million";
const COPY: &str = "a bare write of the same bytes to the page cache";

pub(crate) const DRAIN_ROWS: &[Row] = &[
    Row { what: CONSUMER, unit: "s", digits: 3, bar: Bar::Ratio(0.7) },
    Row { what: LOST, unit: "events", digits: 0, bar: Bar::None },
    Row { what: COPY, unit: "s", digits: 3, bar: Bar::None },
];

/// Processor time of the consumer daemon for a recording of about half a gigabyte.
pub(crate) fn drain(cast: Cast) -> Samples {
    let stage = Stage::set(cast);
    stage.record("1M", "32", "rttng_load:*");
    stage.lttng(&["start"]);
    // The daemon runs from the first application on; what it used before is start-up.
    stage.load(&["--threads", "1", "--events", "1"]);
    let consumerd = stage.consumerd();
    assert!(!consumerd.is_empty(), "no consumer daemon runs");
    let before = cpu_seconds(&consumerd);
    stage.load(&["--threads", "2", "--events", "5000000", "--text"]);
    let lost = stage.stop();
    let used = cpu_seconds(&consumerd) - before;
    let bytes = size_of(&stage.trace());
    let copy = bare_write(&stage.world.file("copy"), bytes);
    stage.lttng(&["destroy"]);
    stage.strike();
    let gigabytes = bytes as f64 / 1e9;
    Samples::from([(CONSUMER, used / gigabytes), (LOST, lost as f64), (COPY, copy / gigabytes)])
}

/// Seconds of processor time to write so many bytes, in pieces of a sub-buffer, to pages that the cache already holds:
/// getting fresh pages costs a virtual machine many times more, and by chance.
fn bare_write(path: &Path, bytes: u64) -> f64 {
    const PIECE: usize = 1 << 20;
    const PIECES: u64 = 64;
    let piece = vec![0x5a_u8; PIECE];
    let file = File::create(path).expect("the disk has room");
    let write = |number: u64| {
        file.write_all_at(&piece, number % PIECES * PIECE as u64).expect("the disk has room");
    };
    (0..PIECES).for_each(write);
    let before = cpu_seconds(&[getpid()]);
    (0..bytes / PIECE as u64).for_each(write);
    let used = cpu_seconds(&[getpid()]) - before;
    fs::remove_file(path).expect("an own file can be removed");
    used
}

fn size_of(dir: &Path) -> u64 {
    let entries = fs::read_dir(dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display()));
    let sizes = entries.flatten().map(|entry| match entry.metadata() {
        Ok(data) if data.is_dir() => size_of(&entry.path()),
        Ok(data) => data.len(),
        Err(error) => panic!("{}: {error}", entry.path().display()),
    });
    sizes.sum()
}

const DEFAULT: &str =
    "consumer daemon, CPU time per GB recorded, with LTTng's default buffers, 4 × 512 kB per CPU";
const LOST_BY_DEFAULT: &str = "events lost meanwhile, of 20 million small ones";

pub(crate) const DEFAULT_ROWS: &[Row] = &[
    Row { what: DEFAULT, unit: "s", digits: 3, bar: Bar::Ratio(0.7) },
    Row { what: LOST_BY_DEFAULT, unit: "events", digits: 0, bar: Bar::None },
];

/// As [`drain`], flat out into the buffers that a user gets who asks for nothing.
pub(crate) fn default(cast: Cast) -> Samples {
    let stage = Stage::set(cast);
    stage.record("512k", "4", "rttng_load:*");
    stage.lttng(&["start"]);
    stage.load(&["--threads", "1", "--events", "1"]);
    let consumerd = stage.consumerd();
    assert!(!consumerd.is_empty(), "no consumer daemon runs");
    let before = cpu_seconds(&consumerd);
    stage.load(&["--threads", "2", "--events", "10000000"]);
    let lost = stage.stop();
    let used = cpu_seconds(&consumerd) - before;
    let gigabytes = size_of(&stage.trace()) as f64 / 1e9;
    stage.lttng(&["destroy"]);
    stage.strike();
    Samples::from([(DEFAULT, used / gigabytes), (LOST_BY_DEFAULT, lost as f64)])
}

const SMALLEST: &str =
    "smallest sub-buffers, 4 per CPU, with which 2 threads flat out lose nothing (3 tries)";
const LOST_IN_SMALL: &str = "events lost, of 6 million, with 4 × 128 kB per CPU";

pub(crate) const BUFFERS_ROWS: &[Row] = &[
    Row { what: SMALLEST, unit: "kB", digits: 0, bar: Bar::Ratio(0.5) },
    Row { what: LOST_IN_SMALL, unit: "events", digits: 0, bar: Bar::None },
];

/// Goes down from what certainly suffices, as long as nothing is lost three times running.
pub(crate) fn buffers(cast: Cast) -> Samples {
    let stage = Stage::set(cast);
    let lost = |kib: u32| {
        stage.record(&format!("{kib}k"), "4", "rttng_load:*");
        stage.lttng(&["start"]);
        stage.load(&["--threads", "2", "--events", "3000000"]);
        let lost = stage.stop();
        stage.lttng(&["destroy"]);
        fs::remove_dir_all(stage.trace()).expect("an own folder can be removed");
        lost
    };
    let mut samples = Samples::from([(LOST_IN_SMALL, lost(128) as f64)]);
    for kib in [8192_u32, 4096, 2048, 1024, 512, 256, 128, 64, 32, 16, 8, 4] {
        if (0..3).any(|_| lost(kib) > 0) {
            break;
        }
        samples.insert(SMALLEST, f64::from(kib));
    }
    stage.strike();
    samples
}
