//! Session daemons in a world: the real one or ours, each with the real consumer daemon or ours; and their clients.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::need::{REAL_CONSUMERD, our_program};
use crate::program::{Ended, LIMIT, Program, Running};
use crate::world::{SEARCH_PATH, World};

/// Who made a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Make {
    /// LTTng's own, as the distribution ships it.
    Real,
    /// This project's.
    Ours,
}

/// A running session daemon. Dropping it kills it; [`Sessiond::terminate`] ends it in order.
#[derive(Debug)]
pub struct Sessiond {
    /// Its process.
    pub process: Running,
}

impl Sessiond {
    /// Ends it with SIGTERM and waits.
    ///
    /// # Panics
    /// When it does not end.
    pub fn terminate(self) -> Ended {
        self.process.terminate()
    }
}

impl World {
    /// Starts the real session daemon with the real consumer daemon, as root, and waits until it serves.
    ///
    /// # Panics
    /// When it does not start.
    pub fn real_sessiond(&self) -> Sessiond {
        self.sessiond(Make::Real, Make::Real)
    }

    /// Starts our session daemon with our consumer daemon, as root, and waits until it serves.
    ///
    /// # Panics
    /// When it does not start.
    pub fn our_sessiond(&self) -> Sessiond {
        self.sessiond(Make::Ours, Make::Ours)
    }

    /// Starts a session daemon that will start the given consumer daemon, and waits until it serves.
    ///
    /// # Panics
    /// When it does not start.
    pub fn sessiond(&self, daemon: Make, consumer: Make) -> Sessiond {
        self.started(self.sessiond_program(daemon, consumer))
    }

    /// The session daemon as a program to which a test adds options before [`World::started`].
    pub fn sessiond_program(&self, daemon: Make, consumer: Make) -> Program {
        let consumer = self.consumerd(consumer);
        let program = self.made(daemon, "lttng-sessiond");
        let program = match daemon {
            // An application that takes longer than 5 seconds for an answer is forgotten for ever, else.
            Make::Real => program.env("LTTNG_APP_SOCKET_TIMEOUT", "60"),
            Make::Ours => program,
        };
        program.arg("--no-kernel").arg("--consumerd64-path").arg(consumer)
    }

    /// Starts a session daemon of root's and waits until applications and clients can reach it.
    ///
    /// # Panics
    /// When it ends, or does not serve within three minutes.
    pub fn started(&self, program: Program) -> Sessiond {
        let mut process = program.spawn();
        let until = Instant::now() + LIMIT;
        let serves = |socket: &str| UnixStream::connect(self.outside("/run/lttng").join(socket)).is_ok();
        while !(serves("lttng-ust-sock-8") && serves("client-lttng-sessiond")) {
            assert!(!process.is_over(), "the session daemon has ended\n{}", process.so_far());
            assert!(Instant::now() < until, "the session daemon does not serve\n{}", process.so_far());
            std::thread::sleep(Duration::from_millis(10));
        }
        Sessiond { process }
    }

    /// Runs the real `lttng`. It never starts a session daemon by itself.
    pub fn real_lttng<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Ended {
        self.lttng(Make::Real, args)
    }

    /// Runs our `lttng`. It never starts a session daemon by itself.
    pub fn our_lttng<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Ended {
        self.lttng(Make::Ours, args)
    }

    /// Runs an `lttng`. It never starts a session daemon by itself.
    pub fn lttng<S: AsRef<OsStr>>(&self, make: Make, args: impl IntoIterator<Item = S>) -> Ended {
        self.made(make, "lttng").arg("--no-sessiond").args(args).run()
    }

    /// Runs our program under its own name, as `rttng record …`.
    pub fn rttng(&self) -> Program {
        self.program(our_program())
    }

    /// One of the programs by its LTTng name, found in the search path as users do.
    pub fn made(&self, make: Make, name: &str) -> Program {
        let program = self.program(name);
        match make {
            Make::Real => program,
            Make::Ours => {
                let link = self.link(name);
                let dir = link.parent().expect("a link is in a folder").display();
                program.env("PATH", format!("{dir}:{SEARCH_PATH}"))
            }
        }
    }

    /// The path of a consumer daemon.
    ///
    /// # Panics
    /// When the real one is not installed: see [`crate::Need::RealLttng`].
    pub fn consumerd(&self, make: Make) -> PathBuf {
        match make {
            Make::Real => {
                let found = REAL_CONSUMERD.iter().map(Path::new).find(|path| path.exists());
                found.expect("the test needs RealLttng").to_owned()
            }
            Make::Ours => self.link("lttng-consumerd"),
        }
    }

    /// A link to our program under one of the names to which it answers.
    fn link(&self, name: &str) -> PathBuf {
        let dir = self.file("bin");
        fs::create_dir_all(&dir).expect("the world's folder has room");
        let link = dir.join(name);
        if let Err(error) = symlink(our_program(), &link)
            && error.kind() != std::io::ErrorKind::AlreadyExists
        {
            panic!("cannot link {}: {error}", link.display());
        }
        link
    }
}
