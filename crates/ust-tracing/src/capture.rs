//! The values of one event, taken from their visitor into memory on the stack: numbers as they are, text copied, what
//! can only be printed printed. Nothing is allocated.

use std::fmt::{self, Write as _};
use std::ops::Range;

use arrayvec::ArrayVec;
use rttng_ust::{Bytes, FieldView, Payload, PayloadSize, SlotWriter, Text, Value};

/// Values of an event; `tracing` allows 32 of its own.
const MOST_VALUES: usize = 40;
/// Bytes of all texts of an event together; what is beyond is cut off, and ends with `…`.
pub(crate) const TEXT_LIMIT: usize = 4096;
const CUT: &str = "…";

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub(crate) enum Kind {
    Signed,
    Unsigned,
    Double,
    Bool,
    Text,
    Bytes,
    /// A line number.
    Line,
}

/// A value, texts by their place in the text that was copied.
#[derive(Debug, Clone)]
enum Captured {
    Signed(i64),
    Unsigned(u64),
    Double(f64),
    Bool(bool),
    Text(Range<u16>),
    Bytes(Range<u16>),
    Line(u32),
    /// Text that lives as long as the program.
    Fixed(&'static str),
}

/// The values of one event.
pub(crate) struct Capture {
    /// Which field each value is of, and what it is: what tells one shape from another.
    pub(crate) shape: ArrayVec<(u8, Kind), MOST_VALUES>,
    values: ArrayVec<Captured, MOST_VALUES>,
    text: ArrayVec<u8, TEXT_LIMIT>,
    /// What the values take in a record.
    size: PayloadSize,
}

impl Capture {
    /// No values.
    #[inline]
    pub(crate) fn new() -> Self {
        Capture {
            shape: ArrayVec::new(),
            values: ArrayVec::new(),
            text: ArrayVec::new(),
            size: PayloadSize::EMPTY,
        }
    }

    #[inline]
    fn push(&mut self, field: u8, kind: Kind, value: Captured) {
        // Nobody can declare as many.
        if self.shape.try_push((field, kind)).is_err() {
            return;
        }
        match &value {
            Captured::Signed(_) | Captured::Unsigned(_) | Captured::Double(_) => self.size.add_number(8),
            Captured::Bool(_) => self.size.add_number(1),
            Captured::Line(_) => self.size.add_number(4),
            Captured::Text(range) => self.size.add_bytes(range.len() + 1),
            Captured::Fixed(text) => self.size.add_bytes(text.len() + 1),
            Captured::Bytes(range) => Bytes(&self.text[place(range)]).measure(&mut self.size),
        }
        let _ = self.values.try_push(value);
    }

    /// Adds an integer.
    #[inline]
    pub(crate) fn signed(&mut self, field: u8, value: i64) {
        self.push(field, Kind::Signed, Captured::Signed(value));
    }

    /// Adds an integer.
    #[inline]
    pub(crate) fn unsigned(&mut self, field: u8, value: u64) {
        self.push(field, Kind::Unsigned, Captured::Unsigned(value));
    }

    /// Adds a floating-point number.
    #[inline]
    pub(crate) fn double(&mut self, field: u8, value: f64) {
        self.push(field, Kind::Double, Captured::Double(value));
    }

    /// Adds a truth.
    #[inline]
    pub(crate) fn bool(&mut self, field: u8, value: bool) {
        self.push(field, Kind::Bool, Captured::Bool(value));
    }

    /// Adds the number of a line.
    #[inline]
    pub(crate) fn line(&mut self, field: u8, value: u32) {
        self.push(field, Kind::Line, Captured::Line(value));
    }

    /// Adds text that need not be copied.
    #[inline]
    pub(crate) fn fixed(&mut self, field: u8, value: &'static str) {
        self.push(field, Kind::Text, Captured::Fixed(value));
    }

    /// Adds text.
    #[inline]
    pub(crate) fn text(&mut self, field: u8, value: &str) {
        let start = self.text.len();
        // What does not fit is cut.
        let _ = Copying { text: &mut self.text, start }.write_str(value);
        self.push(field, Kind::Text, Captured::Text(start as u16..self.text.len() as u16));
    }

    /// Adds bytes that are no text.
    pub(crate) fn bytes(&mut self, field: u8, value: &[u8]) {
        let start = self.text.len();
        let fits = value.len().min(self.text.remaining_capacity());
        let _ = self.text.try_extend_from_slice(&value[..fits]);
        self.push(field, Kind::Bytes, Captured::Bytes(start as u16..self.text.len() as u16));
    }

    /// Adds what is printed.
    #[inline]
    pub(crate) fn print(&mut self, field: u8, value: fmt::Arguments<'_>) {
        let start = self.text.len();
        // What does not fit is cut; of what cannot be printed the beginning stays.
        let _ = Copying { text: &mut self.text, start }.write_fmt(value);
        self.push(field, Kind::Text, Captured::Text(start as u16..self.text.len() as u16));
    }

    /// All values as one text, `name=value` one after the other.
    pub(crate) fn flat(&self, name_of: impl Fn(u8) -> String) -> Capture {
        let mut flat = Capture::new();
        let start = 0;
        let mut to = Copying { text: &mut flat.text, start };
        let mut before = "";
        for ((field, _), value) in self.shape.iter().zip(&self.values) {
            let name = name_of(*field);
            let text = |range: &Range<u16>| String::from_utf8_lossy(self.copied(range));
            // Once it is full, nothing more is added.
            let written = match value {
                Captured::Signed(value) => write!(to, "{before}{name}={value}"),
                Captured::Unsigned(value) => write!(to, "{before}{name}={value}"),
                Captured::Double(value) => write!(to, "{before}{name}={value}"),
                Captured::Bool(value) => write!(to, "{before}{name}={value}"),
                Captured::Line(value) => write!(to, "{before}{name}={value}"),
                Captured::Fixed(value) => write!(to, "{before}{name}={value}"),
                Captured::Text(range) => write!(to, "{before}{name}={}", text(range)),
                Captured::Bytes(range) => write!(to, "{before}{name}={:02x?}", self.copied(range)),
            };
            if written.is_err() {
                break;
            }
            before = " ";
        }
        let end = flat.text.len() as u16;
        flat.push(0, Kind::Text, Captured::Text(0..end));
        flat
    }

    #[inline]
    fn copied(&self, range: &Range<u16>) -> &[u8] {
        &self.text[place(range)]
    }
}

#[inline]
fn place(range: &Range<u16>) -> Range<usize> {
    range.start.into()..range.end.into()
}

/// Copies into the text of an event, from `start` on.
struct Copying<'t> {
    text: &'t mut ArrayVec<u8, TEXT_LIMIT>,
    start: usize,
}

impl fmt::Write for Copying<'_> {
    #[inline]
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.text.try_extend_from_slice(text.as_bytes()).is_ok() {
            return Ok(());
        }
        self.cut(text);
        Err(fmt::Error)
    }
}

impl Copying<'_> {
    /// Fills the room with the beginning of `more`, then puts [`CUT`] at its end, all at borders of characters.
    #[cold]
    fn cut(&mut self, more: &str) {
        let room = self.text.remaining_capacity();
        let fits = (0..=room.min(more.len())).rev().find(|&at| more.is_char_boundary(at)).unwrap_or(0);
        let _ = self.text.try_extend_from_slice(&more.as_bytes()[..fits]);
        let mut end = self.text.len().min(TEXT_LIMIT - CUT.len());
        // Of a text that begins where there is no room for the sign, nothing is left.
        if end < self.start {
            self.text.truncate(self.start);
            return;
        }
        // Bytes 10xxxxxx go on with a character.
        while end > self.start && self.text.get(end).is_some_and(|byte| byte & 0xc0 == 0x80) {
            end -= 1;
        }
        self.text.truncate(end);
        let _ = self.text.try_extend_from_slice(CUT.as_bytes());
    }
}

impl Payload for Capture {
    #[inline]
    fn measure(&self) -> PayloadSize {
        self.size
    }

    #[inline]
    fn write(&self, to: &mut SlotWriter<'_>) {
        for value in &self.values {
            match value {
                Captured::Signed(value) => value.write(to),
                Captured::Unsigned(value) => value.write(to),
                Captured::Double(value) => value.write(to),
                Captured::Bool(value) => value.write(to),
                Captured::Line(value) => value.write(to),
                Captured::Text(range) => Text(self.copied(range)).write(to),
                Captured::Fixed(text) => text.write(to),
                Captured::Bytes(range) => Bytes(self.copied(range)).write(to),
            }
        }
    }

    fn field(&self, index: u32) -> FieldView<'_> {
        match self.values.get(index as usize) {
            Some(Captured::Signed(value)) => FieldView::Signed(*value),
            Some(Captured::Unsigned(value)) => FieldView::Unsigned(*value),
            Some(Captured::Double(value)) => FieldView::Double(*value),
            Some(Captured::Bool(value)) => FieldView::Unsigned((*value).into()),
            Some(Captured::Line(value)) => FieldView::Unsigned((*value).into()),
            Some(Captured::Text(range)) => FieldView::Text(self.copied(range)),
            Some(Captured::Fixed(text)) => FieldView::Text(text.as_bytes()),
            // Filters that look into bytes do not link: `FieldView::Elements` would need them in a place of their own.
            Some(Captured::Bytes(_)) | None => FieldView::None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(capture: &Capture) -> Vec<String> {
        (0..capture.shape.len() as u32)
            .map(|index| match capture.field(index) {
                FieldView::Text(text) => String::from_utf8(text.to_vec()).unwrap(),
                _ => panic!("no text"),
            })
            .collect()
    }

    #[test]
    fn long_text_is_cut_at_a_character_and_says_so() {
        let mut capture = Capture::new();
        capture.text(0, "before");
        capture.print(1, format_args!("{}{}", "ä".repeat(3000), "more"));
        capture.text(2, "behind");
        let texts = texts(&capture);
        assert_eq!(texts[0], "before");
        assert!(texts[1].ends_with("ä…") && texts[1].len() > TEXT_LIMIT - 16, "{}", texts[1].len());
        assert!(["…", ""].contains(&texts[2].as_str()), "{:?}", texts[2]);
        assert_eq!(capture.text.len(), capture.text.len().min(TEXT_LIMIT));
    }

    #[test]
    fn values_are_one_text_where_a_place_has_too_many_shapes() {
        let mut capture = Capture::new();
        capture.signed(0, -1);
        capture.text(1, "two words");
        capture.bool(2, true);
        capture.fixed(3, "fixed");
        let flat = capture.flat(|field| ["a", "b", "c", "d"][usize::from(field)].to_owned());
        assert_eq!(texts(&flat), ["a=-1 b=two words c=true d=fixed"]);
    }

    #[test]
    fn whatever_room_is_left_the_text_stays_utf_8() {
        for before in TEXT_LIMIT - 12..=TEXT_LIMIT {
            let mut capture = Capture::new();
            capture.text(0, &"x".repeat(before));
            capture.print(1, format_args!("a{}€€€€", 'ß'));
            capture.text(2, "€");
            texts(&capture);
        }
    }
}
