//! The consumer daemon's answers, by a scripted session daemon: every status that the real one was seen to give
//! (`docs/spec/consumer-protocol.md`, section 6), the hand-over of buffers, files, and the ends of connections.

#![expect(unreachable_pub, reason = "a test is one crate, and nobody reaches into it")]

mod fatal_commands;
mod sessiond;

use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rttng_wire::consumer::*;
use rttng_wire::{Encode, Writer};

use sessiond::{Sessiond, data, eventually, metadata, size};

#[test]
fn answers_are_those_of_the_real_daemon() {
    let mut s = Sessiond::start();
    let key = ChannelKey(77);
    let init = || Command::Init { sessiond_uuid: [1; 16] };
    assert_eq!(s.ask(init()), 0);
    assert_eq!(s.ask(init()), 120);
    for expected in [0, 120] {
        assert_eq!(s.ask(Command::SetChannelMonitorPipe), 0);
        let (_read, write) = rustix::pipe::pipe().unwrap();
        s.send_fd(write);
        assert_eq!(s.status(), expected);
    }
    let push = PushMetadata { key, target_offset: 0, len: 4, version: 0 };
    let rotate = RotateChannel { metadata: false, relay: None, key };
    let pathname = PathBuf::from("x");
    let snapshot = SnapshotChannel { pathname, relay: None, metadata: false, key, nb_packets_per_stream: 0 };
    for (command, status) in [
        (Command::GetChannel(key), 119),
        (Command::DestroyChannel(key), 0),
        (Command::PushMetadata(push), 118),
        (Command::CloseMetadata(key), 59),
        (Command::SetupMetadata(key), 59),
        (Command::FlushChannel(key), 59),
        (Command::ClearQuiescentChannel(key), 59),
        (Command::SnapshotChannel(snapshot), 119),
        (Command::RotateChannel(rotate), 119),
        (Command::ClearChannel(key), 119),
        (Command::OpenChannelPackets(key), 119),
        (Command::DestroyRelayd(RelayIndex(2)), 117),
    ] {
        let code = command.code();
        assert_eq!(s.ask(command), status, "{code:?}");
    }
    assert_eq!(s.chunk_exists(9), 128);
    assert_eq!(s.close_chunk(9, None), 128);
    assert!(!s.is_pending());
    for command in [
        Command::DiscardedEvents { session_id: SessionId(1), key },
        Command::LostPackets { session_id: SessionId(1), key },
    ] {
        s.send(command);
        assert_eq!(s.read(), [0; 8]);
    }
    // Ignored without an answer: the next answer belongs to the next command.
    s.send(Command::Unknown(99));
    s.send(Command::SnapshotMetadata);
    assert_eq!(s.ask(init()), 120);
    for asked in [
        data(5, Some(9)),
        AskChannel { subbuf_size: 100, ..data(5, None) },
        AskChannel { num_subbuf: 0, ..data(5, None) },
        AskChannel { subbuf_size: 1 << 40, num_subbuf: 1 << 20, ..data(5, None) },
        AskChannel { relay: Some(RelayIndex(2)), ..data(5, None) },
    ] {
        assert_eq!(s.ask_channel(asked), (118, 0, 0));
    }
    s.finish();
}

#[test]
fn damaged_commands_are_answered_and_a_cut_one_ends_the_daemon() {
    let mut s = Sessiond::start();
    // An output that is not mmap, at its place in ASK_CHANNEL_CREATION.
    let mut block = Command::AskChannelCreation(Box::new(data(1, None))).to_bytes();
    block[41..45].copy_from_slice(&0u32.to_ne_bytes());
    s.commands.write_all(&block).unwrap();
    assert_eq!(s.read(), [118, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    // CLOSE_TRACE_CHUNK with a close command that does not exist.
    let mut out = Writer::new();
    out.u32(24);
    out.zeros(33);
    out.bytes(&[1, 9, 0, 0, 0]);
    out.pad_to(BLOCK_LEN);
    s.commands.write_all(&out.into_bytes()).unwrap();
    assert_ne!(s.status(), 0);
    assert_eq!(s.read(), [1, 0, 0, 0, 0]);
    s.commands.write_all(&[0; 100]).unwrap();
    s.finish();
}

#[test]
fn a_channel_goes_from_files_to_hang_up() {
    let mut s = Sessiond::start();
    let trace = s.chunk(0);
    let cpus = rttng_ring::possible_cpus();
    assert_eq!(s.ask_channel(data(1, Some(0))), (0, 1, cpus));
    assert_eq!((size(&trace.join("ch_0")), size(&trace.join("index/ch_0.idx"))), (0, 16));
    assert_eq!(std::fs::metadata(trace.join("ch_0")).unwrap().mode() & 0o7777, 0o660);
    let (blob, fds) = s.get_channel(1);
    assert_eq!(fds.len(), 1 + 2 * cpus as usize);
    let (attributes, streams) = rttng_ring::ChannelAttributes::from_blob(&blob, 4096).unwrap();
    assert_eq!((attributes.uuid, streams), ([3; 16], cpus));
    assert_eq!(s.ask(Command::GetChannel(ChannelKey(1))), 119, "only once");

    assert_eq!(s.ask(Command::FlushChannel(ChannelKey(1))), 0);
    assert_eq!(s.ask(Command::FlushChannel(ChannelKey(1))), 0, "quiescent: no second packet");
    eventually("data is written", || !s.is_pending());
    eventually("the index follows", || size(&trace.join("index/ch_0.idx")) == 16 + 72);
    assert_eq!(size(&trace.join("ch_0")), 4096);
    assert_eq!(s.ask(Command::ClearQuiescentChannel(ChannelKey(1))), 0);
    assert_eq!(s.ask(Command::FlushChannel(ChannelKey(1))), 0);
    eventually("a second packet", || size(&trace.join("ch_0")) == 8192);

    // The chunk lives on while streams are in it, and ends when the last hangs up.
    assert_eq!(s.close_chunk(0, None), 0);
    assert_eq!(s.chunk_exists(0), 126);
    drop(fds);
    eventually("the streams let go", || s.chunk_exists(0) == 128);
    eventually("the channel goes with its streams", || s.ask(Command::FlushChannel(ChannelKey(1))) == 59);
    s.finish();
}

#[test]
fn metadata_is_written_as_it_comes() {
    let mut s = Sessiond::start();
    let trace = s.chunk(0);
    assert_eq!(s.ask_channel(metadata(2, Some(0))), (0, 2, 1));
    assert_eq!(s.ask(Command::SetupMetadata(ChannelKey(2))), 0);
    assert_eq!(s.ask(Command::SetupMetadata(ChannelKey(2))), 115);
    let text = |path: &Path| rttng_ctf::metadata_packet::unpack(&std::fs::read(path).unwrap()).unwrap().text;
    let file = trace.join("metadata");
    let long = [b'x'; 5000];
    assert_eq!(s.push(0, 0, &long), 0);
    assert_eq!((text(&file), size(&file)), (long.to_vec(), 8192));
    assert_eq!(s.push(4998, 0, b"xxyy"), 0, "an overlap");
    assert!(text(&file).ends_with(b"xxyy") && text(&file).len() == 5002);
    assert_eq!(s.push(6000, 0, b"z"), 115, "a gap");
    assert_eq!(s.push(0, 0, b""), 0);
    assert!(!s.is_pending());

    // A new chunk gets everything, a new version replaces everything.
    let second = s.chunk(1);
    let rotate = RotateChannel { metadata: true, relay: None, key: ChannelKey(2) };
    assert_eq!(s.ask(Command::RotateChannel(rotate)), 0);
    assert_eq!(text(&second.join("metadata")), text(&file));
    assert_eq!(s.close_chunk(0, Some(CloseCommand::Delete)), 0);
    assert!(!file.exists(), "deleted with its chunk");
    assert_eq!(s.chunk_exists(0), 128);
    assert_eq!(s.push(0, 1, b"anew"), 0);
    assert_eq!(text(&second.join("metadata")), b"anew");
    assert_eq!(s.ask(Command::CloseMetadata(ChannelKey(2))), 0);
    assert_eq!(s.ask(Command::CloseMetadata(ChannelKey(2))), 59);
    s.finish();
}

#[test]
fn a_snapshot_asks_for_metadata_while_its_command_waits() {
    let mut s = Sessiond::start();
    assert_eq!(s.ask_channel(AskChannel { monitor: false, ..metadata(6, None) }), (0, 6, 0));
    assert_eq!(s.ask_channel(AskChannel { monitor: false, ..data(5, None) }).0, 0);
    let (_, fds) = s.get_channel(5);
    assert_eq!(s.ask(Command::OpenChannelPackets(ChannelKey(5))), 0);
    let trace = s.chunk(0);
    let snapshot = |key, metadata| {
        let (pathname, key) = (PathBuf::from("uid/0/64-bit"), ChannelKey(key));
        let nb_packets_per_stream = 0;
        Command::SnapshotChannel(SnapshotChannel {
            pathname,
            relay: None,
            metadata,
            key,
            nb_packets_per_stream,
        })
    };
    assert_eq!(s.ask(snapshot(5, false)), 0);
    assert_eq!(size(&trace.join("ch_0")), 8192);
    assert_eq!(std::fs::read_dir(trace.join("index")).unwrap().count(), 0, "snapshots have no index");

    s.send(snapshot(6, true));
    let mut request = [0; METADATA_REQUEST_LEN];
    s.metadata.read_exact(&mut request).unwrap();
    assert_eq!(request[24..], 6u64.to_ne_bytes());
    let push = PushMetadata { key: ChannelKey(6), target_offset: 0, len: 4, version: 0 };
    s.metadata.write_all(&Command::PushMetadata(push).to_bytes()).unwrap();
    let mut status = [9; 4];
    s.metadata.read_exact(&mut status).unwrap();
    assert_eq!(status, [0; 4]);
    s.metadata.write_all(b"text").unwrap();
    s.metadata.read_exact(&mut status).unwrap();
    assert_eq!((status, s.status()), ([0; 4], 0));
    assert_eq!(size(&trace.join("metadata")), 4096);
    drop(fds);
    s.finish();
}

#[test]
fn files_belong_to_the_session_and_buffers_to_their_user() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: only root can write in another user's name");
        return;
    }
    const NOBODY: Credentials = Credentials { uid: 65534, gid: 65534 };
    let mut s = Sessiond::start();
    std::fs::set_permissions(s.dir.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let path = s.dir.path().join("theirs");
    let shm = s.dir.path().join("shm");
    std::fs::create_dir_all(path.join("uid/0/64-bit/index")).unwrap();
    std::fs::create_dir_all(shm.join("root/deep")).unwrap();
    let theirs = ["", "uid", "uid/0", "uid/0/64-bit", "uid/0/64-bit/index"].map(|name| path.join(name));
    for directory in theirs.into_iter().chain(["", "root", "root/deep"].map(|name| shm.join(name))) {
        std::os::unix::fs::chown(directory, Some(NOBODY.uid), Some(NOBODY.gid)).unwrap();
    }
    s.create_chunk(0, &path, Some(NOBODY));
    let asked = AskChannel {
        buffer_credentials: NOBODY,
        root_shm_path: Some(shm.join("root")),
        shm_path: Some(shm.join("root/deep/ch_")),
        ..data(1, Some(0))
    };
    assert_eq!(s.ask_channel(asked.clone()).0, 0);
    for (file, mode) in [
        (path.join("uid/0/64-bit/ch_0"), 0o660),
        (path.join("uid/0/64-bit/index/ch_0.idx"), 0o660),
        (shm.join("root/deep/ch_0"), 0o600),
    ] {
        let found = std::fs::metadata(&file).unwrap();
        assert_eq!((found.uid(), found.gid(), found.mode() & 0o7777), (65534, 65534, mode), "{file:?}");
    }
    assert_eq!(s.ask_channel(AskChannel { key: ChannelKey(3), ..asked }).0, 118, "its files exist");
    assert_eq!(s.ask(Command::DestroyChannel(ChannelKey(1))), 0);
    assert_eq!(s.ask(Command::GetChannel(ChannelKey(1))), 119);
    eventually("the buffers of the dropped channel are removed", || !shm.join("root").exists());
    assert!(shm.exists(), "what is above stays");
    s.finish();
}

#[test]
fn an_application_that_scribbles_over_its_buffers_holds_nobody_up() {
    use rttng_ring::Memory;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    let mut s = Sessiond::start();
    let trace = s.chunk(0);
    assert_eq!(s.ask_channel(data(1, Some(0))).0, 0);
    assert_eq!(s.ask_channel(AskChannel { name: "other".into(), ..data(2, Some(0)) }).0, 0);
    let (_, hostile) = s.get_channel(1);
    let (_, honest) = s.get_channel(2);
    let size_of_stream = rustix::fs::fstat(&hostile[1]).unwrap().st_size as usize;
    let memory = rttng_ring::Mapping::new(hostile[1].as_fd(), size_of_stream, false).unwrap();
    let hung_up = Arc::new(AtomicBool::new(false));
    let enough = Arc::new(AtomicBool::new(false));
    let scribbler = std::thread::spawn({
        let (hung_up, enough) = (hung_up.clone(), enough.clone());
        let mut wakeup = Some(hostile[2].try_clone().unwrap());
        move || {
            let mut seed = 0x5eed_u64;
            while !enough.load(Ordering::Relaxed) {
                for _ in 0..100 {
                    seed =
                        seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    let at = (seed >> 33) as usize % 220 * 8;
                    memory.store(at, (seed >> 20) % 40_000);
                }
                if hung_up.load(Ordering::Relaxed) {
                    wakeup = None;
                }
                if let Some(wakeup) = &wakeup {
                    let _ = rustix::io::write(wakeup, &[0]);
                }
            }
        }
    });
    for _ in 0..50 {
        for key in [1, 2] {
            assert_eq!(s.ask(Command::ClearQuiescentChannel(ChannelKey(key))), 0);
            assert_eq!(s.ask(Command::FlushChannel(ChannelKey(key))), 0);
        }
        s.is_pending();
    }
    // A flush finds no room while the daemon is busy elsewhere, so it is done again.
    eventually("the other channel is drained", || {
        assert_eq!(s.ask(Command::ClearQuiescentChannel(ChannelKey(2))), 0);
        assert_eq!(s.ask(Command::FlushChannel(ChannelKey(2))), 0);
        size(&trace.join("other_0")) >= 50 * 4096 / 2
    });
    // Its pipes hang up while it goes on scribbling: the stream must come to an end.
    drop((hostile, honest));
    hung_up.store(true, Ordering::Relaxed);
    s.finish();
    enough.store(true, Ordering::Relaxed);
    scribbler.join().unwrap();
}
