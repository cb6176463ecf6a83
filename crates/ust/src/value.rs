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
//! | `[T; N]` of numbers | array |
//! | `&[T]`, `Vec<T>` of numbers | sequence |
//! | `Option<T>` | `<name>_tag` (`none`, `some`) and a value that may be absent |
//! | `*const T`, `*mut T` | integer, base 16: the address |
//! | `Duration` | integer: nanoseconds |

use std::borrow::Cow;
use std::ffi::{CStr, CString};
use std::num::NonZero;
use std::time::Duration;

use rttng_ring::SlotWriter;

use crate::field::{BOOL, Base, Element, FieldType, Float, IS_PACKED, Integer};
use crate::payload::{Elements, FieldView, PayloadSize};

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

    /// The value behind a reference, which slices need: they are shown by their address.
    #[doc(hidden)]
    #[inline]
    fn view_behind<'v>(reference: &'v &Self, leaf: u32) -> FieldView<'v> {
        Self::view(reference, leaf)
    }
}

/// A number that can be an element of an array or sequence: the session daemon of LTTng 2.13 refuses all but integers
/// (`docs/spec/trace-output.md`, 12.9).
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an element of an array or slice in an LTTng event",
    label = "elements are integers of up to 64 bits",
    note = "LTTng refuses arrays of anything else; floats can be recorded as their bits (`f64::to_bits`)"
)]
pub trait Number: Value + Copy {
    /// What the element is.
    const ELEMENT: Element;
    /// Bytes of one.
    const SIZE: usize;
}

/// Aligns the writer to a number of `size` bytes where architectures ask for it.
#[inline]
fn align(to: &mut SlotWriter<'_>, size: usize) {
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

        impl Number for $type {
            const ELEMENT: Element = Element::Integer(Integer::new($type::BITS, $type::MIN != 0));
            const SIZE: usize = size_of::<$type>();
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

        impl<T: Value> Value for $name<T> {
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
        }
    )*};
}

base_values!(
    /// An integer, or integers, displayed in base 16.
    Hex Hexadecimal,
    /// An integer, or integers, displayed in base 8.
    Octal Octal,
    /// An integer, or integers, displayed in base 2.
    Binary Binary,
);

/// The type with its integers displayed in another base. What holds no integer is a compile error.
const fn in_base(ty: FieldType, base: Base) -> FieldType {
    match ty {
        FieldType::Integer(integer) => FieldType::Integer(integer.base(base)),
        FieldType::Array { element: Element::Integer(integer), length } => {
            FieldType::Array { element: Element::Integer(integer.base(base)), length }
        }
        FieldType::Sequence { element: Element::Integer(integer), length } => {
            FieldType::Sequence { element: Element::Integer(integer.base(base)), length }
        }
        _ => panic!("only integers, and arrays and slices of integers, can be displayed in another base"),
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
}

/// Bytes that are no text: a sequence displayed in base 16.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bytes<'b>(pub &'b [u8]);

impl Value for Bytes<'_> {
    const TYPE: FieldType = in_base(<[u8] as Value>::TYPE, Base::Hexadecimal);

    #[inline]
    fn measure(&self, size: &mut PayloadSize) {
        self.0.measure(size);
    }

    #[inline]
    fn write(&self, to: &mut SlotWriter<'_>) {
        to.array(length_of(self.0).to_ne_bytes());
        to.bytes(self.0);
    }

    #[inline]
    fn view(&self, _leaf: u32) -> FieldView<'_> {
        FieldView::Elements(&self.0)
    }
}

impl<T: Number> Elements for &[T] {
    fn count(&self) -> usize {
        self.len()
    }

    fn element(&self, index: usize) -> FieldView<'_> {
        self.get(index).map_or(FieldView::None, |number| number.view(0))
    }
}

impl<T: Number, const N: usize> Elements for [T; N] {
    fn count(&self) -> usize {
        N
    }

    fn element(&self, index: usize) -> FieldView<'_> {
        self.get(index).map_or(FieldView::None, |number| number.view(0))
    }
}

impl<T: Number> Elements for Vec<T> {
    fn count(&self) -> usize {
        self.len()
    }

    fn element(&self, index: usize) -> FieldView<'_> {
        self.get(index).map_or(FieldView::None, |number| number.view(0))
    }
}

#[inline]
fn length_of<T>(slice: &[T]) -> u32 {
    // More cannot be in a sub-buffer, so the record is refused as too big.
    u32::try_from(slice.len()).unwrap_or(u32::MAX)
}

impl<T: Number, const N: usize> Value for [T; N] {
    const TYPE: FieldType = FieldType::Array { element: T::ELEMENT, length: N as u32 };

    #[inline]
    fn measure(&self, size: &mut PayloadSize) {
        size.add_numbers(T::SIZE, N);
    }

    #[inline]
    fn write(&self, to: &mut SlotWriter<'_>) {
        for number in self {
            number.write(to);
        }
    }

    #[inline]
    fn view(&self, _leaf: u32) -> FieldView<'_> {
        FieldView::Elements(self)
    }
}

impl<T: Number> Value for [T] {
    const TYPE: FieldType = FieldType::Sequence { element: T::ELEMENT, length: Integer::new(32, false) };

    #[inline]
    fn measure(&self, size: &mut PayloadSize) {
        size.add_number(4);
        size.add_numbers(T::SIZE, self.len());
    }

    #[inline]
    fn write(&self, to: &mut SlotWriter<'_>) {
        length_of(self).write(to);
        // Empty sequences are aligned too.
        align(to, T::SIZE);
        for number in self {
            number.write(to);
        }
    }

    /// A slice is shown through a reference to it, as it is always held.
    #[inline]
    fn view(&self, _leaf: u32) -> FieldView<'_> {
        FieldView::None
    }

    #[inline]
    fn view_behind<'v>(reference: &'v &Self, _leaf: u32) -> FieldView<'v> {
        FieldView::Elements(reference)
    }
}

impl<T: Number> Value for Vec<T> {
    const TYPE: FieldType = <[T] as Value>::TYPE;

    #[inline]
    fn measure(&self, size: &mut PayloadSize) {
        self.as_slice().measure(size);
    }

    #[inline]
    fn write(&self, to: &mut SlotWriter<'_>) {
        self.as_slice().write(to);
    }

    #[inline]
    fn view(&self, _leaf: u32) -> FieldView<'_> {
        FieldView::Elements(self)
    }
}

/// `None` keeps the room of no value, not that of a `T`.
impl<T: Value> Value for Option<T> {
    const TYPE: FieldType = optional(&T::TYPE);

    #[inline]
    fn measure(&self, size: &mut PayloadSize) {
        size.add_number(1);
        if let Some(value) = self {
            value.measure(size);
        }
    }

    #[inline]
    fn write(&self, to: &mut SlotWriter<'_>) {
        to.array([u8::from(self.is_some())]);
        if let Some(value) = self {
            value.write(to);
        }
    }

    #[inline]
    fn view(&self, leaf: u32) -> FieldView<'_> {
        self.as_ref().map_or(FieldView::None, |value| value.view(leaf))
    }
}

const fn optional(ty: &'static FieldType) -> FieldType {
    match ty {
        FieldType::Structure(_) => {
            panic!("a structure cannot be optional in LTTng's traces: make its fields so")
        }
        FieldType::Optional(_) => panic!("an optional value cannot be optional itself"),
        FieldType::Sequence { .. } => {
            panic!("a slice cannot be optional in LTTng's traces: record an empty one")
        }
        _ => FieldType::Optional(ty),
    }
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
}
