//! `rttng top` in a terminal: on a session that records, on a whole trace, in a small window, until a key or a signal.

use std::fs::File;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::path::Path;

use rttng_tests::{Cast, Need, Recording, Running, World, apps, eventually, our_program};
use rustix::fs::{Mode, OFlags};
use rustix::process::{Signal, kill_process};

/// `rttng top` in a terminal of its own.
struct Top {
    running: Running,
    /// Where its keys come from.
    keys: File,
}

impl Top {
    /// Starts it in a terminal of so many columns and rows. What the terminal was told stands in the output, and
    /// `RESTORED` with the exit status if its modes are what they were.
    fn start(world: &World, (columns, rows): (u16, u16), watched: &str) -> Top {
        let pipe = world.open_dir().join(format!("keys-{columns}-{rows}-{}", watched.len()));
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, Mode::RUSR | Mode::WUSR).expect("a pipe");
        // Both ends: opening it waits for nobody, and it does not end before the test does.
        let keys: OwnedFd = rustix::fs::open(&pipe, OFlags::RDWR, Mode::empty()).expect("the pipe");
        let command = format!(
            "stty cols {columns} rows {rows}; before=$(stty -g); '{}' top '{watched}'; ended=$?; \
             test \"$before\" = \"$(stty -g)\" && echo RESTORED $ended",
            our_program().display()
        );
        let script = world.program("script").args(["-q", "-f", "-c", &command, "/dev/null"]);
        let script = script.env("TERM", "xterm-256color").env("SHELL", "/bin/sh").input(&pipe);
        Top { running: script.spawn(), keys: keys.into() }
    }

    fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).expect("the pipe takes keys");
    }

    /// Waits for something in what was drawn.
    #[track_caller]
    fn shows(&mut self, text: &str) {
        eventually(&format!("{text} is shown"), || {
            assert!(!self.running.is_over(), "{}", self.running.stdout());
            self.running.stdout().contains(text)
        });
    }

    /// Waits until it has left the terminal as it was.
    #[track_caller]
    fn is_left(&mut self, status: i32) {
        let restored = format!("RESTORED {status}");
        eventually("the terminal is as it was", || self.running.stdout().contains(&restored));
        let drawn = self.running.stdout();
        // The other screen was entered and left, and the cursor is shown.
        let [entered, left] = ["\x1b[?1049h", "\x1b[?1049l"].map(|code| drawn.matches(code).count());
        assert_eq!((entered, left), (1, 1), "{drawn:?}");
        assert!(drawn.rfind("\x1b[?25h") > drawn.rfind("\x1b[?25l"), "{drawn:?}");
        assert!(!drawn.contains("panicked"), "{drawn}");
    }
}

fn watches_a_session(cast: Cast) {
    let Some(recording) = Recording::create(cast, &[Need::UstHeaders]) else { return };
    let channel = "enable-channel -u main --subbuf-size=16k --num-subbuf=8 --blocking-timeout=inf";
    recording.lttng(channel.split(' ').chain(["--switch-timer=100000"]));
    recording.lttng("enable-event -u shop:*,demo:* -c main".split(' '));
    recording.lttng(["start"]);
    let mut top = Top::start(&recording.world, (120, 40), "recording");
    recording.traced(apps::built("shop")).args(["600", "2"]).run().ok();
    // Later only what differs is drawn, in pieces.
    top.shows("shop:");
    // Other tables, another order, a search: the picture goes on.
    top.press("23s/x\x7f\r1");
    recording.traced(apps::built("demo")).arg("3000").run().ok();
    recording.lttng(["stop"]);
    recording.lttng(["destroy"]);
    top.shows("over");
    top.press("q");
    top.is_left(0);
}

#[test]
fn a_session_of_ours_is_watched() {
    watches_a_session(Cast::OURS);
}

#[test]
fn a_real_session_is_watched() {
    watches_a_session(Cast::REAL);
}

/// What the first line of a moment says: events, how many of them a second, how many were lost, and whether more may come.
fn moments(lines: &str) -> Vec<(u64, String, String, String)> {
    let heads = lines.lines().filter_map(|line| line.strip_prefix("recording: "));
    let head = |line: &str| {
        let [events, rate, lost, state] = line.split(", ").collect::<Vec<_>>()[..] else { panic!("{line}") };
        let events = events.strip_suffix(" events").expect("events come first").replace(',', "");
        (events.parse().expect("a number"), rate.to_owned(), lost.to_owned(), state.to_owned())
    };
    heads.map(head).collect()
}

/// The consumer daemon is stopped while events come, so that those which do not fit are lost.
#[test]
fn losses_are_counted_while_a_session_records() {
    let Some(recording) = Recording::create(Cast::OURS, &[Need::UstHeaders]) else { return };
    let world = &recording.world;
    recording
        .lttng("enable-channel -u main --subbuf-size=4k --num-subbuf=2 --switch-timer=100000".split(' '));
    recording.lttng("enable-event -u demo:* -c main".split(' '));
    recording.lttng(["start"]);
    // Its buffers are there then, and it waits before its events.
    let demo = || world.program(apps::built("demo"));
    demo().arg("1").run().ok();
    let mut top = world.rttng().args(["top", "recording", "--interval=0.1"]).spawn();
    eventually("the first events are counted", || {
        moments(&top.stdout())
            .last()
            .is_some_and(|(events, _, lost, _)| *events > 0 && lost == "nothing lost")
    });
    recording.signal_consumer(Signal::STOP);
    // Registration needs no consumer daemon: the buffers of the user are there.
    demo().arg("700").run().ok();
    recording.signal_consumer(Signal::CONT);
    eventually("losses are told while it records", || {
        let moments = moments(&top.stdout());
        moments.last().is_some_and(|(_, _, lost, state)| lost.ends_with(" lost") && state == "recording")
    });
    recording.lttng(["stop"]);
    recording.lttng(["destroy"]);
    let shown = top.ends().ok();
    let (events, rate, lost, state) = moments(&shown).pop().expect("it said something");
    let printed = world.program("babeltrace2").arg(recording.trace()).run();
    assert_eq!(events, printed.stdout.lines().count() as u64, "{shown}");
    let told = printed.stderr.lines().filter_map(|line| line.strip_prefix("WARNING: Tracer discarded "));
    let told: u64 = told.map(|line| line.split(' ').next().unwrap().parse::<u64>().unwrap()).sum();
    assert!(told > 0 && told < 1000, "{}", printed.stderr);
    assert_eq!((lost, state.as_str()), (format!("{told} lost"), "over"), "{shown}");
    assert_ne!(rate, "0/s", "{shown}");
}

#[test]
fn a_terminal_of_any_size_is_left_as_it_was() {
    let Some(world) = World::open(&[]) else { return };
    let trace = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/trace/contexts/trace");
    let trace = trace.to_str().expect("a path in UTF-8");
    for (size, end) in [
        ((80, 24), None),
        ((20, 5), None),
        ((1, 1), None),
        ((81, 24), Some(Signal::TERM)),
        ((82, 24), Some(Signal::INT)),
    ] {
        let mut top = Top::start(&world, size, trace);
        top.shows("\x1b[?1049h");
        match end {
            None => top.press("\tjks q"),
            Some(signal) => {
                top.shows("rich:enums");
                let [pid] = world.processes("rttng")[..] else { panic!("one program runs") };
                kill_process(pid, signal).expect("it runs");
            }
        }
        top.is_left(0);
        let ended = top.running.ends();
        assert_eq!(ended.stderr, "", "{size:?}");
    }
    // No terminal: lines.
    let plain = world.rttng().arg("top").arg(trace).run().ok();
    assert!(plain.contains("rich:enums") && !plain.contains('\x1b'), "{plain}");
    let ended = world.rttng().args(["top", "unknown"]).run();
    assert_eq!((ended.code(), ended.stdout.as_str()), (Some(1), ""));
}
