//! The options before the command's word, parsed as GNU getopt_long does: abbreviations of long names are accepted as
//! long as they are unambiguous, short flags may share a word, the first word that is no option ends the parsing.

use super::options::{Found, OptionSpec, Takes};

/// Walks over the words before the command.
pub(crate) struct GlobalWords<'a> {
    program: &'a str,
    options: &'static [OptionSpec],
    rest: &'a [String],
    cluster: &'a str,
}

impl<'a> GlobalWords<'a> {
    /// Starts behind `program`, whose name begins each complaint.
    pub(crate) fn new(program: &'a str, options: &'static [OptionSpec], words: &'a [String]) -> Self {
        GlobalWords { program, options, rest: words, cluster: "" }
    }

    /// The next option; `None` when the command's word (or the end) is reached. The error is getopt's own line.
    pub(crate) fn next(&mut self) -> Result<Option<Found>, String> {
        if !self.cluster.is_empty() {
            return self.short().map(Some);
        }
        let Some((word, rest)) = self.rest.split_first() else { return Ok(None) };
        let Some(body) = word.strip_prefix('-').filter(|body| !body.is_empty()) else { return Ok(None) };
        self.rest = rest;
        match body.strip_prefix('-') {
            Some("") => Ok(None),
            Some(long) => self.long(long).map(Some),
            None => {
                self.cluster = body;
                self.short().map(Some)
            }
        }
    }

    /// The words from the command on.
    pub(crate) fn rest(self) -> &'a [String] {
        self.rest
    }

    fn long(&mut self, word: &'a str) -> Result<Found, String> {
        let program = self.program;
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (word, None),
        };
        let spec = match self.options.iter().find(|spec| spec.long == name) {
            Some(exact) => exact,
            None => {
                let near: Vec<&OptionSpec> =
                    self.options.iter().filter(|spec| spec.long.starts_with(name)).collect();
                match near[..] {
                    [] => return Err(format!("{program}: unrecognized option '--{word}'")),
                    [one] => one,
                    _ => {
                        let mut line = format!("{program}: option '--{word}' is ambiguous; possibilities:");
                        for spec in near {
                            line.push_str(&format!(" '--{}'", spec.long));
                        }
                        return Err(line);
                    }
                }
            }
        };
        let value = match (spec.takes, value) {
            (Takes::Nothing, Some(_)) => {
                return Err(format!("{program}: option '--{}' doesn't allow an argument", spec.long));
            }
            (Takes::Nothing, None) => None,
            (_, Some(value)) => Some(value.to_owned()),
            (_, None) => Some(
                self.take_word()
                    .ok_or_else(|| format!("{program}: option '--{}' requires an argument", spec.long))?,
            ),
        };
        Ok(Found { long: spec.long, value })
    }

    fn short(&mut self) -> Result<Found, String> {
        let program = self.program;
        let mut letters = self.cluster.chars();
        let letter = letters.next().unwrap_or('-');
        self.cluster = letters.as_str();
        let Some(spec) = self.options.iter().find(|spec| spec.short == Some(letter)) else {
            return Err(format!("{program}: invalid option -- '{letter}'"));
        };
        if spec.takes == Takes::Nothing {
            return Ok(Found { long: spec.long, value: None });
        }
        let attached = std::mem::take(&mut self.cluster);
        let value = if attached.is_empty() {
            self.take_word().ok_or_else(|| format!("{program}: option requires an argument -- '{letter}'"))?
        } else {
            attached.to_owned()
        };
        Ok(Found { long: spec.long, value: Some(value) })
    }

    fn take_word(&mut self) -> Option<String> {
        let (word, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(word.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lttng::table::GLOBAL_OPTIONS;

    fn parse(words: &[&str]) -> Result<(Vec<&'static str>, Vec<String>), String> {
        let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
        let mut parser = GlobalWords::new("lttng", GLOBAL_OPTIONS, &words);
        let mut found = Vec::new();
        while let Some(option) = parser.next()? {
            found.push(option.long);
        }
        Ok((found, parser.rest().to_vec()))
    }

    #[test]
    fn abbreviations_and_clusters() {
        assert_eq!(
            parse(&["--no-s", "list", "-q"]),
            Ok((vec!["no-sessiond"], vec!["list".into(), "-q".into()]))
        );
        assert_eq!(parse(&["-nq", "x"]), Ok((vec!["no-sessiond", "quiet"], vec!["x".into()])));
        assert_eq!(parse(&["-mxml", "--", "-x"]), Ok((vec!["mi"], vec!["-x".into()])));
        assert_eq!(parse(&["-", "x"]), Ok((vec![], vec!["-".into(), "x".into()])));
    }

    /// The texts are those of the real program (`tests/vectors/cli/invocations.jsonl`, lines 21, 362 and 363).
    #[test]
    fn complaints_are_those_of_getopt() {
        let complaint = |words: &[&str]| parse(words).unwrap_err();
        assert_eq!(complaint(&["--frob"]), "lttng: unrecognized option '--frob'");
        assert_eq!(complaint(&["-g"]), "lttng: option requires an argument -- 'g'");
        assert_eq!(complaint(&["--mi"]), "lttng: option '--mi' requires an argument");
        assert_eq!(complaint(&["-xh"]), "lttng: invalid option -- 'x'");
        assert_eq!(complaint(&["--quiet=3"]), "lttng: option '--quiet' doesn't allow an argument");
        assert_eq!(
            complaint(&["--list-"]),
            "lttng: option '--list-' is ambiguous; possibilities: '--list-options' '--list-commands'"
        );
    }
}
