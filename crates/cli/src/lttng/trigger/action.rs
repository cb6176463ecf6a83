//! `--action NAME` and its options.

use std::num::NonZeroU64;

use rttng_wire::client::{Action, RatePolicy, SnapshotAction, SnapshotMaxSize, SnapshotOutput};

use crate::lttng::argpar::{Arguments, Item, once};
use crate::lttng::exit::{Exit, Step};
use crate::lttng::options::{OptionSpec, valued};
use crate::lttng::output::Output;
use crate::lttng::urls;
use crate::lttng::values::size;

/// The actions that a person can write.
pub(crate) const NAMES: [&str; 5] =
    ["notify", "start-session", "stop-session", "rotate-session", "snapshot-session"];

const RATE_POLICY: OptionSpec = valued("rate-policy", None, "POLICY", "every:N or once-after:N");

pub(crate) const OPTIONS: &[OptionSpec] = &[RATE_POLICY];

pub(crate) const SNAPSHOT_OPTIONS: &[OptionSpec] = &[
    valued("name", Some('n'), "NAME", "Name of the snapshot output"),
    valued("max-size", Some('m'), "SIZE", "Largest size of a snapshot"),
    valued("ctrl-url", None, "URL", "Control URL (with --data-url)"),
    valued("data-url", None, "URL", "Data URL (with --ctrl-url)"),
    valued("url", None, "URL", "Snapshot output URL"),
    valued("path", None, "PATH", "Snapshot output directory"),
    RATE_POLICY,
];

#[derive(Default)]
struct Options {
    session: Option<String>,
    policy: RatePolicy,
    name: Option<String>,
    max_size: Option<u64>,
    ctrl_url: Option<String>,
    data_url: Option<String>,
    url: Option<String>,
    path: Option<String>,
}

/// Reads what belongs to the action `name`: its session, if it is about one, and its options.
pub(crate) fn parse(out: Output, arguments: &mut Arguments<'_>, name: &str) -> Step<Action> {
    let specs = if name == "snapshot-session" { SNAPSHOT_OPTIONS } else { OPTIONS };
    let takes_session = name != "notify";
    let mut options = Options::default();
    loop {
        if takes_session && options.session.is_none() {
            match arguments.next(specs)? {
                Some(Item::Word(word)) => options.session = Some(word),
                Some(Item::Option(option)) => options.take(out, option.long, option.value)?,
                None | Some(Item::Unknown) => break,
            }
            continue;
        }
        match arguments.next(specs)? {
            Some(Item::Option(option)) => options.take(out, option.long, option.value)?,
            Some(Item::Word(word)) => {
                out.error(format_args!("Unexpected argument `{word}`."));
                return Err(Exit::ERROR);
            }
            None | Some(Item::Unknown) => break,
        }
    }
    let policy = options.policy;
    if name == "notify" {
        return Ok(Action::Notify { policy });
    }
    let Some(session) = options.session.take() else {
        out.error("Missing session name.");
        return Err(Exit::ERROR);
    };
    Ok(match name {
        "start-session" => Action::StartSession { session, policy },
        "stop-session" => Action::StopSession { session, policy },
        "rotate-session" => Action::RotateSession { session, policy },
        _ => Action::SnapshotSession(SnapshotAction { session, output: options.output(out)?, policy }),
    })
}

impl Options {
    fn take(&mut self, out: Output, long: &str, value: Option<String>) -> Step {
        match long {
            "rate-policy" => self.policy = rate_policy(out, &value.unwrap_or_default())?,
            "max-size" => {
                let text = value.unwrap_or_default();
                self.max_size = Some(size(&text).ok_or_else(|| {
                    out.error(format_args!("Failed to parse `{text}` as a size."));
                    Exit::ERROR
                })?);
            }
            "name" => once(out, &mut self.name, "--name", value)?,
            "ctrl-url" => once(out, &mut self.ctrl_url, "--ctrl-url", value)?,
            "data-url" => once(out, &mut self.data_url, "--data-url", value)?,
            "url" => once(out, &mut self.url, "--url", value)?,
            _ => once(out, &mut self.path, "--path", value)?,
        }
        Ok(())
    }

    /// The output that the options describe, if they describe one.
    fn output(self, out: Output) -> Step<Option<Box<SnapshotOutput>>> {
        let refuse = |text: std::fmt::Arguments<'_>| {
            out.error(text);
            Err(Exit::ERROR)
        };
        let ways =
            [self.ctrl_url.is_some() || self.data_url.is_some(), self.url.is_some(), self.path.is_some()];
        match ways.into_iter().filter(|&way| way).count() {
            0 if self.name.is_some() => {
                return refuse(format_args!(
                    "Can't provide a snapshot output name without a snapshot output destination."
                ));
            }
            0 if self.max_size.is_some() => {
                return refuse(format_args!(
                    "Can't provide a snapshot output max size without a snapshot output destination."
                ));
            }
            0 => return Ok(None),
            1 => {}
            _ => {
                return refuse(format_args!(
                    "The --ctrl-url/--data-url, --url, and --path options can't be used together."
                ));
            }
        }
        let mut output = SnapshotOutput::unset();
        output.name = self.name.unwrap_or_default();
        output.max_size =
            self.max_size.filter(|&size| size > 0).map_or(SnapshotMaxSize::Unset, SnapshotMaxSize::Bytes);
        if let Some(url) = self.url {
            if url.parse::<rttng_wire::client::TraceUrl>().is_err() {
                return refuse(format_args!("Failed to parse '{url}' as an URL."));
            }
            output.ctrl_url = url;
        } else if let Some(path) = self.path {
            let local = urls::parse(out, &path).is_some_and(|uris| uris.iter().all(|uri| uri.is_local()));
            if !local {
                return refuse(format_args!("Failed to parse '{path}' as a local path."));
            }
            output.ctrl_url = path;
        } else {
            match (self.ctrl_url, self.data_url) {
                (Some(control), Some(data)) => {
                    if urls::parse_pair(out, &control, &data).is_none() {
                        return refuse(format_args!(
                            "Failed to parse `{control}` and `{data}` as control and data URLs."
                        ));
                    }
                    output.ctrl_url = control;
                    output.data_url = data;
                }
                (Some(_), None) => {
                    return refuse(format_args!("--ctrl-url is specified, but --data-url is missing."));
                }
                _ => return refuse(format_args!("--data-url is specified, but --ctrl-url is missing.")),
            }
        }
        Ok(Some(Box::new(output)))
    }
}

fn rate_policy(out: Output, text: &str) -> Step<RatePolicy> {
    let refuse = |text: std::fmt::Arguments<'_>| {
        out.error(text);
        Err(Exit::ERROR)
    };
    let Some((kind, number)) = text.split_once(':') else {
        return refuse(format_args!("Rate policy format is invalid."));
    };
    let make = match kind {
        "every" => RatePolicy::EveryN,
        "once-after" => RatePolicy::OnceAfterN,
        _ => return refuse(format_args!("Rate policy type `{kind}` unknown.")),
    };
    let Ok(value) = number.parse::<u64>() else {
        return refuse(format_args!("Failed to parse rate policy value `{number}` as an integer."));
    };
    match NonZeroU64::new(value) {
        Some(value) => Ok(make(value)),
        None => refuse(format_args!("Rate policy value `{number}` must be > 0.")),
    }
}
