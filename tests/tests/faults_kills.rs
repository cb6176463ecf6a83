//! SIGKILL at a random moment under load: of an application, of the consumer daemon, of the session daemon. Whatever the
//! moment is, the trace can be read without a warning, it has no gap that it does not tell of, others go on, and the next
//! command says what happened.
//!
//! `RTTNG_SEED=17` plays one seed, `RTTNG_SEEDS=100` more of them. A failure prints its seed.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rttng_tests::Make::Ours;
use rttng_tests::{Ended, Event, Need, Running, World, apps, eventually};
use rustix::process::{Pid, Signal, kill_process};

/// What nobody waits longer for, on a busy machine.
const BOUND: Duration = Duration::from_secs(90);

/// No application hangs here: none is given up on a machine that is too busy to let it answer within 5 seconds.
const PATIENT: (&str, &str) = ("LTTNG_APP_SOCKET_TIMEOUT", "60");

/// Numbers that follow from a seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len() as u64) as usize]
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Plays two seeds, or those that the environment says.
fn play(story: fn(&mut Scene)) {
    let seeds = match number("RTTNG_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("RTTNG_SEEDS").unwrap_or(2),
    };
    for seed in seeds {
        let Some(mut scene) = Scene::open(seed) else { return };
        let played = catch_unwind(AssertUnwindSafe(|| {
            story(&mut scene);
            scene.finish();
        }));
        if let Err(panic) = played {
            eprintln!("seed {seed} (play it alone with RTTNG_SEED={seed}); the session daemon said:");
            eprintln!("{}", scene.daemon.stderr());
            resume_unwind(panic);
        }
    }
}

/// Daemons, a session that records two applications that tick slowly and one that fires as fast as it can, and beside it
/// a recording with daemons of its own.
struct Scene {
    dice: Dice,
    world: World,
    daemon: Running,
    trace: PathBuf,
    until: PathBuf,
    slow: Vec<Running>,
    fast: Running,
    bystander: Running,
}

impl Scene {
    fn open(seed: u64) -> Option<Scene> {
        let world = World::open(&[Need::UstHeaders, Need::Babeltrace2])?;
        let mut dice = Dice(seed);
        let daemon = world.sessiond_program(Ours, Ours).env(PATIENT.0, PATIENT.1);
        let daemon = world.started(daemon).process;
        let trace = world.file("trace");
        let until = world.file("until");
        let lttng = |args: &[&str]| drop(world.our_lttng(args).ok());
        lttng(&["create", "struck", "--output", &trace.display().to_string()]);
        let sharing = dice.pick(&["--buffers-uid", "--buffers-uid", "--buffers-pid"]);
        let timer = dice.pick(&["--switch-timer=0", "--switch-timer=20000", "--switch-timer=100000"]);
        let size = dice.pick(&["--subbuf-size=16k", "--subbuf-size=128k", "--subbuf-size=1M"]);
        // Room for half a minute of ticks: a daemon that has to wait for its turn loses nothing.
        lttng(&["enable-channel", "-u", "slow", sharing, timer, "--subbuf-size=32k", "--num-subbuf=64"]);
        lttng(&["enable-channel", "-u", "fast", sharing, size, "--num-subbuf=4"]);
        lttng(&["enable-event", "-u", "-c", "slow", "rttng_mortal:tick"]);
        lttng(&["enable-event", "-u", "-c", "fast", "rttng_fields:*"]);
        lttng(&["add-context", "-u", "-c", "slow", "-t", "vpid"]);
        lttng(&["start"]);
        let ready = ["first", "second", "fast"].map(|name| world.file(name));
        let slow = |ready: &Path| {
            let program = world.program(apps::built("mortal")).args(["--pace", "300", "--until"]).arg(&until);
            program.arg("--ready").arg(ready).spawn()
        };
        let slow = vec![slow(&ready[0]), slow(&ready[1])];
        let fast = world.program(apps::built("fields")).args(["--threads", "2", "--events", "100000000"]);
        let fast = fast.args(["--rate", "1000", "--ready"]).arg(&ready[2]).spawn();
        let own = world.rttng().arg("record").arg("--output").arg(world.file("own")).arg("--");
        let own = own.arg(apps::built("mortal")).args(["--events", "1500", "--pace", "300"]);
        let bystander = own.env(PATIENT.0, PATIENT.1).spawn();
        eventually("the applications run", || ready.iter().all(|file| file.exists()));
        // The session daemon waits for the consumer daemon before it lets applications go on, but not for long.
        let kinds = if sharing == "--buffers-pid" { 2 + 8 } else { 1 + 8 };
        eventually("what they fire is described", || described(&trace.join("ust")) >= kinds);
        std::thread::sleep(Duration::from_millis(dice.below(600)));
        Some(Scene { dice, world, daemon, trace, until, slow, fast, bystander })
    }

    /// A command, whatever comes of it, as long as it comes soon.
    #[track_caller]
    fn lttng(&self, args: &[&str]) -> Ended {
        let begun = Instant::now();
        let ended = self.world.our_lttng(args);
        assert!(begun.elapsed() < BOUND, "{args:?} took {:?}", begun.elapsed());
        ended
    }

    /// Ends the applications that tick; how often each did, by process.
    fn end_slow(&mut self) -> Vec<(u32, usize)> {
        let pids: Vec<u32> = self.slow.iter_mut().map(Running::inner_pid).collect();
        fs::write(&self.until, "").expect("the world's folder has room");
        let fired = self.slow.iter_mut().map(|program| {
            let ended = program.wait(BOUND).expect("an application ends when it may");
            ended.ok().trim().strip_prefix("done ").and_then(|count| count.parse().ok()).expect("a count")
        });
        pids.into_iter().zip(fired).collect()
    }

    /// The ticks of a process in the trace, which must be the first ones without a gap.
    #[track_caller]
    fn ticks(events: &[Event], pid: u32) -> usize {
        let of_process =
            |event: &&Event| event.name == "rttng_mortal:tick" && event.int("vpid") == Some(i64::from(pid));
        let mut next = 0;
        for event in events.iter().filter(of_process) {
            assert_eq!(event.int("seq"), Some(next), "a gap in the ticks of {pid}");
            next += 1;
        }
        next as usize
    }

    /// The trace of the session that was struck.
    #[track_caller]
    fn read(&self) -> Vec<Event> {
        match self.trace.join("ust").read_dir().map(|mut entries| entries.next().is_some()) {
            Ok(true) => self.world.babeltrace2_with_losses(&self.trace),
            _ => Vec::new(),
        }
    }

    /// Others were not disturbed, and all works as before.
    fn finish(&mut self) {
        self.fast.kill();
        let recorded = self.bystander.wait(BOUND).expect("a recording of its own ends");
        assert_eq!(recorded.code(), Some(0), "{recorded}");
        assert_eq!(count(&self.world, &self.world.file("own")), 1500, "a recording of its own is whole");
        let after = self.world.file("after");
        for command in [
            ["create", "after", "--output", &after.display().to_string()].as_slice(),
            &["enable-event", "-u", "rttng_mortal:tick"],
            &["start"],
        ] {
            self.lttng(command).ok();
        }
        self.world.program(apps::built("mortal")).args(["--events", "100"]).run().ok();
        self.lttng(&["stop"]).ok();
        self.lttng(&["destroy", "after"]).ok();
        assert_eq!(count(&self.world, &after), 100, "the next session is whole");
    }
}

/// The ticks in a trace that must be whole.
fn count(world: &World, trace: &Path) -> usize {
    world.babeltrace2(trace).iter().filter(|event| event.name == "rttng_mortal:tick").count()
}

/// How many kinds of events of these applications the metadata below a folder tells of.
fn described(folder: &Path) -> usize {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let counts = entries.map(|path| match fs::read(&path) {
        Ok(metadata) if path.ends_with("metadata") => {
            let text = String::from_utf8_lossy(&metadata);
            ["rttng_mortal:tick", "rttng_fields:"].map(|name| text.matches(name).count()).iter().sum()
        }
        Ok(_) => 0,
        Err(_) => described(&path),
    });
    counts.sum()
}

fn children(of: Pid) -> Vec<Pid> {
    let pid = of.as_raw_nonzero();
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).expect("it runs").flatten();
    let children = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    let pids: Vec<String> = children.collect();
    pids.iter()
        .flat_map(|pids| pids.split_whitespace())
        .filter_map(|pid| Pid::from_raw(pid.parse().ok()?))
        .collect()
}

#[test]
fn an_application_is_killed() {
    play(|scene| {
        let victim = scene.dice.below(2);
        let killed = match victim {
            0 => {
                scene.fast.kill();
                None
            }
            _ => {
                let pid = scene.slow[0].inner_pid();
                scene.slow[0].kill();
                scene.slow.remove(0);
                Some(pid)
            }
        };
        std::thread::sleep(Duration::from_millis(scene.dice.below(300)));
        let fired = scene.end_slow();
        scene.fast.kill();
        scene.lttng(&["list", "struck"]).ok();
        scene.lttng(&["stop", "struck"]).ok();
        scene.lttng(&["destroy", "struck"]).ok();
        let events = scene.read();
        for (pid, count) in fired {
            assert_eq!(Scene::ticks(&events, pid), count, "nothing of {pid} is lost");
        }
        if let Some(pid) = killed {
            assert!(Scene::ticks(&events, pid) > 0, "what the killed application recorded is there");
        }
    });
}

#[test]
fn the_consumer_daemon_is_killed() {
    play(|scene| {
        let consumers = children(scene.daemon.pid());
        assert!(!consumers.is_empty(), "there is a consumer daemon");
        for pid in consumers {
            let _ = kill_process(pid, Signal::KILL);
        }
        std::thread::sleep(Duration::from_millis(scene.dice.below(300)));
        scene.lttng(&["list"]).ok();
        let stopped = scene.lttng(&["stop", "struck"]);
        assert!(!stopped.status.success() && stopped.stderr.contains("consumer"), "{stopped}");
        scene.lttng(&["destroy", "struck"]);
        let pids: Vec<u32> = scene.end_slow().into_iter().map(|(pid, _)| pid).collect();
        let events = scene.read();
        for pid in pids {
            Scene::ticks(&events, pid);
        }
    });
}

#[test]
fn the_session_daemon_is_killed() {
    play(|scene| {
        let consumers = children(scene.daemon.pid());
        // It alone: the consumer daemon has work left.
        kill_process(scene.daemon.pid(), Signal::KILL).expect("it runs");
        let alone = scene.lttng(&["stop", "struck"]);
        assert!(!alone.status.success(), "{alone}");
        assert!(alone.stderr.contains("No session daemon is available"), "{alone}");
        if scene.dice.below(2) == 0 {
            scene.fast.kill();
        }
        let pids: Vec<u32> = scene.end_slow().into_iter().map(|(pid, _)| pid).collect();
        scene.fast.kill();
        assert!(scene.daemon.wait(BOUND).is_some(), "it was killed");
        eventually("the consumer daemon has written what there was, and ends", || {
            let lives = |pid: &Pid| rustix::process::test_kill_process(*pid).is_ok();
            !consumers.iter().any(lives)
        });
        let events = scene.read();
        for pid in pids {
            Scene::ticks(&events, pid);
        }
        scene.daemon = scene.world.our_sessiond().process;
    });
}
