//! Where one value of an event is, worked out once per kind of event: so that it can be looked at without what stands
//! before it being shown.
//!
//! A place is the way to it from the start of the event's values: so many bits, over a text, so many bits. Values behind
//! a sequence or in a variant have none; [`show`](super::show) finds those.

use super::emit::{Emit, Load, ScopeProgram};
use super::layout::NodeId;
use super::nul::find_nul;
use super::program::{Bits, Count, Machine};
use crate::types::ByteOrder;

/// The bytes of one event, from which a [`Place`] takes a value.
#[derive(Debug, Clone, Copy)]
pub struct EventBytes<'p> {
    /// A part of its packet that starts at a multiple of the largest alignment.
    pub(crate) packet: &'p [u8],
    /// Where its values start and where it ends, in bits.
    pub(crate) body: u64,
    pub(crate) end: u64,
}

/// Where a value is in all events of one kind ([`Trace::place`](crate::read::Trace::place)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The first part of the way, in bits.
    first: u64,
    /// The rest of it.
    legs: Box<[Leg]>,
    form: Form,
}

/// A part of the way to a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leg {
    Skip(u64),
    Align(u32),
    /// Over a text and its NUL.
    Text,
}

/// What is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Integer(Bits),
    Float {
        size: u8,
        order: ByteOrder,
    },
    /// Text up to its NUL.
    Text,
    /// Text of so many bytes, or up to its first NUL.
    Characters(u64),
}

/// A value in the bytes of an event.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum PlacedValue<'p> {
    /// An unsigned integer or enumeration.
    Unsigned(u64),
    /// A signed integer or enumeration.
    Signed(i64),
    /// A floating point number; a single one is widened.
    Float(f64),
    /// Text without its NUL: not necessarily UTF-8.
    Text(&'p [u8]),
}

impl Place {
    /// The place of a node of `program`, before which `around` stand in the event.
    pub(crate) fn find<'a>(
        around: impl IntoIterator<Item = &'a ScopeProgram>,
        program: &ScopeProgram,
        node: NodeId,
    ) -> Option<Place> {
        let mut legs = Vec::new();
        for before in around {
            if walk(&before.steps, None, &mut legs)?.is_some() {
                return None;
            }
        }
        let form = walk(&program.steps, Some(node), &mut legs)??;
        let mut first = 0;
        if let Some(Leg::Skip(bits)) = legs.first() {
            first = *bits;
            legs.remove(0);
        }
        Some(Place { first, legs: legs.into(), form })
    }

    /// The value of an event. Nothing if the event ends before.
    #[inline]
    pub fn value<'p>(&self, event: EventBytes<'p>) -> Option<PlacedValue<'p>> {
        let mut machine = Machine { packet: event.packet, end: event.end, at: event.body, time: 0 };
        machine.skip(self.first).ok()?;
        for leg in &self.legs {
            match leg {
                Leg::Skip(bits) => machine.skip(*bits).ok()?,
                Leg::Align(bits) => {
                    machine.skip(machine.at.wrapping_neg() & (u64::from(*bits) - 1)).ok()?;
                }
                Leg::Text => {
                    machine.take_string().ok()?;
                }
            }
        }
        Some(match self.form {
            Form::Integer(bits) => {
                let value = machine.integer(bits).ok()?;
                if bits.signed { PlacedValue::Signed(value as i64) } else { PlacedValue::Unsigned(value) }
            }
            Form::Float { size, order } => {
                let raw = machine.integer(Bits { size, order, signed: false }).ok()?;
                PlacedValue::Float(match size {
                    32 => f64::from(f32::from_bits(raw as u32)),
                    _ => f64::from_bits(raw),
                })
            }
            Form::Text => PlacedValue::Text(machine.take_string().ok()?),
            Form::Characters(count) => {
                let bytes = machine.take_bytes(count).ok()?;
                PlacedValue::Text(&bytes[..find_nul(bytes).unwrap_or(bytes.len())])
            }
        })
    }
}

/// Goes over steps up to `wanted`, or over all. Gives what is there, an inner nothing if it is not among them; nothing
/// where the way depends on what is in the event.
fn walk(steps: &[Emit], wanted: Option<NodeId>, legs: &mut Vec<Leg>) -> Option<Option<Form>> {
    for step in steps {
        let (node, form, leg) = match step {
            Emit::Begin(_) | Emit::End(_) | Emit::Keep(_) => continue,
            Emit::Align(bits) => (None, None, Leg::Align(*bits)),
            Emit::Skip(bits) => (None, None, Leg::Skip(*bits)),
            Emit::Take { bits, .. } => (None, None, Leg::Skip(bits.size.into())),
            Emit::Unsigned { node, load, size } => {
                (Some(*node), Some(integer(*load, *size, false)), Leg::Skip((*size).into()))
            }
            Emit::Signed { node, load, size } => {
                (Some(*node), Some(integer(*load, *size, true)), Leg::Skip((*size).into()))
            }
            Emit::Float { node, size, order } => {
                (Some(*node), Some(Form::Float { size: *size, order: *order }), Leg::Skip((*size).into()))
            }
            Emit::String(node) => (Some(*node), Some(Form::Text), Leg::Text),
            Emit::Text { node, count: Count::Fixed(count) } => {
                (Some(*node), Some(Form::Characters(*count)), Leg::Skip(count.checked_mul(8)?))
            }
            Emit::Array { count: Count::Fixed(count), body, .. } => {
                let (align, bits) = fixed_size(body, *count)?;
                legs.extend(align.map(Leg::Align));
                (None, None, Leg::Skip(bits))
            }
            Emit::Array { .. } | Emit::Text { .. } | Emit::Variant { .. } | Emit::Extra(_) => return None,
        };
        if wanted.is_some() && node == wanted {
            return Some(form);
        }
        match (legs.last_mut(), leg) {
            (Some(Leg::Skip(before)), Leg::Skip(bits)) => *before = before.checked_add(bits)?,
            _ => legs.push(leg),
        }
    }
    Some(None)
}

fn integer(load: Load, size: u8, signed: bool) -> Form {
    let order = match load {
        Load::Byte | Load::Le16 | Load::Le32 | Load::Le64 => ByteOrder::Little,
        Load::Any(order) => order,
    };
    Form::Integer(Bits { size, order, signed })
}

/// The alignment and the bits of `count` elements that are numbers without gaps between them.
fn fixed_size(element: &[Emit], count: u64) -> Option<(Option<u32>, u64)> {
    let (align, number) = match element {
        [Emit::Align(align), number] => (Some(*align), number),
        [number] => (None, number),
        _ => return None,
    };
    let (Emit::Unsigned { size, .. } | Emit::Signed { size, .. } | Emit::Float { size, .. }) = number else {
        return None;
    };
    let size = u64::from(*size);
    let is_dense = align.is_none_or(|align| size.is_multiple_of(align.into()));
    // Without elements there is no alignment either.
    (count > 0 && is_dense).then_some((align, count.checked_mul(size)?))
}
