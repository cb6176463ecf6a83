//! Traces for measuring readers, laid out as LTTng lays them out: streams of packets of a megabyte, with index files.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use rttng_ctf::Uuid;
use rttng_ctf::index::{Index, IndexEntry, IndexVersion};

/// Size of a packet, in bytes.
const PACKET_BYTES: usize = 1 << 20;

/// Where the events of a packet start: after LTTng's header and context.
const EVENTS_START: usize = 84;

/// Where the UUID of the trace is in a packet: after the magic number.
const UUID_START: u64 = 4;

const UUID: &str = "2a6422d0-6cee-11e0-8c08-cb07d7b3a564";

/// A kind of trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One integer an event, two streams.
    Integer,
    /// An integer and a text, two streams.
    Text,
    /// Two kinds of events with contexts, like the kernel's, two streams.
    Kernel,
    /// One integer an event, in turns in 64 streams.
    Streams,
}

impl Kind {
    pub(crate) const ALL: [Kind; 4] = [Kind::Integer, Kind::Text, Kind::Kernel, Kind::Streams];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Integer => "integer",
            Kind::Text => "integer + string",
            Kind::Kernel => "kernel-like with contexts",
            Kind::Streams => "64 streams",
        }
    }

    fn streams(self) -> usize {
        if self == Kind::Streams { 64 } else { 2 }
    }

    fn metadata(self) -> String {
        let (context, events) = match self {
            Kind::Integer | Kind::Streams => (
                "",
                "event { name = \"bench:integer\"; id = 0; stream_id = 0; loglevel = 13; fields := struct {
                    integer { size = 64; align = 8; signed = 1; encoding = none; base = 10; } _value;
                }; };",
            ),
            Kind::Text => (
                "",
                "event { name = \"bench:text\"; id = 0; stream_id = 0; loglevel = 13; fields := struct {
                    integer { size = 64; align = 8; signed = 1; encoding = none; base = 10; } _value;
                    string _text;
                }; };",
            ),
            Kind::Kernel => (
                "event.context := struct {
                    integer { size = 32; align = 8; signed = 1; } _pid;
                    integer { size = 32; align = 8; signed = 1; } _tid;
                    integer { size = 8; align = 8; encoding = UTF8; } _procname[17];
                };",
                "event { name = \"sched_switch\"; id = 0; stream_id = 0; fields := struct {
                    integer { size = 8; align = 8; encoding = UTF8; } _prev_comm[16];
                    integer { size = 32; align = 8; signed = 1; } _prev_tid;
                    integer { size = 32; align = 8; signed = 1; } _prev_prio;
                    enum : integer { size = 64; align = 8; signed = 1; } {
                        \"TASK_RUNNING\" = 0, \"TASK_INTERRUPTIBLE\" = 1, \"TASK_UNINTERRUPTIBLE\" = 2
                    } _prev_state;
                    integer { size = 8; align = 8; encoding = UTF8; } _next_comm[16];
                    integer { size = 32; align = 8; signed = 1; } _next_tid;
                    integer { size = 32; align = 8; signed = 1; } _next_prio;
                }; };
                event { name = \"syscall_entry_read\"; id = 1; stream_id = 0; fields := struct {
                    integer { size = 32; align = 8; } _fd;
                    integer { size = 64; align = 8; base = 16; } _buf;
                    integer { size = 64; align = 8; } _count;
                }; };",
            ),
        };
        format!(
            "/* CTF 1.8 */
            trace {{ major = 1; minor = 8; uuid = \"{UUID}\"; byte_order = le;
                packet.header := struct {{
                    integer {{ size = 32; align = 8; }} magic;
                    integer {{ size = 8; align = 8; }} uuid[16];
                    integer {{ size = 32; align = 8; }} stream_id;
                    integer {{ size = 64; align = 8; }} stream_instance_id;
                }};
            }};
            env {{ hostname = \"bench\"; domain = \"ust\"; tracer_name = \"lttng-ust\"; tracer_major = 2; tracer_minor = 13; }};
            clock {{ name = monotonic; freq = 1000000000; offset = 1795372999259704699; }};
            typealias integer {{ size = 32; align = 8; map = clock.monotonic.value; }} := low_t;
            typealias integer {{ size = 64; align = 8; map = clock.monotonic.value; }} := time_t;
            stream {{ id = 0;
                packet.context := struct {{
                    time_t timestamp_begin; time_t timestamp_end;
                    integer {{ size = 64; align = 8; }} content_size;
                    integer {{ size = 64; align = 8; }} packet_size;
                    integer {{ size = 64; align = 8; }} packet_seq_num;
                    integer {{ size = 64; align = 8; }} events_discarded;
                    integer {{ size = 32; align = 8; }} cpu_id;
                }};
                event.header := struct {{
                    enum : integer {{ size = 16; align = 8; }} {{ compact = 0 ... 65534, extended = 65535 }} id;
                    variant <id> {{
                        struct {{ low_t timestamp; }} compact;
                        struct {{ integer {{ size = 32; align = 8; }} id; time_t timestamp; }} extended;
                    }} v;
                }} align(8);
                {context}
            }};
            {events}"
        )
    }

    /// The fields of event number `i`, contexts first; the id of its class.
    fn event(self, i: u64, out: &mut Vec<u8>) -> u16 {
        match self {
            Kind::Integer | Kind::Streams => {
                out.extend(i.to_le_bytes());
                0
            }
            Kind::Text => {
                out.extend(i.to_le_bytes());
                out.extend(b"/usr/lib/x86_64-linux-gnu/libc.so.6\0");
                0
            }
            Kind::Kernel => {
                let tid = 1000 + (i % 997) as u32;
                out.extend(1000u32.to_le_bytes());
                out.extend(tid.to_le_bytes());
                out.extend(b"postgres\0\0\0\0\0\0\0\0\0");
                if i.is_multiple_of(3) {
                    out.extend(b"postgres\0\0\0\0\0\0\0\0");
                    out.extend(tid.to_le_bytes());
                    out.extend(20u32.to_le_bytes());
                    out.extend((i % 3).to_le_bytes());
                    out.extend(b"swapper/1\0\0\0\0\0\0\0");
                    out.extend(0u32.to_le_bytes());
                    out.extend(20u32.to_le_bytes());
                    return 0;
                }
                out.extend(((i % 64) as u32).to_le_bytes());
                out.extend((0x7fff_0000_0000 + i * 64).to_le_bytes());
                out.extend(8192u64.to_le_bytes());
                1
            }
        }
    }
}

/// One stream while it is written.
struct Stream {
    data: BufWriter<File>,
    index: BufWriter<File>,
    cpu: u32,
    packet: Vec<u8>,
    begin: u64,
    end: u64,
    offset: u64,
    number: u64,
}

impl Stream {
    fn create(folder: &Path, cpu: u32) -> io::Result<Stream> {
        let data = BufWriter::new(File::create(folder.join(format!("channel0_{cpu}")))?);
        let mut index = BufWriter::new(File::create(folder.join(format!("index/channel0_{cpu}.idx")))?);
        index.write_all(&IndexVersion::V1_1.header())?;
        let packet = vec![0; EVENTS_START];
        Ok(Stream { data, index, cpu, packet, begin: 0, end: 0, offset: 0, number: 0 })
    }

    fn event(&mut self, id: u16, time: u64, body: &[u8]) -> io::Result<()> {
        if self.packet.len() + 6 + body.len() > PACKET_BYTES {
            self.finish_packet()?;
        }
        if self.packet.len() == EVENTS_START {
            self.begin = time;
        }
        self.end = time;
        self.packet.extend(id.to_le_bytes());
        self.packet.extend((time as u32).to_le_bytes());
        self.packet.extend(body);
        Ok(())
    }

    fn finish_packet(&mut self) -> io::Result<()> {
        let content_size = self.packet.len() as u64 * 8;
        let packet_size = PACKET_BYTES as u64 * 8;
        let mut head = Vec::with_capacity(EVENTS_START);
        head.extend(0xC1FC_1FC1u32.to_le_bytes());
        head.extend(UUID.parse::<Uuid>().map_err(io::Error::other)?.0);
        head.extend(0u32.to_le_bytes());
        head.extend(u64::from(self.cpu).to_le_bytes());
        for field in [self.begin, self.end, content_size, packet_size, self.number, 0] {
            head.extend(field.to_le_bytes());
        }
        head.extend(self.cpu.to_le_bytes());
        self.packet[..EVENTS_START].copy_from_slice(&head);
        self.packet.resize(PACKET_BYTES, 0);
        self.data.write_all(&self.packet)?;
        let mut entry = Vec::new();
        IndexEntry {
            offset: self.offset,
            packet_size,
            content_size,
            timestamp_begin: self.begin,
            timestamp_end: self.end,
            events_discarded: 0,
            stream_id: 0,
            stream_instance_id: u64::from(self.cpu),
            packet_seq_num: self.number,
        }
        .write(IndexVersion::V1_1, &mut entry);
        self.index.write_all(&entry)?;
        self.offset += PACKET_BYTES as u64;
        self.number += 1;
        self.packet.clear();
        self.packet.resize(EVENTS_START, 0);
        Ok(())
    }
}

/// Writes a trace of `count` events, if it is not there from the last time.
pub(crate) fn trace(kind: Kind, count: u64, below: &Path) -> io::Result<PathBuf> {
    let folder = below.join(format!("{}-{count}", kind.name().replace([' ', '+'], "")));
    if folder.join("metadata").exists() {
        return Ok(folder);
    }
    fs::create_dir_all(folder.join("index"))?;
    let streams = (0..kind.streams()).map(|cpu| Stream::create(&folder, cpu as u32));
    let mut streams: Vec<Stream> = streams.collect::<io::Result<_>>()?;
    let mut body = Vec::new();
    let (mut time, mut random) = (1_000_000u64, 1u64);
    for i in 0..count {
        // Steps between 100 and 1,123 ns, as a busy machine has them; runs of a few events in one stream.
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        time += 100 + (random >> 54);
        let at = match kind {
            Kind::Streams => i as usize % streams.len(),
            _ => (random >> 40) as usize % 8 / 4 % streams.len(),
        };
        body.clear();
        let id = kind.event(i, &mut body);
        streams[at].event(id, time, &body)?;
    }
    for stream in &mut streams {
        stream.finish_packet()?;
        stream.data.flush()?;
        stream.index.flush()?;
    }
    // Last: without it there is no trace.
    fs::write(folder.join("metadata"), kind.metadata())?;
    Ok(folder)
}

/// The files of a trace with events, each with its index file.
pub(crate) fn streams(trace: &Path) -> io::Result<Vec<(PathBuf, PathBuf)>> {
    let mut streams = Vec::new();
    for entry in fs::read_dir(trace.join("index"))? {
        let index = entry?.path();
        let name = index.file_stem().unwrap_or_default();
        streams.push((trace.join(name), index));
    }
    streams.sort();
    Ok(streams)
}

/// Bytes of all data files of a trace.
pub(crate) fn size(trace: &Path) -> io::Result<u64> {
    streams(trace)?.iter().map(|(data, _)| Ok(data.metadata()?.len())).sum()
}

/// Copies a trace into a new folder, as one of another UUID: another trace to whoever reads both.
pub(crate) fn copy_as(from: &Path, to: &Path, uuid: Uuid) -> io::Result<()> {
    fs::create_dir_all(to.join("index"))?;
    for (data, index) in streams(from)? {
        let target = to.join(data.file_name().unwrap_or_default());
        fs::copy(&data, &target)?;
        let target = File::options().write(true).open(target)?;
        let bytes = fs::read(&index)?;
        for entry in Index::parse(&bytes).map_err(io::Error::other)?.entries() {
            target.write_all_at(&uuid.0, entry.offset + UUID_START)?;
        }
        fs::write(to.join("index").join(index.file_name().unwrap_or_default()), bytes)?;
    }
    let metadata = fs::read_to_string(from.join("metadata"))?;
    fs::write(to.join("metadata"), metadata.replace(UUID, &uuid.to_string()))
}
