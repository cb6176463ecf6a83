//! What users of babeltrace2 (and of babeltrace 1) may write that is not here: what they are told to write instead.

use std::ffi::OsStr;
use std::marker::PhantomData;

use clap::builder::{EnumValueParser, PossibleValue, TypedValueParser};
use clap::error::{ContextKind, ContextValue};
use clap::{Arg, Command, ValueEnum};

/// Options of babeltrace2 that are not here, and what to do.
const ELSEWHERE: &[(&[&str], &str)] = &[
    (
        &["--debug-info", "--debug-info-dir", "--debug-info-full-path", "--debug-info-target-prefix"],
        "source lines of addresses are not looked up: record the context `ip`, and ask `addr2line` with the address \
         minus the `baddr` that the state dump tells",
    ),
    (
        &["-c", "--component", "--connect", "-p", "--params", "--key", "--value", "--base-params"],
        "there are no components to put together: rttng view selects and prints, `rttng convert` writes traces, and \
         the library rttng-ctf gives programs every event",
    ),
    (
        &["--run-args", "--run-args-0", "--retry-duration"],
        "there is no graph of components that would be run; `--follow` waits for what is still being written",
    ),
    (
        &["-d", "--debug", "-v", "--verbose", "-l", "--log-level"],
        "there is no log to make more detailed; `rttng inspect TRACE` tells what a trace is made of",
    ),
    (
        &["--plugin-path", "--omit-home-plugin-path", "--omit-system-plugin-path"],
        "there are no plug-ins: everything is built in",
    ),
    (&["--list", "--help-formats"], "the formats are text, json, csv, parquet and dummy (`--output-format`)"),
    (
        &["--connection", "--port"],
        "traces are read from files, or while they are recorded on this machine (`--follow SESSION`)",
    ),
];

/// Values of `--output-format` that babeltrace2 has besides.
const FORMATS_ELSEWHERE: &[(&str, &str)] = &[
    ("ctf", "traces are written by `rttng convert --to ctf1 --output DIR TRACE`"),
    ("ctf-metadata", "`rttng inspect TRACE` explains the metadata of a trace"),
];

/// What someone should do instead of what made this error, if that is known.
pub(super) fn advice(error: &clap::Error) -> Option<String> {
    let context = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        _ => None,
    };
    let argument = context(ContextKind::InvalidArg)?;
    if let Some((_, instead)) = ELSEWHERE.iter().find(|(names, _)| names.contains(&argument)) {
        return Some(format!("there is no option {argument} of babeltrace2 here: {instead}"));
    }
    let value = context(ContextKind::InvalidValue).filter(|_| argument.starts_with("--output-format"))?;
    let (_, instead) = FORMATS_ELSEWHERE.iter().find(|(name, _)| *name == value)?;
    Some(format!("there is no output format {value} of babeltrace2 here: {instead}"))
}

/// The value of `--input-format`.
pub(super) fn input_format(text: &str) -> Result<String, String> {
    match text {
        "ctf" => Ok(text.to_owned()),
        "lttng-live" => Err("sessions are read while they are recorded with `--follow SESSION`".to_owned()),
        _ => Err("the only input format is ctf".to_owned()),
    }
}

/// A word of a list with commas, as babeltrace2 takes it: blanks around it mean nothing, nor does an empty one.
#[derive(Debug, Clone)]
pub(super) struct Word<E>(PhantomData<E>);

impl<E> Word<E> {
    pub(super) const NEW: Word<E> = Word(PhantomData);
}

impl<E: ValueEnum + Clone + Send + Sync + 'static> TypedValueParser for Word<E> {
    type Value = Option<E>;

    fn parse_ref(
        &self,
        command: &Command,
        argument: Option<&Arg>,
        word: &OsStr,
    ) -> Result<Option<E>, clap::Error> {
        match word.to_str().map(str::trim) {
            Some("") => Ok(None),
            trimmed => {
                let word = trimmed.map_or(word, OsStr::new);
                EnumValueParser::<E>::new().parse_ref(command, argument, word).map(Some)
            }
        }
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(E::value_variants().iter().filter_map(ValueEnum::to_possible_value)))
    }
}
