//! Parts of traces: readers of a span of time, of single streams, and how a trace is cut so that several threads have
//! about as much to do.

use std::sync::Arc;

use super::error::{Damage, ReadError};
use super::merge::Tournament;
use super::stream::{Next, Stream};
use super::{Event, Message, Reader, StreamInfo, Trace};

impl Reader {
    /// Another reader of the same traces, that stands before the first message. It shares what is known of them, so
    /// that this costs little, and may go to another thread.
    pub fn fork(&self) -> Reader {
        let mut streams: Vec<Stream> = self.streams.iter().map(Stream::fork).collect();
        // Nothing is read before it is known from where on.
        let order = Tournament::new(streams.iter_mut().map(|_| i64::MIN));
        Reader {
            traces: Arc::clone(&self.traces),
            streams,
            order,
            is_taken: false,
            end: Tournament::NEVER,
            is_fresh: true,
            damage: Damage::of(self.damage.lenient),
        }
    }

    /// Whether every message has a time, and packets say from when to when they are: then a span of time can be read by
    /// itself ([`Reader::limit_to`]) and costs little more than its share.
    pub fn is_divisible(&self) -> bool {
        self.streams.iter().all(Stream::is_orderly)
    }

    /// Goes on to the messages that are due at `begin` or later, and ends before those that are due at `end` or later;
    /// both in nanoseconds since the origin. Spans that follow each other give, one after the other, what the reader
    /// gives as a whole, if [`Reader::is_divisible`]: packets that end before a span are passed over unread, and what
    /// is wrong with them is found by who reads theirs.
    ///
    /// A reader goes forwards only: what was read stays read.
    pub fn limit_to(&mut self, begin: i64, end: i64) {
        if std::mem::take(&mut self.is_taken) {
            self.streams[self.order.winner()].advance();
        }
        self.is_fresh = false;
        self.end = end;
        self.streams.iter_mut().for_each(|stream| stream.sift_until = end);
        self.order = Tournament::new(self.streams.iter_mut().map(|stream| stream.skip_to(begin)));
    }

    /// Whether there is an end before the traces' own. There is none any more once something was wrong: what comes of it
    /// belongs to the span in which it is.
    pub fn is_limited(&self) -> bool {
        self.end != Tournament::NEVER
    }

    /// Takes out what [`Reader::damage`] has.
    pub fn take_damage(&mut self) -> Damage {
        let lenient = Damage::of(self.damage.lenient);
        std::mem::replace(&mut self.damage, lenient)
    }

    /// Adds what another reader of the same traces met.
    pub fn add_damage(&mut self, damage: Damage) {
        self.damage.add(damage);
    }

    /// Goes past what was given out last, or to the start.
    #[inline]
    pub(super) fn settle(&mut self) {
        if std::mem::take(&mut self.is_taken) {
            let time = self.streams[self.order.winner()].advance();
            self.order.replay(time);
        }
        if self.is_fresh {
            self.is_fresh = false;
            self.order = Tournament::new(self.streams.iter_mut().map(Stream::advance));
        }
    }

    /// Whether the end of the span is reached, now that something is due after it. Where a packet goes on after the end
    /// that it claims, an error will come of it: so that this comes as if all were read at once, there is no end then.
    #[cold]
    pub(super) fn ends(&mut self) -> bool {
        if self.end == Tournament::NEVER {
            return false;
        }
        let end = self.end;
        if self.streams.iter().any(|stream| stream.is_beyond_its_packet(end)) {
            self.end = Tournament::NEVER;
            self.streams.iter_mut().for_each(|stream| stream.sift_until = Tournament::NEVER);
            return false;
        }
        true
    }

    /// Cuts the traces into spans of time with about `bytes` of content each: the first begins with the first message,
    /// the last has no end.
    pub fn slices(&self, bytes: u64) -> Slices {
        let mut active = Vec::with_capacity(self.streams.len());
        for stream in &self.streams {
            let Some(scale) = stream.scale else { continue };
            active.push(Active { packets: Arc::clone(&stream.packets), scale, next: 0 });
        }
        Slices { streams: active, bytes: bytes.max(1), begin: Some(i64::MIN), at: i64::MIN }
    }

    /// One reader for each stream, in the order of their numbers; each gives the messages of its stream alone.
    pub fn into_streams(self) -> Vec<StreamReader> {
        let traces = self.traces;
        let reader = |(number, stream): (usize, Stream)| {
            let stream = stream.fork();
            StreamReader { traces: Arc::clone(&traces), stream, number }
        };
        self.streams.into_iter().enumerate().map(reader).collect()
    }
}

/// Reads one stream.
#[derive(Debug)]
pub struct StreamReader {
    traces: Arc<Vec<Trace>>,
    pub(super) stream: Stream,
    number: usize,
}

impl StreamReader {
    /// What is known of the stream.
    pub fn info(&self) -> StreamInfo<'_> {
        self.stream.info()
    }

    /// Its trace.
    pub fn trace(&self) -> &Trace {
        &self.traces[self.stream.trace]
    }

    /// Its next message, or nothing at the end, which also follows an error.
    #[allow(clippy::should_implement_trait)]
    #[inline]
    pub fn next(&mut self) -> Result<Option<Message<'_>>, ReadError> {
        self.stream.advance();
        if self.stream.event().is_none() {
            return match std::mem::replace(&mut self.stream.next, Next::End) {
                Next::Lost(lost) => Ok(Some(Message::Lost { stream: self.number, lost })),
                Next::Fault(error) => Err(error),
                Next::End | Next::Wait | Next::Event => Ok(None),
            };
        }
        self.stream.looked.forget_event();
        let trace = &self.traces[self.stream.trace];
        Ok(Some(Message::Event(Event { trace, stream: &mut self.stream, number: self.number })))
    }

    /// Passes over all its messages, and gives how many events there were. What was lost is told to `lost`.
    pub fn count(&mut self, mut lost: impl FnMut(super::Lost)) -> Result<u64, ReadError> {
        let mut count = 0;
        loop {
            count += self.stream.take_batch();
            match std::mem::replace(&mut self.stream.next, Next::End) {
                Next::Event => {}
                Next::Lost(what) => lost(what),
                Next::Fault(error) => return Err(error),
                Next::End | Next::Wait => return Ok(count),
            }
        }
    }
}

/// The packets of a stream that are not behind the place where the next cut is looked for.
#[derive(Debug)]
struct Active {
    packets: Arc<Vec<super::packets::Packet>>,
    scale: super::TimeScale,
    next: usize,
}

impl Active {
    /// When the packet begins and ends, and its size in bytes.
    fn packet(&self) -> Option<(i64, i64, u64)> {
        let packet = self.packets.get(self.next)?;
        let begin = self.scale.nanoseconds(packet.begin);
        // Of one without an end it is known that it goes on for a while.
        let end = packet.end.map_or(begin.saturating_add(1_000_000_000), |end| self.scale.nanoseconds(end));
        Some((begin, end.max(begin.saturating_add(1)), packet.content_bits / 8))
    }
}

/// Spans of time, one after the other, from [`Reader::slices`]. Each is `begin` and `end` for [`Reader::limit_to`].
///
/// Events are taken to be spread evenly over their packets.
#[derive(Debug)]
pub struct Slices {
    streams: Vec<Active>,
    bytes: u64,
    /// Where the next span begins; nothing after the last.
    begin: Option<i64>,
    /// How far packets have been looked at.
    at: i64,
}

impl Iterator for Slices {
    type Item = (i64, i64);

    fn next(&mut self) -> Option<(i64, i64)> {
        let begin = self.begin.take()?;
        let Some(end) = self.cut() else { return Some((begin, i64::MAX)) };
        self.begin = Some(end);
        Some((begin, end))
    }
}

impl Slices {
    /// Where `bytes` more have passed.
    fn cut(&mut self) -> Option<i64> {
        let mut left = self.bytes as f64;
        loop {
            // Up to the next place where a packet begins or ends, all goes on evenly.
            let (mut rate, mut until) = (0.0, i64::MAX);
            for stream in &mut self.streams {
                while stream.packet().is_some_and(|(_, end, _)| end <= self.at) {
                    stream.next += 1;
                }
                let Some((begin, end, bytes)) = stream.packet() else { continue };
                if begin > self.at {
                    until = until.min(begin);
                } else {
                    until = until.min(end);
                    rate += bytes as f64 / end.saturating_sub(begin) as f64;
                }
            }
            if until == i64::MAX {
                return None;
            }
            let span = until.saturating_sub(self.at) as f64;
            if rate * span >= left {
                self.at = self.at.saturating_add((left / rate).ceil().max(1.0) as i64).min(until);
                return Some(self.at);
            }
            left -= rate * span;
            self.at = until;
        }
    }
}
