//! Star patterns: names of event rules, exclusions, full pattern literals (`docs/spec/filter.md`, 7.1).
//! Bytes, not characters.

/// How a text uses unescaped stars.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StarUse {
    /// No unescaped star.
    None,
    /// The first unescaped star is the last byte.
    AtEnd,
    /// Any other text with an unescaped star.
    Anywhere,
}

/// How `text` uses stars.
pub fn star_use(text: &[u8]) -> StarUse {
    match first_star(text) {
        None => StarUse::None,
        Some(at) if at + 1 == text.len() => StarUse::AtEnd,
        Some(_) => StarUse::Anywhere,
    }
}

/// Where the first unescaped star stands.
pub(crate) fn first_star(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    while at < text.len() {
        match text[at] {
            b'*' => return Some(at),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    None
}

/// `text` with each run of unescaped stars made one star: daemon and clients store names like this, because a tracer
/// takes `a**` to need one byte more than `a*`.
pub fn collapse_stars(text: &[u8]) -> Vec<u8> {
    let mut collapsed = Vec::with_capacity(text.len());
    let mut bytes = text.iter().copied();
    let mut after_star = false;
    while let Some(byte) = bytes.next() {
        if !(byte == b'*' && after_star) {
            collapsed.push(byte);
        }
        after_star = byte == b'*';
        if byte == b'\\' {
            collapsed.extend(bytes.next());
        }
    }
    collapsed
}

/// Whether the name of an event rule selects an event: by pattern if it has an unescaped star, else byte by byte
/// without unescaping.
///
/// The names of rules are collapsed first ([`collapse_stars`]), as the daemon does.
pub fn name_matches(rule: &[u8], event: &[u8]) -> bool {
    match star_use(rule) {
        StarUse::None => rule == event,
        StarUse::AtEnd | StarUse::Anywhere => matches(rule, event),
    }
}

/// Whether `pattern` matches the whole `candidate`, which ends early at a NUL byte.
///
/// `*` is any run of bytes, `\x` the byte x, a single `\` at the end matches nothing. Takes at most
/// `pattern.len() × candidate.len()` steps.
pub fn matches(pattern: &[u8], candidate: &[u8]) -> bool {
    let end = candidate.iter().position(|&byte| byte == 0).unwrap_or(candidate.len());
    let candidate = &candidate[..end];
    let (mut p, mut c) = (0, 0);
    // After the last star: where the pattern goes on, and from where on the candidate was last tried.
    let mut retry = None;
    while c < candidate.len() {
        let step = match pattern.get(p) {
            Some(b'*') => {
                p += 1;
                if p == pattern.len() {
                    return true;
                }
                retry = Some((p, c));
                continue;
            }
            Some(b'\\') => pattern.get(p + 1).filter(|&&byte| byte == candidate[c]).map(|_| 2),
            Some(&byte) => (byte == candidate[c]).then_some(1),
            None => None,
        };
        match (step, &mut retry) {
            (Some(length), _) => {
                p += length;
                c += 1;
            }
            (None, Some((after_star, tried))) => {
                *tried += 1;
                (p, c) = (*after_star, *tried);
            }
            (None, None) => return false,
        }
    }
    // Two stars in a row are not the same as one here: that is how the tracer does it.
    matches!(&pattern[p..], [] | [b'*'])
}

/// Whether some name is matched by both patterns (texts without a star are patterns too here).
pub fn overlap(left: &[u8], right: &[u8]) -> bool {
    let (left, right) = (atoms(left), atoms(right));
    let (Some(left), Some(right)) = (left, right) else { return false };
    // row[j]: whether left[..i] and right[..j] have a word in common.
    let mut row: Vec<bool> = Vec::with_capacity(right.len() + 1);
    row.push(true);
    for j in 0..right.len() {
        row.push(row[j] && right[j] == Atom::Star);
    }
    for l in &left {
        let mut diagonal = row[0];
        row[0] = row[0] && *l == Atom::Star;
        for (j, r) in right.iter().enumerate() {
            let above = row[j + 1];
            row[j + 1] = match (l, r) {
                // A star takes the other side's atom, or nothing at all.
                (Atom::Star, _) | (_, Atom::Star) => above || row[j],
                (Atom::Byte(a), Atom::Byte(b)) => diagonal && a == b,
            };
            diagonal = above;
        }
    }
    row[right.len()]
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Atom {
    Star,
    Byte(u8),
}

/// What a pattern is made of; `None` if it matches nothing.
fn atoms(pattern: &[u8]) -> Option<Vec<Atom>> {
    let mut atoms = Vec::with_capacity(pattern.len());
    let mut bytes = pattern.iter();
    while let Some(&byte) = bytes.next() {
        atoms.push(match byte {
            b'*' => Atom::Star,
            b'\\' => Atom::Byte(*bytes.next()?),
            byte => Atom::Byte(byte),
        });
    }
    Some(atoms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_match_any_run_and_escapes_match_their_byte() {
        for (pattern, candidate, expected) in [
            ("*", "", true),
            ("a*", "a", true),
            ("a**", "a", false),
            ("a**", "ab", true),
            ("h*l*o", "hello", true),
            ("h*l*o", "hell", false),
            ("*lo", "hello", true),
            ("*lo", "helloo", false),
            ("*ab*ab", "abab", true),
            ("a\\*", "a*", true),
            ("a\\*", "ab", false),
            ("a\\bc", "abc", true),
            ("a\\", "a", false),
            ("a\\", "a\\", false),
            ("", "", true),
            ("", "a", false),
            ("ab", "a\0b", false),
            ("a", "a\0b", true),
        ] {
            assert_eq!(
                matches(pattern.as_bytes(), candidate.as_bytes()),
                expected,
                "{pattern:?} on {candidate:?}"
            );
        }
    }

    #[test]
    fn exact_names_are_not_unescaped() {
        assert!(name_matches(b"ft:ev", b"ft:ev"));
        assert!(!name_matches(b"ft:e\\v", b"ft:ev"));
        assert!(!name_matches(b"ft:\\*", b"ft:*"));
        assert!(name_matches(b"ft:\\*", b"ft:\\*"));
        assert!(!name_matches(b"ft", b"ft:ev"));
        assert!(!name_matches(b"FT:*", b"ft:ev"));
    }

    #[test]
    fn runs_of_stars_become_one_except_escaped_ones() {
        for (text, expected) in
            [("ft:**", "ft:*"), ("a***b**", "a*b*"), ("a\\***", "a\\**"), ("\\", "\\"), ("*\\*", "*\\*")]
        {
            assert_eq!(collapse_stars(text.as_bytes()), expected.as_bytes());
        }
    }

    #[test]
    fn a_hostile_pattern_ends_in_bounded_time() {
        assert!(!matches(
            &b"*a".repeat(100),
            &vec![b'a'; 20_000].into_iter().chain([b'b']).collect::<Vec<_>>()
        ));
    }

    #[test]
    fn patterns_overlap_if_a_name_matches_both() {
        for (left, right, expected) in [
            ("ft:*", "*:ev", true),
            ("ft:*", "gt:*", false),
            ("a*b", "*c", false),
            ("a*b", "ab", true),
            ("*", "", true),
            ("a\\*", "a*", true),
            ("a\\*", "ab", false),
            ("a*c*e", "*b*d*", true),
            ("x\\", "*", false),
        ] {
            assert_eq!(overlap(left.as_bytes(), right.as_bytes()), expected, "{left} {right}");
            assert_eq!(overlap(right.as_bytes(), left.as_bytes()), expected, "{right} {left}");
        }
    }
}
