//! Text made while an event is fired: what `Display` or `Debug` print, in a buffer on the stack, without allocation.

use std::fmt::{self, Write as _};

use rttng_ring::SlotWriter;

use crate::field::FieldType;
use crate::payload::{FieldView, PayloadSize};
use crate::value::Value;

/// Text of at most `SIZE` bytes on the stack. What does not fit is cut off, and `…` says so.
#[derive(Clone, Copy)]
pub struct Shown<const SIZE: usize = 256> {
    bytes: [u8; SIZE],
    length: usize,
    is_cut: bool,
}

/// What says that text was cut off.
const CUT: &str = "…";

impl<const SIZE: usize> Shown<SIZE> {
    /// What `arguments` print.
    #[inline]
    pub fn of(arguments: fmt::Arguments<'_>) -> Self {
        const { assert!(SIZE >= CUT.len(), "a buffer that does not even hold `…`") };
        let mut shown = Shown { bytes: [0; SIZE], length: 0, is_cut: false };
        // An error means that the buffer is full, or that a value cannot be shown: what was shown of it stays.
        let _ = shown.write_fmt(arguments);
        shown
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.bytes[..self.length]).unwrap_or_default()
    }

    /// The bytes of the text.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    /// Ends the text with [`CUT`], at the border of a character.
    #[cold]
    fn cut(&mut self, more: &str) {
        let room = SIZE - self.length;
        let fits = (0..=room.min(more.len())).rev().find(|&at| more.is_char_boundary(at)).unwrap_or(0);
        self.bytes[self.length..self.length + fits].copy_from_slice(&more.as_bytes()[..fits]);
        self.length += fits;
        let limit = SIZE - CUT.len();
        let keep = (0..=self.length.min(limit)).rev().find(|&at| self.as_str().is_char_boundary(at));
        self.length = keep.unwrap_or(0);
        self.bytes[self.length..self.length + CUT.len()].copy_from_slice(CUT.as_bytes());
        self.length += CUT.len();
        self.is_cut = true;
    }
}

impl<const SIZE: usize> fmt::Write for Shown<SIZE> {
    #[inline]
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.is_cut {
            return Err(fmt::Error);
        }
        match self.bytes[self.length..].get_mut(..text.len()) {
            Some(room) => {
                room.copy_from_slice(text.as_bytes());
                self.length += text.len();
                Ok(())
            }
            None => {
                self.cut(text);
                Err(fmt::Error)
            }
        }
    }
}

impl<const SIZE: usize> fmt::Debug for Shown<SIZE> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl<const SIZE: usize> Value for Shown<SIZE> {
    const TYPE: FieldType = FieldType::Text;

    #[inline]
    fn measure(&self, size: &mut PayloadSize) {
        size.add_bytes(self.length + 1);
    }

    #[inline]
    fn write(&self, to: &mut SlotWriter<'_>) {
        to.text(self.as_bytes());
    }

    #[inline]
    fn view(&self, _leaf: u32) -> FieldView<'_> {
        FieldView::Text(self.as_bytes())
    }
}

/// What `Display` prints of a value, as a field: `peer: Shown = show(address)`.
#[inline]
pub fn show(value: impl fmt::Display) -> Shown {
    Shown::of(format_args!("{value}"))
}

/// What `Debug` prints of a value, as a field: `state: Shown = debug(&state)`.
#[inline]
pub fn debug(value: impl fmt::Debug) -> Shown {
    Shown::of(format_args!("{value:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_cut_at_a_character_and_says_so() {
        assert_eq!(Shown::<8>::of(format_args!("{}-{}", 12, 345)).as_str(), "12-345");
        assert_eq!(Shown::<8>::of(format_args!("12345678")).as_str(), "12345678");
        assert_eq!(Shown::<8>::of(format_args!("123456789")).as_str(), "12345…");
        assert_eq!(Shown::<8>::of(format_args!("1234ä6789")).as_str(), "1234…");
        assert_eq!(Shown::<8>::of(format_args!("{}{}{}", "1234567", "ä", "more")).as_str(), "12345…");
        assert_eq!(Shown::<3>::of(format_args!("abcd")).as_str(), "…");
    }
}
