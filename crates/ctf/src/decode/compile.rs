//! Types to steps: what is only passed over is folded into as few steps as possible, and lengths and tags are tied to
//! the integers that they refer to.

use std::collections::HashMap;

use super::ctf2::Extra;
use super::program::{Bits, Count, Options, Slot, Step, sort_key};
use crate::ctf2::{ANY_OPTION, Boolean, Choice, Length, Optional, VariableInteger};
use crate::types::{Enumeration, Field, FieldRef, Integer, Scope, Structure, Type, Variant};

/// A trace whose metadata reads well but means nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {cause}")]
pub struct CompileError {
    /// The event or structure at fault.
    pub place: String,
    /// What is wrong with it.
    pub cause: String,
}

/// What happens with an integer of the packet besides being passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    Keep(Slot),
    Time,
}

/// Which fields are kept, by where they are in the trace class: it does not move while it is compiled.
#[derive(Debug)]
pub(crate) struct Uses {
    by_field: HashMap<*const Field, Use>,
    slots: usize,
    /// Where the names of large structures are, by where their fields start.
    names: HashMap<*const Field, HashMap<String, usize>>,
    /// How much more may be compiled.
    work_left: usize,
    /// Whether a length or a tag after the header of the events that were resolved last is a field of that header.
    pub(crate) header_is_referred_to: bool,
}

/// Most work that the programs of one trace may be: fields and labels, each as often as it is compiled. Events have
/// the contexts of their stream each for itself, so that metadata of some megabytes could ask for gigabytes.
const MAX_WORK: usize = 1 << 22;

/// Structures with more fields than this get an index of their names.
const FEW_FIELDS: usize = 32;

/// A structure as far as it lies before some place.
#[derive(Debug, Clone, Copy)]
struct Frame<'t> {
    fields: &'t [Field],
    before: usize,
}

/// The most integers that one trace may need kept.
const MAX_SLOTS: usize = Slot::MAX as usize;

impl Uses {
    /// Starts with `reserved` slots that the caller gives out.
    pub(crate) fn new(reserved: usize) -> Uses {
        Uses {
            by_field: HashMap::new(),
            slots: reserved,
            names: HashMap::new(),
            work_left: MAX_WORK,
            header_is_referred_to: false,
        }
    }

    /// Whether the programs became too large; what was compiled since is of no use then.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.work_left == 0
    }

    /// Takes work from what is left. False if that is too little.
    pub(crate) fn spend(&mut self, work: usize) -> bool {
        self.work_left = self.work_left.saturating_sub(work);
        self.work_left > 0
    }

    /// The field of that name in the part of a structure that counts.
    fn named<'t>(&mut self, frame: Frame<'t>, name: &str) -> Option<&'t Field> {
        let Frame { fields, before } = frame;
        if before <= FEW_FIELDS {
            return fields[..before].iter().rev().find(|field| field.name == name);
        }
        let index = self.names.entry(fields.as_ptr()).or_insert_with(|| {
            fields.iter().enumerate().map(|(at, field)| (field.name.clone(), at)).collect()
        });
        index.get(name).filter(|at| **at < before).map(|at| &fields[*at])
    }

    /// How many slots programs need.
    pub(crate) fn slots(&self) -> usize {
        self.slots
    }

    /// What a field is used for, besides being passed over or shown.
    pub(crate) fn of(&self, field: &Field) -> Option<Use> {
        self.by_field.get(&std::ptr::from_ref(field)).copied()
    }

    pub(crate) fn set(&mut self, field: &Field, what: Use) {
        self.by_field.insert(std::ptr::from_ref(field), what);
    }

    fn slot_of(&mut self, field: &Field) -> Option<Slot> {
        match self.by_field.get(&std::ptr::from_ref(field)) {
            Some(Use::Keep(slot)) => Some(*slot),
            Some(Use::Time) => None,
            None => {
                let slot = self.new_slot()?;
                self.set(field, Use::Keep(slot));
                Some(slot)
            }
        }
    }

    /// One more slot, if there is one left.
    pub(crate) fn new_slot(&mut self) -> Option<Slot> {
        let slot = self.slots;
        self.slots = (slot < MAX_SLOTS).then_some(slot + 1)?;
        Some(slot as Slot)
    }
}

/// The structures of one kind of event with those of its packet, outermost first, as far as they exist.
pub(crate) type Scopes<'t> = [(Scope, Option<&'t Structure>); 6];

/// Goes through the structures before they are compiled, and gives each integer that is a length or a tag its slot.
pub(crate) struct Resolver<'t, 'u> {
    scopes: Scopes<'t>,
    /// The scope that is gone through.
    current: usize,
    /// The structures around, up to the field that is gone through.
    around: Vec<Frame<'t>>,
    pub(crate) uses: &'u mut Uses,
}

impl<'t, 'u> Resolver<'t, 'u> {
    /// Looks at references from inside the scope number `current`.
    pub(crate) fn in_scope(scopes: Scopes<'t>, current: usize, uses: &'u mut Uses) -> Resolver<'t, 'u> {
        Resolver { scopes, current, around: Vec::new(), uses }
    }

    /// Goes into a structure, to its first field.
    pub(crate) fn enter(&mut self, fields: &'t [Field]) {
        self.around.push(Frame { fields, before: 0 });
    }

    /// Goes to a field of the structure that was entered last.
    pub(crate) fn pass_to(&mut self, field: usize) {
        if let Some(innermost) = self.around.last_mut() {
            innermost.before = field;
        }
    }

    /// Goes out of the structure that was entered last.
    pub(crate) fn leave(&mut self) {
        self.around.pop();
    }

    /// Resolves all references in scopes `from` and after.
    pub(crate) fn resolve(scopes: Scopes<'t>, from: Scope, uses: &'u mut Uses) -> Result<(), String> {
        let mut resolver = Resolver::in_scope(scopes, 0, uses);
        for (at, (scope, structure)) in scopes.into_iter().enumerate() {
            if let (Some(structure), true) = (structure, scope >= from) {
                resolver.current = at;
                resolver.structure(structure)?;
            }
        }
        Ok(())
    }

    /// Goes along a path of the current scope, into the structures around as long as it names them, to the first field
    /// that lies before. Gives it and what is left of the path.
    fn find_around<'r>(&mut self, mut path: &'r [String]) -> Option<(&'t Field, &'r [String])> {
        for at in 0..self.around.len() {
            let (name, rest) = path.split_first()?;
            let frame = self.around[at];
            if let Some(field) = self.uses.named(frame, name) {
                return Some((field, rest));
            }
            frame.fields.get(frame.before).filter(|field| field.name == *name)?;
            let options = rest.iter().take_while(|step| step.starts_with('#')).count();
            path = &rest[options..];
        }
        None
    }

    fn structure(&mut self, structure: &'t Structure) -> Result<(), String> {
        self.enter(&structure.fields);
        for (i, field) in structure.fields.iter().enumerate() {
            self.pass_to(i);
            self.ty(&field.ty)?;
        }
        self.leave();
        Ok(())
    }

    fn ty(&mut self, ty: &'t Type) -> Result<(), String> {
        match ty {
            Type::Integer(_)
            | Type::Float(_)
            | Type::Enumeration(_)
            | Type::String(_)
            | Type::BitArray(_)
            | Type::Boolean(_)
            | Type::VariableInteger(_)
            | Type::Reversed(_) => Ok(()),
            Type::Array(array) => self.ty(&array.element),
            Type::Sequence(sequence) => {
                self.target(&sequence.length, "length")?;
                self.ty(&sequence.element)
            }
            Type::Structure(structure) => self.structure(structure),
            Type::Variant(variant) => {
                let tag = self.target(&variant.tag, "tag")?;
                if !matches!(tag.ty, Type::Enumeration(_)) {
                    return Err(format!("the tag `{}` of a variant is no enumeration", variant.tag));
                }
                variant.options.iter().try_for_each(|option| self.ty(&option.ty))
            }
            Type::Text(crate::ctf2::Text { length, .. }) | Type::Blob(crate::ctf2::Blob { length, .. }) => {
                match length {
                    Length::Recorded(length) => self.target(length, "length").map(|_| ()),
                    Length::UntilNull | Length::Fixed(_) => Ok(()),
                }
            }
            Type::Optional(optional) => {
                self.target(&optional.selector, "selector")?;
                self.ty(&optional.content.ty)
            }
            Type::Choice(choice) => {
                self.target(&choice.selector, "selector")?;
                choice.options.iter().try_for_each(|option| self.ty(&option.ty))
            }
        }
    }

    /// The field that is meant by a reference, and has a slot from now on; one of them if several options have it.
    pub(crate) fn target(&mut self, reference: &FieldRef, what: &str) -> Result<&'t Field, String> {
        if reference.path.iter().any(|step| step == ANY_OPTION) {
            return self.target_in_options(reference, what);
        }
        let field =
            self.find(reference).ok_or_else(|| format!("the {what} `{reference}` is no field before"))?;
        let signed = match is_signed(&field.ty) {
            Some(signed) => signed,
            None if what == "selector" && matches!(field.ty, Type::Boolean(_)) => false,
            None => return Err(format!("the {what} `{reference}` is a {}, not an integer", field.ty.kind())),
        };
        if what == "length" && signed {
            return Err(format!("the length `{reference}` is signed"));
        }
        if self.scopes[self.current].0 > Scope::EventHeader {
            let header = self.scopes.iter().find(|(scope, _)| *scope == Scope::EventHeader);
            let is_in_header =
                header.and_then(|(_, header)| *header).is_some_and(|header| has(header, field));
            self.uses.header_is_referred_to |= is_in_header;
        }
        match self.uses.slot_of(field) {
            Some(_) => Ok(field),
            None => Err(format!("the {what} `{reference}` is one too many, or a time")),
        }
    }

    /// As [`Resolver::target`], for a field that several options have: all of them get one slot. Their types were checked
    /// when the metadata was read.
    fn target_in_options(&mut self, reference: &FieldRef, what: &str) -> Result<&'t Field, String> {
        let missing = || format!("the {what} `{reference}` is no field before");
        let (head, rest) = reference.path.split_first().ok_or_else(missing)?;
        let first = FieldRef { scope: reference.scope, path: vec![head.clone()] };
        let mut fields = vec![self.find(&first).ok_or_else(missing)?];
        for step in rest {
            fields = fields.into_iter().flat_map(|field| fields_at(&field.ty, step)).collect();
        }
        let known = fields.iter().find(|field| matches!(self.uses.of(field), Some(Use::Keep(_))));
        let first = *known.or(fields.first()).ok_or_else(missing)?;
        // They may be there as well.
        self.uses.header_is_referred_to |= self.scopes[self.current].0 > Scope::EventHeader;
        let slot = self.uses.slot_of(first);
        let conflict =
            || format!("the {what} `{reference}` is one too many, a time, or has several meanings");
        let slot = slot.ok_or_else(conflict)?;
        for field in fields {
            match self.uses.of(field) {
                None => self.uses.set(field, Use::Keep(slot)),
                Some(Use::Keep(other)) if other == slot => {}
                Some(_) => return Err(conflict()),
            }
        }
        Ok(first)
    }

    /// The field meant: by its scope if it says one, else in the structures around, innermost first, and then in the
    /// scopes before, nearest first.
    fn find(&mut self, reference: &FieldRef) -> Option<&'t Field> {
        let (name, mut rest) = reference.path.split_first()?;
        let field = match reference.scope {
            Some(scope) => {
                let at = self.scopes.iter().position(|(other, _)| *other == scope)?;
                match at.cmp(&self.current) {
                    std::cmp::Ordering::Less => self.uses.named(whole(&self.scopes, at)?, name)?,
                    std::cmp::Ordering::Equal => {
                        let (field, after) = self.find_around(&reference.path)?;
                        rest = after;
                        field
                    }
                    std::cmp::Ordering::Greater => return None,
                }
            }
            None => {
                let around = self.around.iter().rev().copied();
                let before = (0..self.current).rev().filter_map(|at| whole(&self.scopes, at));
                let uses = &mut *self.uses;
                around.chain(before).find_map(|frame| uses.named(frame, name))?
            }
        };
        rest.iter().try_fold(field, |field, name| {
            let fields = match &field.ty {
                Type::Structure(structure) => &structure.fields,
                Type::Variant(variant) => &variant.options,
                // What only CTF 2 says: the way is known, whatever lies on it.
                ty => return fields_at(ty, name).into_iter().next(),
            };
            self.uses.named(Frame { fields, before: fields.len() }, name)
        })
    }
}

/// The fields that a step of a path leads to, through arrays and what is optional. The options of a variant of CTF 2 go
/// by their numbers.
fn fields_at<'t>(ty: &'t Type, step: &str) -> Vec<&'t Field> {
    let option = step.strip_prefix('#');
    match ty {
        Type::Array(array) => fields_at(&array.element, step),
        Type::Sequence(sequence) => fields_at(&sequence.element, step),
        Type::Optional(optional) => fields_at(&optional.content.ty, step),
        Type::Structure(structure) => structure.fields.iter().filter(|field| field.name == step).collect(),
        Type::Choice(choice) => match option {
            Some("") => choice.options.iter().collect(),
            Some(number) => {
                number.parse::<usize>().ok().and_then(|at| choice.options.get(at)).into_iter().collect()
            }
            None => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// Whether an integer of any kind is signed; nothing if it is none.
pub(crate) fn is_signed(ty: &Type) -> Option<bool> {
    match ty.in_order() {
        Type::Integer(integer) | Type::Enumeration(Enumeration { container: integer, .. }) => {
            Some(integer.signed)
        }
        Type::VariableInteger(integer) => Some(integer.signed),
        _ => None,
    }
}

/// Whether a field is in a structure, or in what that holds.
fn has(structure: &Structure, field: &Field) -> bool {
    fn is_in(ty: &Type, field: &Field) -> bool {
        match ty {
            Type::Structure(structure) => has(structure, field),
            Type::Variant(variant) => {
                variant.options.iter().any(|option| std::ptr::eq(option, field) || is_in(&option.ty, field))
            }
            Type::Array(array) => is_in(&array.element, field),
            Type::Sequence(sequence) => is_in(&sequence.element, field),
            Type::Optional(optional) => {
                std::ptr::eq(&*optional.content, field) || is_in(&optional.content.ty, field)
            }
            Type::Choice(choice) => {
                choice.options.iter().any(|option| std::ptr::eq(option, field) || is_in(&option.ty, field))
            }
            _ => false,
        }
    }
    structure.fields.iter().any(|other| std::ptr::eq(other, field) || is_in(&other.ty, field))
}

/// All of a scope before.
fn whole<'t>(scopes: &Scopes<'t>, at: usize) -> Option<Frame<'t>> {
    let fields = scopes[at].1?.fields.as_slice();
    Some(Frame { fields, before: fields.len() })
}

/// What is known of a place in the packet: its remainder by a power of two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Phase {
    modulus: u64,
    remainder: u64,
}

impl Phase {
    /// Anywhere.
    pub(crate) const UNKNOWN: Phase = Phase { modulus: 1, remainder: 0 };
    /// The start of a packet, which is aligned on whatever is asked for.
    pub(crate) const PACKET_START: Phase = Phase { modulus: 1 << 20, remainder: 0 };

    /// Some multiple of that many bits, a power of two.
    pub(crate) fn aligned(bits: u32) -> Phase {
        Phase { modulus: u64::from(bits.max(1)), remainder: 0 }
    }

    /// How many bits there are to the next multiple of `bits`, a power of two, if that is known.
    pub(crate) fn padding(self, bits: u32) -> Option<u64> {
        let bits = u64::from(bits.max(1));
        (self.modulus >= bits).then(|| self.remainder.wrapping_neg() & (bits - 1))
    }

    pub(crate) fn after(self, bits: u64) -> Phase {
        Phase { remainder: self.remainder.wrapping_add(bits) & (self.modulus - 1), ..self }
    }

    /// What is left of it once something unknown was passed that is a multiple of `modulus`, a power of two.
    fn within(self, modulus: u64) -> Phase {
        let modulus = self.modulus.min(modulus);
        Phase { modulus, remainder: self.remainder & (modulus - 1) }
    }

    /// What is known if either is.
    fn or(self, other: Phase) -> Phase {
        let (mut a, mut b) = (self.within(other.modulus), other.within(self.modulus));
        while a != b {
            (a, b) = (a.within(a.modulus / 2), b.within(b.modulus / 2));
        }
        a
    }
}

/// Compiles structures that have been resolved.
pub(crate) struct Compiler<'t, 'u> {
    /// Tags are looked up where they were resolved.
    pub(crate) resolver: Resolver<'t, 'u>,
    steps: Vec<Step>,
    pub(crate) phase: Phase,
}

/// Compiles the scopes from `first` to `last`; they follow each other without gaps. `phase` is where they start.
pub(crate) fn compile(
    scopes: Scopes<'_>,
    first: Scope,
    last: Scope,
    uses: &mut Uses,
    phase: Phase,
) -> (Box<[Step]>, Phase) {
    let mut compiler = Compiler::new(Resolver::in_scope(scopes, 0, uses), phase);
    for (at, (scope, structure)) in scopes.into_iter().enumerate() {
        if let (Some(structure), true) = (structure, (first..=last).contains(&scope)) {
            compiler.resolver.current = at;
            compiler.structure(structure);
        }
    }
    (compiler.steps.into(), compiler.phase)
}

impl<'t, 'u> Compiler<'t, 'u> {
    pub(crate) fn new(resolver: Resolver<'t, 'u>, phase: Phase) -> Compiler<'t, 'u> {
        Compiler { resolver, steps: Vec::new(), phase }
    }

    fn align(&mut self, bits: u32) {
        match self.phase.padding(bits) {
            Some(padding) => self.skip(padding),
            None => {
                self.steps.push(Step::Align(bits));
                self.phase = Phase::aligned(bits);
            }
        }
    }

    fn skip(&mut self, bits: u64) {
        self.phase = self.phase.after(bits);
        match self.steps.last_mut() {
            _ if bits == 0 => {}
            Some(Step::Skip(before)) => *before = before.saturating_add(bits),
            _ => self.steps.push(Step::Skip(bits)),
        }
    }

    fn structure(&mut self, structure: &'t Structure) {
        self.align(structure.alignment_bits());
        self.resolver.enter(&structure.fields);
        for (i, field) in structure.fields.iter().enumerate() {
            self.resolver.pass_to(i);
            self.field(field);
        }
        self.resolver.leave();
    }

    /// Passes over a field.
    pub(crate) fn field(&mut self, field: &'t Field) {
        match (&field.ty, self.resolver.uses.by_field.get(&std::ptr::from_ref(field))) {
            (Type::Integer(integer), Some(what)) => self.integer(integer, *what),
            (Type::Enumeration(enumeration), Some(what)) => self.integer(&enumeration.container, *what),
            (Type::Boolean(Boolean { container }), Some(what)) => self.integer(container, *what),
            (Type::VariableInteger(VariableInteger { signed, .. }), Some(what)) => {
                let what = Some(*what);
                self.extra(8, Extra::Variable { signed: *signed, what });
                self.phase = Phase::aligned(8);
            }
            (Type::Reversed(inner), Some(what)) => {
                let what = *what;
                if let Type::Integer(integer) | Type::Enumeration(Enumeration { container: integer, .. }) =
                    &**inner
                {
                    let bits = Bits::of(integer);
                    self.extra(integer.alignment_bits, Extra::Reversed { bits, what });
                    self.phase = self.phase.after(u64::from(bits.size));
                }
            }
            (ty, _) => self.ty(ty),
        }
    }

    fn extra(&mut self, alignment_bits: u32, extra: Extra) {
        self.align(alignment_bits);
        self.steps.push(Step::Extra(Box::new(extra)));
    }

    fn integer(&mut self, integer: &Integer, what: Use) {
        self.align(integer.alignment_bits);
        let bits = Bits::of(integer);
        self.steps.push(match what {
            Use::Keep(slot) => Step::Read { slot, bits },
            Use::Time => Step::ReadTime(bits),
        });
        self.phase = self.phase.after(u64::from(bits.size));
    }

    /// Passes over something of that type.
    pub(crate) fn ty(&mut self, ty: &'t Type) {
        if !self.resolver.uses.spend(1) {
            return;
        }
        self.align(ty.alignment_bits());
        match ty {
            // The clock goes on with each time that is met, wherever that is; times have no sign.
            Type::Integer(integer) if integer.clock.is_some() && !integer.signed && self.in_event() => {
                self.integer(integer, Use::Time)
            }
            Type::Integer(integer) => self.skip(u64::from(integer.size_bits)),
            Type::Enumeration(enumeration) => self.skip(u64::from(enumeration.container.size_bits)),
            Type::Float(float) => self.skip(u64::from(float.size_bits())),
            Type::String(_) => {
                self.steps.push(Step::String);
                self.phase = Phase { modulus: 8, remainder: 0 };
            }
            Type::Array(array) => self.repeat(Count::Fixed(array.length), &array.element),
            Type::Sequence(sequence) => {
                if let Some(slot) = self.slot(&sequence.length) {
                    self.repeat(Count::Recorded(slot), &sequence.element);
                }
            }
            Type::Structure(structure) => self.structure(structure),
            Type::Variant(variant) => self.variant(variant),
            Type::BitArray(bits) => self.skip(u64::from(bits.container.size_bits)),
            Type::Boolean(boolean) => self.skip(u64::from(boolean.container.size_bits)),
            Type::Reversed(inner) => self.ty(inner),
            Type::VariableInteger(VariableInteger { signed, .. }) => {
                self.extra(8, Extra::Variable { signed: *signed, what: None });
                self.phase = Phase::aligned(8);
            }
            Type::Text(text) => match &text.length {
                Length::UntilNull => {
                    self.extra(8, Extra::WideString { unit: text.encoding.unit_bytes() });
                    self.phase = Phase::aligned(8);
                }
                length => self.bytes(length),
            },
            Type::Blob(blob) => self.bytes(&blob.length),
            Type::Optional(optional) => self.optional(optional),
            Type::Choice(choice) => self.choice(choice),
        }
    }

    /// Passes over so many bytes.
    fn bytes(&mut self, length: &Length) {
        match length {
            Length::UntilNull => {}
            Length::Fixed(bytes) => self.skip(bytes.saturating_mul(8)),
            Length::Recorded(length) => {
                if let Some(count) = self.slot(length) {
                    self.steps.push(Step::SkipElements { count, size: 8, stride: 8 });
                    self.phase = self.phase.within(8);
                }
            }
        }
    }

    fn optional(&mut self, optional: &'t Optional) {
        let Some((tag, signed)) = self.selector(&optional.selector) else { return };
        let ranges = selecting(optional, signed);
        if !self.resolver.uses.spend(ranges.len()) {
            return;
        }
        let (content, end) = self.apart(self.phase, |this| this.field(&optional.content));
        let options = Options::optional(&ranges, content, signed);
        self.steps.push(Step::Select { tag, options: Box::new(options) });
        self.phase = self.phase.or(end);
    }

    fn choice(&mut self, choice: &'t Choice) {
        let Some((tag, signed)) = self.selector(&choice.selector) else { return };
        let ranges = choice_ranges(choice, signed);
        if !self.resolver.uses.spend(ranges.len() + choice.options.len()) {
            return;
        }
        let start = self.phase;
        let mut end: Option<Phase> = None;
        let mut steps = Vec::with_capacity(choice.options.len());
        for option in &choice.options {
            let (option, phase) = self.apart(start, |this| this.field(option));
            steps.push(option);
            end = Some(end.map_or(phase, |other| other.or(phase)));
        }
        let options = Options { ranges, steps, signed };
        self.steps.push(Step::Select { tag, options: Box::new(options) });
        self.phase = end.unwrap_or(Phase::UNKNOWN);
    }

    /// The slot of a resolved selector, and whether it is signed.
    pub(crate) fn selector(&mut self, reference: &FieldRef) -> Option<(Slot, bool)> {
        let field = self.resolver.target(reference, "selector").ok()?;
        let slot = self.resolver.uses.slot_of(field)?;
        Some((slot, is_signed(&field.ty).unwrap_or(false)))
    }

    /// Whether this is a part of an event after its header.
    fn in_event(&self) -> bool {
        self.resolver.scopes[self.resolver.current].0 > Scope::EventHeader
    }

    /// The tag of a variant and its slot; there is one, or resolving had failed.
    pub(crate) fn tag(&mut self, variant: &Variant) -> Option<(&'t Enumeration, Slot)> {
        let field = self.resolver.find(&variant.tag)?;
        let tag = self.resolver.uses.slot_of(field)?;
        match &field.ty {
            Type::Enumeration(enumeration) => Some((enumeration, tag)),
            _ => None,
        }
    }

    /// The slot of a resolved reference; there is one, or resolving had failed.
    pub(crate) fn slot(&mut self, reference: &FieldRef) -> Option<Slot> {
        let field = self.resolver.target(reference, "length").ok()?;
        self.resolver.uses.slot_of(field)
    }

    /// The steps of something, wherever it starts.
    pub(crate) fn passing(&mut self, what: impl FnOnce(&mut Self)) -> Box<[Step]> {
        self.apart(Phase::UNKNOWN, what).0
    }

    /// The steps of something that starts at `phase`, and where it ends.
    fn apart(&mut self, phase: Phase, what: impl FnOnce(&mut Self)) -> (Box<[Step]>, Phase) {
        let outer = std::mem::take(&mut self.steps);
        let outer_phase = std::mem::replace(&mut self.phase, phase);
        what(self);
        let phase = std::mem::replace(&mut self.phase, outer_phase);
        (std::mem::replace(&mut self.steps, outer).into(), phase)
    }

    fn repeat(&mut self, count: Count, element: &'t Type) {
        // Each round starts at the element's alignment, wherever the one before ended.
        let (body, _) = self.apart(Phase::UNKNOWN, |this| this.ty(element));
        let size = match &*body {
            [] | [Step::Align(_)] => 0,
            [Step::Skip(bits)] | [Step::Align(_), Step::Skip(bits)] => *bits,
            _ => {
                self.steps.push(Step::Repeat { count, body });
                self.phase = Phase::UNKNOWN;
                return;
            }
        };
        let stride = size.checked_next_multiple_of(u64::from(element.alignment_bits())).unwrap_or(u64::MAX);
        match count {
            _ if size == 0 => {}
            Count::Fixed(0) => {}
            // A size beyond all packets stays so.
            Count::Fixed(count) => self.skip((count - 1).saturating_mul(stride).saturating_add(size)),
            Count::Recorded(count) => {
                self.steps.push(Step::SkipElements { count, size, stride });
                self.phase = self.phase.within(1 << (size | stride).trailing_zeros());
            }
        }
    }

    fn variant(&mut self, variant: &'t Variant) {
        let Some((enumeration, tag)) = self.tag(variant) else { return };
        if !self.resolver.uses.spend(enumeration.mappings.len() + variant.options.len()) {
            return;
        }
        let start = self.phase;
        let mut end: Option<Phase> = None;
        let mut steps = Vec::with_capacity(variant.options.len());
        for option in &variant.options {
            let (option, phase) = self.apart(start, |this| this.field(option));
            steps.push(option);
            end = Some(end.map_or(phase, |other| other.or(phase)));
        }
        let signed = enumeration.container.signed;
        let options = Options { ranges: option_ranges(variant, enumeration), steps, signed };
        self.steps.push(Step::Select { tag, options: Box::new(options) });
        self.phase = end.unwrap_or(Phase::UNKNOWN);
    }
}

/// The values for which an optional field is there, as sort keys.
pub(crate) fn selecting(optional: &Optional, signed: bool) -> Vec<(u64, u64)> {
    match &optional.ranges {
        Some(ranges) => ranges.iter().filter_map(|range| keys(*range, signed)).collect(),
        // A boolean is true if any bit is set.
        None => vec![(1, u64::MAX)],
    }
}

/// The values that choose each option, as sort keys.
pub(crate) fn choice_ranges(choice: &Choice, signed: bool) -> Vec<(u64, u64, usize)> {
    let of_option = |(at, ranges): (usize, &Vec<(i128, i128)>)| -> Vec<(u64, u64, usize)> {
        ranges.iter().filter_map(|range| keys(*range, signed)).map(|(a, b)| (a, b, at)).collect()
    };
    choice.ranges.iter().enumerate().flat_map(of_option).collect()
}

/// A range of values as sort keys, as far as an integer of 64 bits has them.
fn keys((first, last): (i128, i128), signed: bool) -> Option<(u64, u64)> {
    let (least, most) =
        if signed { (i64::MIN.into(), i64::MAX.into()) } else { (0i128, i128::from(u64::MAX)) };
    let key = |value: i128| sort_key(value as u64, signed);
    (last >= least && first <= most).then(|| (key(first.max(least)), key(last.min(most))))
}

/// Which values of the tag mean which option. Labels count with and without LTTng's underscore, the exact ones first.
pub(crate) fn option_ranges(variant: &Variant, tag: &Enumeration) -> Vec<(u64, u64, usize)> {
    let (least, most) = tag.container.range();
    let key = |value: i128| sort_key(value as u64, tag.container.signed);
    let shown: HashMap<&str, usize> =
        variant.options.iter().enumerate().map(|(at, option)| (option.display_name(), at)).collect();
    let exact: HashMap<&str, usize> =
        variant.options.iter().enumerate().map(|(at, option)| (option.name.as_str(), at)).collect();
    let option_of = |label: &str| {
        let bare = label.strip_prefix('_').unwrap_or(label);
        exact.get(label).or_else(|| shown.get(label)).or_else(|| shown.get(bare)).copied()
    };
    let in_range = tag.ranges().filter(|(_, first, last)| first <= last && *last >= least && *first <= most);
    in_range
        .filter_map(|(label, first, last)| {
            Some((key(first.max(least)), key(last.min(most)), option_of(label)?))
        })
        .collect()
}
