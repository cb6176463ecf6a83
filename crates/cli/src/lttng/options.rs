//! Option descriptions, and the parser of the words after a command's name.
//!
//! LTTng parses these with popt: long names exactly, `--opt=VAL` or `--opt VAL`, short `-oVAL`, `-o VAL`, `-o=VAL`,
//! flags in one word (`-uk`), positional words anywhere, `--` ends the options. Options act in the order in which they
//! are written, so an error in the second one is not seen when the first is `--help` (`docs/spec/cli.md` §1).

use super::exit::{Exit, Step};

/// Whether an option takes a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Takes {
    Nothing,
    /// A value, called so in help texts.
    Value(&'static str),
    /// A value, unless the next word begins with `-`.
    MaybeValue(&'static str),
}

/// One option of a command.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OptionSpec {
    pub(crate) long: &'static str,
    pub(crate) short: Option<char>,
    pub(crate) takes: Takes,
    pub(crate) help: &'static str,
}

/// An option without a value.
pub(crate) const fn flag(long: &'static str, short: Option<char>, help: &'static str) -> OptionSpec {
    OptionSpec { long, short, takes: Takes::Nothing, help }
}

/// An option with a value.
pub(crate) const fn valued(
    long: &'static str,
    short: Option<char>,
    value: &'static str,
    help: &'static str,
) -> OptionSpec {
    OptionSpec { long, short, takes: Takes::Value(value), help }
}

/// An option whose value may be left out.
pub(crate) const fn maybe_valued(
    long: &'static str,
    short: Option<char>,
    value: &'static str,
    help: &'static str,
) -> OptionSpec {
    OptionSpec { long, short, takes: Takes::MaybeValue(value), help }
}

/// An option as it was found, with its value if it has one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) long: &'static str,
    pub(crate) value: Option<String>,
}

impl Found {
    /// The value of an option that cannot come without one.
    pub(crate) fn text(self) -> String {
        self.value.unwrap_or_default()
    }
}

/// Walks over a command's words.
pub(crate) struct Words<'a> {
    options: &'static [OptionSpec],
    words: std::slice::Iter<'a, String>,
    /// What is left of a word of several short options.
    cluster: &'a str,
    positionals: Vec<String>,
}

impl<'a> Words<'a> {
    pub(crate) fn new(options: &'static [OptionSpec], words: &'a [String]) -> Self {
        Words { options, words: words.iter(), cluster: "", positionals: Vec::new() }
    }

    /// The next option, or `None` behind the last word. Positional words are put aside on the way.
    pub(crate) fn next(&mut self) -> Step<Option<Found>> {
        loop {
            if !self.cluster.is_empty() {
                return self.short().map(Some);
            }
            let Some(word) = self.words.next() else { return Ok(None) };
            match word.strip_prefix('-') {
                None | Some("") => self.positionals.push(word.clone()),
                Some("-") => self.positionals.extend(self.words.by_ref().cloned()),
                Some(rest) => match rest.strip_prefix('-') {
                    Some(long) => return self.long(long).map(Some),
                    None => self.cluster = rest,
                },
            }
        }
    }

    /// The positional words; call it when [`next`](Self::next) has said `None`.
    pub(crate) fn positionals(self) -> Vec<String> {
        self.positionals
    }

    fn long(&mut self, word: &str) -> Step<Found> {
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (word, None),
        };
        let spec = self.options.iter().find(|spec| spec.long == name).ok_or(Exit::UNDEFINED)?;
        self.found(spec, value)
    }

    fn short(&mut self) -> Step<Found> {
        let mut rest = self.cluster.chars();
        let letter = rest.next().ok_or(Exit::UNDEFINED)?;
        let rest = rest.as_str();
        let spec = self.options.iter().find(|spec| spec.short == Some(letter)).ok_or(Exit::UNDEFINED)?;
        if spec.takes == Takes::Nothing {
            if rest.starts_with('=') {
                return Err(Exit::UNDEFINED);
            }
            self.cluster = rest;
            return self.found(spec, None);
        }
        self.cluster = "";
        let attached = (!rest.is_empty()).then(|| rest.strip_prefix('=').unwrap_or(rest).to_owned());
        self.found(spec, attached)
    }

    /// Completes an option with its value: the attached one, or the next word.
    fn found(&mut self, spec: &'static OptionSpec, attached: Option<String>) -> Step<Found> {
        let value = match (spec.takes, attached) {
            (Takes::Nothing, Some(_)) => return Err(Exit::UNDEFINED),
            (Takes::Nothing, None) => None,
            (_, Some(value)) => Some(value),
            (Takes::Value(_), None) => Some(self.words.next().ok_or(Exit::UNDEFINED)?.clone()),
            (Takes::MaybeValue(_), None) => match self.words.as_slice().first() {
                Some(next) if !next.starts_with('-') => self.words.next().cloned(),
                _ => None,
            },
        };
        Ok(Found { long: spec.long, value })
    }
}

/// The text of `--list-options`: each long form on a line, followed by its short form if there is one.
pub(crate) fn listing(options: &[OptionSpec]) -> String {
    let mut text = String::new();
    for spec in options {
        text.push_str(&format!("--{}\n", spec.long));
        if let Some(short) = spec.short {
            text.push_str(&format!("-{short}\n"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lttng::argpar::{Arguments, Item};
    use crate::lttng::getopt::GlobalWords;
    use crate::lttng::output::Output;
    use crate::lttng::table::{COMMANDS, GLOBAL_OPTIONS};
    use proptest::prelude::*;

    const OPTIONS: &[OptionSpec] = &[
        flag("userspace", Some('u'), ""),
        flag("kernel", Some('k'), ""),
        valued("session", Some('s'), "SESSION", ""),
        maybe_valued("live", None, "TIME", ""),
    ];

    type Parsed = (Vec<(&'static str, Option<String>)>, Vec<String>);

    fn parse(words: &[&str]) -> Step<Parsed> {
        let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
        let mut parser = Words::new(OPTIONS, &words);
        let mut found = Vec::new();
        while let Some(option) = parser.next()? {
            found.push((option.long, option.value));
        }
        Ok((found, parser.positionals()))
    }

    fn value(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn every_way_to_give_a_value() {
        for words in [&["-sfoo"][..], &["-s", "foo"], &["-s=foo"], &["--session=foo"], &["--session", "foo"]]
        {
            assert_eq!(parse(words), Ok((vec![("session", value("foo"))], vec![])), "{words:?}");
        }
        assert_eq!(parse(&["-us=foo"]), Ok((vec![("userspace", None), ("session", value("foo"))], vec![])));
        assert_eq!(parse(&["--session", "-u"]), Ok((vec![("session", value("-u"))], vec![])));
    }

    #[test]
    fn an_optional_value_is_the_next_word_unless_it_looks_like_an_option() {
        assert_eq!(parse(&["--live", "x"]), Ok((vec![("live", value("x"))], vec![])));
        assert_eq!(parse(&["--live", "-u"]), Ok((vec![("live", None), ("userspace", None)], vec![])));
        assert_eq!(parse(&["--live"]), Ok((vec![("live", None)], vec![])));
        assert_eq!(parse(&["--live=", "x"]), Ok((vec![("live", value(""))], vec!["x".into()])));
    }

    #[test]
    fn positionals_may_stand_anywhere() {
        let expected =
            Ok((vec![("kernel", None)], vec!["a".to_owned(), "-".into(), "-x".into(), "--".into()]));
        assert_eq!(parse(&["a", "-k", "-", "--", "-x", "--"]), expected);
    }

    #[test]
    fn what_is_not_an_option_is_refused() {
        for words in [
            &["-x"][..],
            &["--user"],
            &["-u=4"],
            &["--userspace=4"],
            &["-s"],
            &["-us"],
            &["--session"],
            &["-ux"],
        ] {
            assert_eq!(parse(words), Err(Exit::UNDEFINED), "{words:?}");
        }
    }

    proptest! {
        /// Every command's words, however odd, are either taken or refused; all of them are looked at.
        #[test]
        fn any_words_are_judged_without_panic(
            words in proptest::collection::vec("-{0,3}[a-zA-Zé=,-]{0,12}|-[a-z]=?|--[a-z-]{0,14}=?.{0,4}", 0..8)
        ) {
            for command in COMMANDS {
                let mut parser = Words::new(command.options, &words);
                let mut count = 0;
                while let Ok(Some(_)) = parser.next() {
                    count += 1;
                    prop_assert!(count < 200);
                }
                let mut arguments = Arguments::new(Output { quiet: true, ..Output::default() }, &words);
                while let Ok(Some(item)) = arguments.next(command.options) {
                    if item == Item::Unknown {
                        break;
                    }
                }
            }
            let mut globals = GlobalWords::new("lttng", GLOBAL_OPTIONS, &words);
            while let Ok(Some(_)) = globals.next() {}
        }
    }
}
