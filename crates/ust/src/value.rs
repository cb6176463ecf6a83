//! Rust types that can be fields: [`Value`] says what the field is and how its value is recorded.
//!
//! | Rust | in the trace |
//! |---|---|
//! | `u8` … `u64`, `usize`, `i8` … `isize`, and `NonZero` of them | integer, base 10 |
//! | [`Hex`], [`Octal`], [`Binary`], [`NetworkOrder`] of an integer | the same in base 16, 8, 2; in network byte order |
//! | `f32`, `f64` | floating-point number |
//! | `bool` | enumeration `false`, `true` |
//! | `char` | text of 4 bytes |
//! | `&str`, `String`, `Cow<str>`, `&CStr`, [`Text`] | text |
//! | [`Bytes`] | sequence of bytes in base 16 |
//! | `&Path`, `&OsStr`, and those that own them | text, of whatever encoding it has |
//! | `[T; N]`, `&[T]`, `Vec<T>` of integers, `bool`, `Duration`, addresses | array, sequence (`elements.rs`) |
//! | `Option<T>` | `<name>_tag` (`_none`, `_some`) and a value that may be absent (`optional.rs`) |
//! | `*const T`, `*mut T`, `NonNull<T>` | integer, base 16: the address |
//! | `Duration` | integer: nanoseconds |
//! | `#[derive(Value)]` on an enum without data | enumeration |
//! | `#[derive(Value)]` on a struct | its fields, as `<name>_<field>` |

use std::borrow::Cow;
use std::ffi::{CStr, CString, OsStr, OsString};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::ptr::NonNull;
use std::time::Duration;

use rttng_ring::SlotWriter;

use crate::field::{BOOL, Base, Element, FieldType, Float, IS_PACKED, Integer};
use crate::payload::{FieldView, PayloadSize};

/// A value that can be recorded as a field.
///
/// `measure` and `write` must tell of the same bytes; none of the functions may allocate, lock or fire events.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a field of an LTTng event",
    label = "this value cannot be recorded",
    note = "integers up to 64 bits, floats, `bool`, `char`, strings, arrays and slices of numbers, `Option` and types \
            with a derived `Value` can; LTTng has no 128-bit integers: record two `u64`, or text"
)]
pub trait Value {
    /// What the field is.
    const TYPE: FieldType;
    /// Adds the bytes that the value takes.
    fn measure(&self, size: &mut PayloadSize);
    /// Writes them.
    fn write(&self, to: &mut SlotWriter<'_>);
    /// The value for filters and captures; `leaf` counts the fields of a structure, and is 0 for all others.
    fn view(&self, leaf: u32) -> FieldView<'_>;

    /// As [`measure`](Value::measure), of a value that may be absent, with the tag that says so in front.
    #[doc(hidden)]
    #[inline]
    fn measure_optional(value: Option<&Self>, size: &mut PayloadSize) {
        size.add_number(1);
        if let Some(value) = value {
            value.measure(size);
        }
    }

    /// As [`write`](Value::write), of the same.
    #[doc(hidden)]
    #[inline]
    fn write_optional(value: Option<&Self>, to: &mut SlotWriter<'_>) {
        to.array([u8::from(value.is_some())]);
        if let Some(value) = value {
            value.write(to);
        }
    }

    /// The value behind a reference, which slices need: they are shown by their address.
    #[doc(hidden)]
    #[inline]
    fn view_behind<'v>(reference: &'v &Self, leaf: u32) -> FieldView<'v> {
        Self::view(reference, leaf)
    }
}

/// Aligns the writer to a number of `size` bytes where architectures ask for it.
#[inline]
pub(crate) fn align(to: &mut SlotWriter<'_>, size: usize) {
    if !IS_PACKED {
        to.align(size);
    }
}

macro_rules! integer_values {
    ($($type:ident as $wide:ident $view:ident),* $(,)?) => {$(
        impl Value for $type {
            const TYPE: FieldType = FieldType::Integer(Integer::new($type::BITS, $type::MIN != 0));

            #[inline]
            fn measure(&self, size: &mut PayloadSize) {
                size.add_number(size_of::<$type>());
            }

            #[inline]
            fn write(&self, to: &mut SlotWriter<'_>) {
                align(to, size_of::<$type>());
                to.array(self.to_ne_bytes());
            }

            #[inline]
            fn view(&self, _leaf: u32) -> FieldView<'_> {
                FieldView::$view(*self as $wide)
            }
        }

        impl Value for NonZero<$type> {
            const TYPE: FieldType = <$type as Value>::TYPE;

            #[inline]
            fn measure(&self, size: &mut PayloadSize) {
                self.get().measure(size);
            }

            #[inline]
            fn write(&self, to: &mut SlotWriter<'_>) {
                self.get().write(to);
            }

            #[inline]
            fn view(&self, _leaf: u32) -> FieldView<'_> {
                FieldView::$view(self.get() as $wide)
            }
        }

        impl Value for NetworkOrder<$type> {
            const TYPE: FieldType =
                FieldType::Integer(Integer::new($type::BITS, $type::MIN != 0).network_order());

            #[inline]
            fn measure(&self, size: &mut PayloadSize) {
                self.0.measure(size);
            }

            #[inline]
            fn write(&self, to: &mut SlotWriter<'_>) {
                self.0.to_be().write(to);
            }

            #[inline]
            fn view(&self, _leaf: u32) -> FieldView<'_> {
                FieldView::$view(self.0 as $wide)
            }
        }
    )*};
}

integer_values!(
    u8 as u64 Unsigned, u16 as u64 Unsigned, u32 as u64 Unsigned, u64 as u64 Unsigned, usize as u64 Unsigned,
    i8 as i64 Signed, i16 as i64 Signed, i32 as i64 Signed, i64 as i64 Signed, isize as i64 Signed,
);

macro_rules! float_values {
    ($($type:ident $float:ident),*) => {$(
        impl Value for $type {
            const TYPE: FieldType = FieldType::Float(Float::$float);

            #[inline]
            fn measure(&self, size: &mut PayloadSize) {
                size.add_number(size_of::<$type>());
            }

            #[inline]
            fn write(&self, to: &mut SlotWriter<'_>) {
                align(to, size_of::<$type>());
                to.array(self.to_ne_bytes());
            }

            #[inline]
            fn view(&self, _leaf: u32) -> FieldView<'_> {
                FieldView::Double(f64::from(*self))
            }
        }

    )*};
}

float_values!(f32 F32, f64 F64);

/// An integer in network byte order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NetworkOrder<T>(pub T);

macro_rules! base_values {
    ($($(#[$doc:meta])* $name:ident $base:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct $name<T>(pub T);

        impl<T: Integral> Value for $name<T> {
            const TYPE: FieldType = in_base(T::TYPE, Base::$base);

            #[inline]
            fn measure(&self, size: &mut PayloadSize) {
                self.0.measure(size);
            }

            #[inline]
            fn write(&self, to: &mut SlotWriter<'_>) {
                self.0.write(to);
            }

            #[inline]
            fn view(&self, leaf: u32) -> FieldView<'_> {
                self.0.view(leaf)
            }

            #[inline]
            fn measure_optional(value: Option<&Self>, size: &mut PayloadSize) {
                T::measure_optional(value.map(|value| &value.0), size);
            }

            #[inline]
            fn write_optional(value: Option<&Self>, to: &mut SlotWriter<'_>) {
                T::write_optional(value.map(|value| &value.0), to);
            }
        }
    )*};
}

/// An integer, or several, which can be displayed in another base.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be displayed in another base",
    label = "this is no integer, nor an array or slice of integers"
)]
pub trait Integral: Value {}

base_values!(
    /// An integer, or integers, displayed in base 16.
    Hex Hexadecimal,
    /// An integer, or integers, displayed in base 8.
    Octal Octal,
    /// An integer, or integers, displayed in base 2.
    Binary Binary,
);

/// The type with its integers displayed in another base.
pub(crate) const fn in_base(ty: FieldType, base: Base) -> FieldType {
    match ty {
        FieldType::Integer(integer) => FieldType::Integer(integer.base(base)),
        FieldType::Array { element: Element::Integer(integer), length } => {
            FieldType::Array { element: Element::Integer(integer.base(base)), length }
        }
        FieldType::Sequence { element: Element::Integer(integer), length } => {
            FieldType::Sequence { element: Element::Integer(integer.base(base)), length }
        }
        // Truth has labels, whatever its base.
        other => other,
    }
}

impl Value for bool {
    const TYPE: FieldType = FieldType::Enumeration(&BOOL);

    #[inline]
    fn measure(&self, size: &mut PayloadSize) {
        size.add_number(1);
    }

    #[inline]
    fn write(&self, to: &mut SlotWriter<'_>) {
        to.array([u8::from(*self)]);
    }

    #[inline]
    fn view(&self, _leaf: u32) -> FieldView<'_> {
        FieldView::Unsigned(u64::from(*self))
    }
}

/// UTF-8 of every character, for filters and captures to refer to: the value itself holds no text.
#[inline]
fn ascii(character: char) -> Option<&'static [u8]> {
    const ALL: [u8; 128] = {
        let mut all = [0; 128];
        let mut at = 0;
        while at < 128 {
            all[at] = at as u8;
            at += 1;
        }
        all
    };
    ALL.get(character as usize..=character as usize)
}

impl Value for char {
    const TYPE: FieldType = FieldType::Array { element: Element::Character, length: 4 };

    #[inline]
    fn measure(&self, size: &mut PayloadSize) {
        size.add_bytes(4);
    }

    #[inline]
    fn write(&self, to: &mut SlotWriter<'_>) {
        let mut bytes = [0; 4];
        self.encode_utf8(&mut bytes);
        to.array(bytes);
    }

    /// Filters can look at ASCII characters only: there is no text in a `char` to refer to.
    #[inline]
    fn view(&self, _leaf: u32) -> FieldView<'_> {
        ascii(*self).map_or(FieldView::None, FieldView::Text)
    }
}

/// Text as bytes, of any encoding, without a NUL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Text<'t>(pub &'t [u8]);

impl Value for Text<'_> {
    const TYPE: FieldType = FieldType::Text;

    #[inline]
    fn measure(&self, size: &mut PayloadSize) {
        size.add_bytes(self.0.len() + 1);
    }

    #[inline]
    fn write(&self, to: &mut SlotWriter<'_>) {
        to.text(self.0);
    }

    #[inline]
    fn view(&self, _leaf: u32) -> FieldView<'_> {
        FieldView::Text(self.0)
    }
}

macro_rules! text_values {
    ($($type:ty, $value:ident => $bytes:expr;)*) => {$(
        impl Value for $type {
            const TYPE: FieldType = FieldType::Text;

            #[inline]
            fn measure(&self, size: &mut PayloadSize) {
                let $value = self;
                Text($bytes).measure(size);
            }

            #[inline]
            fn write(&self, to: &mut SlotWriter<'_>) {
                let $value = self;
                Text($bytes).write(to);
            }

            #[inline]
            fn view(&self, _leaf: u32) -> FieldView<'_> {
                let $value = self;
                FieldView::Text($bytes)
            }
        }
    )*};
}

text_values! {
    str, text => text.as_bytes();
    String, text => text.as_bytes();
    Cow<'_, str>, text => text.as_bytes();
    Box<str>, text => text.as_bytes();
    std::sync::Arc<str>, text => text.as_bytes();
    std::rc::Rc<str>, text => text.as_bytes();
    CStr, text => text.to_bytes();
    CString, text => text.to_bytes();
    OsStr, text => text.as_encoded_bytes();
    OsString, text => text.as_encoded_bytes();
    Path, path => path.as_os_str().as_encoded_bytes();
    PathBuf, path => path.as_os_str().as_encoded_bytes();
}

impl<T> Value for *const T {
    const TYPE: FieldType = in_base(<usize as Value>::TYPE, Base::Hexadecimal);

    #[inline]
    fn measure(&self, size: &mut PayloadSize) {
        size.add_number(size_of::<usize>());
    }

    #[inline]
    fn write(&self, to: &mut SlotWriter<'_>) {
        self.addr().write(to);
    }

    #[inline]
    fn view(&self, _leaf: u32) -> FieldView<'_> {
        FieldView::Unsigned(self.addr() as u64)
    }
}

impl<T> Value for *mut T {
    const TYPE: FieldType = <*const T as Value>::TYPE;

    #[inline]
    fn measure(&self, size: &mut PayloadSize) {
        self.cast_const().measure(size);
    }

    #[inline]
    fn write(&self, to: &mut SlotWriter<'_>) {
        self.cast_const().write(to);
    }

    #[inline]
    fn view(&self, _leaf: u32) -> FieldView<'_> {
        FieldView::Unsigned(self.addr() as u64)
    }
}

impl<T> Value for NonNull<T> {
    const TYPE: FieldType = <*const T as Value>::TYPE;

    #[inline]
    fn measure(&self, size: &mut PayloadSize) {
        self.as_ptr().measure(size);
    }

    #[inline]
    fn write(&self, to: &mut SlotWriter<'_>) {
        self.addr().get().write(to);
    }

    #[inline]
    fn view(&self, _leaf: u32) -> FieldView<'_> {
        FieldView::Unsigned(self.addr().get() as u64)
    }
}

/// Nanoseconds; durations beyond 584 years are recorded as those.
impl Value for Duration {
    const TYPE: FieldType = <u64 as Value>::TYPE;

    #[inline]
    fn measure(&self, size: &mut PayloadSize) {
        size.add_number(8);
    }

    #[inline]
    fn write(&self, to: &mut SlotWriter<'_>) {
        u64::try_from(self.as_nanos()).unwrap_or(u64::MAX).write(to);
    }

    #[inline]
    fn view(&self, _leaf: u32) -> FieldView<'_> {
        FieldView::Unsigned(u64::try_from(self.as_nanos()).unwrap_or(u64::MAX))
    }
}

/// A reference to a value is recorded as the value.
impl<T: Value + ?Sized> Value for &T {
    const TYPE: FieldType = T::TYPE;

    #[inline]
    fn measure(&self, size: &mut PayloadSize) {
        (**self).measure(size);
    }

    #[inline]
    fn write(&self, to: &mut SlotWriter<'_>) {
        (**self).write(to);
    }

    #[inline]
    fn view(&self, leaf: u32) -> FieldView<'_> {
        T::view_behind(self, leaf)
    }

    #[inline]
    fn measure_optional(value: Option<&Self>, size: &mut PayloadSize) {
        T::measure_optional(value.copied(), size);
    }

    #[inline]
    fn write_optional(value: Option<&Self>, to: &mut SlotWriter<'_>) {
        T::write_optional(value.copied(), to);
    }
}
