//! The parser of the trigger commands, whose options nest: after `--condition NAME` and `--action NAME` come the options of
//! that condition or action, until one that it does not have (`docs/spec/cli.md` §8).

use super::exit::{Exit, Step};
use super::options::{Found, OptionSpec, Takes};
use super::output::Output;

/// What stands at a place of the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Item {
    /// An option, with its value if it has one.
    Option(Found),
    /// A word that is no option.
    Word(String),
    /// An option that the caller does not have; it has not been passed.
    Unknown,
}

/// A place on the command line.
pub(crate) struct Arguments<'a> {
    out: Output,
    words: &'a [String],
    at: usize,
    /// Where the last item stood.
    last: usize,
}

impl<'a> Arguments<'a> {
    pub(crate) fn new(out: Output, words: &'a [String]) -> Self {
        Arguments { out, words, at: 0, last: 0 }
    }

    /// The next item in the eyes of one who has these options; `None` at the end. A missing value is complained about.
    pub(crate) fn next(&mut self, options: &'static [OptionSpec]) -> Step<Option<Item>> {
        let Some(word) = self.words.get(self.at) else { return Ok(None) };
        self.last = self.at;
        let Some(body) = word.strip_prefix('-').filter(|body| !body.is_empty()) else {
            self.at += 1;
            return Ok(Some(Item::Word(word.clone())));
        };
        let (spec, attached) = match body.strip_prefix('-') {
            Some(long) => {
                let (name, value) = match long.split_once('=') {
                    Some((name, value)) => (name, Some(value)),
                    None => (long, None),
                };
                (options.iter().find(|spec| spec.long == name), value)
            }
            None => {
                let letter = body.chars().next().unwrap_or_default();
                let value = &body[letter.len_utf8()..];
                let spec = options.iter().find(|spec| spec.short == Some(letter));
                (spec, (!value.is_empty()).then_some(value))
            }
        };
        let Some(spec) = spec else { return Ok(Some(Item::Unknown)) };
        self.at += 1;
        let value = match (spec.takes, attached) {
            (Takes::Nothing, _) => None,
            (_, Some(value)) => Some(value.to_owned()),
            (_, None) => match self.words.get(self.at) {
                Some(value) => {
                    self.at += 1;
                    Some(value.clone())
                }
                None => {
                    let name = word.split('=').next().unwrap_or(word);
                    self.complain(format_args!("Missing required argument for option `{name}`"));
                    return Err(Exit::ERROR);
                }
            },
        };
        Ok(Some(Item::Option(Found { long: spec.long, value })))
    }

    /// Says what is wrong with the last item. The command's word is number 1.
    pub(crate) fn complain(&self, what: std::fmt::Arguments<'_>) {
        let word = self.words.get(self.last).map_or("", String::as_str);
        let name = word.split('=').next().unwrap_or(word);
        self.out.error(format_args!("While parsing argument #{} (`{name}`): {what}", self.last + 2));
    }

    /// Complains about an option that nobody has.
    pub(crate) fn unknown(&self) -> Exit {
        let word = self.words.get(self.last).map_or("", String::as_str);
        let name = word.split('=').next().unwrap_or(word);
        self.complain(format_args!("Unknown option `{name}`"));
        Exit::ERROR
    }

    /// Whether the last option was still waiting for its value when the line ended.
    pub(crate) fn last_is(&self, long: &str) -> bool {
        self.words.get(self.last).is_some_and(|word| word.strip_prefix("--") == Some(long))
    }
}

/// Remembers the value of an option that may be given once.
pub(crate) fn once(out: Output, slot: &mut Option<String>, shown: &str, value: Option<String>) -> Step {
    if slot.is_some() {
        out.error(format_args!("Duplicate '{shown}' given."));
        return Err(Exit::ERROR);
    }
    *slot = value;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lttng::options::{flag, valued};

    const OPTIONS: &[OptionSpec] = &[valued("name", Some('n'), "NAME", ""), flag("help", Some('h'), "")];
    const QUIET: Output = Output { quiet: true, machine: false, verbosity: 0 };

    #[test]
    fn options_of_others_are_left_where_they_are() {
        let words: Vec<String> = ["-nx", "--name=y", "word", "--other"].map(String::from).to_vec();
        let mut arguments = Arguments::new(QUIET, &words);
        let name =
            |value: &str| Ok(Some(Item::Option(Found { long: "name", value: Some(value.to_owned()) })));
        assert_eq!(arguments.next(OPTIONS), name("x"));
        assert_eq!(arguments.next(OPTIONS), name("y"));
        assert_eq!(arguments.next(OPTIONS), Ok(Some(Item::Word("word".into()))));
        assert_eq!(arguments.next(OPTIONS), Ok(Some(Item::Unknown)));
        assert_eq!(arguments.next(OPTIONS), Ok(Some(Item::Unknown)));
        assert_eq!(arguments.unknown(), Exit::ERROR);
    }

    #[test]
    fn a_missing_value_ends_the_parsing() {
        let words = ["--name".to_owned()];
        let mut arguments = Arguments::new(QUIET, &words);
        assert_eq!(arguments.next(OPTIONS), Err(Exit::ERROR));
        assert!(arguments.last_is("name"));
    }
}
