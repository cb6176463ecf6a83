//! Several threads that print one trace: each takes the next slice of time, prints it to memory, and whoever has what
//! comes next writes it out.
//!
//! ```text
//! slices:    0 | 1 | 2 | 3 | 4 ...        a queue, cut as it goes
//! threads:   a   b   a   b                each with a reader and a printer of its own
//! output:    0, 1, 2 ...                  in order; at most two slices a thread wait for their turn
//! ```
//! The bytes are those that one thread would write. Where a slice depends on what came before it (the time since the
//! event before), the printer leaves a gap, which is filled when the slice is written. Where reading goes wrong, the
//! slice in which it does is the last one, and is read on to the end of the trace.
//!
//! Memory: for each thread the windows of the reader, and up to three slices as printed, of [`SLICE_BYTES`] of content.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::Write;
use std::num::NonZeroUsize;
use std::rc::Rc;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use rttng_ctf::read::{Damage, Lost, Reader, Slices};

use crate::losses::LossMeter;
use crate::out::Out;
use crate::select::{Selection, Selector, Verdict};
use crate::{Printer, Ran, ViewError};

/// Content of a slice.
const SLICE_BYTES: u64 = 128 << 10;

/// Traces with less content than this are printed sooner than threads are started.
const SMALL_BYTES: u64 = 1 << 20;

/// More threads than this gain little: each of them passes over all events.
const MOST_THREADS: usize = 16;

/// How many threads print a trace if nobody says it: as many as there are processors to run on.
pub fn default_threads() -> usize {
    std::thread::available_parallelism().map_or(1, NonZeroUsize::get).min(MOST_THREADS)
}

/// A printer whose output can be put together from slices.
pub(crate) trait SlicePrinter: Printer {
    /// What comes is a slice by itself, and stays in [`SlicePrinter::out`] until it is taken from there.
    fn begin_slice(&mut self);
    /// Where the slice is put together.
    fn out(&mut self) -> &mut Out;
    /// The slice is at its end: what its neighbours have to know.
    fn edges(&self) -> Edges;
    /// What belongs into the gap of a slice.
    fn fill_gap(&self, gap: Gap, before: Option<(i64, u64)>) -> Vec<u8>;
}

/// What a slice and the one before it have to do with each other.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Edges {
    pub(crate) gap: Option<Gap>,
    /// Nanoseconds and cycles of the last event with a time.
    pub(crate) last: Option<(i64, u64)>,
}

/// A place in the output that depends on the slice before.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Gap {
    /// In bytes from the start of the slice.
    pub(crate) at: usize,
    /// Nanoseconds and cycles of the event there.
    pub(crate) time: (i64, u64),
}

/// What a slice wrote.
#[derive(Debug, Default)]
pub(crate) struct Written {
    out: Out,
    /// Messages, and after how many bytes of the output each comes.
    messages: Vec<(usize, Vec<u8>)>,
}

/// One of the two outputs of a slice.
#[derive(Debug, Clone)]
pub(crate) struct SliceOutput {
    written: Rc<RefCell<Written>>,
    is_messages: bool,
}

impl SliceOutput {
    fn pair() -> [SliceOutput; 2] {
        let written = Rc::<RefCell<Written>>::default();
        [false, true].map(|is_messages| SliceOutput { written: Rc::clone(&written), is_messages })
    }
}

impl Write for SliceOutput {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let mut written = self.written.borrow_mut();
        if self.is_messages {
            let at = written.out.len();
            written.messages.push((at, bytes.to_vec()));
        } else {
            written.out.put(bytes);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A slice that waits for its turn.
struct Done {
    written: Written,
    edges: Edges,
    gap: Vec<u8>,
    events: u64,
    losses: Vec<(usize, Lost)>,
    damage: Damage,
    outcome: Result<(), ViewError>,
    /// Whether nothing follows.
    is_last: bool,
}

/// What threads share.
struct State {
    slices: Slices,
    /// Numbers of the slice that is taken next, and of the one that is written next.
    next: usize,
    turn: usize,
    done: BTreeMap<usize, Done>,
    is_writing: bool,
    is_over: bool,
    /// Memory to be used again.
    spare: Vec<Out>,
}

/// Writes slices in order.
struct Joiner<'a, P> {
    output: &'a mut (dyn Write + Send),
    messages: &'a mut (dyn Write + Send),
    make: &'a Make<P>,
    before: Option<(i64, u64)>,
    ran: Ran,
    meter: LossMeter,
    damage: Damage,
    outcome: Result<(), ViewError>,
}

/// Makes a printer of slices for a reader.
type Make<P> = dyn Fn(&Reader, SliceOutput, SliceOutput) -> P + Sync;

/// Whether several threads can print this, and are of use.
pub(crate) fn is_worth_it(reader: &Reader, selection: &Selection, threads: usize) -> bool {
    let bytes: u64 = (0..reader.stream_count())
        .flat_map(|stream| reader.packets(stream))
        .map(|packet| packet.content_bytes)
        .sum();
    threads > 1
        && bytes >= SMALL_BYTES
        && reader.is_divisible()
        // A day may be that of the first event; a limit is counted from the first.
        && selection.begin.is_none()
        && selection.end.is_none()
        && selection.limit.is_none()
}

/// Prints all with so many threads. The printer's own end (its [`Printer::finish`]) is left to the caller.
pub(crate) fn print<P: SlicePrinter>(
    reader: &mut Reader,
    selection: &Selection,
    threads: usize,
    make: &Make<P>,
    output: &mut (dyn Write + Send),
    messages: &mut (dyn Write + Send),
) -> Result<Ran, ViewError> {
    // What is wrong with the selection is said before anything is read.
    Selector::new(selection.clone(), reader)?;
    let state = Mutex::new(State {
        slices: reader.slices(SLICE_BYTES),
        next: 0,
        turn: 0,
        done: BTreeMap::new(),
        is_writing: false,
        is_over: false,
        spare: Vec::new(),
    });
    let joiner = Mutex::new(Joiner {
        output,
        messages,
        make,
        before: None,
        ran: Ran::default(),
        meter: LossMeter::default(),
        damage: Damage::default(),
        outcome: Ok(()),
    });
    let moved = Condvar::new();
    let shared = &*reader;
    std::thread::scope(|scope| {
        for _ in 1..threads {
            let help = || work(shared, selection, threads, &state, &moved, &joiner);
            // Where there is no memory for another one, those that there are do its share.
            if std::thread::Builder::new().spawn_scoped(scope, help).is_err() {
                break;
            }
        }
        work(shared, selection, threads, &state, &moved, &joiner);
    });
    let Joiner { ran, damage, outcome, .. } = joiner.into_inner().unwrap_or_else(PoisonError::into_inner);
    reader.add_damage(damage);
    outcome.map(|()| ran)
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lets the other threads end if this one panics.
struct Alarm<'a>(&'a Mutex<State>, &'a Condvar);

impl Drop for Alarm<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            locked(self.0).is_over = true;
            self.1.notify_all();
        }
    }
}

/// What each thread does: takes slices, prints them, and writes those whose turn it is.
fn work<P: SlicePrinter>(
    shared: &Reader,
    selection: &Selection,
    threads: usize,
    state: &Mutex<State>,
    moved: &Condvar,
    joiner: &Mutex<Joiner<'_, P>>,
) {
    let _alarm = Alarm(state, moved);
    let mut reader = shared.fork();
    let [output, messages] = SliceOutput::pair();
    let written = Rc::clone(&output.written);
    let mut printer = (locked(joiner).make)(&reader, output, messages);
    // It was made of these before.
    let Ok(mut selector) = Selector::new(selection.clone(), &reader) else { return };
    selector.sift(&mut reader);
    loop {
        let mut now = locked(state);
        while !now.is_over && now.next > now.turn + 2 * threads {
            now = moved.wait(now).unwrap_or_else(PoisonError::into_inner);
        }
        if now.is_over {
            return;
        }
        let Some((begin, end)) = now.slices.next() else { return };
        let number = now.next;
        now.next += 1;
        written.borrow_mut().out = now.spare.pop().unwrap_or_default();
        drop(now);

        let mut done = slice(&mut reader, &mut selector, &mut printer, (begin, end));
        done.written = written.take();
        let out = printer.out();
        if done.written.out.is_empty() {
            // Nothing was written before, as it is for messages: the memory changes hands.
            std::mem::swap(out, &mut done.written.out);
        } else {
            done.written.out.put(out.bytes());
            out.clear();
        }

        let mut now = locked(state);
        now.done.insert(number, done);
        while !now.is_writing && !now.is_over {
            let turn = now.turn;
            let Some(mut done) = now.done.remove(&turn) else { break };
            now.is_writing = true;
            drop(now);
            let is_over = locked(joiner).join(&mut done, &printer);
            now = locked(state);
            let mut out = done.written.out;
            out.clear();
            now.spare.push(out);
            now.turn += 1;
            now.is_writing = false;
            now.is_over = is_over;
            moved.notify_all();
        }
    }
}

/// Prints one slice.
fn slice<P: SlicePrinter>(
    reader: &mut Reader,
    selector: &mut Selector,
    printer: &mut P,
    (begin, end): (i64, i64),
) -> Done {
    reader.limit_to(begin, end);
    printer.begin_slice();
    let (mut events, mut losses, mut is_stopped) = (0, Vec::new(), false);
    let mut go = || -> Result<(), ViewError> {
        loop {
            if reader.advance()
                && let Some(mut event) = reader.event()
            {
                match selector.judge(&mut event)? {
                    Verdict::Show => {
                        events += 1;
                        printer.event(&mut event)?;
                    }
                    Verdict::Pass => {}
                    Verdict::Stop => {
                        is_stopped = true;
                        return Ok(());
                    }
                }
                continue;
            }
            let Some((stream, lost)) = reader.other()? else { return Ok(()) };
            let Some(lost) = selector.cut(lost) else { continue };
            losses.push((stream, lost));
            printer.lost(reader, stream, &lost)?;
        }
    };
    let outcome = go();
    let edges = printer.edges();
    let is_last = is_stopped || outcome.is_err() || !reader.is_limited();
    let damage = reader.take_damage();
    Done { written: Written::default(), edges, gap: Vec::new(), events, losses, damage, outcome, is_last }
}

impl<P: SlicePrinter> Joiner<'_, P> {
    /// Writes the slice that comes next. Gives whether it is the last.
    fn join(&mut self, done: &mut Done, printer: &P) -> bool {
        let written = self.write(done, printer);
        self.ran.events += done.events;
        for (stream, lost) in &done.losses {
            self.ran.losses.add(&self.meter.new_of_number(*stream, lost));
        }
        self.before = done.edges.last.or(self.before);
        self.damage.add(std::mem::take(&mut done.damage));
        self.outcome = std::mem::replace(&mut done.outcome, Ok(())).and(Ok(()));
        if let Err(error) = written {
            self.outcome = Err(ViewError::Write(error));
        }
        done.is_last || self.outcome.is_err()
    }

    fn write(&mut self, done: &mut Done, printer: &P) -> std::io::Result<()> {
        let mut at = 0;
        let bytes = done.written.out.bytes();
        if let Some(gap) = done.edges.gap {
            done.gap = printer.fill_gap(gap, self.before);
        }
        let gap = done.edges.gap.map(|gap| gap.at);
        let mut messages = done.written.messages.iter().peekable();
        // Up to each place at which something else comes.
        loop {
            let message = messages.peek().map(|(at, _)| *at);
            let hole = gap.filter(|gap| *gap >= at && !done.gap.is_empty());
            match (message, hole) {
                (Some(place), hole) if hole.is_none_or(|hole| place <= hole) => {
                    self.output.write_all(&bytes[at..place])?;
                    at = place;
                    if let Some((_, message)) = messages.next() {
                        self.messages.write_all(message)?;
                    }
                }
                (_, Some(hole)) => {
                    self.output.write_all(&bytes[at..hole])?;
                    self.output.write_all(&done.gap)?;
                    done.gap.clear();
                    at = hole;
                }
                _ => return self.output.write_all(&bytes[at..]),
            }
        }
    }
}
