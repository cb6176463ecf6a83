//! Exclusions of event rules: the list on a command line and what can be said about it before anything is sent
//! (`docs/spec/filter.md`, 7.2; `docs/spec/cli.md`, enable-event).

use crate::pattern::{StarUse, first_star, star_use};

/// Bytes of one exclusion at most: a name field holds 256 with its NUL.
pub const EXCLUSION_LIMIT: usize = 255;

/// Exclusions that cannot be used with an event name. The texts are those of `lttng` 2.13.9.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExclusionError {
    /// The rule names one event.
    #[error("Event {event}: Exclusions can only be used with a globbing pattern")]
    NotAPattern {
        /// Name of the rule.
        event: String,
    },
    /// Nothing would be left to record.
    #[error("Event {event}: {exclusion} excludes all events from {event}")]
    ExcludesAll {
        /// Name of the rule.
        event: String,
        /// The entry.
        exclusion: String,
    },
    /// Longer than a name may be; the reference warns that it truncates, and then fails.
    #[error("Event {event}: exclusion \"{exclusion}\" has more than {EXCLUSION_LIMIT} bytes")]
    TooLong {
        /// Name of the rule.
        event: String,
        /// The entry.
        exclusion: String,
    },
    /// The daemon refuses a list that says a thing twice.
    #[error("Event {event}: exclusion \"{exclusion}\" is given twice")]
    Duplicate {
        /// Name of the rule.
        event: String,
        /// The entry.
        exclusion: String,
    },
}

/// An exclusion that has no effect on the rule. It is used all the same.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Event {event}: {exclusion} does not exclude any events from {event}")]
pub struct UselessExclusion {
    /// Name of the rule.
    pub event: String,
    /// The entry.
    pub exclusion: String,
}

/// Splits the argument of `--exclude` at its commas; `\,` is a comma inside an entry, other backslashes stay.
/// Empty entries are kept, as the reference does (a tracer skips them).
pub fn split_exclusions(list: &str) -> Vec<String> {
    let mut entries = vec![String::new()];
    let mut characters = list.chars().peekable();
    while let Some(character) = characters.next() {
        match (character, entries.last_mut()) {
            (',', _) => entries.push(String::new()),
            ('\\', Some(entry)) if characters.peek() == Some(&',') => entry.extend(characters.next()),
            (other, Some(entry)) => entry.push(other),
            (_, None) => {}
        }
    }
    entries
}

/// Checks a rule's exclusions; says which ones have no effect.
///
/// Only rules whose single star is at their end are looked at closely, as the reference does, and only entries without a
/// star or with one at their end.
///
/// # Errors
/// The first entry that makes the rule useless or that no daemon takes.
pub fn check_exclusions(event: &str, exclusions: &[String]) -> Result<Vec<UselessExclusion>, ExclusionError> {
    if exclusions.is_empty() {
        return Ok(Vec::new());
    }
    if star_use(event.as_bytes()) == StarUse::None {
        return Err(ExclusionError::NotAPattern { event: event.into() });
    }
    let mut useless = Vec::new();
    for exclusion in exclusions {
        let (event, exclusion) = (event.to_owned(), exclusion.clone());
        match effect(event.as_bytes(), exclusion.as_bytes()) {
            Effect::All => return Err(ExclusionError::ExcludesAll { event, exclusion }),
            Effect::None => useless.push(UselessExclusion { event, exclusion }),
            Effect::Some => {}
        }
    }
    for (position, exclusion) in exclusions.iter().enumerate() {
        let (event, exclusion) = (event.to_owned(), exclusion.clone());
        if exclusion.len() > EXCLUSION_LIMIT {
            return Err(ExclusionError::TooLong { event, exclusion });
        }
        if exclusions[..position].contains(&exclusion) {
            return Err(ExclusionError::Duplicate { event, exclusion });
        }
    }
    Ok(useless)
}

enum Effect {
    All,
    Some,
    None,
}

fn effect(event: &[u8], exclusion: &[u8]) -> Effect {
    if star_use(event) != StarUse::AtEnd || star_use(exclusion) == StarUse::Anywhere {
        return Effect::Some;
    }
    let (event_star, exclusion_star) = (first_star(event), first_star(exclusion));
    for at in 0..event.len() {
        if exclusion_star == Some(at) {
            return Effect::All;
        }
        if event_star == Some(at) {
            return Effect::Some;
        }
        if exclusion.get(at) != event.get(at) {
            return Effect::None;
        }
    }
    Effect::Some
}

/// Whether a rule of this name and these exclusions selects an event. Exclusions of exact names do not count.
pub fn rule_selects(rule: &[u8], exclusions: &[impl AsRef<[u8]>], event: &[u8]) -> bool {
    if !crate::pattern::name_matches(rule, event) {
        return false;
    }
    let excluded = || {
        exclusions
            .iter()
            .any(|entry| !entry.as_ref().is_empty() && crate::pattern::matches(entry.as_ref(), event))
    };
    star_use(rule) == StarUse::None || !excluded()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(event: &str, list: &str) -> Result<usize, ExclusionError> {
        check_exclusions(event, &split_exclusions(list)).map(|useless| useless.len())
    }

    /// As `lttng` 2.13.9 answered: how many warnings, or that it refused.
    #[test]
    fn judges_exclusions_as_the_reference_does() {
        for (event, list, warnings) in [
            ("ft:*", "ft", 1),
            ("ft:*", "ft:", 0),
            ("ft:*", "ft:a", 0),
            ("ft:*", "ft:a*", 0),
            ("ft:*", "gt*", 1),
            ("ft:*", "*a", 0),
            ("ft:*", "g*a", 0),
            ("ft:*", "a,b\\,c", 2),
            ("ft:*", "a,,b", 3),
            ("ft:*", "", 1),
            ("ft:**", "ft:*", 0),
            ("ft:**", "zz", 0),
            ("f*t:*", "f*", 0),
            ("ft:\\**", "ft:\\*", 0),
            ("ft:\\**", "ft:a", 1),
            ("ft:*", "f\\t:q", 1),
            ("f\\t:*", "ft:q", 1),
            ("ft:*", "f**", 0),
            ("ft:*", "f\\*", 1),
            ("*", "a", 0),
        ] {
            assert_eq!(outcome(event, list), Ok(warnings), "{event} -x {list}");
        }
        for (event, list) in [
            ("ft:*", "ft:*"),
            ("ft:*", "f*"),
            ("ft:*", "*"),
            ("ft:a*", "ft:*"),
            ("*", "*"),
            ("ft:*", "ft:b,*"),
        ] {
            assert!(
                matches!(outcome(event, list), Err(ExclusionError::ExcludesAll { .. })),
                "{event} -x {list}"
            );
        }
        for event in ["ft:ev", "ft:\\*"] {
            assert!(matches!(outcome(event, "x"), Err(ExclusionError::NotAPattern { .. })), "{event}");
        }
        assert!(matches!(outcome("ft:*", "ft:a,ft:a"), Err(ExclusionError::Duplicate { .. })));
        assert!(matches!(
            outcome("ft:*", &format!("ft:{}", "0".repeat(253))),
            Err(ExclusionError::TooLong { .. })
        ));
    }

    #[test]
    fn splits_at_commas_that_are_not_escaped() {
        assert_eq!(split_exclusions("q\\,r,s"), ["q,r", "s"]);
        assert_eq!(split_exclusions("a\\\\b,a\\"), ["a\\\\b", "a\\"]);
        assert_eq!(split_exclusions(",,"), ["", "", ""]);
    }
}
