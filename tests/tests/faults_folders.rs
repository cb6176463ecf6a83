//! Output folders that cannot be made, written, or kept: clients are told by the same exit codes as by the real programs,
//! at the same command, and other sessions go on. Each story is played with ours and with the real programs.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use rttng_tests::Make::{self, Ours, Real};
use rttng_tests::{Ended, Need, Running, World, apps, eventually};

/// An ordinary user of the world.
const USER: u32 = 1234;

/// A world with a session daemon, and one user of it.
struct Stage {
    world: World,
    make: Make,
    user: Option<u32>,
    home: PathBuf,
    daemon: Running,
    told: Vec<String>,
}

impl Stage {
    fn open(make: Make, user: Option<u32>) -> Option<Stage> {
        let world = World::open(&[Need::RealLttng, Need::UstHeaders, Need::Babeltrace2, Need::Root])?;
        let home = world.open_dir().join("home");
        fs::create_dir(&home).expect("the world's folder has room");
        let program = world.sessiond_program(make, make).env("HOME", &home);
        let (program, run) = match user {
            Some(user) => {
                std::os::unix::fs::chown(&home, Some(user), Some(user)).expect("root may do that");
                (program.user(user), home.join(".lttng"))
            }
            None => (program, "/run/lttng".into()),
        };
        let mut daemon = program.spawn();
        let serves = |name: &str| UnixStream::connect(world.outside(run.join(name))).is_ok();
        eventually("the session daemon serves", || {
            assert!(!daemon.is_over(), "{}", daemon.stderr());
            serves("client-lttng-sessiond") && serves("lttng-ust-sock-8")
        });
        Some(Stage { world, make, user, home, daemon, told: Vec::new() })
    }

    fn run(&self, program: rttng_tests::Program) -> Ended {
        let program = program.env("HOME", &self.home).directory(&self.home);
        match self.user {
            Some(user) => program.user(user).run(),
            None => program.run(),
        }
    }

    /// Runs a command and notes how it ended.
    fn lttng(&mut self, args: &[&str]) -> Ended {
        let ended = self.run(self.world.made(self.make, "lttng").arg("--no-sessiond").args(args));
        let code = ended.code().expect("a client is not killed");
        self.told.push(format!("{}: {code}", args.join(" ").replace(&self.place(), "…")));
        ended
    }

    /// Where traces go; another place in each world.
    fn place(&self) -> String {
        self.world.open_dir().display().to_string()
    }

    fn fire(&self) {
        let program = self.world.program(apps::built("demo")).arg("10");
        self.run(program).ok();
    }

    fn begin(&mut self, output: &str) {
        self.lttng(&["create", "s", "--output", output]);
        self.lttng(&["enable-event", "-u", "demo:tick"]);
        self.lttng(&["start"]);
    }

    fn finish(&mut self) {
        self.lttng(&["stop"]);
        self.lttng(&["destroy", "s"]);
    }

    /// One session from its begin to its end.
    fn record(&mut self, output: &str) {
        self.begin(output);
        self.fire();
        self.finish();
    }

    fn note_events(&mut self, trace: &Path) {
        let count = self.world.babeltrace2(trace).len();
        self.told.push(format!("{count} events in {}", trace.file_name().unwrap_or_default().display()));
    }

    /// What was told in all, once it is sure that the daemon works as before.
    fn end(mut self) -> Vec<String> {
        let whole = self.world.open_dir().join("whole");
        self.record(&whole.display().to_string());
        self.note_events(&whole);
        assert!(!self.daemon.is_over(), "the daemon is still there: {}", self.daemon.stderr());
        self.told
    }
}

#[track_caller]
fn same_with_both(user: Option<u32>, story: impl Fn(&mut Stage)) {
    let play = |make| {
        let mut stage = Stage::open(make, user)?;
        story(&mut stage);
        Some(stage.end())
    };
    let (Some(ours), Some(real)) = (play(Ours), play(Real)) else { return };
    assert!(ours.last().is_some_and(|last| last == "10 events in whole"), "{ours:#?}");
    assert_eq!(ours, real);
}

#[test]
fn folders_that_cannot_be_made_are_told_of_as_by_the_real_programs() {
    same_with_both(None, |stage| {
        let place = stage.world.open_dir();
        stage.record("./relative");
        stage.note_events(&stage.home.join("relative"));
        stage.record("../up/./x/../relative");
        stage.note_events(&place.join("up/relative"));
        fs::write(place.join("file"), "precious").expect("the folder is writable");
        stage.record(&place.join("file").display().to_string());
        stage.record(&place.join("file/below").display().to_string());
        assert_eq!(fs::read_to_string(place.join("file")).expect("it is still a file"), "precious");
        let fixed = place.join("fixed");
        fs::create_dir(&fixed).expect("the folder is writable");
        stage.world.program("mount").args(["-t", "tmpfs", "-o", "ro", "fixed"]).arg(&fixed).run().ok();
        stage.record(&fixed.join("x").display().to_string());
    });
}

#[test]
fn folders_that_are_removed_while_they_are_recorded_to_harm_nobody_else() {
    same_with_both(None, |stage| {
        let place = stage.world.open_dir();
        let gone = place.join("gone");
        stage.begin(&gone.display().to_string());
        stage.fire();
        fs::remove_dir_all(&gone).expect("it may be removed");
        stage.fire();
        stage.lttng(&["stop"]);
        stage.lttng(&["start"]);
        stage.fire();
        stage.finish();
        // Before there is an application.
        stage.begin(&gone.display().to_string());
        fs::remove_dir_all(&gone).expect("it may be removed");
        stage.fire();
        stage.finish();
        assert!(!gone.exists(), "what somebody removed does not come again");
        // Moved, not removed: the trace is where the folder is.
        stage.begin(&gone.display().to_string());
        let moved = place.join("moved");
        fs::rename(&gone, &moved).expect("it may be moved");
        stage.fire();
        stage.finish();
        stage.note_events(&moved);
    });
}

#[test]
fn folders_of_others_are_told_of_as_by_the_real_programs() {
    same_with_both(Some(USER), |stage| {
        let place = stage.world.open_dir();
        let locked = place.join("locked");
        fs::create_dir(&locked).expect("the folder is writable");
        fs::set_permissions(&locked, fs::Permissions::from_mode(0o700)).expect("root may do that");
        stage.record(&locked.join("x").display().to_string());
        stage.record(&locked.display().to_string());
        fs::set_permissions(&locked, fs::Permissions::from_mode(0o755)).expect("root may do that");
        stage.record(&locked.join("x").display().to_string());
        // A folder that is closed while it is recorded to: what is open goes on.
        let closing = place.join("closing");
        fs::create_dir(&closing).expect("the folder is writable");
        fs::set_permissions(&closing, fs::Permissions::from_mode(0o777)).expect("root may do that");
        stage.begin(&closing.join("x").display().to_string());
        fs::set_permissions(&closing, fs::Permissions::from_mode(0o700)).expect("root may do that");
        stage.fire();
        stage.finish();
        fs::set_permissions(&closing, fs::Permissions::from_mode(0o755)).expect("root may do that");
        stage.note_events(&closing.join("x"));
    });
}
