//! Pairs of events that begin and end something, told by their names or by the user.

/// Words that begin something, and those that end it.
const WORDS: [(&str, &[&str]); 6] = [
    ("begin", &["end"]),
    ("entry", &["exit"]),
    ("enter", &["exit", "leave"]),
    ("start", &["stop", "done", "end", "finish"]),
    ("acquire", &["release"]),
    ("submit", &["complete", "completed"]),
];

/// A pair of events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PairRule {
    /// The event that begins it.
    pub begin: String,
    /// The event that ends it.
    pub end: String,
    /// The field of both whose value says what belongs together; without it, they are of one thread.
    pub key: Option<String>,
}

/// Text that is no pair.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no pair: write BEGIN,END or BEGIN,END,FIELD")]
pub struct BadPair(String);

impl std::str::FromStr for PairRule {
    type Err = BadPair;

    fn from_str(text: &str) -> Result<PairRule, BadPair> {
        let parts: Vec<&str> = text.split(',').map(str::trim).collect();
        let (begin, end, key) = match parts[..] {
            [begin, end] => (begin, end, None),
            [begin, end, key] => (begin, end, Some(key.to_owned())),
            _ => return Err(BadPair(text.to_owned())),
        };
        if begin.is_empty() || end.is_empty() || key.as_ref().is_some_and(String::is_empty) {
            return Err(BadPair(text.to_owned()));
        }
        Ok(PairRule { begin: begin.to_owned(), end: end.to_owned(), key })
    }
}

/// The ends that there are for an event that begins something by its name, each with the name of the slice: `x_begin`,
/// `x:begin`, and in the middle as in `syscall_entry_read`.
pub(crate) fn ends_of(name: &str, is_known: &dyn Fn(&str) -> bool) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (begin, ends) in WORDS {
        for (at, _) in name.match_indices(begin) {
            let (before, after) = (&name[..at], &name[at + begin.len()..]);
            let is_word =
                before.ends_with(['_', ':', '.', '-']) && (after.is_empty() || after.starts_with('_'));
            if !is_word {
                continue;
            }
            let stem = before.trim_end_matches(['_', ':', '.', '-']);
            let slice = format!("{stem}{after}");
            let ends = ends.iter().map(|end| format!("{before}{end}{after}")).filter(|end| is_known(end));
            found.extend(
                ends.map(|end| (end, if slice.is_empty() { name.to_owned() } else { slice.clone() })),
            );
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_pairs() {
        let known = ["db:query_begin", "db:query_end", "io_start", "io_done", "io_end", "a::b:span:exit"];
        let known = |name: &str| known.contains(&name) || name == "syscall_exit_read";
        let ends = |name: &str| ends_of(name, &known);
        let pair = |end: &str, slice: &str| (end.to_owned(), slice.to_owned());
        assert_eq!(ends("db:query_begin"), [pair("db:query_end", "db:query")]);
        assert_eq!(ends("io_start"), [pair("io_done", "io"), pair("io_end", "io")]);
        assert_eq!(ends("syscall_entry_read"), [pair("syscall_exit_read", "syscall_read")]);
        assert_eq!(ends("a::b:span:enter"), [pair("a::b:span:exit", "a::b:span")]);
        assert_eq!(ends("restart"), []);
        assert_eq!(ends("lonely_entry"), []);
    }

    #[test]
    fn pairs_are_read() {
        let rule = "a:x, a:y,id".parse::<PairRule>().unwrap();
        assert_eq!((rule.begin.as_str(), rule.end.as_str(), rule.key.as_deref()), ("a:x", "a:y", Some("id")));
        for bad in ["", "a", "a,", "a,b,", ",b", "a,b,c,d"] {
            assert!(bad.parse::<PairRule>().is_err(), "{bad}");
        }
    }
}
