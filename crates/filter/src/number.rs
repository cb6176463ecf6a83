//! The values of integer and floating-point constants, as the C library reads them (`docs/spec/filter.md`, 3.1).
//! The lexer has already seen that their form is right.

/// Digits beyond these are not looked at.
const DECIMAL_DIGITS: usize = 20;
const OCTAL_DIGITS: usize = 22;
const HEXADECIMAL_DIGITS: usize = 17;

/// The value of decimal digits; saturates.
pub(crate) fn decimal(digits: &[u8]) -> u64 {
    saturating(digits, 10, DECIMAL_DIGITS)
}

/// The value of octal digits, without the leading zero that marks them; saturates.
pub(crate) fn octal(digits: &[u8]) -> u64 {
    saturating(digits, 8, OCTAL_DIGITS)
}

/// The value of hexadecimal digits, without `0x`; saturates.
pub(crate) fn hexadecimal(digits: &[u8]) -> u64 {
    saturating(digits, 16, HEXADECIMAL_DIGITS)
}

fn saturating(digits: &[u8], base: u32, looked_at: usize) -> u64 {
    digits
        .iter()
        .take(looked_at)
        .filter_map(|&byte| char::from(byte).to_digit(base))
        .try_fold(0u64, |value, digit| value.checked_mul(base.into())?.checked_add(digit.into()))
        .unwrap_or(u64::MAX)
}

/// The value of a decimal floating-point constant without its suffix.
pub(crate) fn float(text: &[u8]) -> Option<f64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// The value of `0x` *digits* `.` *fraction* `p` *exponent*, to the nearest double, ties to even.
pub(crate) fn hexadecimal_float(digits: &[u8], fraction: &[u8], exponent: &[u8]) -> f64 {
    let exponent = saturating_exponent(exponent);
    let mut mantissa = 0u64;
    let mut shift = 0i64;
    // Bits that no longer fit only matter as "more than nothing": they stay in the lowest bit.
    for (byte, is_fraction) in digits.iter().map(|b| (b, false)).chain(fraction.iter().map(|b| (b, true))) {
        let digit = u64::from(char::from(*byte).to_digit(16).unwrap_or(0));
        if mantissa >> 58 == 0 {
            mantissa = mantissa << 4 | digit;
            shift -= if is_fraction { 4 } else { 0 };
        } else {
            mantissa |= u64::from(digit != 0);
            shift += if is_fraction { 0 } else { 4 };
        }
    }
    scale(mantissa, exponent.saturating_add(shift))
}

fn saturating_exponent(text: &[u8]) -> i64 {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    // Far beyond every finite double, and far from overflowing.
    const BOUND: i64 = 1 << 40;
    let value = digits
        .iter()
        .fold(0i64, |value, byte| (value * 10 + i64::from(byte.saturating_sub(b'0'))).min(BOUND));
    if negative { -value } else { value }
}

/// `mantissa` × 2^`exponent`, rounded once.
fn scale(mantissa: u64, exponent: i64) -> f64 {
    if mantissa == 0 {
        return 0.0;
    }
    let lead = mantissa.leading_zeros();
    let mantissa = mantissa << lead;
    // Value = 1.fraction × 2^binary_exponent.
    let binary_exponent = exponent - i64::from(lead) + 63;
    if binary_exponent > 1023 {
        return f64::INFINITY;
    }
    // A normal double keeps 53 of the 64 bits, a subnormal one fewer.
    let dropped = if binary_exponent >= -1022 { 11 } else { 11 + (-1022 - binary_exponent) };
    if dropped > 64 {
        return 0.0;
    }
    let wide = u128::from(mantissa);
    let kept = (wide >> dropped) as u64;
    let rest = wide & ((1u128 << dropped) - 1);
    let half = 1u128 << (dropped - 1);
    let rounded = kept + u64::from(rest > half || (rest == half && kept & 1 == 1));
    // A carry out of the fraction raises the exponent field by itself, up to infinity.
    let bits = if binary_exponent >= -1022 {
        (((binary_exponent + 1023) as u64) << 52) + (rounded - (1 << 52))
    } else {
        rounded
    };
    f64::from_bits(bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_saturate_and_ignore_digits_beyond_those_looked_at() {
        assert_eq!(decimal(b"18446744073709551615"), u64::MAX);
        assert_eq!(decimal(b"99999999999999999999"), u64::MAX);
        assert_eq!(decimal(b"100000000000000000000000"), 10_000_000_000_000_000_000);
        assert_eq!(octal(b"17"), 15);
        assert_eq!(octal(b"1777777777777777777777"), u64::MAX);
        assert_eq!(hexadecimal(b"FFFFFFFFFFFFFFFF"), u64::MAX);
        assert_eq!(hexadecimal(b"00000000000000001f"), 1);
    }

    #[test]
    fn hexadecimal_floats_round_to_the_nearest_double() {
        assert_eq!(hexadecimal_float(b"1", b"8", b"3"), 12.0);
        assert_eq!(hexadecimal_float(b"1", b"", b"4"), 16.0);
        assert_eq!(hexadecimal_float(b"", b"8", b"1"), 1.0);
        assert_eq!(hexadecimal_float(b"0", b"0", b"9999999999999"), 0.0);
        assert_eq!(hexadecimal_float(b"1", b"fffffffffffff8", b"0"), 2.0);
        assert_eq!(hexadecimal_float(b"1", b"fffffffffffff", b"1023"), f64::MAX);
        assert_eq!(hexadecimal_float(b"1", b"fffffffffffff8", b"1023"), f64::INFINITY);
        assert_eq!(hexadecimal_float(b"1", b"", b"-1074"), f64::from_bits(1));
        assert_eq!(hexadecimal_float(b"1", b"", b"-1075"), 0.0);
        assert_eq!(hexadecimal_float(b"1", b"00000000000001", b"-1075"), f64::from_bits(1));
        assert_eq!(hexadecimal_float(b"1", b"", b"-99999999999999999999"), 0.0);
        assert_eq!(hexadecimal_float(b"123456789abcdef01", b"8", b"0"), 0x1_2345_6789_abcd_ef01_u128 as f64);
    }
}
