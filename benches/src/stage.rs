//! The stage of a measurement: a world, a session daemon with its consumer daemon, a session that records to a file;
//! and what the kernel tells about their processes.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rttng_tests::{Ended, Make, Need, Running, Sessiond, World, WorldOptions, apps, eventually};
use rustix::process::Pid;

/// Who plays the daemons. The client is the real one for both, so that only the daemons differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cast {
    pub(crate) sessiond: Make,
    pub(crate) consumerd: Make,
}

impl Cast {
    /// The real programs.
    pub(crate) fn real() -> Cast {
        Cast { sessiond: Make::Real, consumerd: Make::Real }
    }

    /// Ours.
    pub(crate) fn ours() -> Cast {
        Cast { sessiond: Make::Ours, consumerd: Make::Ours }
    }
}

/// A world with running daemons.
pub(crate) struct Stage {
    pub(crate) world: World,
    pub(crate) daemon: Sessiond,
}

impl Stage {
    /// Starts the daemons of a cast.
    pub(crate) fn set(cast: Cast) -> Stage {
        let options = WorldOptions::default().shm_bytes(8 << 30);
        let world =
            options.open(&[Need::RealLttng, Need::UstHeaders]).expect("the needs were checked before");
        let daemon = world.sessiond(cast.sessiond, cast.consumerd);
        Stage { world, daemon }
    }

    /// Runs a client command that must succeed, and gives how long it took and what it said.
    pub(crate) fn lttng(&self, args: &[&str]) -> (Duration, String) {
        let started = Instant::now();
        let ended: Ended =
            self.world.made(Make::Real, "lttng").arg("--no-sessiond").args(args).limit(PATIENCE).run();
        let took = started.elapsed();
        (took, ended.ok())
    }

    /// Creates a session with one channel, which records these events of the load program.
    pub(crate) fn record(&self, subbuf_size: &str, subbuf_count: &str, events: &str) {
        self.lttng(&["create", "bench", "--output", &self.trace().display().to_string()]);
        let (size, count) = (format!("--subbuf-size={subbuf_size}"), format!("--num-subbuf={subbuf_count}"));
        self.lttng(&["enable-channel", "-u", "main", &size, &count]);
        self.lttng(&["enable-event", "-u", "-c", "main", events]);
    }

    /// Where the session records to.
    pub(crate) fn trace(&self) -> PathBuf {
        self.world.file("trace")
    }

    /// Stops the session; gives how many events the daemons count as discarded.
    pub(crate) fn stop(&self) -> u64 {
        let (_, said) = self.lttng(&["stop"]);
        let lost = said
            .lines()
            .find_map(|line| line.strip_prefix("Warning: ")?.split_once(" events were discarded"));
        lost.map_or(0, |(count, _)| count.parse().expect("a count of events"))
    }

    /// Runs the load program, flat out.
    pub(crate) fn load(&self, args: &[&str]) -> Load {
        self.load_of(&apps::built("load"), args)
    }

    /// Runs a program that says the same of itself as the load program.
    pub(crate) fn load_of(&self, program: &Path, args: &[&str]) -> Load {
        let program = self.world.program(program).args(args).limit(PATIENCE);
        Load::of(&program.env("LTTNG_UST_REGISTER_TIMEOUT", "-1").run().ok())
    }

    /// Starts this many applications, which register, and then do what the load program's option `life` says.
    pub(crate) fn crowd(&self, count: usize, life: &str) -> Running {
        let script = r#"for ((i = 0; i < $1; i++)); do "$2" "$3" 3600 & done; wait"#;
        let crowd = self
            .world
            .program("bash")
            .args(["-c", script, "crowd", &count.to_string()])
            .arg(apps::built("load"))
            .arg(life)
            .env("LTTNG_UST_REGISTER_TIMEOUT", "-1")
            .spawn();
        eventually("all applications have registered", || {
            let (_, list) = self.lttng(&["list", "-u"]);
            list.lines().filter(|line| line.starts_with("PID: ")).count() >= count
        });
        crowd
    }

    /// When each process recorded its first event, in seconds since 1970. The events must carry `vpid`.
    pub(crate) fn first_events(&self) -> BTreeMap<u32, f64> {
        let read = self.world.program("babeltrace2").arg("--clock-seconds").arg(self.trace()).limit(PATIENCE);
        let mut first = BTreeMap::new();
        for line in read.run().ok().lines() {
            // [1763856000.123456789] (+0.000000001) host rttng_load:number: { cpu_id = 1 }, { vpid = 7 }, { seq = 0 }
            let time = line.strip_prefix('[').and_then(|rest| rest.split(']').next()?.parse().ok());
            let pid = line.split_once("vpid = ").and_then(|(_, rest)| rest.split(' ').next()?.parse().ok());
            let (time, pid) = time.zip(pid).expect("a line of an event");
            first.entry(pid).or_insert(time);
        }
        first
    }

    /// The processes of the consumer daemon.
    pub(crate) fn consumerd(&self) -> Vec<Pid> {
        self.world.processes("lttng-consumerd")
    }

    /// Resident memory of the session daemon, in MiB. The real one's worker process, which is a fork of it with a name
    /// of its own, is not counted.
    pub(crate) fn sessiond_rss_mib(&self) -> f64 {
        let pids = self.world.processes("lttng-sessiond");
        pids.into_iter().map(|pid| status_kib(pid, "VmRSS:")).sum::<f64>() / 1024.0
    }

    /// Ends the session and the daemons; a measurement that leaves a broken daemon is none.
    pub(crate) fn strike(self) {
        let ended = self.daemon.terminate();
        assert_eq!(ended.code(), Some(0), "{ended}");
    }
}

/// How long anything in a measurement may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(300);

/// What the load program measured of itself.
pub(crate) struct Load {
    pub(crate) events: f64,
    /// Processor time of the tracing threads alone.
    pub(crate) cpu_ns: f64,
}

impl Load {
    /// Reads `events N wall_ns N cpu_ns N`.
    pub(crate) fn of(line: &str) -> Load {
        let words: Vec<&str> = line.split_whitespace().collect();
        let value = |name: &str| -> f64 {
            let at = words.iter().position(|word| *word == name).expect("the load program says what it did");
            words[at + 1].parse().expect("a number")
        };
        Load { events: value("events"), cpu_ns: value("cpu_ns") }
    }
}

/// Processor time that these processes have used until now, in seconds, to the nanosecond: the sum over their threads.
pub(crate) fn cpu_seconds(pids: &[Pid]) -> f64 {
    let mut total_ns = 0.0;
    for pid in pids {
        let tasks = fs::read_dir(format!("/proc/{}/task", pid.as_raw_nonzero())).expect("the process lives");
        for task in tasks.flatten() {
            // A thread may end while we look.
            let stat = fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
            total_ns += stat.split_whitespace().next().and_then(|ns| ns.parse::<f64>().ok()).unwrap_or(0.0);
        }
    }
    total_ns / 1e9
}

fn status_kib(pid: Pid, key: &str) -> f64 {
    let status = fs::read_to_string(format!("/proc/{}/status", pid.as_raw_nonzero())).unwrap_or_default();
    let value = status.lines().find_map(|line| line.strip_prefix(key));
    value.and_then(|value| value.split_whitespace().next()?.parse().ok()).unwrap_or(0.0)
}
