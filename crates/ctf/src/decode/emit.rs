//! Types to the steps that show their values: the same order and the same references as `compile`, but every value
//! matters.

use super::compile::{Compiler, Phase, Resolver, Scopes, Use, Uses, choice_ranges, option_ranges, selecting};
use super::ctf2::{EmitExtra, Extra};
use super::layout::{Layout, NodeId, NodeKind, is_text, kind_of, shown_name};
use super::program::{Bits, Count, DecodeError, Machine, Slot};
use crate::ctf2::{Choice, Length, Optional, Text, TextEncoding, VariableInteger};
use crate::types::{ByteOrder, Enumeration, Field, Float, Integer, Scope, Structure, Type, Variant};

/// How the bytes of an integer are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Load {
    /// Starts at a byte: one byte.
    Byte,
    /// Starts at a byte: 16 bits, little-endian.
    Le16,
    /// Starts at a byte: 32 bits, little-endian.
    Le32,
    /// Starts at a byte: 64 bits, little-endian.
    Le64,
    /// Anything else.
    Any(ByteOrder),
}

impl Load {
    /// The bits that it takes.
    pub(crate) fn bits(self, size: u8, signed: bool) -> Bits {
        let order = match self {
            Load::Byte | Load::Le16 | Load::Le32 | Load::Le64 => ByteOrder::Little,
            Load::Any(order) => order,
        };
        Bits { size, order, signed }
    }

    /// Takes them.
    #[inline(always)]
    pub(crate) fn take(self, machine: &mut Machine<'_>, size: u8, signed: bool) -> Result<u64, DecodeError> {
        let raw = match self {
            Load::Byte => u64::from(u8::from_le_bytes(machine.take()?)),
            Load::Le16 => u64::from(u16::from_le_bytes(machine.take()?)),
            Load::Le32 => u64::from(u32::from_le_bytes(machine.take()?)),
            Load::Le64 => u64::from_le_bytes(machine.take()?),
            Load::Any(order) => return machine.integer(Bits { size, order, signed }),
        };
        let unused = 64 - u32::from(size);
        Ok(if signed { ((raw << unused) as i64 >> unused) as u64 } else { raw })
    }
}

/// What to do with the next bits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Emit {
    /// Go on to the next multiple of that many bits, a power of two.
    Align(u32),
    /// Pass over bits.
    Skip(u64),
    /// Show an unsigned integer.
    Unsigned { node: NodeId, load: Load, size: u8 },
    /// Show a signed integer.
    Signed { node: NodeId, load: Load, size: u8 },
    /// Take an integer without showing it.
    Take { slot: Slot, bits: Bits },
    /// Keep the integer that was shown last.
    Keep(Slot),
    /// Show a floating point number of 32 or 64 bits.
    Float { node: NodeId, size: u8, order: ByteOrder },
    /// Show bytes up to the next NUL, and pass over that.
    String(NodeId),
    /// Show that many bytes, up to the first NUL among them.
    Text { node: NodeId, count: Count },
    /// Show the start of a structure.
    Begin(NodeId),
    /// Show the end of a structure.
    End(NodeId),
    /// Show elements.
    Array { node: NodeId, count: Count, body: Box<[Emit]> },
    /// Show the option that the tag names.
    Variant { node: NodeId, tag: Slot, options: Box<EmitOptions> },
    /// What only CTF 2 has.
    Extra(Box<EmitExtra>),
}

/// The options of a variant, as in [`Options`](super::program::Options).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EmitOptions {
    pub(crate) ranges: Vec<(u64, u64, usize)>,
    pub(crate) steps: Vec<Box<[Emit]>>,
    pub(crate) signed: bool,
}

/// The steps that show one scope, and its nodes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct ScopeProgram {
    pub(crate) steps: Box<[Emit]>,
    pub(crate) layout: Layout,
}

impl ScopeProgram {
    /// Whether there is anything to see, be it an empty structure.
    pub(crate) fn shows(&self) -> bool {
        !self.layout.nodes().is_empty()
    }
}

/// Compiles the structure of one scope, if there is one; `phase` is where it starts, and then where it ends. Fields that
/// `hidden` tells are passed over, and times: they are what the clock goes by, not what an event says. A scope of which
/// nothing is left is none.
pub(crate) fn emit(
    scopes: Scopes<'_>,
    scope: Scope,
    uses: &mut Uses,
    phase: &mut Phase,
    hidden: Hidden<'_>,
) -> Option<ScopeProgram> {
    let at = scopes.iter().position(|(which, _)| *which == scope)?;
    let structure = scopes[at].1?;
    let compiler = Compiler::new(Resolver::in_scope(scopes, at, uses), *phase);
    let mut emitter = Emitter { compiler, steps: Vec::new(), layout: Layout::default(), hidden };
    emitter.layout.add("", NodeKind::Structure, None, true);
    emitter.structure(structure, 0, hidden.is);
    *phase = emitter.compiler.phase;
    if emitter.layout.nodes().len() == 1 && !structure.fields.is_empty() {
        // What it kept for others has to be kept all the same.
        emitter.steps.retain(|step| !matches!(step, Emit::Begin(_) | Emit::End(_)));
        emitter.layout = Layout::default();
    }
    Some(ScopeProgram { steps: emitter.steps.into(), layout: emitter.layout })
}

/// Which fields are passed over.
#[derive(Clone, Copy)]
pub(crate) struct Hidden<'h> {
    /// Whether a field of the scope itself is.
    pub(crate) is: &'h dyn Fn(&Field) -> bool,
    /// Whether that counts for all fields within as well: roles of CTF 2 may be anywhere.
    pub(crate) within: bool,
}

struct Emitter<'t, 'u, 'h> {
    /// Knows where things are, and what lengths and tags mean.
    compiler: Compiler<'t, 'u>,
    steps: Vec<Emit>,
    layout: Layout,
    hidden: Hidden<'h>,
}

fn is_time(field: &Field) -> bool {
    match field.ty.in_order() {
        Type::Integer(integer) => integer.clock.is_some(),
        Type::VariableInteger(integer) => integer.clock.is_some(),
        _ => false,
    }
}

/// In CTF 1.8 nothing is hidden below a scope's own fields.
fn all_shown(_: &Field) -> bool {
    false
}

impl<'t> Emitter<'t, '_, '_> {
    fn align(&mut self, bits: u32) {
        match self.compiler.phase.padding(bits) {
            Some(0) => {}
            Some(padding) => {
                self.compiler.phase = self.compiler.phase.after(padding);
                self.steps.push(Emit::Skip(padding));
            }
            None => {
                self.compiler.phase = Phase::aligned(bits);
                self.steps.push(Emit::Align(bits));
            }
        }
    }

    fn structure(&mut self, structure: &'t Structure, node: NodeId, hidden: &dyn Fn(&Field) -> bool) {
        self.align(structure.alignment_bits());
        self.steps.push(Emit::Begin(node));
        self.compiler.resolver.enter(&structure.fields);
        let mut is_first = true;
        for (i, field) in structure.fields.iter().enumerate() {
            self.compiler.resolver.pass_to(i);
            if hidden(field) || is_time(field) {
                self.pass_over(field);
                continue;
            }
            let child = self.layout.add(shown_name(field), kind_of(&field.ty), Some(node), is_first);
            is_first = false;
            let use_of = self.compiler.resolver.uses.of(field);
            self.ty(&field.ty, child);
            if let Some(Use::Keep(slot)) = use_of {
                self.steps.push(Emit::Keep(slot));
            }
        }
        self.compiler.resolver.leave();
        self.steps.push(Emit::End(node));
    }

    /// Takes a hidden field, which is an integer.
    fn pass_over(&mut self, field: &'t Field) {
        let Some(integer) = super::packet::integer_of(field) else { return self.pass_over_extra(field) };
        self.align(integer.alignment_bits);
        let bits = Bits::of(integer);
        match self.compiler.resolver.uses.of(field) {
            Some(Use::Keep(slot)) => self.steps.push(Emit::Take { slot, bits }),
            _ => self.steps.push(Emit::Skip(u64::from(bits.size))),
        }
        self.advance(u64::from(bits.size));
    }

    /// The same for integers of CTF 2.
    fn pass_over_extra(&mut self, field: &'t Field) {
        let what = self.compiler.resolver.uses.of(field);
        match &field.ty {
            Type::VariableInteger(VariableInteger { signed, .. }) => {
                self.align(8);
                self.extra(EmitExtra::Take(Extra::Variable { signed: *signed, what }));
                self.compiler.phase = Phase::aligned(8);
            }
            Type::Reversed(inner) => {
                let (Type::Integer(integer) | Type::Enumeration(Enumeration { container: integer, .. })) =
                    &**inner
                else {
                    return;
                };
                self.align(integer.alignment_bits);
                let bits = Bits::of(integer);
                match what {
                    Some(what) => self.extra(EmitExtra::Take(Extra::Reversed { bits, what })),
                    None => self.steps.push(Emit::Skip(u64::from(bits.size))),
                }
                self.advance(u64::from(bits.size));
            }
            _ => {}
        }
    }

    fn extra(&mut self, extra: EmitExtra) {
        self.steps.push(Emit::Extra(Box::new(extra)));
    }

    fn advance(&mut self, bits: u64) {
        self.compiler.phase = self.compiler.phase.after(bits);
    }

    fn ty(&mut self, ty: &'t Type, node: NodeId) {
        if !self.compiler.resolver.uses.spend(1) {
            return;
        }
        self.align(ty.alignment_bits());
        match ty {
            Type::Integer(integer) => self.integer(integer, node),
            Type::Enumeration(enumeration) => {
                if self.compiler.resolver.uses.spend(enumeration.mappings.len()) {
                    self.integer(&enumeration.container, node);
                }
            }
            Type::Float(float) => self.float(float, node),
            Type::String(_) => {
                self.steps.push(Emit::String(node));
                self.compiler.phase = Phase::aligned(8);
            }
            Type::Array(array) => self.elements(Count::Fixed(array.length), &array.element, node),
            Type::Sequence(sequence) => {
                if let Some(slot) = self.compiler.slot(&sequence.length) {
                    self.elements(Count::Recorded(slot), &sequence.element, node);
                }
            }
            Type::Structure(structure) => {
                let hidden = if self.hidden.within { self.hidden.is } else { &all_shown };
                self.structure(structure, node, hidden);
            }
            Type::Variant(variant) => self.variant(variant, node),
            Type::BitArray(bits) => self.bits(&bits.container, bits.flags.len(), node, false),
            Type::Boolean(boolean) => {
                let bits = Bits::of(&boolean.container);
                self.extra(EmitExtra::Boolean { node, bits });
                self.advance(u64::from(bits.size));
            }
            Type::VariableInteger(integer) => {
                if self.compiler.resolver.uses.spend(integer.mappings.len()) {
                    self.extra(EmitExtra::Variable { node, signed: integer.signed });
                    self.compiler.phase = Phase::aligned(8);
                }
            }
            Type::Text(text) => self.text(text, node),
            Type::Blob(blob) => {
                if let Some(count) = self.count(&blob.length) {
                    self.extra(EmitExtra::Blob { node, count });
                    self.compiler.phase = Phase::aligned(8);
                }
            }
            Type::Optional(optional) => self.optional(optional, node),
            Type::Choice(choice) => self.choice(choice, node),
            Type::Reversed(inner) => self.reversed(inner, node),
        }
    }

    fn bits(&mut self, container: &Integer, flags: usize, node: NodeId, reversed: bool) {
        if self.compiler.resolver.uses.spend(flags) {
            let bits = Bits::of(container);
            self.extra(EmitExtra::Bits { node, bits, reversed });
            self.advance(u64::from(bits.size));
        }
    }

    fn count(&mut self, length: &Length) -> Option<Count> {
        match length {
            Length::UntilNull => None,
            Length::Fixed(count) => Some(Count::Fixed(*count)),
            Length::Recorded(length) => self.compiler.slot(length).map(Count::Recorded),
        }
    }

    fn text(&mut self, text: &Text, node: NodeId) {
        let encoding = text.encoding;
        match (self.count(&text.length), encoding) {
            (None, _) => self.extra(EmitExtra::WideString { node, encoding }),
            (Some(count), TextEncoding::Utf8) => self.steps.push(Emit::Text { node, count }),
            (Some(count), _) => self.extra(EmitExtra::WideText { node, encoding, count }),
        }
        self.compiler.phase = Phase::aligned(8);
    }

    fn reversed(&mut self, inner: &'t Type, node: NodeId) {
        match inner {
            Type::Integer(integer) | Type::Enumeration(Enumeration { container: integer, .. }) => {
                let bits = Bits::of(integer);
                self.extra(EmitExtra::Reversed { node, bits });
                self.advance(u64::from(bits.size));
            }
            Type::Float(float) => self.odd_float(float, node, true),
            Type::BitArray(bits) => self.bits(&bits.container, bits.flags.len(), node, true),
            other => self.ty(other, node),
        }
    }

    /// A floating point number that no machine has in this form.
    fn odd_float(&mut self, float: &Float, node: NodeId, reversed: bool) {
        let size = float.size_bits().min(64) as u8;
        let bits = Bits { size, order: float.byte_order, signed: false };
        self.extra(EmitExtra::Float { node, bits, reversed });
        self.advance(u64::from(size));
    }

    fn optional(&mut self, optional: &'t Optional, node: NodeId) {
        let Some((selector, signed)) = self.compiler.selector(&optional.selector) else { return };
        let ranges = selecting(optional, signed);
        if !self.compiler.resolver.uses.spend(ranges.len()) {
            return;
        }
        let start = self.compiler.phase;
        let body = self.option(&optional.content, "value", start, node);
        self.extra(EmitExtra::Optional { node, selector, signed, ranges, body });
        self.compiler.phase = Phase::UNKNOWN;
    }

    fn choice(&mut self, choice: &'t Choice, node: NodeId) {
        let Some((tag, signed)) = self.compiler.selector(&choice.selector) else { return };
        let ranges = choice_ranges(choice, signed);
        if !self.compiler.resolver.uses.spend(ranges.len() + choice.options.len()) {
            return;
        }
        let start = self.compiler.phase;
        let named = |(at, option): (usize, &Field)| match shown_name(option) {
            "" => format!("option{at}"),
            name => name.to_owned(),
        };
        let names: Vec<String> = choice.options.iter().enumerate().map(named).collect();
        let options = choice.options.iter().zip(&names);
        let steps = options.map(|(option, name)| self.option(option, name, start, node)).collect();
        let options = Box::new(EmitOptions { ranges, steps, signed });
        self.steps.push(Emit::Variant { node, tag, options });
        self.compiler.phase = Phase::UNKNOWN;
    }

    /// The steps of what is there or not, in `parent`.
    fn option(&mut self, option: &'t Field, name: &str, start: Phase, parent: NodeId) -> Box<[Emit]> {
        let child = self.layout.add(name, kind_of(&option.ty), Some(parent), true);
        let use_of = self.compiler.resolver.uses.of(option);
        let (steps, _) = self.apart(start, |this| {
            this.ty(&option.ty, child);
            if let Some(Use::Keep(slot)) = use_of {
                this.steps.push(Emit::Keep(slot));
            }
        });
        steps
    }

    fn integer(&mut self, integer: &Integer, node: NodeId) {
        let bits = Bits::of(integer);
        let at_byte = self.compiler.phase.padding(8) == Some(0);
        let load = match (at_byte, bits.size, bits.order) {
            (true, 8, _) => Load::Byte,
            (true, 16, ByteOrder::Little) => Load::Le16,
            (true, 32, ByteOrder::Little) => Load::Le32,
            (true, 64, ByteOrder::Little) => Load::Le64,
            (_, _, order) => Load::Any(order),
        };
        let size = bits.size;
        self.steps.push(if bits.signed {
            Emit::Signed { node, load, size }
        } else {
            Emit::Unsigned { node, load, size }
        });
        self.advance(u64::from(size));
    }

    fn float(&mut self, float: &Float, node: NodeId) {
        // Other sizes are refused before (`check_floats`).
        if float.size_bits() == 16 {
            return self.odd_float(float, node, false);
        }
        let size = float.size_bits().min(64) as u8;
        self.steps.push(Emit::Float { node, size, order: float.byte_order });
        self.advance(u64::from(size));
    }

    fn elements(&mut self, count: Count, element: &'t Type, node: NodeId) {
        if is_text(element) {
            self.steps.push(Emit::Text { node, count });
            self.compiler.phase = Phase::aligned(8);
            return;
        }
        let child = self.layout.add("", kind_of(element), Some(node), true);
        let (body, _) = self.apart(Phase::UNKNOWN, |this| this.ty(element, child));
        self.steps.push(Emit::Array { node, count, body });
        self.compiler.phase = Phase::UNKNOWN;
    }

    fn variant(&mut self, variant: &'t Variant, node: NodeId) {
        let Some((enumeration, tag)) = self.compiler.tag(variant) else { return };
        let work = enumeration.mappings.len() + variant.options.len();
        if !self.compiler.resolver.uses.spend(work) {
            return;
        }
        let start = self.compiler.phase;
        let mut steps = Vec::with_capacity(variant.options.len());
        for option in &variant.options {
            steps.push(self.option(option, shown_name(option), start, node));
        }
        let signed = enumeration.container.signed;
        let options = Box::new(EmitOptions { ranges: option_ranges(variant, enumeration), steps, signed });
        self.steps.push(Emit::Variant { node, tag, options });
        self.compiler.phase = Phase::UNKNOWN;
    }

    /// The steps of something that starts at `phase`, and where it ends.
    fn apart(&mut self, phase: Phase, what: impl FnOnce(&mut Self)) -> (Box<[Emit]>, Phase) {
        let outer = std::mem::take(&mut self.steps);
        let outer_phase = std::mem::replace(&mut self.compiler.phase, phase);
        what(self);
        let phase = std::mem::replace(&mut self.compiler.phase, outer_phase);
        (std::mem::replace(&mut self.steps, outer).into(), phase)
    }
}

/// A node of a type that no machine has: neither a C `float` nor a C `double`.
pub(crate) fn odd_float(ty: &Type) -> Option<&Float> {
    match ty {
        Type::Float(float) => {
            let known = matches!((float.exponent_bits, float.mantissa_bits), (5, 11) | (8, 24) | (11, 53));
            (!known).then_some(float)
        }
        other => other.parts().find_map(odd_float),
    }
}
