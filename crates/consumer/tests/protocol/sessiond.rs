//! The session daemon of these tests: says what a test wants, reads what the consumer daemon answers.

use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rttng_consumer::{ConsumerError, ConsumerOptions, Request};
use rttng_wire::Encode;
use rttng_wire::consumer::*;
use rttng_wire::ust::ChannelId;
use rttng_world::fds;

/// A session daemon that says what the test wants.
pub struct Sessiond {
    pub commands: UnixStream,
    pub metadata: UnixStream,
    pub error: UnixStream,
    pub daemon: JoinHandle<Result<(), ConsumerError>>,
    pub dir: tempfile::TempDir,
}

impl Sessiond {
    /// Starts a consumer daemon and connects to it as the real session daemon does.
    pub fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name).into_os_string();
        let listener = UnixListener::bind(path("error")).unwrap();
        let args = ["".into(), "-u".into(), "-c".into(), path("command"), "-e".into(), path("error")];
        let Ok(Request::Run(options)) = ConsumerOptions::parse(&args) else { panic!("to run") };
        let daemon = std::thread::spawn(move || rttng_consumer::run(&options));
        let mut error = listener.accept().unwrap().0;
        let mut ready = [0; 4];
        error.read_exact(&mut ready).unwrap();
        assert_eq!(ready, 100u32.to_ne_bytes());
        let connect = || UnixStream::connect(dir.path().join("command")).unwrap();
        let (commands, metadata) = (connect(), connect());
        commands.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        Sessiond { commands, metadata, error, daemon, dir }
    }

    pub fn send(&mut self, command: Command) {
        self.commands.write_all(&command.to_bytes()).unwrap();
    }

    pub fn read<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.commands.read_exact(&mut bytes).unwrap();
        bytes
    }

    pub fn status(&mut self) -> u32 {
        u32::from_ne_bytes(self.read())
    }

    /// Sends a command that is answered by a status alone.
    pub fn ask(&mut self, command: Command) -> u32 {
        self.send(command);
        self.status()
    }

    pub fn send_fd(&mut self, fd: impl AsFd) {
        assert_eq!(fds::send(&self.commands, &[0], &[fd.as_fd()]).unwrap(), 1);
    }

    pub fn receive_fds(&mut self, count: usize) -> Vec<OwnedFd> {
        let mut byte = [9];
        let received = fds::receive(&self.commands, &mut byte).unwrap();
        assert_eq!((received.len, byte, received.fds.len()), (1, [0], count));
        received.fds
    }

    /// Makes a chunk in a folder of its own, with the directories that a session daemon makes.
    pub fn chunk(&mut self, id: u64) -> PathBuf {
        let path = self.dir.path().join(format!("chunk{id}"));
        std::fs::create_dir_all(path.join("uid/0/64-bit/index")).unwrap();
        self.create_chunk(id, &path, None);
        path.join("uid/0/64-bit")
    }

    pub fn create_chunk(&mut self, id: u64, directory: &Path, credentials: Option<Credentials>) {
        let create = CreateTraceChunk {
            relay: None,
            override_name: None,
            session_id: SessionId(1),
            chunk_id: ChunkId(id),
            creation_timestamp_s: 5,
            credentials,
        };
        assert_eq!(self.ask(Command::CreateTraceChunk(create)), 0);
        self.send_fd(std::fs::File::open(directory).unwrap());
        assert_eq!(self.status(), 0);
    }

    pub fn ask_channel(&mut self, asked: AskChannel) -> (u32, u64, u32) {
        self.send(Command::AskChannelCreation(Box::new(asked)));
        let reply: [u8; 16] = self.read();
        let u32_at = |at: usize| u32::from_ne_bytes(reply[at..at + 4].try_into().unwrap());
        (u32_at(0), u64::from_ne_bytes(reply[4..12].try_into().unwrap()), u32_at(12))
    }

    /// Takes a channel over; gives the blob and all descriptors.
    pub fn get_channel(&mut self, key: u64) -> (Vec<u8>, Vec<OwnedFd>) {
        assert_eq!(self.ask(Command::GetChannel(ChannelKey(key))), 0);
        let len = u64::from_ne_bytes(self.read());
        assert_eq!(u32::from_ne_bytes(self.read()), 0, "per CPU");
        let mut blob = vec![0; len as usize];
        self.commands.read_exact(&mut blob).unwrap();
        let mut all = self.receive_fds(1);
        for cpu in 0.. {
            let size = u64::from_ne_bytes(self.read());
            if size == u64::MAX {
                break;
            }
            assert_eq!(u32::from_ne_bytes(self.read()), cpu);
            let fds = self.receive_fds(2);
            assert_eq!(rustix::fs::fstat(&fds[0]).unwrap().st_size as u64, size);
            all.extend(fds);
        }
        assert_eq!(self.status(), 0);
        (blob, all)
    }

    pub fn close_chunk(&mut self, id: u64, close_command: Option<CloseCommand>) -> u32 {
        self.send(Command::CloseTraceChunk(CloseTraceChunk {
            relay: None,
            session_id: SessionId(1),
            chunk_id: ChunkId(id),
            close_timestamp_s: 6,
            close_command,
        }));
        let status = self.status();
        assert_eq!(self.read(), [1, 0, 0, 0, 0], "an empty path");
        status
    }

    pub fn chunk_exists(&mut self, id: u64) -> u32 {
        let (session_id, chunk_id) = (SessionId(1), ChunkId(id));
        self.ask(Command::TraceChunkExists(TraceChunkExists { relay: None, session_id, chunk_id }))
    }

    pub fn is_pending(&mut self) -> bool {
        self.send(Command::DataPending(SessionId(1)));
        i32::from_ne_bytes(self.read()) != 0
    }

    /// Pushes text to metadata channel 2; the last status.
    pub fn push(&mut self, target_offset: u64, version: u64, text: &[u8]) -> u32 {
        let push = PushMetadata { key: ChannelKey(2), target_offset, len: text.len() as u32, version };
        let status = self.ask(Command::PushMetadata(push));
        if text.is_empty() {
            return status;
        }
        self.commands.write_all(text).unwrap();
        self.status()
    }

    /// Closes the connections; the daemon must end.
    pub fn finish(self) {
        drop((self.commands, self.metadata));
        self.daemon.join().unwrap().unwrap();
        let mut error = self.error;
        let mut rest = Vec::new();
        error.read_to_end(&mut rest).unwrap();
        assert!(rest.is_empty(), "anything on the error socket costs the session daemon its consumer");
        for name in ["command", "health"] {
            assert!(!self.dir.path().join(name).exists(), "{name} stays behind");
        }
    }
}

pub fn data(key: u64, chunk: Option<u64>) -> AskChannel {
    AskChannel {
        subbuf_size: 4096,
        num_subbuf: 2,
        switch_timer: None,
        read_timer: None,
        live_timer: None,
        is_live: false,
        monitor_timer: None,
        kind: ChannelKind::Data { mode: BufferMode::Discard, id: ChannelId(0) },
        session_id: SessionId(1),
        pathname: PathBuf::from("uid/0/64-bit"),
        name: "ch".into(),
        buffer_credentials: Credentials { uid: 0, gid: 0 },
        relay: None,
        key: ChannelKey(key),
        chunk_id: chunk.map(ChunkId),
        uuid: [3; 16],
        tracefile_size: None,
        tracefile_count: None,
        registry: RegistryId(0),
        monitor: true,
        ust_app_uid: 0,
        blocking_timeout: BlockingTimeout::None,
        root_shm_path: None,
        shm_path: None,
    }
}

pub fn metadata(key: u64, chunk: Option<u64>) -> AskChannel {
    AskChannel { kind: ChannelKind::Metadata, name: "metadata".into(), ..data(key, chunk) }
}

pub fn size(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |file| file.len())
}

/// Waits for what another thread of the daemon does.
#[track_caller]
pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(180);
    while !holds() {
        assert!(Instant::now() < until, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
