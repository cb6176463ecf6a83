//! Numbers as text.

use std::io::Write as _;

use crate::out::Out;

/// `00` to `99`.
const PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[0; 2]; 100];
    let mut i = 0;
    while i < 100 {
        pairs[i] = [b'0' + (i / 10) as u8, b'0' + (i % 10) as u8];
        i += 1;
    }
    pairs
};

/// A number in base 10.
#[inline]
pub(crate) fn decimal(out: &mut Out, mut value: u64) {
    let digits = value.checked_ilog10().map_or(1, |log| log as usize + 1);
    let room: &mut [u8; 20] = out.room();
    let mut at = digits;
    while value >= 100 {
        at -= 2;
        room[at..at + 2].copy_from_slice(&PAIRS[(value % 100) as usize]);
        value /= 100;
    }
    let first = PAIRS[value as usize];
    if at == 2 {
        room[..2].copy_from_slice(&first);
    } else {
        room[0] = first[1];
    }
    out.wrote(digits);
}

/// A signed number in base 10.
#[inline]
pub(crate) fn signed_decimal(out: &mut Out, value: i64) {
    if value < 0 {
        out.put(b"-");
    }
    decimal(out, value.unsigned_abs());
}

/// A number in base 10 with zeros in front, at least `digits` (of at most 20) in all.
pub(crate) fn padded_decimal(out: &mut Out, value: u64, digits: usize) {
    let has = value.checked_ilog10().map_or(1, |log| log as usize + 1);
    out.put(&[b'0'; 20][..digits.saturating_sub(has).min(20)]);
    decimal(out, value);
}

/// The nine digits of a number below 10^9.
#[inline]
pub(crate) fn nine_digits(out: &mut Out, value: u32) {
    let room: &mut [u8; 9] = out.room();
    let (high, low) = (value / 10_000, value % 10_000);
    let (top, middle) = (high / 10_000 % 10, high % 10_000);
    room[0] = b'0' + top as u8;
    room[1..3].copy_from_slice(&PAIRS[(middle / 100) as usize]);
    room[3..5].copy_from_slice(&PAIRS[(middle % 100) as usize]);
    room[5..7].copy_from_slice(&PAIRS[(low / 100) as usize]);
    room[7..9].copy_from_slice(&PAIRS[(low % 100) as usize]);
    out.wrote(9);
}

/// A number in base 16, `0x` in front.
pub(crate) fn hexadecimal(out: &mut Out, value: u64) {
    let digits = (64 - (value | 1).leading_zeros()).div_ceil(4) as usize;
    let room: &mut [u8; 18] = out.room();
    room[..2].copy_from_slice(b"0x");
    for (i, place) in room[2..2 + digits].iter_mut().enumerate() {
        let nibble = value >> (4 * (digits - 1 - i)) & 15;
        *place = b"0123456789ABCDEF"[nibble as usize];
    }
    out.wrote(2 + digits);
}

/// A number in base 8, `0` in front.
pub(crate) fn octal(out: &mut Out, value: u64) {
    let digits = (64 - (value | 1).leading_zeros()).div_ceil(3) as usize;
    out.put(b"0");
    for i in (0..digits).rev() {
        out.put(&[b'0' + (value >> (3 * i) & 7) as u8]);
    }
}

/// A number in base 2, `0b` in front, with all its bits.
pub(crate) fn binary(out: &mut Out, value: u64, bits: u32) {
    out.put(b"0b");
    for i in (0..bits).rev() {
        out.put(&[b'0' + (value >> i & 1) as u8]);
    }
}

/// A floating point number as C prints it with `%g`: six digits, no zeros at the end.
pub(crate) fn general(out: &mut Out, value: f64) {
    if value.is_sign_negative() {
        out.put(b"-");
    }
    let value = value.abs();
    if value.is_nan() || value.is_infinite() || value == 0.0 {
        out.put(if value.is_nan() {
            b"nan"
        } else if value == 0.0 {
            b"0"
        } else {
            b"inf"
        });
        return;
    }
    // As `d.ddddde-308`; it always fits.
    let mut text = [0u8; 32];
    let mut rest = &mut text[..];
    let _ = write!(rest, "{value:.5e}");
    let length = 32 - rest.len();
    let mut digits = [b'0'; 6];
    digits[0] = text[0];
    digits[1..].copy_from_slice(&text[2..7]);
    let exponent: i32 = std::str::from_utf8(&text[8..length]).ok().and_then(|e| e.parse().ok()).unwrap_or(0);
    let kept = digits.iter().rposition(|&digit| digit != b'0').map_or(1, |last| last + 1);
    if !(-4..6).contains(&exponent) {
        out.put(&digits[..1]);
        if kept > 1 {
            out.put(b".");
            out.put(&digits[1..kept]);
        }
        out.put(if exponent < 0 { b"e-" } else { b"e+" });
        padded_decimal(out, u64::from(exponent.unsigned_abs()), 2);
    } else if exponent < 0 {
        out.put(b"0.");
        out.put(&b"000"[..(-exponent - 1) as usize]);
        out.put(&digits[..kept]);
    } else {
        let whole = exponent as usize + 1;
        out.put(&digits[..whole]);
        if kept > whole {
            out.put(b".");
            out.put(&digits[whole..kept]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(put: impl FnOnce(&mut Out)) -> String {
        let mut out = Out::with_capacity(0);
        put(&mut out);
        String::from_utf8(out.bytes().to_vec()).unwrap()
    }

    /// Each as `printf("%g")` of glibc has it.
    #[test]
    fn floats_are_those_of_c() {
        for (value, wanted) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (3.125, "3.125"),
            (1e6, "1e+06"),
            (123_456.0, "123456"),
            (1_234_567.0, "1.23457e+06"),
            (999_999.5, "1e+06"),
            (9_999_995.0, "1e+07"),
            (1e-4, "0.0001"),
            (1e-5, "1e-05"),
            (0.000_123_456_78, "0.000123457"),
            (f64::from(1e30f32), "1e+30"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
            (f64::NAN, "nan"),
            (-f64::NAN, "-nan"),
            (1.0 / 3.0, "0.333333"),
            (100.0, "100"),
            (2.5e-310, "2.5e-310"),
            (100_000.5, "100000"),
            (100_001.5, "100002"),
            (f64::MAX, "1.79769e+308"),
        ] {
            assert_eq!(text(|out| general(out, value)), wanted);
        }
    }

    #[test]
    fn other_bases() {
        assert_eq!(text(|out| hexadecimal(out, 0)), "0x0");
        assert_eq!(text(|out| hexadecimal(out, u64::MAX)), "0xFFFFFFFFFFFFFFFF");
        assert_eq!(text(|out| octal(out, 0)), "00");
        assert_eq!(text(|out| octal(out, u64::MAX)), "01777777777777777777777");
        assert_eq!(text(|out| binary(out, 6, 5)), "0b00110");
        assert_eq!(text(|out| nine_digits(out, 7_080_900)), "007080900");
        assert_eq!(text(|out| padded_decimal(out, 7, 12)), "000000000007");
    }

    proptest! {
        #[test]
        fn integers_are_those_of_the_standard_library(shift in 0u32..64, value: u64, signed: i64) {
            prop_assert_eq!(text(|out| decimal(out, value >> shift)), (value >> shift).to_string());
            prop_assert_eq!(text(|out| signed_decimal(out, signed >> shift)), (signed >> shift).to_string());
            prop_assert_eq!(text(|out| hexadecimal(out, value >> shift)), format!("0x{:X}", value >> shift));
            prop_assert_eq!(text(|out| octal(out, value >> shift)), format!("0{:o}", value >> shift));
            let nine = (value % 1_000_000_000) as u32;
            prop_assert_eq!(text(|out| nine_digits(out, nine)), format!("{nine:09}"));
        }
    }
}
