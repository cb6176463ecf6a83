//! Types to the steps that show their values: the same order and the same references as `compile`, but every value
//! matters.

use super::compile::{Compiler, Phase, Resolver, Scopes, Use, Uses, option_ranges};
use super::layout::{Layout, NodeId, NodeKind, is_text, kind_of, shown_name};
use super::program::{Bits, Count, Slot};
use crate::types::{ByteOrder, Field, Float, Integer, Scope, Structure, Type, Variant};

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
    hidden: &dyn Fn(&Field) -> bool,
) -> Option<ScopeProgram> {
    let at = scopes.iter().position(|(which, _)| *which == scope)?;
    let structure = scopes[at].1?;
    let compiler = Compiler::new(Resolver::in_scope(scopes, at, uses), *phase);
    let mut emitter = Emitter { compiler, steps: Vec::new(), layout: Layout::default() };
    emitter.layout.add("", NodeKind::Structure, None, true);
    emitter.structure(structure, 0, hidden);
    *phase = emitter.compiler.phase;
    if emitter.layout.nodes().len() == 1 && !structure.fields.is_empty() {
        // What it kept for others has to be kept all the same.
        emitter.steps.retain(|step| !matches!(step, Emit::Begin(_) | Emit::End(_)));
        emitter.layout = Layout::default();
    }
    Some(ScopeProgram { steps: emitter.steps.into(), layout: emitter.layout })
}

struct Emitter<'t, 'u> {
    /// Knows where things are, and what lengths and tags mean.
    compiler: Compiler<'t, 'u>,
    steps: Vec<Emit>,
    layout: Layout,
}

fn is_time(field: &Field) -> bool {
    matches!(&field.ty, Type::Integer(integer) if integer.clock.is_some())
}

/// Nothing is hidden below a scope's own fields.
fn all_shown(_: &Field) -> bool {
    false
}

impl<'t> Emitter<'t, '_> {
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
        let Some(integer) = super::packet::integer_of(field) else { return };
        self.align(integer.alignment_bits);
        let bits = Bits::of(integer);
        match self.compiler.resolver.uses.of(field) {
            Some(Use::Keep(slot)) => self.steps.push(Emit::Take { slot, bits }),
            _ => self.steps.push(Emit::Skip(u64::from(bits.size))),
        }
        self.advance(u64::from(bits.size));
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
            Type::Structure(structure) => self.structure(structure, node, &all_shown),
            Type::Variant(variant) => self.variant(variant, node),
        }
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
            let child = self.layout.add(shown_name(option), kind_of(&option.ty), Some(node), true);
            let use_of = self.compiler.resolver.uses.of(option);
            let (option, _) = self.apart(start, |this| {
                this.ty(&option.ty, child);
                if let Some(Use::Keep(slot)) = use_of {
                    this.steps.push(Emit::Keep(slot));
                }
            });
            steps.push(option);
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
            let known = matches!((float.exponent_bits, float.mantissa_bits), (8, 24) | (11, 53));
            (!known).then_some(float)
        }
        Type::Array(array) => odd_float(&array.element),
        Type::Sequence(sequence) => odd_float(&sequence.element),
        Type::Structure(structure) => structure.fields.iter().find_map(|field| odd_float(&field.ty)),
        Type::Variant(variant) => variant.options.iter().find_map(|field| odd_float(&field.ty)),
        Type::Integer(_) | Type::Enumeration(_) | Type::String(_) => None,
    }
}
