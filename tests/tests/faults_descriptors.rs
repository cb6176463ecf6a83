//! Open files run out: the daemons take all that they may have; applications that find no place wait without costing
//! anything, clients are answered all the same, and all is well again when others have left.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rttng_tests::Make::Ours;
use rttng_tests::{Need, Program, Running, World, apps, eventually};

const NEEDS: [Need; 3] = [Need::UstHeaders, Need::Babeltrace2, Need::Root];

/// An ordinary user: root's daemon may have as many files as it likes.
const USER: u32 = 1234;

/// How soon a client is answered.
const ANSWER: Duration = Duration::from_secs(20);

/// The soft and the hard limit of open files of a process.
fn limits(pid: rustix::process::Pid) -> (String, String) {
    let all = fs::read_to_string(format!("/proc/{}/limits", pid.as_raw_nonzero())).expect("it runs");
    let line = all.lines().find(|line| line.starts_with("Max open files")).expect("there is such a limit");
    let mut words = line.split_whitespace().skip(3).map(str::to_owned);
    (words.next().expect("a soft limit"), words.next().expect("a hard limit"))
}

/// A user with a session daemon of its own, under a limit.
struct Cramped {
    world: World,
    home: PathBuf,
    daemon: Running,
}

impl Cramped {
    fn open(limit: &str) -> Option<Cramped> {
        Cramped::with(limit, None)
    }

    /// With another limit for the consumer daemon.
    fn with(limit: &str, of_consumer: Option<&str>) -> Option<Cramped> {
        let world = World::open(&NEEDS)?;
        let home = world.open_dir().join("home");
        fs::create_dir(&home).expect("the world's folder has room");
        std::os::unix::fs::chown(&home, Some(USER), Some(USER)).expect("root may do that");
        let program = world.sessiond_program(Ours, Ours).under(["prlimit", &format!("--nofile={limit}")]);
        let program = match of_consumer {
            Some(limit) => {
                let wrapper = world.open_dir().join("consumerd");
                let consumer = world.consumerd(Ours).display().to_string();
                fs::write(&wrapper, format!("#!/bin/sh\nexec prlimit --nofile={limit} {consumer} \"$@\"\n"))
                    .and_then(|()| fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755)))
                    .expect("the world's folder has room");
                program.arg("--consumerd64-path").arg(wrapper)
            }
            None => program,
        };
        let mut daemon = program.user(USER).env("HOME", &home).spawn();
        let serves = |name: &str| UnixStream::connect(home.join(".lttng").join(name)).is_ok();
        eventually("the session daemon serves", || {
            assert!(!daemon.is_over(), "{}", daemon.stderr());
            serves("client-lttng-sessiond") && serves("lttng-ust-sock-8")
        });
        Some(Cramped { world, home, daemon })
    }

    fn as_user(&self, program: Program) -> Program {
        program.user(USER).env("HOME", &self.home).directory(&self.home)
    }

    /// A client command that must succeed, and soon.
    #[track_caller]
    fn lttng(&self, args: &[&str]) -> String {
        let begun = Instant::now();
        let said = self.as_user(self.world.made(Ours, "lttng").arg("--no-sessiond").args(args)).run().ok();
        assert!(begun.elapsed() < ANSWER, "{args:?} took {:?}", begun.elapsed());
        said
    }

    fn application(&self, args: &[&str]) -> Program {
        self.as_user(self.world.program(apps::built("mortal")).args(args))
    }

    fn registered(&self) -> usize {
        self.lttng(&["list", "-u"]).matches("PID: ").count()
    }

    fn create(&self, name: &str, more: &[&[&str]]) -> PathBuf {
        let trace = self.home.join(name);
        self.lttng(&["create", name, "--output", &trace.display().to_string()]);
        more.iter().for_each(|command| drop(self.lttng(command)));
        self.lttng(&["enable-event", "-u", "-c", "c", "rttng_mortal:tick"]);
        self.lttng(&["start"]);
        trace
    }
}

#[test]
fn the_daemons_take_all_the_files_that_they_may_have() {
    let Some(cramped) = Cramped::open("200:3000") else { return };
    let Cramped { world, mut daemon, .. } = cramped;
    let own = ("3000".to_owned(), "3000".to_owned());
    assert_eq!(limits(daemon.pid()), own);

    let mut root = world.our_sessiond();
    world.our_lttng(["create", "s", "--output", "/tmp/nowhere"]).ok();
    world.our_lttng(["enable-event", "-u", "some:event"]).ok();
    world.our_lttng(["start"]).ok();
    let consumers = world.processes("lttng-consumerd");
    assert!(!consumers.is_empty(), "a consumer daemon runs");
    let daemons = consumers.into_iter().chain([root.process.pid()]);
    for (soft, hard) in daemons.map(limits) {
        assert_eq!(soft, hard);
    }
    world.our_lttng(["destroy"]).ok();
}

#[test]
fn applications_that_find_no_place_wait_and_cost_nothing() {
    let Some(mut cramped) = Cramped::open("64:64") else { return };
    let channel: &[&str] = &["enable-channel", "-u", "c", "--subbuf-size=16k", "--num-subbuf=4"];
    let trace = cramped.create("first", &[channel]);
    let until = cramped.home.join("until").display().to_string();
    let mut crowd: Vec<Running> =
        (0..30).map(|_| cramped.application(&["--pace", "10000", "--until", &until]).spawn()).collect();
    eventually("those that fit are served", || cramped.registered() >= 8);
    let log = || cramped.daemon.stderr();
    eventually("the others have to wait", || log().contains("an application has to wait"));
    let served = cramped.registered();
    assert!(served < 30, "{served} have a place");

    let before = cramped.daemon.cpu_time();
    std::thread::sleep(Duration::from_secs(2));
    let took = cramped.daemon.cpu_time() - before;
    assert!(took < Duration::from_millis(700), "waiting took {took:?} of processor time");
    for _ in 0..3 {
        let now = cramped.registered();
        assert!(now >= served && now < 30, "who has a place keeps it: {now}, {served} before");
    }
    // Whoever has a file open may do everything, as before.
    cramped.lttng(&["enable-event", "-u", "-c", "c", "other:*"]);
    let beside = cramped.create("beside", &[channel]);
    cramped.lttng(&["stop"]);
    cramped.lttng(&["destroy", "beside"]);
    assert!(beside.join("ust").exists());

    fs::write(&until, "").expect("the home folder has room");
    for application in &mut crowd {
        application.ends().ok();
    }
    assert_eq!(cramped.application(&["--events", "100"]).run().ok(), "done 100\n");
    cramped.lttng(&["stop", "first"]);
    cramped.lttng(&["destroy", "first"]);
    let events = cramped.world.babeltrace2(&trace);
    assert!(events.iter().any(|event| event.int("seq") == Some(99)), "the one that came last was recorded");
    assert!(!cramped.daemon.is_over());
}

#[test]
fn a_consumer_daemon_without_files_says_so_and_goes_on() {
    let Some(mut cramped) = Cramped::with("300", Some("50:50")) else { return };
    let channel: &[&str] =
        &["enable-channel", "-u", "c", "--buffers-pid", "--subbuf-size=16k", "--num-subbuf=4"];
    let trace = cramped.create("processes", &[channel]);
    let until = cramped.home.join("until").display().to_string();
    // Each has buffers of its own, which take some files for each processor.
    let mut crowd: Vec<Running> = Vec::new();
    eventually("files run out", || {
        crowd.push(cramped.application(&["--pace", "10000", "--until", &until]).spawn());
        std::thread::sleep(Duration::from_millis(200));
        cramped.daemon.stderr().contains("has no buffers")
    });
    cramped.lttng(&["list", "processes"]);
    cramped.lttng(&["status"]);
    fs::write(&until, "").expect("the home folder has room");
    for application in &mut crowd {
        application.ends().ok();
    }
    eventually("all have left", || cramped.registered() == 0);
    assert_eq!(cramped.application(&["--events", "100"]).run().ok(), "done 100\n");
    cramped.lttng(&["stop"]);
    cramped.lttng(&["destroy"]);
    let events = cramped.world.babeltrace2(&trace);
    assert!(events.iter().any(|event| event.int("seq") == Some(99)), "the one that came last was recorded");
    assert!(!cramped.daemon.is_over());
}
