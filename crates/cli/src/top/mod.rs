//! `rttng top TRACE|SESSION`: what a trace is doing, while it is recorded or after.

mod lines;
mod screen;
mod snapshot;

use std::ffi::OsString;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{CommandFactory, Parser, ValueEnum};
use ratatui::crossterm::event::{self, Event, KeyEventKind};
use rttng_control::Client;
use rttng_ctf::read::follow::Follower;
use rttng_view::ViewError;
use rttng_view::follow::{Guide, Recording};
use rttng_view::top::Rates;

use crate::guide::{SessionGuide, client, nothing_in, trace_of};
use crate::selection::ClockOptions;
use crate::words;
use screen::Screen;
use snapshot::{Buffer, Snapshot, Sort, State};

/// How often the screen is drawn anew at least.
const FRAME: Duration = Duration::from_millis(200);

/// Messages that are read between two looks at the keyboard.
const MESSAGES: usize = 50_000;

/// Shows what a trace is doing: events a second of each kind, process and CPU, what was lost, and how full buffers are.
///
/// A session, or a trace that is being written, is followed; of one that is not, all of it is shown. Where the output is
/// no terminal, or with --batch, plain lines are written at each interval.
#[derive(Debug, Clone, Parser)]
#[command(name = "rttng top", bin_name = "rttng top", max_term_width = 100)]
struct Options {
    /// Write plain lines instead of drawing in the terminal
    #[arg(long)]
    batch: bool,

    /// Write lines each so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 1.0)]
    interval: f64,

    /// End after so many intervals
    #[arg(long, value_name = "COUNT")]
    iterations: Option<u64>,

    /// Write so many lines of each table
    #[arg(long, value_name = "COUNT", default_value_t = 10)]
    lines: usize,

    /// What comes first
    #[arg(long, value_name = "ORDER", default_value = "rate")]
    sort: Order,

    #[command(flatten)]
    clocks: ClockOptions,

    /// A folder with traces in it or below; or the name of a recording session
    #[arg(value_name = "TRACE|SESSION")]
    trace: PathBuf,
}

/// Orders of lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Order {
    Rate,
    Total,
    Name,
}

/// Its options, for man pages and completion.
pub(crate) fn describe() -> clap::Command {
    Options::command()
}

/// `rttng top`: `argv` from the command's own name on.
pub(crate) fn main(argv: Vec<OsString>) -> ExitCode {
    words::carry_out("rttng top", argv, top)
}

fn top(options: &Options) -> Result<(), Box<dyn std::error::Error>> {
    let interval = Duration::try_from_secs_f64(options.interval)?.max(Duration::from_millis(50));
    let trace = trace_of(&options.trace).map_err(|cause| format!("{}: {cause}", options.trace.display()))?;
    let mut watch = Watch::new(trace, options)?;
    if options.batch || !std::io::stdout().is_terminal() {
        return batch(options, interval, &mut watch);
    }
    let mut terminal = ratatui::try_init()?;
    let outcome = draw(&mut terminal, &mut watch, options.sort.into());
    ratatui::try_restore()?;
    outcome
}

impl From<Order> for Sort {
    fn from(order: Order) -> Sort {
        match order {
            Order::Rate => Sort::Rate,
            Order::Total => Sort::Total,
            Order::Name => Sort::Name,
        }
    }
}

/// A trace that is watched.
struct Watch {
    name: String,
    follower: Follower,
    guide: SessionGuide,
    rates: Rates,
    client: Client,
    state: State,
    has_grown: bool,
    looked: Option<Instant>,
    buffers: (Option<Instant>, Vec<Buffer>),
}

impl Watch {
    fn new(trace: PathBuf, options: &Options) -> Result<Watch, Box<dyn std::error::Error>> {
        let traces = [trace];
        let reading =
            rttng_ctf::read::Options { correlation: options.clocks.correlation(), ..Default::default() };
        Ok(Watch {
            name: options.trace.display().to_string(),
            // Nothing is put in order: what is there is counted.
            guide: SessionGuide::new(&traces, Some(Duration::ZERO))?,
            follower: Follower::open(&traces, &reading)?,
            rates: Rates::default(),
            client: client(),
            state: State::Recording,
            has_grown: true,
            looked: None,
            buffers: (None, Vec::new()),
        })
    }

    /// Reads a part of what is there; whether there is more at once.
    fn step(&mut self) -> Result<bool, ViewError> {
        // Also where nobody is asked any more, because the trace is whole.
        if self.guide.is_interrupted() {
            self.state = State::Interrupted;
            return Ok(false);
        }
        if self.looked.is_none_or(|when| when.elapsed() >= FRAME) && self.state != State::Over {
            match self.guide.ask() {
                Recording::Interrupted => {
                    self.state = State::Interrupted;
                    return Ok(false);
                }
                Recording::Over => {
                    self.state = State::Over;
                    self.has_grown |= self.follower.finish()?;
                    if self.follower.reader().traces().is_empty() {
                        return Err(nothing_in(Path::new(&self.name)).into());
                    }
                }
                Recording::Going { written_until } => {
                    written_until.into_iter().for_each(|time| self.follower.set_horizon(time));
                    self.has_grown |= self.follower.look()?;
                }
            }
            self.looked = Some(Instant::now());
        }
        if std::mem::take(&mut self.has_grown) {
            self.rates.grown(self.follower.reader());
        }
        self.rates.take(&mut self.follower, MESSAGES)
    }

    /// What there is to show now.
    fn snapshot(&mut self) -> Snapshot {
        if self.buffers.0.is_none_or(|when| when.elapsed() > Duration::from_secs(1)) {
            let usage = self.guide.session().map(|session| self.client.list_channel_usage(session));
            let usage = usage.and_then(Result::ok).unwrap_or_default();
            let full = usage.iter().filter(|channel| channel.buffer_size > 0).map(|channel| Buffer {
                channel: channel.name.clone(),
                fullest: channel.fullest as f64 / channel.buffer_size as f64,
            });
            self.buffers = (Some(Instant::now()), full.collect());
        }
        Snapshot::new(&self.name, self.state, &self.rates, self.buffers.1.clone())
    }
}

/// Plain lines, at each interval and at the end.
fn batch(options: &Options, interval: Duration, watch: &mut Watch) -> Result<(), Box<dyn std::error::Error>> {
    let mut left = options.iterations.unwrap_or(u64::MAX);
    let mut next = Instant::now() + interval;
    loop {
        let has_more = watch.step()?;
        let is_done = watch.state != State::Recording && !has_more;
        // Of a trace that nobody writes only the whole is of interest.
        if is_done || (watch.state == State::Recording && Instant::now() >= next) {
            next += interval;
            left -= 1;
            let text = lines::text(&watch.snapshot(), options.sort.into(), options.lines);
            match std::io::stdout().write_all(text.as_bytes()) {
                Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => return Ok(()),
                outcome => outcome?,
            }
            if is_done || left == 0 {
                return Ok(());
            }
        }
        if !has_more {
            std::thread::sleep(Duration::from_millis(20).min(interval));
        }
    }
}

/// The picture in the terminal, until it is left.
fn draw(
    terminal: &mut ratatui::DefaultTerminal,
    watch: &mut Watch,
    sort: Sort,
) -> Result<(), Box<dyn std::error::Error>> {
    let mut screen = Screen::new(sort);
    let mut drawn: Option<Instant> = None;
    loop {
        let has_more = watch.step()?;
        if watch.state == State::Interrupted {
            return Ok(());
        }
        if drawn.is_none_or(|when| when.elapsed() >= FRAME) {
            screen.take(watch.snapshot());
            terminal.draw(|frame| screen.draw(frame))?;
            drawn = Some(Instant::now());
        }
        let wait = if has_more { Duration::ZERO } else { FRAME / 2 };
        while event::poll(wait)? {
            if let Event::Key(key) = event::read()?
                && key.kind != KeyEventKind::Release
                && screen.key(key)
            {
                return Ok(());
            }
            terminal.draw(|frame| screen.draw(frame))?;
            if !event::poll(Duration::ZERO)? {
                break;
            }
        }
    }
}
