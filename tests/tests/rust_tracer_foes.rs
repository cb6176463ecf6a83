//! Session daemons that misbehave towards a Rust program: it loses its tracing, never its life or its pace. The daemon is
//! this test, in a folder that `LTTNG_UST_APP_PATH` names, so neither namespaces nor the real programs are needed.

use std::io::{Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

const TRACED: &str = env!("CARGO_BIN_EXE_rust_traced");
const COMMAND_LEN: usize = 612;
const REPLY_LEN: usize = 324;

const SESSION: u32 = 0x40;
const VERSION: u32 = 0x41;
const LIST: u32 = 0x42;
const DONE: u32 = 0x44;
const CHANNEL: u32 = 0x51;
const STREAM: u32 = 0x60;
const ENABLE: u32 = 0x80;
const FILTER: u32 = 0xa0;

/// A folder with a socket and a wait page that says that a daemon is there.
struct Lair {
    folder: TempDir,
    listener: UnixListener,
}

impl Lair {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut page = vec![0; 4096];
        page[..4].copy_from_slice(&1u32.to_ne_bytes());
        std::fs::write(folder.path().join("lttng-ust-wait-8"), page).expect("the wait page");
        let listener = UnixListener::bind(folder.path().join("lttng-ust-sock-8")).expect("the socket");
        Lair { folder, listener }
    }

    fn victim(&self, timeout: &str) -> Child {
        victim(self.folder.path(), timeout)
    }

    /// A program that stays until [`Lair::spare`].
    fn patient_victim(&self) -> Child {
        traced(self.folder.path(), "2000")
            .arg("idle")
            .arg(self.folder.path().join("end"))
            .spawn()
            .expect("a program")
    }

    /// The program lives, and ends in order when it is told to.
    fn spare(self, mut victim: Child) {
        assert_eq!(victim.try_wait().expect("its state"), None, "it lives");
        std::fs::write(self.folder.path().join("end"), "").expect("the file that ends it");
        let output = victim.wait_with_output().expect("the program ends");
        assert!(output.status.success(), "{:?}", output.status);
    }

    /// The two connections of a program: command and notify.
    fn meet(&self) -> (UnixStream, UnixStream) {
        self.meet_speaking(9)
    }

    /// The same, of that revision of the protocol.
    fn meet_speaking(&self, major: u32) -> (UnixStream, UnixStream) {
        let connection = || {
            let (mut socket, _) = self.listener.accept().expect("a program connects");
            let mut registration = [0; 136];
            socket.read_exact(&mut registration).expect("a program registers");
            assert_eq!(registration[..4], 0xC57C_57C5u32.to_ne_bytes());
            assert_eq!(registration[4..8], major.to_ne_bytes());
            socket
        };
        (connection(), connection())
    }
}

fn traced(folder: &Path, timeout: &str) -> Command {
    let mut command = Command::new(TRACED);
    command
        .env("LTTNG_UST_APP_PATH", folder)
        .env("LTTNG_UST_REGISTER_TIMEOUT", timeout)
        .stdout(Stdio::piped());
    command
}

fn victim(folder: &Path, timeout: &str) -> Child {
    traced(folder, timeout).args(["ticks", "1000"]).spawn().expect("the program starts")
}

/// The program does all that it has to do; gives how long that took from now on.
fn survives(victim: Child) -> Duration {
    let began = Instant::now();
    let output = victim.wait_with_output().expect("the program ends");
    assert!(output.status.success(), "{:?}", output.status);
    assert_eq!(output.stdout, b"1000\n");
    began.elapsed()
}

fn command(handle: u32, code: u32, arguments: &[u8]) -> Vec<u8> {
    let mut record = [handle.to_ne_bytes(), code.to_ne_bytes()].concat();
    record.resize(40, 0);
    record.extend(arguments);
    record.resize(COMMAND_LEN, 0);
    record
}

/// Sends a command and gives the result code and value of the reply.
fn ask(socket: &mut UnixStream, record: &[u8]) -> Option<(i32, u32)> {
    socket.write_all(record).ok()?;
    let mut reply = [0; REPLY_LEN];
    socket.read_exact(&mut reply).ok()?;
    let word = |at: usize| u32::from_ne_bytes(reply[at..at + 4].try_into().expect("four bytes"));
    assert_eq!((word(0).to_ne_bytes(), word(4).to_ne_bytes()), {
        let of = |at: usize| <[u8; 4]>::try_from(&record[at..at + 4]).expect("four bytes");
        (of(0), of(4))
    });
    Some((word(8) as i32, word(12)))
}

#[test]
fn a_daemon_that_says_nothing_costs_the_time_that_was_allowed() {
    let lair = Lair::new();
    let victim = lair.victim("300");
    let _sockets = lair.meet();
    let took = survives(victim);
    assert!(took < Duration::from_secs(60), "{took:?}");
}

#[test]
fn a_daemon_that_is_not_there_costs_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    // Without a limit: it must not be needed.
    survives(victim(folder.path(), "-1"));
}

#[test]
fn a_daemon_that_hangs_up_is_no_loss() {
    let lair = Lair::new();
    let victim = lair.victim("-1");
    drop(lair.meet());
    survives(victim);
}

/// Daemons of LTTng 2.12 know revision 8 only, and hang up on others.
#[test]
fn an_older_daemon_is_spoken_to_as_it_knows() {
    let lair = Lair::new();
    let victim = lair.patient_victim();
    drop(lair.meet_speaking(9));
    let (mut socket, _notify) = lair.meet_speaking(8);
    assert_eq!(ask(&mut socket, &command(0, DONE, &[])), Some((0, 0)));
    lair.spare(victim);
}

#[test]
fn garbage_ends_the_connection() {
    let lair = Lair::new();
    let victim = lair.patient_victim();
    for seed in [1u8, 97] {
        let (mut socket, _notify) = lair.meet();
        let mut state = seed;
        let garbage: Vec<u8> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(73).wrapping_add(41);
            state
        })
        .take(4 * COMMAND_LEN)
        .collect();
        // The program may have hung up by the time that all of it is sent.
        let _ = socket.write_all(&garbage);
        let _ = socket.read_to_end(&mut Vec::new());
    }
    lair.spare(victim);
}

/// A descriptor beside one byte, as the protocol has it.
fn send_fds(socket: &UnixStream, fds: &[std::os::fd::BorrowedFd<'_>]) {
    use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
    let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(4))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    assert!(control.push(SendAncillaryMessage::ScmRights(fds)));
    let byte = [std::io::IoSlice::new(&[0])];
    assert_eq!(sendmsg(socket, &byte, &mut control, SendFlags::NOSIGNAL), Ok(1));
}

#[test]
fn impossible_sizes_wrong_memory_and_unknown_objects_are_refused() {
    use std::os::fd::AsFd;
    let lair = Lair::new();
    let victim = lair.patient_victim();
    let (mut socket, _notify) = lair.meet();
    assert_eq!(ask(&mut socket, &command(0, VERSION, &[])), Some((0, 0)));
    assert_eq!(ask(&mut socket, &command(0, 0xdead_beef, &[])).map(|reply| reply.0), Some(-1027));
    let (_, session) = ask(&mut socket, &command(0, SESSION, &[])).expect("a session");
    let (_, list) = ask(&mut socket, &command(0, LIST, &[])).expect("a list");
    assert_eq!(ask(&mut socket, &command(list, ENABLE, &[])).map(|reply| reply.0), Some(-1027));

    // A channel whose description is damaged; then one whose streams are not the memory that they say.
    let pipe = || rustix::pipe::pipe().expect("a pipe").1;
    let blob = include_bytes!("../vectors/ring-buffer/uid-discard/channel-blob.bin");
    let channel = |socket: &mut UnixStream, blob: &[u8]| {
        let arguments = [&(blob.len() as u64).to_ne_bytes()[..], &[0; 4]].concat();
        socket.write_all(&command(session, CHANNEL, &arguments)).expect("a command");
        socket.write_all(blob).expect("a description");
        send_fds(socket, &[pipe().as_fd()]);
        let mut reply = [0; REPLY_LEN];
        socket.read_exact(&mut reply).expect("a reply");
        let word = |at: usize| u32::from_ne_bytes(reply[at..at + 4].try_into().expect("four bytes"));
        (word(8) as i32, word(12))
    };
    let mut damaged = *blob;
    damaged[128..136].copy_from_slice(&u64::MAX.to_ne_bytes());
    assert_eq!(channel(&mut socket, &damaged).0, -1027);
    let (made, handle) = channel(&mut socket, blob);
    assert_eq!(made, 0);
    for size in [16_608u64, 0, u64::MAX, 1 << 40] {
        let memory = tempfile::tempfile().expect("a file");
        // Shorter than announced, or zeros all over.
        memory.set_len(16_608.min(size / 2)).expect("room");
        socket.write_all(&command(handle, STREAM, &size.to_ne_bytes())).expect("a command");
        send_fds(&socket, &[memory.as_fd(), pipe().as_fd()]);
        let mut reply = [0; REPLY_LEN];
        socket.read_exact(&mut reply).expect("a reply");
        assert_eq!(reply[8..12], (-1027i32).to_ne_bytes(), "size {size}");
    }
    assert_eq!(ask(&mut socket, &command(handle, ENABLE, &[])).map(|reply| reply.0), Some(-1028));
    // A filter for something that has none, and an object that there is not: no answer, and a new connection.
    let _ = socket.write_all(&command(session, FILTER, &[0; 16]));
    assert_eq!(ask(&mut socket, &command(4711, ENABLE, &[])), None);
    let (mut socket, _notify) = lair.meet();
    assert_eq!(ask(&mut socket, &command(4711, ENABLE, &[])), None);
    let (mut socket, _notify) = lair.meet();
    assert_eq!(ask(&mut socket, &command(0, DONE, &[])), Some((0, 0)));
    lair.spare(victim);
}
