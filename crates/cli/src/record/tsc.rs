//! The processor's time-stamp counter as the clock of a recording (`--clock tsc`): whether this machine's can be one, how
//! it relates to `CLOCK_MONOTONIC`, and how the trace comes to say so.
//!
//! The counter is measured when the recording begins, now and then while it lasts, and at its end. The line through
//! the first and the last measurement is what the metadata gets at the end; how far those between are from it is told.

use std::io;
use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::Duration;

use rttng_ctf::{Clock, Uuid, ust};
use rttng_ring::TraceClock;
use rttng_session::world::{self, RealClock};

use super::report::grouped;

/// The counter is watched for so long before the recording begins; the end of the recording makes it more exact.
const FIRST_LOOK: Duration = Duration::from_millis(10);
/// The time between measurements grows to this.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// Tries to read both clocks at the same time; the quickest one counts.
const TRIES: usize = 32;

/// The counter and `CLOCK_MONOTONIC` at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Anchor {
    cycles: u64,
    nanoseconds: u64,
}

impl Anchor {
    fn now() -> Anchor {
        let sample = || {
            let before = TraceClock::Tsc.now();
            let nanoseconds = TraceClock::Monotonic.now();
            let took = TraceClock::Tsc.now() - before;
            (took, Anchor { cycles: before + took / 2, nanoseconds })
        };
        let mut best = sample();
        for _ in 1..TRIES {
            let one = sample();
            if one.0 < best.0 {
                best = one;
            }
        }
        best.1
    }
}

/// The line through two measurements.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Line {
    from: Anchor,
    /// Cycles a second.
    frequency: u64,
}

impl Line {
    /// Nothing where time did not pass between the two.
    fn through(from: Anchor, to: Anchor) -> Option<Line> {
        let cycles = u128::from(to.cycles.checked_sub(from.cycles)?);
        let nanoseconds = u128::from(to.nanoseconds.checked_sub(from.nanoseconds)?);
        let frequency = (cycles * 1_000_000_000 + nanoseconds / 2).checked_div(nanoseconds)?;
        u64::try_from(frequency)
            .ok()
            .filter(|frequency| *frequency > 0)
            .map(|frequency| Line { from, frequency })
    }

    /// How far a measurement is from the line, in nanoseconds.
    fn distance(&self, anchor: Anchor) -> u64 {
        let cycles = i128::from(anchor.cycles) - i128::from(self.from.cycles);
        let expected =
            i128::from(self.from.nanoseconds) + cycles * 1_000_000_000 / i128::from(self.frequency);
        u64::try_from((expected - i128::from(anchor.nanoseconds)).abs()).unwrap_or(u64::MAX)
    }

    /// The clock that traces declare, if `CLOCK_MONOTONIC` is so many nanoseconds behind the time of day. What is declared
    /// first has a longer description, so that what is measured later has room in its place.
    fn declared(&self, offset: i64, uuid: Option<Uuid>, description: &str) -> Clock {
        let frequency = i128::from(self.frequency);
        let epoch_ns = i128::from(self.from.nanoseconds) + i128::from(offset);
        let cycles =
            (epoch_ns * frequency + 500_000_000).div_euclid(1_000_000_000) - i128::from(self.from.cycles);
        Clock {
            name: "tsc".to_owned(),
            description: Some(description.to_owned()),
            frequency: self.frequency,
            offset_seconds: i64::try_from(cycles.div_euclid(frequency)).unwrap_or_default(),
            offset: i64::try_from(cycles.rem_euclid(frequency)).unwrap_or_default(),
            ..Clock::monotonic(uuid, 0)
        }
    }
}

const AT_FIRST: &str = "Time-stamp counter of the processor, as measured before the recording";
const AT_LAST: &str = "Time-stamp counter of the processor";

/// The counter, watched from the beginning of a recording to its end.
#[derive(Debug)]
pub(super) struct Watched {
    /// As measured before the recording.
    at_first: Line,
    /// From `CLOCK_MONOTONIC` to the time of day.
    offset: i64,
    uuid: Uuid,
    stop: mpsc::Sender<()>,
    thread: JoinHandle<Vec<Anchor>>,
}

impl Watched {
    /// Begins to watch.
    ///
    /// # Errors
    /// Why the counter cannot be the clock.
    pub(super) fn begin() -> Result<Self, String> {
        check()
            .map_err(|why| format!("--clock tsc: {why}; without the option, CLOCK_MONOTONIC is the clock"))?;
        let from = Anchor::now();
        std::thread::sleep(FIRST_LOOK);
        let at_first = Line::through(from, Anchor::now()).ok_or("--clock tsc: the counter stands still")?;
        let clock: &dyn world::Clock = &RealClock;
        let (offset, uuid) = (clock.offset_of_monotonic(), clock.uuid());
        let (stop, stopped) = mpsc::channel();
        let watch = move || {
            let mut between = Vec::new();
            let mut pause = FIRST_LOOK;
            while stopped.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
                between.push(Anchor::now());
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            between
        };
        let thread = std::thread::Builder::new().name("rttng-clock".into()).spawn(watch);
        let thread = thread.map_err(|error| format!("cannot start a thread: {error}"))?;
        Ok(Watched { at_first, offset, uuid, stop, thread })
    }

    /// What traces declare as long as the recording lasts.
    pub(super) fn clock(&self) -> Clock {
        self.at_first.declared(self.offset, Some(self.uuid), AT_FIRST)
    }

    /// Ends watching, after the last event: writes what was measured into the metadata of the traces in that
    /// directory, and says it.
    pub(super) fn end(self, traces: &Path) -> Vec<String> {
        // The thread may have ended by itself.
        let _ = self.stop.send(());
        let between = self.thread.join().unwrap_or_default();
        let before = self.at_first;
        let to = Anchor::now();
        let Some(line) = Line::through(before.from, to) else {
            return vec![
                "the time-stamp counter went back while it was recorded: times are wrong".to_owned(),
            ];
        };
        let old = ust::clock_block(&before.declared(self.offset, Some(self.uuid), AT_FIRST));
        let new = ust::clock_block(&line.declared(self.offset, Some(self.uuid), AT_LAST));
        let mut lines: Vec<String> = metadata_files(traces)
            .iter()
            .filter_map(|file| {
                let why = mend(file, &old, &new).err()?;
                Some(format!("{}: {why}; its times are as measured before the recording", file.display()))
            })
            .collect();
        let farthest = between.iter().map(|anchor| line.distance(*anchor)).max().unwrap_or(0);
        let drift = before.distance(to);
        lines.insert(
            0,
            format!(
                "clock: the time-stamp counter, {} Hz; at most {} from CLOCK_MONOTONIC in {} measurements; what was \
                 measured before the recording would have been {} off at its end",
                grouped(line.frequency),
                short(farthest),
                between.len() + 2,
                short(drift),
            ),
        );
        lines
    }
}

fn short(nanoseconds: u64) -> String {
    match nanoseconds {
        0..10_000 => format!("{nanoseconds} ns"),
        10_000..10_000_000 => format!("{} µs", nanoseconds / 1_000),
        _ => format!("{} ms", nanoseconds / 1_000_000),
    }
}

/// Puts one block of metadata in the place of another that is at least as long; blanks fill the rest.
fn mend(file: &Path, old: &str, new: &str) -> Result<(), String> {
    let mut bytes = std::fs::read(file).map_err(|error| error.to_string())?;
    let at = bytes.windows(old.len()).position(|bytes| bytes == old.as_bytes());
    let at = at.ok_or("its metadata does not declare the clock in one piece")?;
    let place = &mut bytes[at..at + old.len()];
    if new.len() > place.len() {
        return Err("what was measured has no room in its metadata".to_owned());
    }
    let (text, rest) = place.split_at_mut(new.len());
    text.copy_from_slice(new.as_bytes());
    rest.fill(b' ');
    if let Some(last) = rest.last_mut() {
        *last = b'\n';
    }
    // In one write, in place: the owner and the mode stay.
    std::fs::OpenOptions::new()
        .write(true)
        .open(file)
        .and_then(|mut to| io::Write::write_all(&mut to, &bytes))
        .map_err(|error| error.to_string())
}

fn metadata_files(traces: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![traces.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for entry in entries.flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(entry.path()),
                Ok(kind) if kind.is_file() && entry.file_name() == "metadata" => found.push(entry.path()),
                _ => {}
            }
        }
    }
    found
}

/// Whether this machine's counter can be a clock.
fn check() -> Result<(), String> {
    if !cfg!(target_arch = "x86_64") {
        return Err("only x86-64 has a time-stamp counter that is known here".to_owned());
    }
    let read =
        |path: &str| std::fs::read_to_string(path).map_err(|error| format!("cannot read {path}: {error}"));
    const SOURCES: &str = "/sys/devices/system/clocksource/clocksource0";
    let available = read(&format!("{SOURCES}/available_clocksource"))?;
    let current = read(&format!("{SOURCES}/current_clocksource"))?;
    judge(&read("/proc/cpuinfo")?, &available, &current)
}

/// What the kernel says of the counter.
fn judge(cpuinfo: &str, available: &str, current: &str) -> Result<(), String> {
    let flags =
        cpuinfo.lines().find_map(|line| line.strip_prefix("flags")?.split_once(':')).map(|(_, flags)| flags);
    let has = |flag: &str| flags.is_some_and(|flags| flags.split_whitespace().any(|word| word == flag));
    for (flag, what) in [
        ("constant_tsc", "changes its speed with the processor's (no flag constant_tsc in /proc/cpuinfo)"),
        ("nonstop_tsc", "stops while the processor sleeps (no flag nonstop_tsc in /proc/cpuinfo)"),
    ] {
        if !has(flag) {
            return Err(format!("this machine's time-stamp counter {what}"));
        }
    }
    if !available.split_whitespace().any(|name| name == "tsc") {
        return Err(
            "the kernel found this machine's time-stamp counter unstable (no tsc in available_clocksource)"
                .into(),
        );
    }
    // A hypervisor may move the machine to a host with another counter; the guest's kernel knows whether to trust it.
    if has("hypervisor") && current.trim() != "tsc" {
        return Err(format!(
            "this is a virtual machine whose kernel keeps time with {}, not with the time-stamp counter",
            current.trim()
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_counters_that_the_kernel_trusts_are_clocks() {
        let good = "processor : 0\nflags\t\t: fpu tsc constant_tsc nonstop_tsc\n";
        assert_eq!(judge(good, "tsc hpet", "hpet"), Ok(()));
        let guest = good.replace("fpu", "hypervisor");
        assert_eq!(judge(&guest, "tsc kvm-clock", "tsc"), Ok(()));
        for (cpuinfo, available, current, said) in [
            (good.replace("nonstop_tsc", ""), "tsc", "tsc", "nonstop_tsc"),
            (good.replace("constant_tsc", ""), "tsc", "tsc", "constant_tsc"),
            (good.to_owned(), "hpet acpi_pm", "hpet", "unstable"),
            (guest, "kvm-clock tsc", "kvm-clock", "keeps time with kvm-clock"),
            (String::new(), "tsc", "tsc", "constant_tsc"),
        ] {
            let why = judge(&cpuinfo, available, current).unwrap_err();
            assert!(why.contains(said), "{why}");
        }
    }

    #[test]
    fn the_declared_clock_gives_the_time_of_day() {
        let from = Anchor { cycles: 5_000_000_123, nanoseconds: 2_000_000_000 };
        let to = Anchor {
            cycles: from.cycles + 2_445_432_100 * 10,
            nanoseconds: from.nanoseconds + 10_000_000_000,
        };
        let line = Line::through(from, to).unwrap();
        assert_eq!(line.frequency, 2_445_432_100);
        let offset = 1_795_372_999_259_704_699;
        let clock = line.declared(offset, None, "");
        assert!(clock.offset >= 0 && clock.offset < 2_445_432_100);
        for anchor in [from, to] {
            let expected = i128::from(anchor.nanoseconds) + i128::from(offset);
            assert!((clock.nanoseconds(anchor.cycles) - expected).abs() <= 1, "{expected}");
        }
        assert_eq!(line.distance(to), 0);
        assert_eq!(line.distance(Anchor { nanoseconds: to.nanoseconds - 70, ..to }), 70);
        assert_eq!(Line::through(from, from), None);
    }

    #[test]
    fn what_is_measured_at_the_end_has_the_room_of_what_was_declared_first() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("metadata");
        let narrow = Line { from: Anchor { cycles: 1, nanoseconds: 1 }, frequency: 999_999_999 };
        let wide = Line { from: Anchor { cycles: 1, nanoseconds: 1 }, frequency: 1_000_000_001 };
        let old = ust::clock_block(&narrow.declared(0, None, AT_FIRST));
        let new = ust::clock_block(&wide.declared(1_795_372_999_259_704_699, None, AT_LAST));
        std::fs::write(&file, format!("before {old}behind")).unwrap();
        mend(&file, &old, &new).unwrap();
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(text.starts_with("before clock {") && text.ends_with("\nbehind"), "{text}");
        assert!(text.contains("freq = 1000000001;"), "{text}");
        assert_eq!(text.len(), "before behind".len() + old.len());
        assert!(mend(&file, &old, &new).unwrap_err().contains("in one piece"));
    }
}
