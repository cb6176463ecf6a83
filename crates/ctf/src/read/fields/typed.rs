//! Which types of Rust a field can be taken as.

use super::value::{ArrayValue, FieldValue, StructureValue};

/// A type that the value of a field can be taken as: see [`Event::get`](crate::read::Event::get).
///
/// | type | fields |
/// |---|---|
/// | `u8` to `u64`, `i8` to `i64`, `i128` | integers, enumerations, bit arrays, if it can hold the number |
/// | `f64` | floating point numbers |
/// | `bool` | booleans (CTF 2) |
/// | `&str` | texts that are UTF-8 |
/// | `&[u8]` | texts and BLOBs |
/// | [`StructureValue`], [`ArrayValue`] | structures; arrays and sequences |
/// | [`FieldValue`] | all |
///
/// Of variants and optional fields it is what is in them.
pub trait FromField<'e>: Sized {
    /// The value as this type, if it can be that.
    fn from_field(value: FieldValue<'e>) -> Option<Self>;
}

macro_rules! from_field {
    ($($ty:ty, $value:ident => $as:expr;)*) => {$(
        impl<'e> FromField<'e> for $ty {
            #[inline]
            fn from_field($value: FieldValue<'e>) -> Option<$ty> {
                $as
            }
        }
    )*};
}

from_field! {
    u64, value => value.as_u64();
    u32, value => value.as_u64()?.try_into().ok();
    u16, value => value.as_u64()?.try_into().ok();
    u8, value => value.as_u64()?.try_into().ok();
    i64, value => value.as_i64();
    i32, value => value.as_i64()?.try_into().ok();
    i16, value => value.as_i64()?.try_into().ok();
    i8, value => value.as_i64()?.try_into().ok();
    i128, value => value.as_integer();
    f64, value => value.as_f64();
    bool, value => value.as_bool();
    &'e str, value => value.as_str();
    &'e [u8], value => value.as_bytes();
    StructureValue<'e>, value => value.as_structure();
    ArrayValue<'e>, value => value.as_array();
    FieldValue<'e>, value => Some(value);
}
