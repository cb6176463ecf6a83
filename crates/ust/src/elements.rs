//! Arrays and slices as fields: of integers only, for the session daemon of LTTng 2.13 refuses all other elements
//! (`docs/spec/trace-output.md`, 12.9).

use std::num::NonZero;
use std::time::Duration;

use rttng_ring::SlotWriter;

use crate::field::{BOOL, Base, Element, FieldType, Integer};
use crate::payload::{Elements, FieldView, PayloadSize};
use crate::value::{Binary, Hex, Integral, NetworkOrder, Octal, Value, align, in_base};

/// A value that can be an element of an array or slice: one that is recorded as an integer.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an element of an array or slice in an LTTng event",
    label = "elements are integers of up to 64 bits",
    note = "LTTng refuses arrays of anything else: record floats as their bits (`f64::to_bits`), structs as an array of \
            each of their fields, texts as one text"
)]
pub trait Number: Value + Copy {
    /// What the element is.
    const ELEMENT: Element;
    /// Bytes of one.
    const SIZE: usize;
}

/// The element that a value which is recorded as an integer is.
pub(crate) const fn element_of(ty: FieldType) -> Element {
    match ty {
        FieldType::Integer(integer) => Element::Integer(integer),
        FieldType::Enumeration(of) => Element::Integer(of.container),
        _ => panic!("elements are integers"),
    }
}

macro_rules! numbers {
    ($($type:ident),* $(,)?) => {$(
        impl Number for $type {
            const ELEMENT: Element = element_of(<$type as Value>::TYPE);
            const SIZE: usize = size_of::<$type>();
        }

        impl Number for NonZero<$type> {
            const ELEMENT: Element = <$type as Number>::ELEMENT;
            const SIZE: usize = size_of::<$type>();
        }

        impl Number for NetworkOrder<$type> {
            const ELEMENT: Element = element_of(<NetworkOrder<$type> as Value>::TYPE);
            const SIZE: usize = size_of::<$type>();
        }

        impl Integral for $type {}
        impl Integral for NonZero<$type> {}
        impl Integral for NetworkOrder<$type> {}
    )*};
}

numbers!(u8, u16, u32, u64, usize, i8, i16, i32, i64, isize);

macro_rules! numbers_in_base {
    ($($name:ident),*) => {$(
        impl<T: Number + Integral> Number for $name<T> {
            const ELEMENT: Element = element_of(<$name<T> as Value>::TYPE);
            const SIZE: usize = T::SIZE;
        }
    )*};
}

numbers_in_base!(Hex, Octal, Binary);

impl Integral for Duration {}
impl<T: Number> Integral for [T] {}
impl<T: Number, const N: usize> Integral for [T; N] {}
impl<T: Number> Integral for Vec<T> {}
impl<T: Number> Integral for &[T] {}
impl<T: Number, const N: usize> Integral for &[T; N] {}
impl<T: Number> Integral for &Vec<T> {}

/// 0 and 1: elements have no labels.
impl Number for bool {
    const ELEMENT: Element = Element::Integer(BOOL.container);
    const SIZE: usize = 1;
}

/// Nanoseconds.
impl Number for Duration {
    const ELEMENT: Element = <u64 as Number>::ELEMENT;
    const SIZE: usize = 8;
}

impl<T> Number for *const T {
    const ELEMENT: Element = element_of(<*const T as Value>::TYPE);
    const SIZE: usize = size_of::<usize>();
}

impl<T> Number for *mut T {
    const ELEMENT: Element = <*const T as Number>::ELEMENT;
    const SIZE: usize = size_of::<usize>();
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

    #[inline]
    fn measure_optional(value: Option<&Self>, size: &mut PayloadSize) {
        <[u8] as Value>::measure_optional(value.map(|bytes| bytes.0), size);
    }

    #[inline]
    fn write_optional(value: Option<&Self>, to: &mut SlotWriter<'_>) {
        <[u8] as Value>::write_optional(value.map(|bytes| bytes.0), to);
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

    /// The protocol has no place for the length of a sequence inside a variant: an absent one is empty, and its tag
    /// says which it is.
    #[inline]
    fn measure_optional(value: Option<&Self>, size: &mut PayloadSize) {
        size.add_number(1);
        value.unwrap_or_default().measure(size);
    }

    #[inline]
    fn write_optional(value: Option<&Self>, to: &mut SlotWriter<'_>) {
        to.array([u8::from(value.is_some())]);
        value.unwrap_or_default().write(to);
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

    #[inline]
    fn measure_optional(value: Option<&Self>, size: &mut PayloadSize) {
        <[T] as Value>::measure_optional(value.map(Vec::as_slice), size);
    }

    #[inline]
    fn write_optional(value: Option<&Self>, to: &mut SlotWriter<'_>) {
        <[T] as Value>::write_optional(value.map(Vec::as_slice), to);
    }
}
