//! A program inside a world: how it is started, waited for with a time limit, signalled by its own id, and what it said.
//!
//! Output goes to files, not pipes: a daemon that inherits a pipe would keep the test waiting for its end.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::{self, File};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{
    Pid, PidfdFlags, Signal, kill_process, kill_process_group, pidfd_open, pidfd_send_signal,
};

/// How long a program may take when the test says nothing else. Only a test that fails takes so long, and a slow machine
/// that has more to do must not make one fail.
pub(crate) const LIMIT: Duration = Duration::from_secs(180);

/// A program that is about to run in a [`crate::World`].
#[derive(Debug)]
#[must_use = "a program does nothing until it is run or spawned"]
pub struct Program {
    pub(crate) enter: Vec<OsString>,
    pub(crate) argv: Vec<OsString>,
    pub(crate) env: Vec<(OsString, OsString)>,
    pub(crate) directory: PathBuf,
    pub(crate) user: Option<u32>,
    pub(crate) limit: Duration,
    pub(crate) output: PathBuf,
    pub(crate) input: Option<PathBuf>,
}

impl Program {
    /// Adds one argument.
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.argv.push(arg.as_ref().to_owned());
        self
    }

    /// Adds arguments.
    pub fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.argv.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// Sets an environment variable; the environment of the test itself is not inherited.
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.env.push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Runs in `directory` instead of the world's own folder.
    pub fn directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = directory.into();
        self
    }

    /// Runs as this user (and the group of the same number) instead of root.
    pub fn user(mut self, uid: u32) -> Self {
        self.user = Some(uid);
        self
    }

    /// Allows this much time instead of the usual three minutes.
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Runs it under another program that executes it, as `prlimit --nofile=64`.
    pub fn under<S: AsRef<OsStr>>(mut self, prefix: impl IntoIterator<Item = S>) -> Self {
        self.argv.splice(0..0, prefix.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// Reads standard input from this file instead of `/dev/null`.
    pub fn input(mut self, path: impl Into<PathBuf>) -> Self {
        self.input = Some(path.into());
        self
    }

    /// Runs it to its end.
    ///
    /// # Panics
    /// When it cannot be started, or has not ended within its limit: it is killed then, and its output shown.
    pub fn run(self) -> Ended {
        let limit = self.limit;
        self.spawn().ends_within(limit)
    }

    /// Starts it in the background.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn spawn(self) -> Running {
        let shown = self.argv.iter().map(|arg| arg.to_string_lossy()).collect::<Vec<_>>().join(" ");
        let mut command = Command::new("nsenter");
        command.args(&self.enter);
        if let Some(uid) = self.user {
            command.args(["--setuid", &uid.to_string(), "--setgid", &uid.to_string()]);
        }
        let mut dir = OsString::from("--wd=");
        dir.push(&self.directory);
        // `env` sets the environment, because `nsenter` itself must not be preloaded with anything.
        command.arg(dir).args(["--", "env", "--ignore-environment"]).args(self.env.iter().map(
            |(name, value)| {
                let mut pair = name.clone();
                pair.push("=");
                pair.push(value);
                pair
            },
        ));
        command.args(&self.argv);
        let stdout = self.output.with_extension("stdout");
        let stderr = self.output.with_extension("stderr");
        let create =
            |path: &Path| File::create(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        command.stdout(create(&stdout)).stderr(create(&stderr));
        command.stdin(match &self.input {
            Some(path) => {
                Stdio::from(File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
            }
            None => Stdio::null(),
        });
        // A group of its own, so that a limit that runs out ends `nsenter` and what it started together.
        command.process_group(0);
        let child = command.spawn().unwrap_or_else(|error| panic!("nsenter does not start: {error}"));
        Running { child, shown, stdout, stderr, pid: None, ended: None }
    }
}

/// A program in the background. It is killed when this is dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    shown: String,
    stdout: PathBuf,
    stderr: PathBuf,
    pid: Option<Pid>,
    ended: Option<ExitStatus>,
}

impl Running {
    /// Waits for the end, at most `limit`; nothing when it goes on.
    pub fn wait(&mut self, limit: Duration) -> Option<Ended> {
        if self.ended.is_none() {
            let nsenter = Pid::from_child(&self.child);
            let pidfd = pidfd_open(nsenter, PidfdFlags::empty())
                .expect("a child that was not waited for has a pidfd");
            if !has_ended(&pidfd, limit) {
                return None;
            }
            self.ended = Some(self.child.wait().expect("an ended child can be waited for"));
        }
        self.ended.map(|status| Ended {
            shown: self.shown.clone(),
            status,
            stdout: self.stdout(),
            stderr: self.stderr(),
        })
    }

    /// Waits for the end.
    ///
    /// # Panics
    /// When it has not ended within three minutes: it is killed then, and its output shown.
    #[track_caller]
    pub fn ends(&mut self) -> Ended {
        self.ends_within(LIMIT)
    }

    #[track_caller]
    fn ends_within(&mut self, limit: Duration) -> Ended {
        if let Some(ended) = self.wait(limit) {
            return ended;
        }
        let shown = self.so_far();
        self.kill();
        panic!("{} did not end within {limit:?}\n{shown}", self.shown);
    }

    /// The process id as this test sees it (outside the world's own process id namespace).
    ///
    /// # Panics
    /// When the program has ended.
    pub fn pid(&mut self) -> Pid {
        if let Some(pid) = self.pid {
            return pid;
        }
        let until = Instant::now() + LIMIT;
        loop {
            // Until it has executed the program, the child is one more `nsenter`, then `env`.
            let executed = |pid: &Pid| {
                let comm =
                    fs::read_to_string(format!("/proc/{}/comm", pid.as_raw_nonzero())).unwrap_or_default();
                !["", "nsenter\n", "env\n"].contains(&comm.as_str())
            };
            if let Some(pid) = self.only_child().filter(executed) {
                return *self.pid.insert(pid);
            }
            assert!(Instant::now() < until && !self.is_over(), "{} has ended\n{}", self.shown, self.so_far());
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// The process id as programs inside the world see it.
    ///
    /// # Panics
    /// When the program has ended.
    pub fn inner_pid(&mut self) -> u32 {
        let pid = self.pid().as_raw_nonzero();
        let status = fs::read_to_string(format!("/proc/{pid}/status"))
            .unwrap_or_else(|error| panic!("{} has ended: {error}", self.shown));
        status
            .lines()
            .find_map(|line| line.strip_prefix("NSpid:"))
            .and_then(|pids| pids.split_whitespace().last())
            .and_then(|pid| pid.parse().ok())
            .expect("the kernel tells the inner process id")
    }

    /// Whether it has ended by itself.
    pub fn is_over(&mut self) -> bool {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().expect("a child can be asked for its state");
        }
        self.ended.is_some()
    }

    /// Sends a signal to the program itself.
    ///
    /// # Panics
    /// When the program has ended.
    pub fn signal(&mut self, signal: Signal) {
        let pid = self.pid();
        kill_process(pid, signal).unwrap_or_else(|error| panic!("cannot signal {}: {error}", self.shown));
        // `nsenter` stops itself when its child stops, so it has to be woken as well; but not before it has slept.
        let nsenter = Pid::from_child(&self.child);
        if signal == Signal::STOP {
            eventually("nsenter stops with its child", || state(nsenter) == Some('T'));
        } else if signal == Signal::CONT && state(nsenter) == Some('T') {
            kill_process(nsenter, signal).expect("nsenter lives as long as its child");
        }
    }

    /// Waits until it has stopped by itself; then [`Signal::CONT`] may be sent.
    ///
    /// # Panics
    /// When it does not stop.
    pub fn wait_until_stopped(&mut self) {
        let (pid, nsenter) = (self.pid(), Pid::from_child(&self.child));
        eventually("the program stops", || state(pid) == Some('T') && state(nsenter) == Some('T'));
    }

    /// The processor time that it has used.
    ///
    /// # Panics
    /// When it has ended.
    pub fn cpu_time(&mut self) -> Duration {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid().as_raw_nonzero()));
        let stat = stat.unwrap_or_else(|error| panic!("{} has ended: {error}", self.shown));
        let fields: Vec<&str> = stat.rsplit_once(") ").map_or("", |(_, rest)| rest).split(' ').collect();
        let ticks = |at: usize| fields[at].parse::<u64>().expect("the kernel prints numbers");
        // User and system time, in hundredths of seconds for every program.
        Duration::from_millis(10 * (ticks(11) + ticks(12)))
    }

    /// Sends SIGTERM and waits for the end.
    ///
    /// # Panics
    /// When it has not ended within three minutes.
    pub fn terminate(mut self) -> Ended {
        if !self.is_over() {
            self.signal(Signal::TERM);
        }
        self.ends()
    }

    /// Kills it and waits for the end.
    pub fn kill(&mut self) {
        if self.is_over() {
            return;
        }
        let program = self.pid.or_else(|| self.only_child());
        let program = program.and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok());
        if let Some(program) = &program {
            let _ = pidfd_send_signal(program, Signal::KILL);
        }
        // What is left: `nsenter` itself, and helpers of the program that stayed in its group.
        let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        self.ended = self.child.wait().ok();
        // `nsenter` may be gone before the program is, which holds its sockets until then.
        if let Some(program) = program {
            has_ended(&program, LIMIT);
        }
    }

    /// What it has written to standard output until now.
    pub fn stdout(&self) -> String {
        read(&self.stdout)
    }

    /// What it has written to standard error until now.
    pub fn stderr(&self) -> String {
        read(&self.stderr)
    }

    /// Waits until standard output contains `text`.
    ///
    /// # Panics
    /// When that takes longer than three minutes or the program ends without.
    pub fn wait_for_output(&mut self, text: &str) {
        let until = Instant::now() + LIMIT;
        loop {
            let over = self.is_over();
            if self.stdout().contains(text) {
                return;
            }
            assert!(!over, "{} ended without writing {text:?}\n{}", self.shown, self.so_far());
            assert!(Instant::now() < until, "{} did not write {text:?}\n{}", self.shown, self.so_far());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Both outputs, for a message.
    pub(crate) fn so_far(&self) -> String {
        format!("--- stdout\n{}--- stderr\n{}", self.stdout(), self.stderr())
    }

    fn only_child(&self) -> Option<Pid> {
        let outer = self.child.id();
        let children = fs::read_to_string(format!("/proc/{outer}/task/{outer}/children")).ok()?;
        Pid::from_raw(children.split_whitespace().next()?.parse().ok()?)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Waits for the end of a process; whether it came within the limit.
fn has_ended(process: &OwnedFd, limit: Duration) -> bool {
    let until = Instant::now() + limit;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let left = Timespec { tv_sec: left.as_secs() as i64, tv_nsec: i64::from(left.subsec_nanos()) };
        match poll(&mut [PollFd::new(process, PollFlags::IN)], Some(&left)) {
            Ok(ended) => return ended > 0,
            Err(rustix::io::Errno::INTR) => continue,
            Err(error) => panic!("cannot wait for a process: {error}"),
        }
    }
}

/// A program that has ended: how, and what it said.
#[derive(Debug, Clone)]
pub struct Ended {
    shown: String,
    /// The exit status, or the signal.
    pub status: ExitStatus,
    /// Everything it wrote to standard output.
    pub stdout: String,
    /// Everything it wrote to standard error.
    pub stderr: String,
}

impl Ended {
    /// Its standard output, given that it succeeded.
    ///
    /// # Panics
    /// When it did not exit with 0.
    #[track_caller]
    pub fn ok(self) -> String {
        assert!(self.status.success(), "{self}");
        self.stdout
    }

    /// The exit code; a death by signal has none.
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// The number of the signal that ended it, if one did.
    pub fn killed_by(&self) -> Option<i32> {
        self.status.signal()
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}\n--- stdout\n{}--- stderr\n{}", self.shown, self.status, self.stdout, self.stderr)
    }
}

/// Waits until something holds that happens outside the test's control.
///
/// # Panics
/// When it does not within three minutes.
#[track_caller]
pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let until = Instant::now() + LIMIT;
    while !holds() {
        assert!(Instant::now() < until, "still not so after {LIMIT:?}: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The kernel's letter for what a process does: `R`, `S`, `T` for stopped, and so on.
fn state(pid: Pid) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}

fn read(path: &Path) -> String {
    match fs::read(path) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        // A world that is gone has taken its outputs along.
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => panic!("cannot read {}: {error}", path.display()),
    }
}
