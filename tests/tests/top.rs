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
