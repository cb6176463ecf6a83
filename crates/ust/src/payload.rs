//! The values of one event: how many bytes they take, writing them into a reserved slot, and showing them to filters
//! and captures. A macro makes a tuple of [`Value`]s of them; whoever has values in another form (a `tracing` event)
//! implements [`Payload`] itself.

use crate::field::IS_PACKED;
use crate::value::Value;

pub use rttng_ring::SlotWriter;

/// Bytes that values take in a record, counted from a start that is aligned as the strictest of them needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PayloadSize {
    bytes: usize,
    alignment: usize,
}

impl Default for PayloadSize {
    fn default() -> Self {
        PayloadSize::EMPTY
    }
}

impl PayloadSize {
    /// No bytes.
    pub const EMPTY: PayloadSize = PayloadSize { bytes: 0, alignment: 1 };

    /// Adds a number of `size` bytes, which is its alignment too where values are aligned.
    #[inline]
    pub const fn add_number(&mut self, size: usize) {
        self.add_numbers(size, 1);
    }

    /// Adds `count` numbers of `size` bytes each.
    #[inline]
    pub const fn add_numbers(&mut self, size: usize, count: usize) {
        if !IS_PACKED {
            self.bytes = (self.bytes + size - 1) & !(size - 1);
            if self.alignment < size {
                self.alignment = size;
            }
        }
        self.bytes += size * count;
    }

    /// Adds bytes that stand wherever they come.
    #[inline]
    pub const fn add_bytes(&mut self, count: usize) {
        self.bytes += count;
    }

    /// How many bytes there are.
    #[inline]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// What the first byte must be aligned to; 1 on x86.
    #[inline]
    pub const fn alignment(&self) -> usize {
        self.alignment
    }
}

/// A value as filters and captures see it.
#[derive(Clone, Copy)]
pub enum FieldView<'v> {
    /// A signed integer.
    Signed(i64),
    /// An unsigned integer.
    Unsigned(u64),
    /// A floating-point number.
    Double(f64),
    /// Text; it ends at its first NUL, if there is one.
    Text(&'v [u8]),
    /// An array or sequence of numbers.
    Elements(&'v dyn Elements),
    /// No value.
    None,
}

/// The elements of an array or sequence of numbers.
pub trait Elements {
    /// How many there are.
    fn count(&self) -> usize;
    /// One of them; [`FieldView::None`] beyond the end.
    fn element(&self, index: usize) -> FieldView<'_>;
}

/// The values of one event, in the order of its fields.
///
/// [`measure`](Payload::measure) and [`write`](Payload::write) must tell of the same bytes; what does not fit into the
/// measured size is cut off, what is missing becomes zeros. All three run wherever an event is fired: they must not
/// allocate, lock or fire events. If one panics the event is not recorded; only where others were recorded while its
/// values were being written, it is, with zeros for values (which are no event of that size if there is text among them).
pub trait Payload {
    /// How many bytes the values take.
    fn measure(&self) -> PayloadSize;
    /// Writes them. The writer stands at a position of the alignment that `measure` gave.
    fn write(&self, to: &mut SlotWriter<'_>);
    /// The value of a field, by its position in the class. Structures count as the fields that they hold.
    fn field(&self, index: u32) -> FieldView<'_>;
}

impl<P: Payload + ?Sized> Payload for &P {
    #[inline]
    fn measure(&self) -> PayloadSize {
        (**self).measure()
    }

    #[inline]
    fn write(&self, to: &mut SlotWriter<'_>) {
        (**self).write(to);
    }

    #[inline]
    fn field(&self, index: u32) -> FieldView<'_> {
        (**self).field(index)
    }
}

/// An event without fields.
impl Payload for () {
    #[inline]
    fn measure(&self) -> PayloadSize {
        PayloadSize::EMPTY
    }

    #[inline]
    fn write(&self, _to: &mut SlotWriter<'_>) {}

    #[inline]
    fn field(&self, _index: u32) -> FieldView<'_> {
        FieldView::None
    }
}

/// Payloads of which the number of fields is known.
#[doc(hidden)]
pub trait Counted: Payload {
    /// Fields, those of structures counted one by one.
    const LEAVES: u32;
    /// Adds the bytes that the values take behind others.
    fn add_to(&self, size: &mut PayloadSize);
}

#[inline]
fn measured(payload: &impl Counted) -> PayloadSize {
    let mut size = PayloadSize::EMPTY;
    payload.add_to(&mut size);
    size
}

impl Counted for () {
    const LEAVES: u32 = 0;

    #[inline]
    fn add_to(&self, _size: &mut PayloadSize) {}
}

/// Two payloads as one: events have any number of fields, tuples do not.
#[doc(hidden)]
pub struct Joined<A, B>(pub A, pub B);

impl<A: Counted, B: Counted> Counted for Joined<A, B> {
    const LEAVES: u32 = A::LEAVES + B::LEAVES;

    #[inline]
    fn add_to(&self, size: &mut PayloadSize) {
        self.0.add_to(size);
        self.1.add_to(size);
    }
}

impl<A: Counted, B: Counted> Payload for Joined<A, B> {
    #[inline]
    fn measure(&self) -> PayloadSize {
        measured(self)
    }

    #[inline]
    fn write(&self, to: &mut SlotWriter<'_>) {
        self.0.write(to);
        self.1.write(to);
    }

    fn field(&self, index: u32) -> FieldView<'_> {
        match index.checked_sub(A::LEAVES) {
            None => self.0.field(index),
            Some(index) => self.1.field(index),
        }
    }
}

macro_rules! tuple_payload {
    ($($name:ident . $at:tt),+) => {
        impl<$($name: Value),+> Counted for ($($name,)+) {
            const LEAVES: u32 = 0 $(+ $name::TYPE.leaf_count())+;

            #[inline]
            fn add_to(&self, size: &mut PayloadSize) {
                $(self.$at.measure(size);)+
            }
        }

        impl<$($name: Value),+> Payload for ($($name,)+) {
            #[inline]
            fn measure(&self) -> PayloadSize {
                measured(self)
            }

            #[inline]
            fn write(&self, to: &mut SlotWriter<'_>) {
                $(self.$at.write(to);)+
            }

            fn field(&self, index: u32) -> FieldView<'_> {
                let mut before = 0;
                $(
                    let count = const { $name::TYPE.leaf_count() };
                    if index - before < count {
                        return self.$at.view(index - before);
                    }
                    before += count;
                )+
                let _ = before;
                FieldView::None
            }
        }
    };
}

tuple_payload!(A.0);
tuple_payload!(A.0, B.1);
tuple_payload!(A.0, B.1, C.2);
tuple_payload!(A.0, B.1, C.2, D.3);
tuple_payload!(A.0, B.1, C.2, D.3, E.4);
tuple_payload!(A.0, B.1, C.2, D.3, E.4, F.5);
tuple_payload!(A.0, B.1, C.2, D.3, E.4, F.5, G.6);
tuple_payload!(A.0, B.1, C.2, D.3, E.4, F.5, G.6, H.7);
tuple_payload!(A.0, B.1, C.2, D.3, E.4, F.5, G.6, H.7, I.8);
tuple_payload!(A.0, B.1, C.2, D.3, E.4, F.5, G.6, H.7, I.8, J.9);
tuple_payload!(A.0, B.1, C.2, D.3, E.4, F.5, G.6, H.7, I.8, J.9, K.10);
tuple_payload!(A.0, B.1, C.2, D.3, E.4, F.5, G.6, H.7, I.8, J.9, K.10, L.11);
tuple_payload!(A.0, B.1, C.2, D.3, E.4, F.5, G.6, H.7, I.8, J.9, K.10, L.11, M.12);
tuple_payload!(A.0, B.1, C.2, D.3, E.4, F.5, G.6, H.7, I.8, J.9, K.10, L.11, M.12, N.13);
tuple_payload!(A.0, B.1, C.2, D.3, E.4, F.5, G.6, H.7, I.8, J.9, K.10, L.11, M.12, N.13, O.14);
tuple_payload!(A.0, B.1, C.2, D.3, E.4, F.5, G.6, H.7, I.8, J.9, K.10, L.11, M.12, N.13, O.14, P.15);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_position() {
        let payload = (7u8, "text", Some(-3i16), [1u32, 2]);
        assert!(matches!(payload.field(0), FieldView::Unsigned(7)));
        assert!(matches!(payload.field(1), FieldView::Text(b"text")));
        assert!(matches!(payload.field(2), FieldView::Signed(-3)));
        let FieldView::Elements(elements) = payload.field(3) else { panic!("not elements") };
        assert_eq!(elements.count(), 2);
        assert!(matches!(payload.field(4), FieldView::None));
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn measured_is_what_is_written() {
        let payload = (1u8, 2u64, "ab", true, 'é', Some(5u16), None::<u16>, [1i16, 2], &[9u8, 8][..]);
        let mut bytes = vec![0xaa; payload.measure().bytes()];
        let mut writer = SlotWriter::over(&mut bytes);
        payload.write(&mut writer);
        assert_eq!(writer.left(), 0);
        let expected: &[u8] = &[
            1, 2, 0, 0, 0, 0, 0, 0, 0, b'a', b'b', 0, 1, 0xc3, 0xa9, 0, 0, 1, 5, 0, 0, 1, 0, 2, 0, 2, 0, 0,
            0, 9, 8,
        ];
        assert_eq!(bytes, expected);
    }
}
