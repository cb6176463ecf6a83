//! Sizes, times and counts as the command line writes them (`docs/spec/cli.md` §5).

use std::time::Duration;

/// An unsigned integer in C's notation (`0x…`, `0…`, decimal), and what follows it.
fn leading_c_integer(text: &str) -> Option<(u64, &str)> {
    let text = text.trim_start_matches([' ', '\t', '\n', '\u{b}', '\u{c}', '\r']);
    let text = text.strip_prefix('+').unwrap_or(text);
    let hex = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    if let Some(digits) = hex.filter(|digits| digits.starts_with(|c: char| c.is_ascii_hexdigit())) {
        return leading_digits(digits, 16);
    }
    if text.starts_with('0') {
        return leading_digits(text, 8);
    }
    leading_digits(text, 10)
}

fn leading_digits(text: &str, radix: u32) -> Option<(u64, &str)> {
    let end = text.find(|c: char| !c.is_digit(radix)).unwrap_or(text.len());
    let number = u64::from_str_radix(&text[..end], radix).ok()?;
    Some((number, &text[end..]))
}

/// A number of bytes, with at most one of the suffixes `k`, `K`, `M`, `G`.
pub(crate) fn size(text: &str) -> Option<u64> {
    if text.contains('-') {
        return None;
    }
    let (number, suffix) = leading_c_integer(text)?;
    let unit: u64 = match suffix {
        "" => 1,
        "k" | "K" => 1 << 10,
        "M" => 1 << 20,
        "G" => 1 << 30,
        _ => return None,
    };
    number.checked_mul(unit)
}

/// A time in whole microseconds: a decimal number, then nothing or `us`, `ms`, `s`, `m`, `h`.
pub(crate) fn time(text: &str) -> Option<Duration> {
    if text.contains('-') {
        return None;
    }
    let text = text.trim_start_matches([' ', '\t', '\n', '\u{b}', '\u{c}', '\r']);
    let (number, suffix) = leading_digits(text, 10)?;
    let unit: u64 = match suffix {
        "" | "us" => 1,
        "ms" => 1_000,
        "s" => 1_000_000,
        "m" => 60_000_000,
        "h" => 3_600_000_000,
        _ => return None,
    };
    number.checked_mul(unit).map(Duration::from_micros)
}

/// A count in C's notation that begins with a digit; what follows the digits is ignored, as in LTTng.
pub(crate) fn count(text: &str) -> Option<u64> {
    text.starts_with(|c: char| c.is_ascii_digit())
        .then(|| leading_c_integer(text))
        .flatten()
        .map(|(number, _)| number)
}

/// A whole number in C's notation with nothing after it.
pub(crate) fn c_integer(text: &str) -> Option<u64> {
    leading_c_integer(text).filter(|(_, rest)| rest.is_empty()).map(|(number, _)| number)
}

/// The items of `a,b,c`; empty ones are passed over.
pub(crate) fn name_list(text: &str) -> Vec<&str> {
    text.split(',').filter(|name| !name.is_empty()).collect()
}

/// `time` in whole microseconds, which is how LTTng prints every time.
pub(crate) fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sizes() {
        let accepted = [("0", 0), ("4096", 4096), ("0x10", 16), ("010k", 8192), ("1k", 1024), ("1K", 1024)];
        for (text, bytes) in accepted.into_iter().chain([("2M", 2 << 20), ("3G", 3 << 30), (" 7", 7)]) {
            assert_eq!(size(text), Some(bytes), "{text}");
        }
        for text in
            ["", "abc", "1T", "1kB", "1k1", "-1", "1-", "1.5", "99999999999999999999", "20000000000G", "k"]
        {
            assert_eq!(size(text), None, "{text}");
        }
    }

    #[test]
    fn times() {
        for (text, us) in
            [("0", 0), ("5", 5), ("5us", 5), ("5ms", 5000), ("1s", 1_000_000), ("2h", 7_200_000_000)]
        {
            assert_eq!(time(text), Some(Duration::from_micros(us)), "{text}");
        }
        for text in
            ["", "0x10", "1.5s", "1sec", "1u", "-1s", "1 s", "99999999999999999999", "9999999999999999h"]
        {
            assert_eq!(time(text), None, "{text}");
        }
    }

    #[test]
    fn counts() {
        assert_eq!(count("3abc"), Some(3));
        assert_eq!(count("0x8"), Some(8));
        assert_eq!(count("-4"), None);
        assert_eq!(count(" 4"), None);
    }

    #[test]
    fn lists() {
        assert_eq!(name_list(",a,,b,"), ["a", "b"]);
    }

    proptest! {
        #[test]
        fn any_text_is_judged_without_panic(text in ".{0,24}") {
            let _ = (size(&text), time(&text), count(&text), c_integer(&text), name_list(&text));
        }
    }
}
