//! `enable-channel NAME[,NAME]...`: makes channels, or enables ones that exist.

use std::time::Duration;

use rttng_wire::client::defaults::channel_attributes;
use rttng_wire::client::{
    BlockingTimeout, BufferType, Channel, ChannelAttributes, Domain, DomainType, ErrorCode, OutputType,
    OverwriteMode,
};

use crate::lttng::domains::{self, Chosen};
use crate::lttng::exit::{Exit, Step};
use crate::lttng::objects;
use crate::lttng::output::Output;
use crate::lttng::program::Program;
use crate::lttng::table::CommandSpec;
use crate::lttng::values::{count, micros, name_list, size, time};

/// Longest channel name, in bytes, that is not refused at sight.
const NAME_MAX: usize = 255;

#[derive(Default)]
struct Options {
    overwrite: Option<bool>,
    subbuf_size: Option<u64>,
    num_subbuf: Option<u64>,
    switch_timer: Option<Duration>,
    monitor_timer: Option<Duration>,
    read_timer: Option<Duration>,
    output: Option<OutputType>,
    buffers: Option<BufferType>,
    tracefile_size: Option<u64>,
    tracefile_count: Option<u64>,
    blocking_timeout: Option<BlockingTimeout>,
}

pub(crate) fn run(program: &mut Program, command: &'static CommandSpec, words: &[String]) -> Step<Exit> {
    let out = program.out;
    let mut parser = program.parse(command, words);
    let mut options = Options::default();
    let mut domains = Chosen::default();
    let mut session = None;
    while let Some(option) = parser.next()? {
        if option.long == "session" {
            session = option.value;
        } else if !domains.take(option.long) {
            options.take(out, option.long, option.value.as_deref().unwrap_or_default())?;
        }
    }
    let kind = domains.only(out, domains::WITH_CHANNELS)?;
    let names = parser.at_most_one()?;
    let (domain, attributes) = options.settle(out, kind)?;
    program.mi.begin(command.name);
    let exit = enable(program, session, domain, attributes, names).unwrap_or_else(|exit| exit);
    program.mi.end(exit.is_success());
    Ok(exit)
}

impl Options {
    fn take(&mut self, out: Output, long: &str, text: &str) -> Step {
        match long {
            "discard" => self.overwrite = Some(false),
            "overwrite" => self.overwrite = Some(true),
            "subbuf-size" => {
                self.subbuf_size =
                    Some(power_of_two(out, positive(out, long, size(text), text)?, "subbuf size"))
            }
            "num-subbuf" => {
                self.num_subbuf =
                    Some(power_of_two(out, positive(out, long, count(text), text)?, "number of subbuffers"));
            }
            "switch-timer" => self.switch_timer = Some(timer(out, long, text, true)?),
            "monitor-timer" => self.monitor_timer = Some(timer(out, long, text, false)?),
            "read-timer" => self.read_timer = Some(timer(out, long, text, true)?),
            "output" => self.output = Some(output_type(out, text)?),
            "buffers-uid" => self.buffers = Some(BufferType::PerUid),
            "buffers-pid" => self.buffers = Some(BufferType::PerPid),
            "buffers-global" => self.buffers = Some(BufferType::Global),
            "tracefile-size" => self.tracefile_size = Some(wrong_if_none(out, long, size(text), text)?),
            "tracefile-count" => {
                let files = count(text).filter(|&files| files <= u64::from(u32::MAX));
                self.tracefile_count = Some(wrong_if_none(out, long, files, text)?);
            }
            "blocking-timeout" => self.blocking_timeout = Some(blocking_timeout(out, text)?),
            _ => {}
        }
        Ok(())
    }

    /// Checks what the options say together and fills in the defaults.
    fn settle(&self, out: Output, kind: DomainType) -> Step<(Domain, ChannelAttributes)> {
        let refuse = |text: &str| {
            out.error(text);
            Err(Exit::ERROR)
        };
        let kernel = kind == DomainType::Kernel;
        let buffers = match (kernel, self.buffers) {
            (true, None | Some(BufferType::Global)) => BufferType::Global,
            (true, Some(_)) => return refuse("Buffer type not supported for domain -k"),
            (false, Some(BufferType::Global)) => return refuse("Buffer type not supported for domain -u"),
            (false, buffers) => buffers.unwrap_or(BufferType::PerUid),
        };
        let blocks = self.blocking_timeout.is_some_and(|timeout| timeout != BlockingTimeout::None);
        if blocks && self.overwrite == Some(true) {
            return refuse(
                "You cannot specify --overwrite and --blocking-timeout=N, where N is different than 0",
            );
        }
        if blocks && kernel {
            return refuse("Retry timeout option not supported for kernel domain (-k)");
        }
        if self.tracefile_count.is_some_and(|files| files > 0) && self.tracefile_size.unwrap_or(0) == 0 {
            return refuse("Missing option --tracefile-size. A file count without a size won't do anything.");
        }
        let page_size = rustix::param::page_size() as u64;
        let mut attributes = channel_attributes(kind, buffers, page_size);
        attributes.overwrite = match self.overwrite {
            None => OverwriteMode::SessionDefault,
            Some(true) => OverwriteMode::Overwrite,
            Some(false) => OverwriteMode::Discard,
        };
        attributes.subbuf_size = self.subbuf_size.unwrap_or(attributes.subbuf_size);
        attributes.num_subbuf = self.num_subbuf.unwrap_or(attributes.num_subbuf);
        attributes.switch_timer = self.switch_timer.unwrap_or(attributes.switch_timer);
        attributes.monitor_timer = self.monitor_timer.unwrap_or(attributes.monitor_timer);
        attributes.read_timer = self.read_timer.unwrap_or(attributes.read_timer);
        attributes.output = self.output.unwrap_or(attributes.output);
        attributes.tracefile_size = self.tracefile_size.unwrap_or(attributes.tracefile_size);
        attributes.tracefile_count = self.tracefile_count.unwrap_or(attributes.tracefile_count);
        attributes.blocking_timeout = self.blocking_timeout.unwrap_or(attributes.blocking_timeout);
        // The session's live timer rules; this is what LTTng sends for "not set".
        attributes.live_timer = Duration::from_micros(u64::from(u32::MAX));
        if attributes.tracefile_size > 0 && attributes.tracefile_size < attributes.subbuf_size {
            out.warn(format_args!(
                "Tracefile size rounded up from ({}) to subbuffer size ({})",
                attributes.tracefile_size, attributes.subbuf_size
            ));
            attributes.tracefile_size = attributes.subbuf_size;
        }
        Ok((Domain::new(kind, buffers), attributes))
    }
}

fn wrong_if_none<T>(out: Output, long: &str, value: Option<T>, text: &str) -> Step<T> {
    value.ok_or_else(|| {
        out.error(format_args!("Wrong value in --{long} parameter: {text}"));
        Exit::ERROR
    })
}

fn positive(out: Output, long: &str, value: Option<u64>, text: &str) -> Step<u64> {
    wrong_if_none(out, long, value.filter(|&value| value > 0), text)
}

/// Rounds up to a power of two; says so if that changes anything.
fn power_of_two(out: Output, value: u64, what: &str) -> u64 {
    let rounded = value.checked_next_power_of_two().unwrap_or(value);
    if rounded != value {
        out.warn(format_args!("The {what} ({value}) is rounded to the next power of 2 ({rounded})"));
    }
    rounded
}

fn timer(out: Output, long: &str, text: &str, narrow: bool) -> Step<Duration> {
    let Some(period) = time(text) else {
        out.error(format_args!("Wrong value for --{long} parameter: {text}"));
        return Err(Exit::ERROR);
    };
    if narrow && micros(period) > u64::from(u32::MAX) {
        out.error(format_args!("32-bit overflow in --{long} parameter: {text}"));
        return Err(Exit::ERROR);
    }
    Ok(period)
}

fn blocking_timeout(out: Output, text: &str) -> Step<BlockingTimeout> {
    if text == "inf" {
        return Ok(BlockingTimeout::Infinite);
    }
    let Some(timeout) = time(text) else {
        out.error(format_args!("Wrong value for --blocking-timeout parameter: {text}"));
        return Err(Exit::ERROR);
    };
    if i32::try_from(timeout.as_millis()).is_err() {
        out.error(format_args!("32-bit milliseconds overflow in --blocking-timeout parameter: {text}"));
        return Err(Exit::ERROR);
    }
    Ok(if timeout.is_zero() { BlockingTimeout::None } else { BlockingTimeout::After(timeout) })
}

/// LTTng compares the beginning only.
fn output_type(out: Output, text: &str) -> Step<OutputType> {
    if text.starts_with("mmap") {
        Ok(OutputType::Mmap)
    } else if text.starts_with("splice") {
        Ok(OutputType::Splice)
    } else {
        out.error(format_args!("Unknown output type {text}. Possible values are: mmap, splice\n"));
        Err(Exit::ERROR)
    }
}

fn enable(
    program: &mut Program,
    session: Option<String>,
    domain: Domain,
    attributes: ChannelAttributes,
    names: Option<String>,
) -> Step<Exit> {
    let out = program.out;
    let Some(names) = names else {
        out.error("Missing channel name.");
        return Err(Exit::ERROR);
    };
    let session = program.session_or_current(session)?;
    let (mut failed, mut existed) = (false, false);
    program.mi.open("channels");
    for name in name_list(&names) {
        let channel = Channel::new(name, attributes);
        let outcome = if rttng_wire::text::to_bytes(name).len() > NAME_MAX {
            out.error("Channel name is too long (max. 255 characters)");
            failed = true;
            false
        } else {
            match program.client.enable_channel(&session, domain, channel.clone()) {
                Ok(()) => {
                    let kind = crate::lttng::names::domain(domain.kind);
                    out.say(format_args!("{kind} channel {name} enabled for session {session}"));
                    true
                }
                Err(error) => {
                    match error.code() {
                        ErrorCode::KernChanExist | ErrorCode::UstChanExist | ErrorCode::ChanExist => {
                            out.warn(format_args!("Channel {name}: {} (session {session})", error.text()));
                            existed = true;
                        }
                        ErrorCode::InvalidChannelName => {
                            out.error(format_args!(
                                "Invalid channel name: \"{name}\". Channel names may not start with '.', and may not contain '/'."
                            ));
                            failed = true;
                        }
                        _ => {
                            out.error(format_args!("Channel {name}: {} (session {session})", error.text()));
                            failed = true;
                        }
                    }
                    false
                }
            }
        };
        program.mi.element("channel", |mi| {
            objects::channel_fields(mi, &channel);
            mi.boolean("success", outcome);
        });
    }
    Ok(match (existed, failed) {
        (true, _) => Exit::WARNING,
        (false, true) => Exit::ERROR,
        (false, false) => Exit::SUCCESS,
    })
}
