//! A data stream: takes packets from its ring buffer to its files, moves from chunk to chunk, and counts what was lost
//! (`docs/spec/consumer-protocol.md`, sections 6.15 and 10.2).
//!
//! Its state is behind one lock, taken by the data thread for a few packets at a time and by commands.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use rttng_ctf::index::IndexEntry;
use rttng_ring::{
    HEADER_SIZE, Mapping, Next, Packet, PacketHeader, Reader, RingError, Stream, SwitchMode, trace_duration,
    trace_now,
};

use crate::channel::ChannelInfo;
use crate::chunk::TraceChunk;
use crate::fill::Fill;
use crate::liveness::{MemoryId, Watch};
use crate::output::StreamFiles;
use crate::staging::{Sink, Staged, Writer};

/// Packets that a stream may write before others have their turn.
const PACKETS_PER_TURN: usize = 16;
/// Rings that a stream may still give after all its producers have let go. Honest ones give one at most; one that kept the
/// memory mapped could go on for ever.
const RINGS_AFTER_HANG_UP: u64 = 4;
/// Producers that will not run out of room for so long do not feel how long a disk takes for one packet.
const UNHURRIED: Duration = Duration::from_millis(50);
/// How long a stop waits for records that may still be committed.
const STUCK_IS_PENDING: Duration = Duration::from_secs(5);

/// How a turn of a stream ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// There may be more to read.
    More,
    /// There is nothing to read now.
    Idle,
}

/// What came of a turn of a stream.
#[derive(Debug)]
pub(crate) struct Consumed {
    pub(crate) turn: Turn,
    /// How long its producers take to fill the whole buffer, if there was a packet.
    pub(crate) fills_in: Option<Duration>,
    /// Packets were copied that are not on their way to the files: [`DataStream::hand_over`].
    pub(crate) has_staged: bool,
}

/// One stream of a data channel.
#[derive(Debug)]
pub(crate) struct DataStream {
    pub(crate) cpu: u32,
    pub(crate) channel: Arc<ChannelInfo>,
    pub(crate) ring: Arc<Stream<Mapping>>,
    /// Read end of the wake-up pipe.
    pub(crate) wait: OwnedFd,
    /// Write end of the wake-up pipe, until the channel hangs up.
    wakeup: Mutex<Option<OwnedFd>>,
    /// The data threads serve it.
    pub(crate) is_served: AtomicBool,
    /// The thread that writes what was copied. Streams that are not drained all the time have none.
    writer: OnceLock<Arc<Writer>>,
    memory: MemoryId,
    state: Mutex<StreamState>,
}

#[derive(Debug)]
struct StreamState {
    /// Absent once the stream has ended.
    reader: Option<Reader<Mapping>>,
    chunk: Option<Arc<TraceChunk>>,
    sink: Option<Arc<Sink>>,
    /// Packets that were copied and are not on their way to the files yet.
    staged: Staged,
    rotation: Option<Rotation>,
    /// Flushed, and nothing written since: no second empty packet is needed.
    quiescent: bool,
    /// A packet was opened since the stream came to its chunk.
    opened_packet: bool,
    /// Sequence number that the next packet should have; unknown after a clear.
    next_sequence: Option<u64>,
    events_discarded: u64,
    watch: Option<Watch>,
    fill: Fill,
    /// Packets that were looked for since all producers have let go.
    after_hang_up: u64,
    /// The last failure that was logged, to log each cause once.
    failure: Option<io::ErrorKind>,
}

/// A move to another chunk that is due.
#[derive(Debug)]
struct Rotation {
    /// Packets from this position on belong to the next chunk.
    at: u64,
    to: Option<Arc<TraceChunk>>,
}

impl DataStream {
    /// Takes a fresh stream; its files are made at once if the channel is in a chunk.
    pub(crate) fn new(
        channel: Arc<ChannelInfo>,
        cpu: u32,
        ring: Arc<Stream<Mapping>>,
        wait: OwnedFd,
        wakeup: OwnedFd,
        shared: &OwnedFd,
    ) -> Result<Self, RingError> {
        let system = |source: io::Error| RingError::System { what: "cannot identify a buffer", source };
        let state = StreamState {
            reader: Some(Reader::new(Arc::clone(&ring))?),
            chunk: None,
            sink: None,
            staged: Staged::default(),
            rotation: None,
            quiescent: false,
            opened_packet: true,
            next_sequence: Some(0),
            events_discarded: 0,
            watch: None,
            fill: Fill::default(),
            after_hang_up: 0,
            failure: None,
        };
        Ok(DataStream {
            cpu,
            channel,
            ring,
            wait,
            wakeup: Mutex::new(Some(wakeup)),
            is_served: AtomicBool::new(false),
            writer: OnceLock::new(),
            memory: MemoryId::of(shared).map_err(system)?,
            state: Mutex::new(state),
        })
    }

    fn lock(&self) -> MutexGuard<'_, StreamState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes the data thread that serves this stream.
    pub(crate) fn wake(&self) {
        if let Some(wakeup) = &*self.wakeup.lock().unwrap_or_else(PoisonError::into_inner) {
            rttng_ring::wake(wakeup);
        }
    }

    /// Takes a copy of the write end of the wake-up pipe, to hand out.
    pub(crate) fn wakeup_to_hand_out(&self) -> io::Result<OwnedFd> {
        match &*self.wakeup.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(wakeup) => wakeup.try_clone(),
            None => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    /// Closes our write end, so that the pipe hangs up when the last application is gone.
    pub(crate) fn close_wakeup(&self) {
        self.wakeup.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// The data threads serve it from now on; `writer` writes what they copy.
    pub(crate) fn serve_with(&self, writer: Arc<Writer>) {
        let _ = self.writer.set(writer);
        self.is_served.store(true, Ordering::Relaxed);
    }

    /// Goes to the channel's current chunk: for a stream that was in none.
    pub(crate) fn enter_chunk(&self, chunk: Option<Arc<TraceChunk>>) -> io::Result<()> {
        let mut state = self.lock();
        self.move_to(&mut state, chunk)
    }

    /// Closes the current packet; wakes the data thread if there is something to read.
    pub(crate) fn switch(&self, mode: SwitchMode) {
        match self.ring.switch(mode, trace_now) {
            Ok(switched) if switched.wake => self.wake(),
            Ok(_) => {}
            Err(error) => tracing::warn!(stream = %self.name(), %error, "cannot close the current packet"),
        }
    }

    /// The final flush of a stop, once (section 6.12).
    pub(crate) fn flush(&self) {
        if !std::mem::replace(&mut self.lock().quiescent, true) {
            self.switch(SwitchMode::Flush);
        }
    }

    /// Applications write again (section 6.13).
    pub(crate) fn clear_quiescent(&self) {
        self.lock().quiescent = false;
    }

    /// Whether packets of this stream are still to be written.
    pub(crate) fn is_pending(&self) -> bool {
        let mut state = self.lock();
        let Some(reader) = &state.reader else { return false };
        let is_behind = !state.staged.is_empty() || state.sink.as_ref().is_some_and(|sink| sink.is_busy());
        if is_behind || reader.has_data().unwrap_or(false) {
            return true;
        }
        self.look_for_dead_producers(&mut state);
        state.watch.as_ref().is_some_and(|watch| watch.age() < STUCK_IS_PENDING)
    }

    /// Looks whether a producer died in the middle of a record, and mends the stream if so.
    pub(crate) fn check_progress(&self) {
        // Who holds the lock is making progress.
        if let Ok(mut state) = self.state.try_lock() {
            self.look_for_dead_producers(&mut state);
        }
    }

    fn look_for_dead_producers(&self, state: &mut StreamState) {
        let Some(reader) = &mut state.reader else { return };
        let stuck = match reader.stuck() {
            Ok(Some(stuck)) => stuck,
            Ok(None) | Err(_) => {
                state.watch = None;
                return;
            }
        };
        let watch = match &mut state.watch {
            Some(watch) if watch.stuck == stuck => watch,
            other => {
                *other = Some(Watch::new(stuck, self.memory, Instant::now()));
                return;
            }
        };
        if watch.is_dead() {
            self.recover(state);
        }
    }

    /// Completes the stuck sub-buffer in the place of its dead producer.
    fn recover(&self, state: &mut StreamState) {
        let (Some(reader), Some(watch)) = (&mut state.reader, state.watch.take()) else { return };
        match reader.recover(&watch.stuck) {
            Ok(Some(recovered)) => {
                self.channel.losses.count_dead_producer(recovered.lost_bytes > 0);
                tracing::warn!(
                    stream = %self.name(),
                    kept_bytes = recovered.kept_bytes,
                    lost_bytes = recovered.lost_bytes,
                    "an application ended in the middle of an event: the packet was closed before it",
                );
                self.wake();
            }
            Ok(None) => {}
            Err(error) => tracing::warn!(stream = %self.name(), %error, "cannot mend the stream"),
        }
    }

    /// Takes packets to the files: the work of the data thread. `hung_up` says that no producer is left.
    pub(crate) fn consume(&self, hung_up: bool) -> Consumed {
        let mut state = self.lock();
        let mut fills_in = None;
        let turn = self.consume_some(&mut state, hung_up, &mut fills_in);
        Consumed { turn, fills_in, has_staged: !state.staged.is_empty() }
    }

    /// Has written what was copied: the data thread goes to sleep.
    pub(crate) fn hand_over(&self) {
        let state = &mut *self.lock();
        if let (Some(writer), Some(sink)) = (self.writer.get(), &state.sink) {
            state.staged.hand_over(writer, sink);
        }
    }

    fn consume_some(&self, state: &mut StreamState, hung_up: bool, fills_in: &mut Option<Duration>) -> Turn {
        if hung_up && !std::mem::replace(&mut state.quiescent, true) {
            // Nobody asked for a last packet: the session daemon was killed. Where nothing was recorded there may be no
            // description either, and an empty packet would keep readers from the whole trace.
            self.switch(SwitchMode::Active);
        }
        let mut turn = Turn::More;
        for _ in 0..PACKETS_PER_TURN {
            state.after_hang_up += u64::from(hung_up);
            if state.after_hang_up > RINGS_AFTER_HANG_UP * (self.ring.geometry().num_subbuf() + 1) {
                tracing::error!(stream = %self.name(), "the stream goes on without producers and is given up");
                self.end_locked(state);
                return Turn::Idle;
            }
            let Some(reader) = &mut state.reader else { return Turn::Idle };
            match reader.hold_next() {
                Ok(Next::Packet(packet)) => {
                    *fills_in = Some(self.fills_in(&packet));
                    self.take(state, &packet);
                }
                Ok(Next::Overwritten) => {}
                Ok(Next::Incomplete(_)) if hung_up => {
                    let Ok(Some(stuck)) = reader.stuck() else { continue };
                    state.watch = Some(Watch::new(stuck, self.memory, Instant::now()));
                    self.recover(state);
                }
                Ok(Next::Empty | Next::Incomplete(_)) => {
                    turn = Turn::Idle;
                    break;
                }
                Err(RingError::BadPacket) => {
                    self.channel.losses.count_packets(1);
                    self.complain(
                        state,
                        io::ErrorKind::InvalidData,
                        "a packet with a damaged header was dropped",
                    );
                }
                Err(error) => {
                    tracing::error!(stream = %self.name(), %error, "the stream is given up");
                    self.channel.losses.count_packets(1);
                    self.end_locked(state);
                    return Turn::Idle;
                }
            }
        }
        // While blocks are under way, the thread that writes them does this.
        let caught_up = match &state.sink {
            Some(sink) if !sink.is_busy() => sink.files().catch_up(),
            _ => Ok(()),
        };
        if let Err(error) = caught_up {
            self.complain(state, error.kind(), &format!("the index is behind: {error}"));
        }
        turn
    }

    /// How long producers as fast as those of this packet take to fill the whole buffer.
    fn fills_in(&self, packet: &Packet) -> Duration {
        let PacketHeader { timestamp_begin, timestamp_end, .. } = packet.header;
        let took_ns = trace_duration(timestamp_end.saturating_sub(timestamp_begin)).as_nanos();
        let whole_ns =
            took_ns * u128::from(self.ring.geometry().buf_size()) / u128::from(packet.data_size.max(1));
        Duration::from_nanos(u64::try_from(whole_ns).unwrap_or(u64::MAX))
    }

    /// Writes and releases the packet that the reader holds.
    fn take(&self, state: &mut StreamState, packet: &Packet) {
        let header = &packet.header;
        let is_due = |rotation: &Rotation| packet.position.wrapping_sub(rotation.at) as i64 >= 0;
        if state.rotation.as_ref().is_some_and(is_due) {
            self.rotate_now(state);
        }
        let expected = state.next_sequence.unwrap_or(header.sequence);
        if (header.sequence.wrapping_sub(expected) as i64) > 0 {
            self.channel.losses.count_packets(header.sequence - expected);
            state.fill.was_full(self.ring.geometry().buf_size());
        }
        state.next_sequence = Some(header.sequence.wrapping_add(1));
        // A smaller count is a quirk of the C library (docs/spec/ring-buffer.md, section 15), not a wrap.
        if header.events_discarded > state.events_discarded {
            self.channel.losses.count_events(header.events_discarded - state.events_discarded);
            state.events_discarded = header.events_discarded;
            state.fill.was_full(self.ring.geometry().buf_size());
        }
        let entry = IndexEntry {
            offset: 0,
            packet_size: 8 * packet.padded_size,
            content_size: header.content_size_bits,
            timestamp_begin: header.timestamp_begin,
            timestamp_end: header.timestamp_end,
            events_discarded: header.events_discarded,
            stream_id: u64::from(self.ring.identity().channel_id),
            stream_instance_id: u64::from(self.cpu),
            packet_seq_num: header.sequence,
        };
        let StreamState { reader: Some(reader), sink, staged, fill, .. } = &mut *state else { return };
        let written = match sink {
            Some(sink) => self.write(sink, staged, reader, packet, entry),
            // No chunk: an empty packet is no loss.
            None if packet.data_size <= HEADER_SIZE => Ok(0),
            None => Err(io::ErrorKind::NotFound.into()),
        };
        let (size, in_use) = (self.ring.geometry().subbuf_size(), self.ring.bytes_in_use());
        fill.before_release(packet.position, size, packet.data_size, in_use);
        reader.release();
        match written {
            Ok(written_bytes) => {
                state.opened_packet = true;
                state.failure = None;
                self.channel.losses.count_written(written_bytes);
            }
            Err(error) => {
                self.channel.losses.count_packets(1);
                let what = format!("packets are lost: {error}");
                self.complain(state, error.kind(), &what);
            }
        }
        let end = self.ring.geometry().sub_align(packet.position);
        let is_reached = |rotation: &Rotation| end.wrapping_sub(rotation.at) as i64 >= 0;
        if state.rotation.as_ref().is_some_and(is_reached) {
            self.rotate_now(state);
        }
        if !state.opened_packet && state.chunk.is_some() {
            self.open_packet(state);
        }
    }

    /// Writes the packet that the reader holds, or copies it if its producers may run out of room. Gives what was written.
    fn write(
        &self,
        sink: &Arc<Sink>,
        staged: &mut Staged,
        reader: &Reader<Mapping>,
        packet: &Packet,
        entry: IndexEntry,
    ) -> io::Result<u64> {
        let has_time = is_unhurried(reader, packet);
        let writer = self.writer.get().map(|writer| &**writer);
        // Behind others of its stream it has to wait, copied or not.
        if let Some(writer) = writer
            && (!has_time || !staged.is_empty() || sink.is_busy())
            && staged.take(writer, sink, reader, packet, entry)
        {
            return Ok(0);
        }
        staged.settle(writer, sink);
        sink.files().write(reader, packet, entry, has_time)?;
        Ok(packet.padded_size)
    }

    /// Logs a failure unless the last one had the same cause.
    fn complain(&self, state: &mut StreamState, kind: io::ErrorKind, what: &str) {
        if state.failure.replace(kind) != Some(kind) {
            tracing::error!(stream = %self.name(), "{what}");
        }
    }

    /// Waits until all that was taken is in the files, and lets them go.
    fn close_files(&self, state: &mut StreamState) {
        let Some(sink) = state.sink.take() else { return };
        state.staged.settle(self.writer.get().map(|writer| &**writer), &sink);
        let flushed = sink.files().flush_index();
        if let Err(error) = flushed {
            self.complain(state, error.kind(), &format!("the index is behind: {error}"));
        }
    }

    /// Takes the stream towards the channel's current chunk, or out of it if it is there already (section 6.15). Packets
    /// that were closed before go to the old chunk.
    pub(crate) fn rotate(&self, current: Option<Arc<TraceChunk>>) -> Result<(), RingError> {
        let mut state = self.lock();
        let state = &mut *state;
        let Some(reader) = &state.reader else { return Ok(()) };
        let same = match (&state.chunk, &current) {
            (Some(here), Some(there)) => Arc::ptr_eq(here, there),
            _ => false,
        };
        let to = if same { None } else { current };
        if state.chunk.is_some() {
            let (consumed, produced) = reader.positions()?;
            // An empty packet rather than a file without any.
            let mode = match state.opened_packet || consumed != produced {
                true => SwitchMode::Active,
                false => SwitchMode::Flush,
            };
            self.switch(mode);
        }
        let (consumed, produced) = reader.positions()?;
        let geometry = self.ring.geometry();
        let at = geometry.sub_trunc(produced);
        state.rotation = Some(Rotation { at, to });
        if geometry.sub_trunc(consumed) == at {
            self.rotate_now(state);
        } else {
            self.wake();
        }
        Ok(())
    }

    /// Opens a packet in the new chunk, so that it begins where the old one ended. Without room in the ring that is done
    /// when a packet was read.
    fn open_packet(&self, state: &mut StreamState) {
        match self.ring.switch(SwitchMode::Flush, trace_now) {
            Ok(switched) => {
                state.opened_packet |= switched.closed;
                if switched.wake {
                    self.wake();
                }
            }
            Err(error) => tracing::warn!(stream = %self.name(), %error, "cannot open a packet"),
        }
    }

    /// After a rotation of an active session (section 6.15).
    pub(crate) fn open_packet_in_chunk(&self) {
        let mut state = self.lock();
        let target = match &state.rotation {
            Some(rotation) => rotation.to.is_some(),
            None => state.chunk.is_some(),
        };
        if target && state.reader.is_some() {
            self.open_packet(&mut state);
        }
    }

    fn rotate_now(&self, state: &mut StreamState) {
        let Some(rotation) = state.rotation.take() else { return };
        if let Err(error) = self.move_to(state, rotation.to) {
            self.complain(state, error.kind(), &format!("cannot make the files of the new chunk: {error}"));
        }
    }

    fn move_to(&self, state: &mut StreamState, to: Option<Arc<TraceChunk>>) -> io::Result<()> {
        self.close_files(state);
        state.opened_packet = state.chunk.is_none() && state.next_sequence == Some(0);
        state.chunk = to;
        let Some(chunk) = &state.chunk else { return Ok(()) };
        if self.channel.is_monitored {
            let files = self.files_in(chunk, true)?;
            state.sink = Some(Arc::new(Sink::new(files, Arc::clone(&self.channel), self.name())));
        }
        Ok(())
    }

    fn files_in(&self, chunk: &Arc<TraceChunk>, with_index: bool) -> io::Result<StreamFiles> {
        let chunk = Arc::clone(chunk);
        StreamFiles::create(chunk, &self.channel.pathname, self.name(), self.channel.limits, with_index)
    }

    /// Drops everything that was not read (section 6.16).
    pub(crate) fn clear(&self) -> Result<(), RingError> {
        let mut state = self.lock();
        let Some(reader) = &mut state.reader else { return Ok(()) };
        reader.clear(trace_now)?;
        state.next_sequence = None;
        Ok(())
    }

    /// Copies what the ring holds, without consuming it, to a file in `chunk` (section 6.14); at most the newest
    /// `most_packets` packets if that is not 0.
    pub(crate) fn snapshot(&self, chunk: &Arc<TraceChunk>, most_packets: u64) -> Result<(), SnapshotError> {
        let mut state = self.lock();
        let state = &mut *state;
        let mut files = self.files_in(chunk, false)?;
        if !state.quiescent {
            self.ring.switch(SwitchMode::Flush, trace_now)?;
        }
        let Some(reader) = &mut state.reader else { return Ok(()) };
        let Some(range) = reader.snapshot()? else { return Ok(()) };
        let geometry = *self.ring.geometry();
        let there = geometry.subbufs_between(range.consumed, range.produced) as u64;
        let skipped = match most_packets {
            0 => 0,
            most => there.saturating_sub(most),
        };
        for number in skipped..there {
            let position = range.consumed.wrapping_add(number * geometry.subbuf_size());
            match reader.hold_at(position) {
                Ok(Next::Packet(packet)) => {
                    let entry = IndexEntry {
                        offset: 0,
                        packet_size: 8 * packet.padded_size,
                        content_size: packet.header.content_size_bits,
                        timestamp_begin: packet.header.timestamp_begin,
                        timestamp_end: packet.header.timestamp_end,
                        events_discarded: packet.header.events_discarded,
                        stream_id: u64::from(self.ring.identity().channel_id),
                        stream_instance_id: u64::from(self.cpu),
                        packet_seq_num: packet.header.sequence,
                    };
                    let written = files.write(reader, &packet, entry, false);
                    reader.put_back();
                    written?;
                }
                // Taken back by producers meanwhile, or never completed.
                Ok(_) | Err(RingError::BadPacket) => self.channel.losses.count_packets(1),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Bytes in the ring that are not consumed, for the channel monitor.
    pub(crate) fn bytes_in_use(&self) -> u64 {
        self.ring.bytes_in_use()
    }

    /// The most bytes that the ring ever held, until now.
    pub(crate) fn fullest(&self) -> u64 {
        let state = self.lock();
        let now = state.reader.as_ref().map_or(0, |_| self.ring.bytes_in_use());
        state.fill.fullest().max(now)
    }

    /// Ends the stream: closes its files and its ring.
    pub(crate) fn end(&self) {
        self.end_locked(&mut self.lock());
    }

    fn end_locked(&self, state: &mut StreamState) {
        self.close_files(state);
        state.chunk = None;
        state.rotation = None;
        state.watch = None;
        state.reader = None;
        self.is_served.store(false, Ordering::Relaxed);
    }

    /// Whether the stream has ended.
    pub(crate) fn has_ended(&self) -> bool {
        self.lock().reader.is_none()
    }

    /// Its name in files and messages.
    pub(crate) fn name(&self) -> String {
        format!("{}_{}", self.channel.name, self.cpu)
    }

    /// For epoll.
    pub(crate) fn wait_fd(&self) -> impl AsFd {
        &self.wait
    }
}

/// Whether producers have room for [`UNHURRIED`] if they go on as fast as they wrote this packet.
fn is_unhurried(reader: &Reader<Mapping>, packet: &Packet) -> bool {
    let Ok((consumed, produced)) = reader.positions() else { return false };
    let room = reader.stream().geometry().buf_size().saturating_sub(produced.wrapping_sub(consumed));
    let PacketHeader { timestamp_begin, timestamp_end, .. } = packet.header;
    let took_ns = trace_duration(timestamp_end.saturating_sub(timestamp_begin)).as_nanos() as u64;
    u128::from(room) * u128::from(took_ns) >= u128::from(packet.data_size) * UNHURRIED.as_nanos()
}

/// Why a snapshot was not written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SnapshotError {
    #[error("cannot write the snapshot: {0}")]
    Io(#[from] io::Error),
    #[error("cannot read the buffer: {0}")]
    Ring(#[from] RingError),
}
