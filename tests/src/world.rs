//! A private world: namespaces of its own, held by one process, in which daemons and programs of one test live.
//!
//! Inside, `/run` and `/dev/shm` are empty, the network is a loopback, the process ids start at 1 and root's home folder
//! is the world's; the rest of the file system is the machine's. When the world is dropped, or the test dies, the
//! kernel ends every process in it.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::process::Pid;
use tempfile::TempDir;

use crate::need::{Need, met};
use crate::program::{LIMIT, Program};

/// What the holding process does first. It prints its own process id as seen from outside, which only the outer
/// `/proc` can tell, then waits until its standard input ends. It is `bash` because that reaps orphans.
const HOLD: &str = r#"
set -e
umask 022
read -r pid rest < /proc/self/stat
mount -t proc proc /proc
mount -t tmpfs -o mode=755 run /run
[ -L /var/run ] || mount --bind /run /var/run
mount -t tmpfs -o "mode=1777,size=$1" shm /dev/shm
ip link set lo up
mount --bind "$2" /etc/passwd
rm -rf /run/mount
echo "$pid"
read -r never || exit 0
"#;

/// Where programs are found.
pub(crate) const SEARCH_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What is chosen before a world is made.
#[derive(Debug, Clone)]
pub struct WorldOptions {
    shm_bytes: u64,
}

impl Default for WorldOptions {
    fn default() -> Self {
        // Room for a few hundred default sub-buffers; a test that fills it meets the limit rather than the machine's.
        WorldOptions { shm_bytes: 2 << 30 }
    }
}

impl WorldOptions {
    /// How large `/dev/shm` is; containers usually have 64 MiB.
    #[must_use]
    pub fn shm_bytes(mut self, bytes: u64) -> Self {
        self.shm_bytes = bytes;
        self
    }

    /// Makes the world, or reports the running test as skipped when a need is not met.
    ///
    /// # Panics
    /// When the needs are met and the world can still not be made.
    #[must_use]
    pub fn open(self, needs: &[Need]) -> Option<World> {
        (met(&[Need::Namespaces]) && met(needs)).then(|| World::make(&self))
    }
}

/// A private world of one test.
#[derive(Debug)]
pub struct World {
    /// `unshare`, the parent of the holding process.
    unshare: Child,
    /// Its end ends the holding process, also when this test is killed.
    hold: Option<ChildStdin>,
    holder: Pid,
    dir: TempDir,
    programs: AtomicU32,
}

impl World {
    /// Makes a world with the usual options, or reports the running test as skipped when a need is not met.
    ///
    /// # Panics
    /// When the needs are met and the world can still not be made; under `CI=true` also when a need is not met.
    #[must_use]
    pub fn open(needs: &[Need]) -> Option<World> {
        WorldOptions::default().open(needs)
    }

    fn make(options: &WorldOptions) -> World {
        // Short: socket paths have 108 bytes.
        let dir = tempfile::Builder::new()
            .prefix("rttng-")
            .tempdir_in("/tmp")
            .expect("a folder in /tmp can be made");
        for (name, mode) in [("", 0o755), ("home", 0o755), ("log", 0o755), ("open", 0o1777)] {
            let path = dir.path().join(name);
            fs::create_dir_all(&path).expect("a fresh folder has room");
            fs::set_permissions(&path, fs::Permissions::from_mode(mode))
                .expect("own folders may be opened to all");
        }
        let passwd = dir.path().join("passwd");
        fs::write(&passwd, passwd_with_home(&dir.path().join("home"))).expect("a fresh folder has room");
        let mut unshare = Command::new("unshare")
            .args(unshare_options())
            .args(["bash", "-c", HOLD, "hold", &options.shm_bytes.to_string()])
            .arg(&passwd)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("unshare starts");
        let hold = unshare.stdin.take();
        let mut line = String::new();
        BufReader::new(unshare.stdout.take().expect("a pipe was asked for"))
            .read_line(&mut line)
            .expect("the holding process can be read");
        let holder = line
            .trim()
            .parse()
            .ok()
            .and_then(Pid::from_raw)
            .unwrap_or_else(|| panic!("the world cannot be made (see standard error): {line:?}"));
        World { unshare, hold, holder, dir, programs: AtomicU32::new(0) }
    }

    /// A program to run in the world, by path or by a name in the search path.
    pub fn program(&self, name: impl AsRef<OsStr>) -> Program {
        let name = name.as_ref();
        let number = self.programs.fetch_add(1, Ordering::Relaxed);
        let short = Path::new(name).file_name().unwrap_or(name).to_string_lossy().into_owned();
        let mut enter: Vec<OsString> =
            vec!["--target".into(), self.holder.as_raw_nonzero().to_string().into()];
        enter.extend(["--mount", "--net", "--pid"].map(OsString::from));
        if !rustix::process::geteuid().is_root() {
            enter.extend(["--user", "--preserve-credentials"].map(OsString::from));
        }
        let env = [
            ("PATH", OsString::from(SEARCH_PATH)),
            ("HOME", self.home().into()),
            ("LC_ALL", "C.UTF-8".into()),
            ("TZ", "UTC".into()),
            // Their `main` waits for the session daemon, and so do their sockets. The usual 3 seconds pass now and then
            // where many tests run at once; where no daemon is, nobody waits.
            ("LTTNG_UST_REGISTER_TIMEOUT", "-1".into()),
        ];
        Program {
            enter,
            argv: vec![name.to_owned()],
            env: env.into_iter().map(|(name, value)| (name.into(), value)).collect(),
            directory: self.dir.path().to_owned(),
            user: None,
            limit: LIMIT,
            output: self.dir.path().join("log").join(format!("{number:03}-{}", short.replace('.', "_"))),
            input: None,
        }
    }

    /// A file or folder of the world's own, at the same path inside and outside.
    pub fn file(&self, name: impl AsRef<Path>) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A folder in which every user of the world may write, at the same path inside and outside.
    pub fn open_dir(&self) -> PathBuf {
        self.file("open")
    }

    /// The home folder of the programs inside.
    pub fn home(&self) -> PathBuf {
        self.file("home")
    }

    /// How a path inside the world, as `/run/lttng`, is reached from the test. Sockets may be connected to there.
    pub fn outside(&self, inside: impl AsRef<Path>) -> PathBuf {
        let inside = inside.as_ref();
        let relative = inside.strip_prefix("/var/run").map(|rest| Path::new("run").join(rest));
        let relative = relative.unwrap_or_else(|_| inside.strip_prefix("/").unwrap_or(inside).to_owned());
        PathBuf::from(format!("/proc/{}/root", self.holder.as_raw_nonzero())).join(relative)
    }

    /// The process ids inside, as the test sees them, of programs whose short name (15 bytes) is `name`.
    pub fn processes(&self, name: &str) -> Vec<Pid> {
        let namespace = |pid: &str| fs::read_link(format!("/proc/{pid}/ns/pid")).ok();
        let ours = namespace(&self.holder.as_raw_nonzero().to_string());
        let pids = fs::read_dir("/proc").expect("/proc is mounted").flatten();
        pids.filter_map(|entry| {
            let pid = entry.file_name().into_string().ok()?;
            let number = Pid::from_raw(pid.parse().ok()?)?;
            let comm = fs::read_to_string(entry.path().join("comm")).ok()?;
            (comm.trim_end() == name && namespace(&pid) == ours).then_some(number)
        })
        .collect()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // The holder is process 1 of its namespace: the kernel ends all others with it.
        drop(self.hold.take());
        let _ = self.unshare.wait();
        if std::thread::panicking() && std::env::var_os("RTTNG_KEEP").is_some() {
            self.dir.disable_cleanup(true);
            eprintln!("kept {}", self.dir.path().display());
        }
    }
}

/// The machine's table of users, with root at home in `home`: the real session daemon saves to the home that this table
/// tells, whatever `$HOME` says.
fn passwd_with_home(home: &Path) -> String {
    let table = fs::read_to_string("/etc/passwd").expect("there is a table of users");
    let user = |line: &str| {
        let mut fields: Vec<&str> = line.split(':').collect();
        let home = home.display().to_string();
        if fields.len() == 7 && fields[2] == "0" {
            fields[5] = &home;
        }
        fields.join(":") + "\n"
    };
    table.lines().map(user).collect()
}

/// The namespaces of a world. An ordinary user becomes root of a user namespace.
pub(crate) fn unshare_options() -> Vec<&'static str> {
    let mut options = vec!["--mount", "--net", "--pid", "--fork"];
    if !rustix::process::geteuid().is_root() {
        options.push("--map-root-user");
    }
    options
}
