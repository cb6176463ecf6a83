//! Everything that is in traces, by several threads, in no particular order.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use super::error::{Damage, ReadError};
use super::slices::StreamReader;
use super::{Message, Reader, Slices};

/// Content of the spans of time that threads take in turns.
const SLICE_BYTES: u64 = 1 << 20;

/// What is left to be read.
enum Work {
    /// Spans of time, of all streams.
    Spans(Slices),
    /// Streams, where spans of time cannot be read by themselves.
    Streams(Vec<StreamReader>),
}

/// What one thread takes.
enum Part {
    Span(i64, i64),
    Stream(Box<StreamReader>),
}

impl Reader {
    /// Hands every message to `each`, in `threads` threads at once. Each thread has a value of its own, made by `start`;
    /// all of them are given back in the end, to be put together.
    ///
    /// Within a span of time that one thread reads, messages come in order; which thread reads which span is chance.
    /// Where traces cannot be cut into spans ([`Reader::is_divisible`]) the threads read whole streams. The first error, also
    /// one of `each`, ends all; what a lenient reader passes over is added to [`Reader::damage`]. This reader itself stays
    /// where it is.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use rttng_ctf::read::{Message, Options, ReadError, Reader};
    /// # let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/trace/per-uid/trace");
    /// let mut reader = Reader::open(&[folder.into()], &Options::default())?;
    /// let counts = reader.in_parallel(2, || 0u64, |count, message| {
    ///     *count += u64::from(matches!(message, Message::Event(_)));
    ///     Ok::<(), ReadError>(())
    /// })?;
    /// println!("{} events", counts.iter().sum::<u64>());
    /// # Ok(()) }
    /// ```
    pub fn in_parallel<S, E>(
        &mut self,
        threads: usize,
        start: impl Fn() -> S + Sync,
        each: impl Fn(&mut S, Message<'_>) -> Result<(), E> + Sync,
    ) -> Result<Vec<S>, E>
    where
        S: Send,
        E: From<ReadError> + Send,
    {
        let work = match self.is_divisible() {
            true => Work::Spans(self.slices(SLICE_BYTES)),
            false => Work::Streams(self.fork().into_streams()),
        };
        let (work, is_over) = (Mutex::new(work), AtomicBool::new(false));
        let reader = &*self;
        let run = || -> Result<(S, Damage), E> {
            let (mut state, mut own) = (start(), reader.fork());
            let done = (|| {
                while let Some(part) = take(&work).filter(|_| !is_over.load(Ordering::Relaxed)) {
                    match part {
                        Part::Span(begin, end) => {
                            own.limit_to(begin, end);
                            while let Some(message) = own.next()? {
                                each(&mut state, message)?;
                            }
                        }
                        Part::Stream(mut stream) => loop {
                            match stream.next() {
                                Ok(Some(message)) => each(&mut state, message)?,
                                Ok(None) => break,
                                Err(error) => own.damage.note(error)?,
                            }
                        },
                    }
                }
                Ok(())
            })();
            is_over.fetch_or(done.is_err(), Ordering::Relaxed);
            done.map(|()| (state, own.take_damage()))
        };
        let done: Vec<Result<(S, Damage), E>> = std::thread::scope(|scope| {
            let others: Vec<_> = (1..threads).map(|_| scope.spawn(run)).collect();
            let own = run();
            let joined = others.into_iter().map(|other| match other.join() {
                Ok(done) => done,
                Err(panic) => std::panic::resume_unwind(panic),
            });
            std::iter::once(own).chain(joined).collect()
        });
        let mut states = Vec::with_capacity(done.len());
        for done in done {
            let (state, damage) = done?;
            self.add_damage(damage);
            states.push(state);
        }
        Ok(states)
    }
}

fn take(work: &Mutex<Work>) -> Option<Part> {
    match &mut *work.lock().unwrap_or_else(PoisonError::into_inner) {
        Work::Spans(slices) => slices.next().map(|(begin, end)| Part::Span(begin, end)),
        Work::Streams(streams) => streams.pop().map(|stream| Part::Stream(Box::new(stream))),
    }
}
