//! Command lines as LTTng's daemons read them: `getopt_long` of the C library, with its abbreviations and its texts.
//!
//! Scripts pass the daemons options in every form that `getopt_long` takes (`--gro=x`, `-gx`, `-qv`, options after
//! arguments), so a stricter parser would break them.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// One option that a program knows.
#[derive(Debug, Clone, Copy)]
pub struct OptionSpec {
    /// Its long name, without dashes.
    pub long: &'static str,
    /// Its short form, if it has one.
    pub short: Option<char>,
    /// Whether it takes a value.
    pub takes_value: bool,
}

/// One option as it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// The long name of the option, in full.
    pub name: &'static str,
    /// Its value, if it takes one.
    pub value: Option<OsString>,
}

/// What a command line holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CommandLine {
    /// The options in their order.
    pub options: Vec<Given>,
    /// All that is no option.
    pub arguments: Vec<OsString>,
}

/// A command line that `getopt_long` refuses; its text is the C library's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageError(pub String);

impl std::fmt::Display for UsageError {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.0)
    }
}

impl std::error::Error for UsageError {}

/// Reads `args` (without the program's name) against `specs`; `program` is named in errors.
///
/// # Errors
/// An unknown or ambiguous option, a missing value, a value that the option does not take.
pub fn parse(program: &str, specs: &[OptionSpec], args: &[OsString]) -> Result<CommandLine, UsageError> {
    let mut line = CommandLine::default();
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        let bytes = arg.as_bytes();
        if bytes == b"--" {
            line.arguments.extend(rest.by_ref().cloned());
        } else if let Some(long) = bytes.strip_prefix(b"--") {
            line.options.push(long_option(program, specs, long, &mut rest)?);
        } else if bytes.len() > 1 && bytes[0] == b'-' {
            short_options(program, specs, &bytes[1..], &mut rest, &mut line.options)?;
        } else {
            line.arguments.push(arg.clone());
        }
    }
    Ok(line)
}

fn long_option<'a>(
    program: &str,
    specs: &[OptionSpec],
    text: &[u8],
    rest: &mut impl Iterator<Item = &'a OsString>,
) -> Result<Given, UsageError> {
    let (name, value) = match text.iter().position(|&byte| byte == b'=') {
        Some(at) => (&text[..at], Some(OsString::from_vec(text[at + 1..].to_vec()))),
        None => (text, None),
    };
    let shown = OsStr::from_bytes(name).to_string_lossy();
    let matching: Vec<&OptionSpec> =
        specs.iter().filter(|spec| spec.long.as_bytes().starts_with(name)).collect();
    let spec = match (matching.iter().find(|spec| spec.long.as_bytes() == name), matching.as_slice()) {
        (Some(exact), _) => exact,
        (None, [only]) => only,
        (None, []) => return Err(UsageError(format!("{program}: unrecognized option '--{shown}'"))),
        (None, many) => {
            let names: String = many.iter().map(|spec| format!(" '--{}'", spec.long)).collect();
            let text = format!("{program}: option '--{shown}' is ambiguous; possibilities:{names}");
            return Err(UsageError(text));
        }
    };
    let value = match (spec.takes_value, value) {
        (true, None) => Some(rest.next().cloned().ok_or_else(|| {
            UsageError(format!("{program}: option '--{}' requires an argument", spec.long))
        })?),
        (false, Some(_)) => {
            return Err(UsageError(format!("{program}: option '--{}' doesn't allow an argument", spec.long)));
        }
        (_, value) => value,
    };
    Ok(Given { name: spec.long, value })
}

fn short_options<'a>(
    program: &str,
    specs: &[OptionSpec],
    mut cluster: &[u8],
    rest: &mut impl Iterator<Item = &'a OsString>,
    found: &mut Vec<Given>,
) -> Result<(), UsageError> {
    while let Some((&letter, tail)) = cluster.split_first() {
        let shown = letter as char;
        let spec = specs
            .iter()
            .find(|spec| spec.short == Some(shown))
            .ok_or_else(|| UsageError(format!("{program}: invalid option -- '{shown}'")))?;
        let value =
            match (spec.takes_value, tail) {
                (false, _) => None,
                (true, []) => Some(rest.next().cloned().ok_or_else(|| {
                    UsageError(format!("{program}: option requires an argument -- '{shown}'"))
                })?),
                (true, value) => Some(OsString::from_vec(value.to_vec())),
            };
        cluster = if spec.takes_value { &[] } else { tail };
        found.push(Given { name: spec.long, value });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPECS: &[OptionSpec] = &[
        OptionSpec { long: "group", short: Some('g'), takes_value: true },
        OptionSpec { long: "quiet", short: Some('q'), takes_value: false },
        OptionSpec { long: "verbose", short: Some('v'), takes_value: false },
        OptionSpec { long: "verbose-consumer", short: None, takes_value: false },
    ];

    fn read(args: &[&str]) -> Result<Vec<(&'static str, Option<String>)>, String> {
        let args: Vec<OsString> = args.iter().map(OsString::from).collect();
        parse("prog", SPECS, &args)
            .map(|line| {
                let shown = |given: Given| (given.name, given.value.map(|v| v.into_string().unwrap()));
                line.options.into_iter().map(shown).collect()
            })
            .map_err(|error| error.0)
    }

    #[test]
    fn every_form_of_an_option_is_understood() {
        let group = Some("x".to_owned());
        for args in [&["--group=x"][..], &["--group", "x"], &["--gr=x"], &["-gx"], &["-g", "x"]] {
            assert_eq!(read(args), Ok(vec![("group", group.clone())]), "{args:?}");
        }
        assert_eq!(read(&["-qvgx"]).unwrap().len(), 3);
        assert_eq!(read(&["--verbose", "", "arg", "-q"]).unwrap().len(), 2, "arguments lie between options");
        assert_eq!(read(&["--", "-q"]), Ok(vec![]));
    }

    #[test]
    fn errors_are_those_of_the_c_library() {
        assert_eq!(read(&["--nope"]), Err("prog: unrecognized option '--nope'".into()));
        assert_eq!(read(&["-z"]), Err("prog: invalid option -- 'z'".into()));
        assert_eq!(read(&["-g"]), Err("prog: option requires an argument -- 'g'".into()));
        assert_eq!(read(&["--quiet=1"]), Err("prog: option '--quiet' doesn't allow an argument".into()));
        let ambiguous = read(&["--verb"]).unwrap_err();
        assert!(ambiguous.contains("is ambiguous; possibilities: '--verbose' '--verbose-consumer'"));
    }
}
