//! Where one value of an event is, worked out once per kind of event: so that it can be looked at without what stands
//! before it being shown.
//!
//! A place is the way to it from the start of the event's values: so many bits, over a text, so many bits. Values behind
//! a sequence or in a variant have none; [`show`](super::show) finds those.

use super::emit::{Emit, ScopeProgram};
use super::layout::NodeId;
use super::program::{Bits, Count, DecodeError, Machine};
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
pub(crate) enum Form {
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

impl Form {
    /// What a step shows, if that is one value of a known form.
    pub(crate) fn of(step: &Emit) -> Option<(NodeId, Form)> {
        Some(match step {
            Emit::Unsigned { node, load, size } => (*node, Form::Integer(load.bits(*size, false))),
            Emit::Signed { node, load, size } => (*node, Form::Integer(load.bits(*size, true))),
            Emit::Float { node, size, order } => (*node, Form::Float { size: *size, order: *order }),
            Emit::String(node) => (*node, Form::Text),
            Emit::Text { node, count: Count::Fixed(count) } => (*node, Form::Characters(*count)),
            _ => return None,
        })
    }

    /// The bits that it takes, if those are always as many.
    fn size(self) -> Option<u64> {
        match self {
            Form::Integer(bits) => Some(bits.size.into()),
            Form::Float { size, .. } => Some(size.into()),
            Form::Text => None,
            Form::Characters(count) => count.checked_mul(8),
        }
    }

    /// Takes it from where the machine stands.
    #[inline]
    pub(crate) fn take<'p>(self, machine: &mut Machine<'p>) -> Result<PlacedValue<'p>, DecodeError> {
        Ok(match self {
            Form::Integer(bits) => {
                let value = machine.integer(bits)?;
                if bits.signed { PlacedValue::Signed(value as i64) } else { PlacedValue::Unsigned(value) }
            }
            Form::Float { size, order } => PlacedValue::Float(machine.float(size, order)?),
            Form::Text => PlacedValue::Text(machine.take_string()?),
            Form::Characters(count) => PlacedValue::Text(machine.take_text(count)?),
        })
    }
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
        self.form.take(&mut machine).ok()
    }
}

/// Goes over steps up to `wanted`, or over all. Gives what is there, an inner nothing if it is not among them; nothing
/// where the way depends on what is in the event.
fn walk(steps: &[Emit], wanted: Option<NodeId>, legs: &mut Vec<Leg>) -> Option<Option<Form>> {
    for step in steps {
        let shown = Form::of(step);
        if let Some((node, form)) = shown
            && Some(node) == wanted
        {
            return Some(Some(form));
        }
        let leg = match step {
            Emit::Begin(_) | Emit::End(_) | Emit::Keep(_) => continue,
            Emit::Align(bits) => Leg::Align(*bits),
            Emit::Skip(bits) => Leg::Skip(*bits),
            Emit::Take { bits, .. } => Leg::Skip(bits.size.into()),
            Emit::String(_) => Leg::Text,
            Emit::Array { count: Count::Fixed(count), body, .. } => {
                let (align, bits) = fixed_size(body, *count)?;
                legs.extend(align.map(Leg::Align));
                Leg::Skip(bits)
            }
            _ => Leg::Skip(shown?.1.size()?),
        };
        match (legs.last_mut(), leg) {
            (Some(Leg::Skip(before)), Leg::Skip(bits)) => *before = before.checked_add(bits)?,
            _ => legs.push(leg),
        }
    }
    Some(None)
}

/// The alignment and the bits of `count` elements that are numbers without gaps between them.
fn fixed_size(element: &[Emit], count: u64) -> Option<(Option<u32>, u64)> {
    let (align, number) = match element {
        [Emit::Align(align), number] => (Some(*align), number),
        [number] => (None, number),
        _ => return None,
    };
    let size = match Form::of(number)?.1 {
        form @ (Form::Integer(_) | Form::Float { .. }) => form.size()?,
        Form::Text | Form::Characters(_) => return None,
    };
    let is_dense = align.is_none_or(|align| size.is_multiple_of(align.into()));
    // Without elements there is no alignment either.
    (count > 0 && is_dense).then_some((align, count.checked_mul(size)?))
}
