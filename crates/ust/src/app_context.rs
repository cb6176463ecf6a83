//! Contexts that the program itself provides, `$app.provider:name`: of whatever type they have at the moment.

use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rttng_ring::SlotWriter;
use rttng_wire::ust as wire;

use crate::field::{Float, IS_PACKED, Integer};
use crate::payload::FieldView;

/// Bytes of text that are recorded at most.
const MAX_TEXT: usize = 127;

/// What an application context is at a moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct AppValue {
    tag: u8,
    bits: u64,
    text: [u8; MAX_TEXT],
    len: u8,
}

/// Where a provider puts the value.
#[derive(Debug)]
pub struct AppContextValue<'v>(&'v mut AppValue);

macro_rules! setters {
    ($($(#[$doc:meta])* $name:ident: $type:ty, $tag:literal, $bits:expr;)*) => {$(
        $(#[$doc])*
        pub fn $name(&mut self, value: $type) {
            let bits: fn($type) -> u64 = $bits;
            (self.0.tag, self.0.bits) = ($tag, bits(value));
        }
    )*};
}

impl AppContextValue<'_> {
    setters! {
        /// The value is this number.
        i8: i8, 1, |value| value as u64;
        /// The value is this number.
        i16: i16, 2, |value| value as u64;
        /// The value is this number.
        i32: i32, 3, |value| value as u64;
        /// The value is this number.
        i64: i64, 4, |value| value as u64;
        /// The value is this number.
        u8: u8, 5, u64::from;
        /// The value is this number.
        u16: u16, 6, u64::from;
        /// The value is this number.
        u32: u32, 7, u64::from;
        /// The value is this number.
        u64: u64, 8, |value| value;
        /// The value is this number.
        f32: f32, 9, |value| u64::from(value.to_bits());
        /// The value is this number.
        f64: f64, 10, f64::to_bits;
    }

    /// The value is this text, cut after 127 bytes.
    pub fn text(&mut self, text: &str) {
        let len = text.len().min(MAX_TEXT);
        self.0.text[..len].copy_from_slice(&text.as_bytes()[..len]);
        (self.0.tag, self.0.len) = (11, len as u8);
    }
}

const LABELS: [&str; 12] = [
    "_none", "_int8", "_int16", "_int32", "_int64", "_uint8", "_uint16", "_uint32", "_uint64", "_float",
    "_double", "_string",
];

/// The enumeration of types that an application context may have.
pub(crate) const DYNAMIC_TYPES: &str = "dynamic_type_enum";

impl AppValue {
    /// Room that the smallest text and every number has.
    pub(crate) const MIN_ROOM: usize = 16;
    const NONE: AppValue = AppValue { tag: 0, bits: 0, text: [0; MAX_TEXT], len: 0 };

    /// The text, if it is one.
    fn text(&self) -> &[u8] {
        &self.text[..usize::from(self.len)]
    }

    /// Writes type and value, in at most `room` bytes.
    pub(crate) fn write(&self, to: &mut SlotWriter<'_>, room: usize) {
        to.array([self.tag]);
        let size = match self.tag {
            1 | 5 => 1,
            2 | 6 => 2,
            3 | 7 | 9 => 4,
            4 | 8 | 10 => 8,
            11 => return to.text(&self.text()[..self.text().len().min(room.saturating_sub(2))]),
            _ => return,
        };
        if !IS_PACKED {
            to.align(size);
        }
        match size {
            1 => to.array((self.bits as u8).to_ne_bytes()),
            2 => to.array((self.bits as u16).to_ne_bytes()),
            4 => to.array((self.bits as u32).to_ne_bytes()),
            _ => to.array(self.bits.to_ne_bytes()),
        }
    }

    /// The value for filters and captures.
    pub(crate) fn view(&self) -> FieldView<'_> {
        match self.tag {
            1..=4 => FieldView::Signed(self.bits as i64),
            5..=8 => FieldView::Unsigned(self.bits),
            9 => FieldView::Double(f64::from(f32::from_bits(self.bits as u32))),
            10 => FieldView::Double(f64::from_bits(self.bits)),
            11 => FieldView::Text(self.text()),
            _ => FieldView::None,
        }
    }

    /// The labels of the types, for the session daemon.
    pub(crate) fn type_labels() -> Vec<wire::EnumEntry> {
        let entry = |(number, label): (i64, &&str)| {
            let value = wire::EnumValue::Signed(number);
            let values = wire::EnumRange::Values { start: value, end: value };
            wire::EnumEntry { label: (*label).to_owned(), values }
        };
        (0..).zip(&LABELS).map(entry).collect()
    }

    /// Adds the fields that describe an application context: what type it has, and its value.
    pub(crate) fn add_wire(name: String, types: Option<wire::EnumId>, fields: &mut Vec<wire::Field>) {
        let integer = |bits, signed| wire::FieldType::Integer(Integer::new(bits, signed).to_wire());
        let tag_name = format!("{name}_tag");
        let container = Integer::new(8, true).to_wire();
        let tag = wire::Enumeration { name: DYNAMIC_TYPES.into(), id: types, container };
        fields.push(wire::Field { name: tag_name.clone(), ty: wire::FieldType::Enumeration(tag) });
        let nothing = wire::Structure { fields: Vec::new(), alignment_bits: 0 };
        let kinds = [
            wire::FieldType::Structure(nothing),
            integer(8, true),
            integer(16, true),
            integer(32, true),
            integer(64, true),
            integer(8, false),
            integer(16, false),
            integer(32, false),
            integer(64, false),
            wire::FieldType::Float(Float::F32.to_wire()),
            wire::FieldType::Float(Float::F64.to_wire()),
            wire::FieldType::String(wire::Encoding::Utf8),
        ];
        let choice = |(label, ty): (&&str, wire::FieldType)| wire::Field { name: label[1..].to_owned(), ty };
        let choices = LABELS.iter().zip(kinds).map(choice).collect();
        let variant = wire::Variant { tag_name, choices, alignment_bits: 0 };
        fields.push(wire::Field { name, ty: wire::FieldType::Variant(variant) });
    }
}

/// Gives a context's value. It runs wherever an event is fired: it must not allocate, lock or fire events.
pub type AppContextReader = fn(&mut AppContextValue<'_>);

/// A provided context; never freed, so that events can read the list without a lock.
#[derive(Debug)]
struct Provided {
    provider: String,
    name: String,
    /// An [`AppContextReader`], or null.
    reader: AtomicPtr<()>,
}

static PROVIDED: Mutex<Vec<&'static Provided>> = Mutex::new(Vec::new());

/// The list, while nobody else has it.
#[derive(Debug)]
pub(crate) struct Lock(MutexGuard<'static, Vec<&'static Provided>>);

pub(crate) fn lock() -> Lock {
    Lock(PROVIDED.lock().unwrap_or_else(PoisonError::into_inner))
}

fn provided(provider: &str, name: &str) -> &'static Provided {
    let all = &mut *lock().0;
    if let Some(of) = all.iter().find(|of| of.provider == provider && of.name == name) {
        return of;
    }
    let reader = AtomicPtr::new(std::ptr::null_mut());
    let fresh: &'static Provided =
        Box::leak(Box::new(Provided { provider: provider.to_owned(), name: name.to_owned(), reader }));
    all.push(fresh);
    fresh
}

/// Provides the context `$app.provider:name` from now on; `None` takes it back.
///
/// ```
/// rttng_ust::provide_app_context("shop", "customer", Some(|value| value.text("ada")));
/// ```
pub fn provide_app_context(provider: &str, name: &str, reader: Option<AppContextReader>) {
    let reader = reader.map_or(std::ptr::null_mut(), |reader| reader as *mut ());
    provided(provider, name).reader.store(reader, Ordering::Release);
}

/// A context that a channel or a filter asks for, whether somebody provides it or not.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AppContext(&'static Provided);

impl AppContext {
    pub(crate) fn new(provider: &str, name: &str) -> Self {
        AppContext(provided(provider, name))
    }

    /// What it is now.
    pub(crate) fn read(&self) -> AppValue {
        let mut value = AppValue::NONE;
        let reader = self.0.reader.load(Ordering::Acquire);
        if !reader.is_null() {
            // SAFETY: only `provide_app_context` stores there, an `AppContextReader` or null.
            let reader: AppContextReader = unsafe { std::mem::transmute(reader) };
            reader(&mut AppContextValue(&mut value));
        }
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_context_comes_and_goes() {
        let context = AppContext::new("app_context_tests", "a");
        assert!(matches!(context.read().view(), FieldView::None));
        provide_app_context("app_context_tests", "a", Some(|value| value.i16(-2)));
        assert!(matches!(context.read().view(), FieldView::Signed(-2)));
        provide_app_context("app_context_tests", "a", Some(|value| value.text(&"x".repeat(300))));
        assert!(matches!(context.read().view(), FieldView::Text(text) if text.len() == MAX_TEXT));
        provide_app_context("app_context_tests", "a", None);
        assert!(matches!(context.read().view(), FieldView::None));
    }

    #[test]
    fn text_stays_in_its_room() {
        let mut value = AppValue::NONE;
        AppContextValue(&mut value).text("abcdefgh");
        let mut bytes = [0xff; 16];
        value.write(&mut SlotWriter::over(&mut bytes), 6);
        assert_eq!(bytes[..7], *b"\x0babcd\0\xff");
    }
}
