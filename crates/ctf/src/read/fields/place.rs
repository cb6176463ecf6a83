//! Where a field is in one kind of event, and the shortest way to its value.
//!
//! Most have a place that is known beforehand ([`decode::Place`]). For those behind sequences and variants, the steps that
//! show a scope become steps that pass over what lies before the field. They are made for events whose values start at a
//! byte; whether one does is seen in each event, others are left to the tape.

use super::super::Event;
use super::super::stream::Stream;
use super::part_of;
use super::path::Hop;
use super::value::{FieldValue, Spot};
use crate::decode::{
    self, Bits, Count, Emit, EmitExtra, Extra, Form, NodeId, Options, PlacedValue, Slot, Step, Use,
};
use crate::types::Scope;

/// Lengths and tags that passing over other fields may need without memory of its own.
const FEW_SLOTS: usize = 16;

/// Where a field is.
#[derive(Debug, Clone)]
pub(super) enum Place {
    /// In a place that is known beforehand.
    Known { scope: Scope, node: NodeId, place: decode::Place },
    /// Behind what has to be passed over.
    Behind(Box<Way>),
    /// On the tape of its scope.
    Kept { scope: Scope, hops: Box<[Hop]> },
}

/// What passes over the fields before one.
#[derive(Debug, Clone)]
pub(super) struct Way {
    steps: Box<[Step]>,
    /// The slots of the stream whose integers the steps use, which number them from 0.
    slots: Box<[Slot]>,
    end: End,
    scope: Scope,
    node: NodeId,
    hops: Box<[Hop]>,
}

/// What is at the end of a way.
#[derive(Debug, Clone, Copy)]
enum End {
    Value(Form),
    /// Text of as many bytes as the slot says.
    Counted(Slot),
}

impl Place {
    /// The place of a field of a scope in the events of one class.
    pub(super) fn of(stream: &Stream, class: usize, scope: Scope, hops: Vec<Hop>) -> Place {
        direct(stream, class, scope, &hops).unwrap_or_else(|| Place::Kept { scope, hops: hops.into() })
    }

    #[inline]
    pub(super) fn value<'e>(&self, event: &'e Event<'_>) -> Option<FieldValue<'e>> {
        match self {
            Place::Known { scope, node, place } => {
                field_value(event, *scope, *node, place.value(event.stream.bytes())?)
            }
            Place::Behind(way) => way.value(event),
            Place::Kept { scope, hops } => kept(event, *scope, hops),
        }
    }
}

impl Way {
    fn value<'e>(&self, event: &'e Event<'_>) -> Option<FieldValue<'e>> {
        let stream = &*event.stream;
        let body = stream.event()?.body;
        if !body.is_multiple_of(8) {
            return kept(event, self.scope, &self.hops);
        }
        let mut few = [0; FEW_SLOTS];
        let mut many;
        let slots = match few.get_mut(..self.slots.len()) {
            Some(few) => few,
            None => {
                many = vec![0; self.slots.len()];
                &mut many[..]
            }
        };
        for (own, slot) in slots.iter_mut().zip(&self.slots) {
            *own = stream.slots[usize::from(*slot)];
        }
        let mut machine = stream.machine_at(body);
        machine.run(&self.steps, slots).ok()?;
        let value = match self.end {
            End::Value(form) => form.take(&mut machine).ok()?,
            End::Counted(slot) => PlacedValue::Text(machine.take_text(slots[usize::from(slot)]).ok()?),
        };
        field_value(event, self.scope, self.node, value)
    }
}

/// The value of a node.
#[inline]
fn field_value<'e>(
    event: &'e Event<'_>,
    scope: Scope,
    node: NodeId,
    value: PlacedValue<'e>,
) -> Option<FieldValue<'e>> {
    let integer = match value {
        PlacedValue::Unsigned(value) => FieldValue::Unsigned(value),
        PlacedValue::Signed(value) => FieldValue::Signed(value),
        PlacedValue::Float(value) => return Some(FieldValue::Float(value)),
        PlacedValue::Text(text) => return Some(FieldValue::Text(text)),
    };
    let layout = event.stream.layout(event.class_number(), scope)?;
    Some(FieldValue::of_integer(&layout.nodes()[node as usize], integer))
}

/// What is at the end of a way on a tape.
fn kept<'e>(event: &'e Event<'_>, scope: Scope, way: &[Hop]) -> Option<FieldValue<'e>> {
    let part = part_of(scope);
    let tape = event.stream.tape(part).ok()?;
    let layout = event.stream.layout(event.class_number(), scope)?;
    let root = Spot { tape, layout, bytes: event.stream.bytes_of(part), at: tape.root(scope)? };
    way.iter().try_fold(root, |spot, hop| spot.hop(*hop)).map(Spot::value)
}

/// The scopes of which the values of an event are, one after the other.
const EVENT_SCOPES: [Scope; 3] = [Scope::StreamEventContext, Scope::EventContext, Scope::EventFields];

/// The place of a field that is in structures only.
fn direct(stream: &Stream, class: usize, scope: Scope, hops: &[Hop]) -> Option<Place> {
    let Some(Hop::Child(node)) = hops.last() else { return None };
    let at = EVENT_SCOPES.iter().position(|other| *other == scope)?;
    let before = EVENT_SCOPES[..at].iter().filter_map(|before| stream.program(class, *before));
    let program = stream.program(class, scope)?;
    if let Some(place) = decode::Place::find(before.clone(), program, *node) {
        return Some(Place::Known { scope, node: *node, place });
    }
    let mut passing = Passing { steps: Vec::new(), place_in_byte: Some(0) };
    for before in before {
        passing.up_to(&before.steps, None);
    }
    let end = passing.up_to(&program.steps, Some(*node))?;
    let (steps, slots, end) = passing.renumbered(end);
    let hops = hops.into();
    Some(Place::Behind(Box::new(Way { steps, slots, end, scope, node: *node, hops })))
}

/// Steps that pass over what others show.
struct Passing {
    steps: Vec<Step>,
    /// Where in a byte they end, if that is always the same.
    place_in_byte: Option<u64>,
}

impl Passing {
    /// Adds what passes over these steps, up to the one that shows `wanted`: what is there.
    fn up_to(&mut self, steps: &[Emit], wanted: Option<NodeId>) -> Option<End> {
        for (at, step) in steps.iter().enumerate() {
            if let Emit::Text { node, count: Count::Recorded(slot) } = step
                && Some(*node) == wanted
            {
                return Some(End::Counted(*slot));
            }
            if let Some((node, form)) = Form::of(step)
                && Some(node) == wanted
            {
                return Some(End::Value(form));
            }
            let kept = match steps.get(at + 1) {
                Some(Emit::Keep(slot)) => Some(*slot),
                _ => None,
            };
            match step {
                Emit::Align(bits) => self.align(*bits),
                Emit::Skip(bits) => self.skip(*bits),
                Emit::Unsigned { load, size, .. } => self.integer(load.bits(*size, false), kept),
                Emit::Signed { load, size, .. } => self.integer(load.bits(*size, true), kept),
                Emit::Take { slot, bits } => self.integer(*bits, Some(*slot)),
                Emit::Keep(_) | Emit::Begin(_) | Emit::End(_) => {}
                Emit::Float { size, .. } => self.skip(u64::from(*size)),
                Emit::String(_) => self.other(Step::String, Some(0)),
                Emit::Text { count, .. } => self.bytes(*count),
                Emit::Array { count, body, .. } => self.array(*count, body),
                Emit::Variant { tag, options, .. } => {
                    let steps = options.steps.iter().map(|option| Passing::over(option, None)).collect();
                    let options = Options { ranges: options.ranges.clone(), steps, signed: options.signed };
                    self.other(Step::Select { tag: *tag, options: Box::new(options) }, None);
                }
                Emit::Extra(extra) => self.extra(extra, kept),
            }
        }
        None
    }

    /// What passes over all of these steps, wherever in a byte they start.
    fn over(steps: &[Emit], place_in_byte: Option<u64>) -> Box<[Step]> {
        let mut passing = Passing { steps: Vec::new(), place_in_byte };
        passing.up_to(steps, None);
        passing.steps.into()
    }

    fn align(&mut self, bits: u32) {
        let bits = u64::from(bits);
        match self.place_in_byte {
            Some(at) if bits <= 8 => self.skip(at.wrapping_neg() & (bits - 1)),
            _ => {
                let place = (bits >= 8).then_some(0);
                self.other(Step::Align(bits as u32), place);
            }
        }
    }

    fn skip(&mut self, bits: u64) {
        self.place_in_byte = self.place_in_byte.map(|at| at.wrapping_add(bits) & 7);
        push_skip(&mut self.steps, bits);
    }

    fn other(&mut self, step: Step, place_in_byte: Option<u64>) {
        self.steps.push(step);
        self.place_in_byte = place_in_byte;
    }

    fn integer(&mut self, bits: Bits, kept: Option<Slot>) {
        match kept {
            Some(slot) => {
                let place = self.place_in_byte.map(|at| (at + u64::from(bits.size)) & 7);
                self.other(Step::Read { slot, bits }, place);
            }
            None => self.skip(bits.size.into()),
        }
    }

    /// Whole bytes, from a byte on.
    fn bytes(&mut self, count: Count) {
        match count {
            Count::Fixed(count) => self.skip(count.saturating_mul(8)),
            Count::Recorded(count) => self.other(Step::SkipElements { count, size: 8, stride: 8 }, Some(0)),
        }
    }

    fn array(&mut self, count: Count, body: &[Emit]) {
        // The array is aligned as its elements are, which stay so if their size is a multiple of that.
        let body = Passing::over(body, None);
        let size = match *body {
            [Step::Skip(bits)] => Some(bits),
            [Step::Align(to), Step::Skip(bits)] if bits.is_multiple_of(to.into()) => Some(bits),
            _ => None,
        };
        match (size, count) {
            (Some(bits), Count::Fixed(count)) => self.skip(bits.saturating_mul(count)),
            (Some(bits), Count::Recorded(count)) => {
                let place = self.place_in_byte.filter(|_| bits.is_multiple_of(8));
                self.other(Step::SkipElements { count, size: bits, stride: bits }, place);
            }
            (None, count) => self.other(Step::Repeat { count, body }, None),
        }
    }

    fn extra(&mut self, extra: &EmitExtra, kept: Option<Slot>) {
        let pass = |extra: Extra| Step::Extra(Box::new(extra));
        match extra {
            EmitExtra::Take(extra) => self.other(pass(extra.clone()), None),
            EmitExtra::Variable { signed, .. } => {
                self.other(pass(Extra::Variable { signed: *signed, what: kept.map(Use::Keep) }), Some(0));
            }
            EmitExtra::Reversed { bits, .. } => match kept {
                Some(slot) => self.other(pass(Extra::Reversed { bits: *bits, what: Use::Keep(slot) }), None),
                None => self.skip(bits.size.into()),
            },
            EmitExtra::Boolean { bits, .. } => self.integer(*bits, kept),
            EmitExtra::Float { bits, .. } | EmitExtra::Bits { bits, .. } => self.skip(bits.size.into()),
            EmitExtra::WideString { encoding, .. } => {
                self.other(pass(Extra::WideString { unit: encoding.unit_bytes() }), Some(0));
            }
            EmitExtra::WideText { count, .. } | EmitExtra::Blob { count, .. } => self.bytes(*count),
            EmitExtra::Optional { selector, signed, ranges, body, .. } => {
                let options = Options::optional(ranges, Passing::over(body, None), *signed);
                self.other(Step::Select { tag: *selector, options: Box::new(options) }, None);
            }
        }
    }
}

/// Steps, the slots that they use, numbered from 0, and what is at the end.
type Renumbered = (Box<[Step]>, Box<[Slot]>, End);

impl Passing {
    /// The steps with as few slots as they need.
    fn renumbered(self, mut end: End) -> Renumbered {
        let mut needed: Vec<Slot> = Vec::new();
        if let End::Counted(slot) = end {
            needed.push(slot);
        }
        // From the back: integers that nothing after them needs are passed over like others.
        let mut kept = Vec::with_capacity(self.steps.len());
        for mut step in self.steps.into_iter().rev() {
            match step {
                Step::Read { slot, bits } if !needed.contains(&slot) => {
                    kept.push(Step::Skip(bits.size.into()))
                }
                _ => {
                    step.slots(&mut |slot| needed.push(*slot));
                    kept.push(step);
                }
            }
        }
        needed.sort_unstable();
        needed.dedup();
        let renumber = |slot: &mut Slot| *slot = needed.partition_point(|other| *other < *slot) as Slot;
        let mut steps = Vec::with_capacity(kept.len());
        for mut step in kept.into_iter().rev() {
            match step {
                Step::Skip(bits) => push_skip(&mut steps, bits),
                _ => {
                    step.slots(&mut |slot| renumber(slot));
                    steps.push(step);
                }
            }
        }
        if let End::Counted(slot) = &mut end {
            renumber(slot);
        }
        (steps.into(), needed.into(), end)
    }
}

fn push_skip(steps: &mut Vec<Step>, bits: u64) {
    match steps.last_mut() {
        _ if bits == 0 => {}
        Some(Step::Skip(before)) => *before = before.saturating_add(bits),
        _ => steps.push(Step::Skip(bits)),
    }
}
