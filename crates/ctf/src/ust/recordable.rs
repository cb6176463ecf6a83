//! Which fields of an application can be declared, and why others cannot (`docs/spec/trace-output.md`, 12.9;
//! `docs/spec/ust-protocol.md`, 7.4).

use std::collections::HashMap;

use crate::types::{Enumeration, Field, FieldRef, Integer, MAX_INTEGER_BITS, Type};

/// A field that no trace can hold, so that its event is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("field \"{field}\" cannot be recorded: {why}")]
pub struct Unrecordable {
    /// The name to show of the field at fault.
    pub field: String,
    /// What is wrong with it.
    pub why: WhyUnrecordable,
}

/// What is wrong with a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WhyUnrecordable {
    /// Its structure has members.
    #[error("a structure with members")]
    NonEmptyStructure,
    /// Its floating point format has no mantissa, as `long double` is announced.
    #[error("a floating point number of unknown format (long double)")]
    NoMantissa,
    /// It is an array or sequence of something else than integers.
    #[error("an array or sequence of something else than integers")]
    ElementNotInteger,
    /// Its size, alignment or format is none that a reader knows.
    #[error("a size or alignment that no reader knows")]
    BadLayout,
    /// The name is used twice.
    #[error("a second field of that name")]
    Duplicate,
    /// Its length is not an unsigned integer field before it.
    #[error("its length is not an unsigned integer before it")]
    NoLength,
    /// Its tag is not an enumeration field before it.
    #[error("its tag is not an enumeration before it")]
    NoTag,
    /// An enumeration or variant without anything in it.
    #[error("an enumeration without labels, or a variant without options")]
    Empty,
}

impl WhyUnrecordable {
    /// The code with which the real session daemon answers the registration: −12 for types that it does not know,
    /// −22 for descriptions that it finds wrong.
    pub fn return_code(self) -> i32 {
        match self {
            WhyUnrecordable::NonEmptyStructure | WhyUnrecordable::NoMantissa => -12,
            _ => -22,
        }
    }
}

/// Checks that the fields of an event, or of a channel's contexts, make metadata that a reader accepts.
///
/// Beyond what the real session daemon checks, names must differ, and lengths and tags must be there: without that the
/// real one writes metadata that makes the whole trace unreadable.
pub fn check_fields(fields: &[Field]) -> Result<(), Unrecordable> {
    let mut before: HashMap<&str, &Type> = HashMap::with_capacity(fields.len());
    for field in fields {
        let fault = |why| Unrecordable { field: field.display_name().to_owned(), why };
        check_type(&field.ty, &before).map_err(fault)?;
        if before.insert(&field.name, &field.ty).is_some() {
            return Err(fault(WhyUnrecordable::Duplicate));
        }
    }
    Ok(())
}

fn check_type(ty: &Type, before: &HashMap<&str, &Type>) -> Result<(), WhyUnrecordable> {
    match ty {
        Type::Integer(integer) => check_integer(integer),
        Type::Float(float) => match (float.exponent_bits, float.mantissa_bits) {
            (_, 0) => Err(WhyUnrecordable::NoMantissa),
            (8, 24) | (11, 53) => check_alignment(float.alignment_bits),
            _ => Err(WhyUnrecordable::BadLayout),
        },
        Type::Enumeration(enumeration) => check_enumeration(enumeration),
        Type::String(_) => Ok(()),
        Type::Array(array) => check_element(&array.element),
        Type::Sequence(sequence) => {
            check_element(&sequence.element)?;
            match target(&sequence.length, before) {
                Some(Type::Integer(length)) if !length.signed => Ok(()),
                _ => Err(WhyUnrecordable::NoLength),
            }
        }
        Type::Structure(structure) if structure.fields.is_empty() => Ok(()),
        Type::Structure(_) => Err(WhyUnrecordable::NonEmptyStructure),
        Type::Variant(variant) => {
            if variant.options.is_empty() {
                return Err(WhyUnrecordable::Empty);
            }
            let mut names = std::collections::HashSet::new();
            for option in &variant.options {
                check_type(&option.ty, before)?;
                if !names.insert(&option.name) {
                    return Err(WhyUnrecordable::Duplicate);
                }
            }
            match target(&variant.tag, before) {
                Some(Type::Enumeration(_)) => Ok(()),
                _ => Err(WhyUnrecordable::NoTag),
            }
        }
        // TSDL has none of these, and no application can ask for one.
        Type::BitArray(_)
        | Type::Boolean(_)
        | Type::VariableInteger(_)
        | Type::Text(_)
        | Type::Blob(_)
        | Type::Optional(_)
        | Type::Choice(_)
        | Type::Reversed(_) => Err(WhyUnrecordable::BadLayout),
    }
}

fn target<'a>(reference: &FieldRef, before: &HashMap<&str, &'a Type>) -> Option<&'a Type> {
    match (reference.scope, reference.path.as_slice()) {
        (None, [name]) => before.get(name.as_str()).copied(),
        _ => None,
    }
}

fn check_element(element: &Type) -> Result<(), WhyUnrecordable> {
    match element {
        Type::Integer(integer) => check_integer(integer),
        _ => Err(WhyUnrecordable::ElementNotInteger),
    }
}

fn check_enumeration(enumeration: &Enumeration) -> Result<(), WhyUnrecordable> {
    check_integer(&enumeration.container)?;
    if enumeration.mappings.is_empty() { Err(WhyUnrecordable::Empty) } else { Ok(()) }
}

fn check_integer(integer: &Integer) -> Result<(), WhyUnrecordable> {
    if !(1..=MAX_INTEGER_BITS).contains(&integer.size_bits) {
        return Err(WhyUnrecordable::BadLayout);
    }
    check_alignment(integer.alignment_bits)
}

fn check_alignment(bits: u32) -> Result<(), WhyUnrecordable> {
    if bits.is_power_of_two() { Ok(()) } else { Err(WhyUnrecordable::BadLayout) }
}

#[cfg(test)]
mod tests {
    use super::super::{Abi, Context};
    use super::*;
    use crate::types::{Encoding, Float, Structure};

    const ABI: Abi = Abi::X86_64;

    fn fault_of(ty: impl Into<Type>) -> Option<WhyUnrecordable> {
        check_fields(&[Field::recorded("f", ty)]).err().map(|fault| fault.why)
    }

    #[test]
    fn what_the_real_daemon_refuses_is_refused() {
        let long_double = Float { mantissa_bits: 0, ..Float::double(8, ABI.byte_order) };
        let members = Structure::of(vec![Field::recorded("a", ABI.unsigned(8))]);
        assert_eq!(fault_of(long_double), Some(WhyUnrecordable::NoMantissa));
        assert_eq!(fault_of(members), Some(WhyUnrecordable::NonEmptyStructure));
        assert_eq!(
            fault_of(Type::array(Type::String(Encoding::Utf8), 2)),
            Some(WhyUnrecordable::ElementNotInteger)
        );
        assert_eq!(fault_of(ABI.unsigned(32)), None);
        assert_eq!(fault_of(Structure::default()), None);
    }

    #[test]
    fn a_sequence_needs_its_length_before_it() {
        let length = Field::recorded("_seq_length", ABI.unsigned(16));
        let sequence =
            Field::recorded("seq", Type::sequence(ABI.signed(8), FieldRef::recorded("_seq_length")));
        assert_eq!(check_fields(&[length.clone(), sequence.clone()]), Ok(()));
        let backwards = check_fields(&[sequence, length]).unwrap_err();
        assert_eq!(
            backwards.to_string(),
            "field \"seq\" cannot be recorded: its length is not an unsigned integer before it"
        );
    }

    #[test]
    fn application_contexts_are_fine_once() {
        let app = Context::App { provider: "p".to_owned(), name: "c".to_owned() }.fields(&ABI);
        assert_eq!(check_fields(&app), Ok(()));
        let twice = [app.clone(), app].concat();
        assert_eq!(check_fields(&twice).unwrap_err().why, WhyUnrecordable::Duplicate);
    }
}
