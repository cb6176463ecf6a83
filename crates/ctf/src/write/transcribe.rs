//! Values from the bits of one packet to those of another: each scope's type compiled into moves.
//!
//! Alignments count from the start of the packet, so that what was recorded at one place has other paddings at another.
//! Moves take every value where it is and put it where it belongs; what the packet says of itself (its *roles*) comes
//! from the new packet instead.

use super::bits::BitWriter;
use crate::ctf2::{BitArray, Blob, Boolean, Choice, Length, Optional, Text, TextEncoding};
use crate::decode::{
    Bits, Compiler, Count, DecodeError, Machine, Phase, Resolver, Scopes, Slot, Step, Use, Uses,
    choice_ranges, extended, half, integer_of, option_ranges, selecting, sort_key,
};
use crate::types::{ByteOrder, Field, Integer, Scope, Structure, Type, Variant};

/// What a packet says of itself in its context.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    TimestampBegin,
    TimestampEnd,
    ContentSize,
    PacketSize,
    SequenceNumber,
    EventsDiscarded,
}

impl Role {
    /// All of them.
    pub(super) const ALL: [Role; 6] = [
        Role::TimestampBegin,
        Role::TimestampEnd,
        Role::ContentSize,
        Role::PacketSize,
        Role::SequenceNumber,
        Role::EventsDiscarded,
    ];

    /// The field's name in the metadata.
    pub(super) fn field(self) -> &'static str {
        match self {
            Role::TimestampBegin => "timestamp_begin",
            Role::TimestampEnd => "timestamp_end",
            Role::ContentSize => "content_size",
            Role::PacketSize => "packet_size",
            Role::SequenceNumber => "packet_seq_num",
            Role::EventsDiscarded => "events_discarded",
        }
    }

    fn of(field: &Field) -> Option<Role> {
        integer_of(field)?;
        Role::named(&field.name)
    }

    /// The role that fields of this name have. In CTF 2 no other field has such a name, wherever it is.
    pub(super) fn named(name: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.field() == name)
    }
}

/// The values of the roles, in the order of [`Role::ALL`].
pub(super) type RoleValues = [u64; 6];

/// One step of a scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Move {
    /// Go on to the next multiples of that many bits, in the one packet and in the other.
    Align { from: u32, to: u32 },
    /// An integer, or the bits of a floating point number.
    Integer { from: Bits, to: Bits, then: Then },
    /// What the packet says of itself; not there in the recorded packet if `from` is nothing.
    Role { role: Role, from: Option<Bits>, to: Bits, keep: Option<Slot> },
    /// Bytes up to and with the next NUL.
    String,
    /// Whole bytes.
    Bytes(Count),
    /// Moves that are made several times.
    Repeat { count: Count, body: Box<[Move]> },
    /// The moves of the option that the tag names.
    Select { tag: Slot, options: Box<MoveOptions> },
    /// What only the decoder's own steps pass over.
    Pass { steps: Box<[Step]>, copied: Copied },
    /// A number that was not recorded.
    Constant { value: u64, to: Bits },
    /// A number that was kept.
    Kept { slot: Slot, to: Bits },
    /// A floating point number of 16 bits that was kept, with 32 bits.
    Half { slot: Slot, to: Bits },
}

/// What becomes of bits that were passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Copied {
    Nothing,
    /// They are whole bytes, and are put as they are.
    Bytes,
    /// They are at most 64, and are put as they are.
    Bits(Bits),
    /// They are text, which is put in UTF-8 with a NUL behind it.
    Text(TextEncoding),
}

/// What else becomes of an integer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    Nothing,
    Keep(Slot),
    /// It is the low bits of the time.
    Time,
}

/// The options of a variant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MoveOptions {
    /// Values of the tag, both ends included, as [`sort_key`]s, with the option's number.
    pub(super) ranges: Vec<(u64, u64, usize)>,
    /// The moves of each option.
    pub(super) moves: Vec<Box<[Move]>>,
    /// Whether the tag is signed.
    pub(super) signed: bool,
}

/// What a packet context becomes: the same fields, known integers maybe wider, and more of them at the end.
#[derive(Debug, Clone, Copy)]
pub(super) struct NewContext<'t> {
    pub(super) structure: &'t Structure,
    /// Whether fields of any type and at any depth have roles, as in CTF 2; they became plain integers.
    pub(super) within: bool,
}

/// Compiles the scope of `scopes` into moves. `to` is what the packet context becomes.
pub(super) fn moves(
    scopes: Scopes<'_>,
    scope: Scope,
    to: Option<NewContext<'_>>,
    uses: &mut Uses,
) -> Box<[Move]> {
    let within = to.is_some_and(|to| to.within);
    let to = to.map(|to| to.structure);
    let found = scopes.iter().position(|(which, structure)| *which == scope && structure.is_some());
    let mut moves = Vec::new();
    let mut fields = 0;
    if let Some((at, structure)) = found.and_then(|at| Some((at, scopes[at].1?))) {
        let compiler = Compiler::new(Resolver::in_scope(scopes, at, uses), Phase::UNKNOWN);
        let in_event = scope > Scope::EventHeader;
        let mut planner =
            Planner { compiler, moves: Vec::new(), in_event, to: to.filter(|_| !within), within };
        let alignment = to.unwrap_or(structure).alignment_bits();
        planner.align(structure.alignment_bits(), alignment);
        planner.fields(structure);
        moves = planner.moves;
        fields = structure.fields.len();
    } else if let Some(to) = to {
        moves.push(Move::Align { from: 1, to: to.alignment_bits() });
    }
    moves.extend(to.iter().flat_map(|to| &to.fields[fields..]).flat_map(new_role));
    moves.into()
}

/// Moves that put a field which is in the written packet only.
pub(super) fn new_role(field: &Field) -> Vec<Move> {
    let (Some(role), Some(integer)) = (Role::of(field), integer_of(field)) else { return Vec::new() };
    vec![
        Move::Align { from: 1, to: integer.alignment_bits },
        Move::Role { role, from: None, to: Bits::of(integer), keep: None },
    ]
}

/// What a field of CTF 2 with a role becomes.
pub(super) fn role_integer(recorded: &Type, clock: Option<&str>) -> Integer {
    // Its alignment stays, and with it those of the structures around.
    let integer = Integer::unsigned(64, recorded.alignment_bits(), ByteOrder::Little);
    Integer { clock: clock.map(str::to_owned), ..integer }
}

struct Planner<'t, 'u> {
    /// Knows what lengths and tags mean.
    compiler: Compiler<'t, 'u>,
    moves: Vec<Move>,
    in_event: bool,
    /// What the packet context becomes, while its own fields are planned.
    to: Option<&'t Structure>,
    /// Whether all fields are of a packet context of CTF 2.
    within: bool,
}

impl<'t, 'u> Planner<'t, 'u> {
    fn align(&mut self, from: u32, to: u32) {
        if from > 1 || to > 1 {
            self.moves.push(Move::Align { from, to });
        }
    }

    fn fields(&mut self, structure: &'t Structure) {
        let to = self.to.take();
        self.compiler.resolver.enter(&structure.fields);
        for (i, field) in structure.fields.iter().enumerate() {
            self.compiler.resolver.pass_to(i);
            if let Some(role) = Role::named(&field.name).filter(|_| self.within) {
                let steps = self.compiler.passing(|compiler| compiler.field(field));
                self.moves.push(Move::Pass { steps, copied: Copied::Nothing });
                let to = role_integer(&field.ty, None);
                self.moves.push(Move::Align { from: 1, to: to.alignment_bits });
                self.moves.push(Move::Role { role, from: None, to: Bits::of(&to), keep: None });
                continue;
            }
            match (Role::of(field), integer_of(field), to.map(|to| integer_of(&to.fields[i]))) {
                (Some(role), Some(from), Some(Some(to))) => {
                    self.align(from.alignment_bits, to.alignment_bits);
                    let keep = match self.compiler.resolver.uses.of(field) {
                        Some(Use::Keep(slot)) => Some(slot),
                        _ => None,
                    };
                    let (from, to) = (Some(Bits::of(from)), Bits::of(to));
                    self.moves.push(Move::Role { role, from, to, keep });
                }
                _ => self.field(field),
            }
        }
        self.compiler.resolver.leave();
    }

    fn field(&mut self, field: &'t Field) {
        match (integer_of(field), self.compiler.resolver.uses.of(field)) {
            (Some(integer), Some(Use::Keep(slot))) => self.integer(integer, Then::Keep(slot)),
            (Some(integer), Some(Use::Time)) => self.integer(integer, Then::Time),
            (None, Some(_)) => self.passed(&field.ty, |compiler| compiler.field(field)),
            _ => self.ty(&field.ty),
        }
    }

    /// What the decoder's steps pass over is copied as it lies.
    fn passed(&mut self, ty: &'t Type, what: impl FnOnce(&mut Compiler<'t, 'u>)) {
        self.align(ty.alignment_bits(), ty.alignment_bits());
        let steps = self.compiler.passing(what);
        let copied = match container_of(ty) {
            Some(container) => Copied::Bits(Bits { signed: false, ..Bits::of(container) }),
            None => Copied::Bytes,
        };
        self.moves.push(Move::Pass { steps, copied });
    }

    fn integer(&mut self, integer: &Integer, then: Then) {
        self.align(integer.alignment_bits, integer.alignment_bits);
        let bits = Bits::of(integer);
        self.moves.push(Move::Integer { from: bits, to: bits, then });
    }

    fn ty(&mut self, ty: &'t Type) {
        if !self.compiler.resolver.uses.spend(1) {
            return;
        }
        self.align(ty.alignment_bits(), ty.alignment_bits());
        match ty {
            Type::Integer(integer) => {
                let is_time = integer.clock.is_some() && self.in_event;
                self.integer(integer, if is_time { Then::Time } else { Then::Nothing });
            }
            Type::Enumeration(enumeration) => self.integer(&enumeration.container, Then::Nothing),
            Type::Float(float) => {
                let mut left = float.size_bits();
                // Floating point numbers of more than 64 bits are refused by readers; their bits move all the same.
                while left > 0 {
                    let size = left.min(64) as u8;
                    let bits = Bits { size, order: float.byte_order, signed: false };
                    self.moves.push(Move::Integer { from: bits, to: bits, then: Then::Nothing });
                    left -= u32::from(size);
                }
            }
            Type::String(_) => self.moves.push(Move::String),
            Type::Array(array) => self.repeat(Count::Fixed(array.length), &array.element),
            Type::Sequence(sequence) => {
                if let Some(slot) = self.compiler.slot(&sequence.length) {
                    self.repeat(Count::Recorded(slot), &sequence.element);
                }
            }
            Type::Structure(structure) => self.fields(structure),
            Type::Variant(variant) => self.variant(variant),
            Type::BitArray(BitArray { container, .. }) | Type::Boolean(Boolean { container }) => {
                self.integer(container, Then::Nothing);
            }
            Type::Reversed(inner) => self.ty(inner),
            Type::VariableInteger(_) => self.passed(ty, |compiler| compiler.ty(ty)),
            Type::Text(Text { length, .. }) | Type::Blob(Blob { length, .. }) => match length {
                Length::UntilNull => self.passed(ty, |compiler| compiler.ty(ty)),
                Length::Fixed(bytes) => self.moves.push(Move::Bytes(Count::Fixed(*bytes))),
                Length::Recorded(length) => {
                    let slot = self.compiler.slot(length);
                    self.moves.extend(slot.map(|slot| Move::Bytes(Count::Recorded(slot))));
                }
            },
            Type::Optional(optional) => self.optional(optional),
            Type::Choice(choice) => self.choice(choice),
        }
    }

    fn repeat(&mut self, count: Count, element: &'t Type) {
        if let Type::Integer(Integer { size_bits: 8, alignment_bits: 8, clock: None, .. }) = element {
            self.moves.push(Move::Bytes(count));
            return;
        }
        let body = self.apart(|this| this.ty(element));
        self.moves.push(Move::Repeat { count, body });
    }

    fn variant(&mut self, variant: &'t Variant) {
        let Some((enumeration, tag)) = self.compiler.tag(variant) else { return };
        let work = enumeration.mappings.len() + variant.options.len();
        if !self.compiler.resolver.uses.spend(work) {
            return;
        }
        let moves = variant.options.iter().map(|option| self.apart(|this| this.field(option))).collect();
        let ranges = option_ranges(variant, enumeration);
        let options = Box::new(MoveOptions { ranges, moves, signed: enumeration.container.signed });
        self.moves.push(Move::Select { tag, options });
    }

    fn optional(&mut self, optional: &'t Optional) {
        let Some((tag, signed)) = self.compiler.selector(&optional.selector) else { return };
        let ranges = optional_ranges(optional, signed);
        if self.compiler.resolver.uses.spend(ranges.len()) {
            let moves = vec![self.apart(|this| this.field(&optional.content)), Box::default()];
            let options = Box::new(MoveOptions { ranges, moves, signed });
            self.moves.push(Move::Select { tag, options });
        }
    }

    fn choice(&mut self, choice: &'t Choice) {
        let Some((tag, signed)) = self.compiler.selector(&choice.selector) else { return };
        let ranges = choice_ranges(choice, signed);
        if self.compiler.resolver.uses.spend(ranges.len() + choice.options.len()) {
            let moves = choice.options.iter().map(|option| self.apart(|this| this.field(option))).collect();
            let options = Box::new(MoveOptions { ranges, moves, signed });
            self.moves.push(Move::Select { tag, options });
        }
    }

    fn apart(&mut self, what: impl FnOnce(&mut Self)) -> Box<[Move]> {
        let outer = std::mem::take(&mut self.moves);
        what(self);
        std::mem::replace(&mut self.moves, outer).into()
    }
}

/// The values for which an optional field is there (option 0), and all others (option 1): the first range that fits counts.
pub(super) fn optional_ranges(optional: &Optional, signed: bool) -> Vec<(u64, u64, usize)> {
    let there = selecting(optional, signed).into_iter().map(|(first, last)| (first, last, 0));
    there.chain([(0, u64::MAX, 1)]).collect()
}

/// The integer that the bits of a field of fixed length are in.
pub(super) fn container_of(ty: &Type) -> Option<&Integer> {
    match ty.in_order() {
        Type::Integer(integer) => Some(integer),
        Type::Enumeration(enumeration) => Some(&enumeration.container),
        Type::BitArray(bits) => Some(&bits.container),
        Type::Boolean(boolean) => Some(&boolean.container),
        _ => None,
    }
}

/// Makes moves from one packet to another, or through one packet alone for what is kept of it.
#[derive(Debug)]
pub(super) struct Transcriber<'m, 'p> {
    pub(super) machine: &'m mut Machine<'p>,
    pub(super) slots: &'m mut [u64],
    pub(super) roles: &'m RoleValues,
    pub(super) out: Option<&'m mut BitWriter>,
    /// How many more elements may be written that took nothing from what was recorded.
    pub(super) empty_left: u64,
}

/// Most elements without size that are written anew, as many as are shown.
pub(super) const MAX_EMPTY: u64 = 1 << 16;

impl Transcriber<'_, '_> {
    pub(super) fn run(&mut self, moves: &[Move]) -> Result<(), DecodeError> {
        for step in moves {
            match step {
                Move::Align { from, to } => {
                    let mask = u64::from((*from).max(1)) - 1;
                    self.machine.skip(self.machine.at.wrapping_neg() & mask)?;
                    if let Some(out) = &mut self.out {
                        out.align(*to);
                    }
                }
                Move::Integer { from, to, then } => {
                    let value = self.machine.integer(*from)?;
                    match then {
                        Then::Nothing => {}
                        Then::Keep(slot) => self.slots[usize::from(*slot)] = value,
                        Then::Time => self.machine.time = extended(self.machine.time, value, from.size),
                    }
                    self.put(value, *to);
                }
                Move::Role { role, from, to, keep } => {
                    let value = from.map(|bits| self.machine.integer(bits)).transpose()?.unwrap_or(0);
                    if let Some(slot) = keep {
                        self.slots[usize::from(*slot)] = value;
                    }
                    self.put(self.roles[*role as usize], *to);
                }
                Move::String => {
                    let text = self.machine.take_string()?;
                    if let Some(out) = &mut self.out {
                        out.put(text);
                        out.put(&[0]);
                    }
                }
                Move::Bytes(count) => {
                    let bytes = self.machine.take_bytes(self.count(*count))?;
                    if let Some(out) = &mut self.out {
                        out.put(bytes);
                    }
                }
                Move::Repeat { count, body } => {
                    for _ in 0..self.count(*count) {
                        let place = |this: &Self| (this.machine.at, this.out.as_ref().map(|out| out.at()));
                        let before = place(self);
                        self.run(body)?;
                        // A round that changed nothing: so would the others.
                        if place(self) == before {
                            break;
                        }
                        if self.machine.at == before.0 {
                            let left = self.empty_left.checked_sub(1);
                            self.empty_left = left.ok_or(DecodeError::EmptyElements { at: before.0 })?;
                        }
                    }
                }
                Move::Select { tag, options } => {
                    let key = sort_key(self.slots[usize::from(*tag)], options.signed);
                    let covers = |(first, last, _): &&(u64, u64, usize)| (*first..=*last).contains(&key);
                    let Some((_, _, option)) = options.ranges.iter().find(covers) else {
                        return Err(DecodeError::NoOption { at: self.machine.at });
                    };
                    self.run(&options.moves[*option])?;
                }
                Move::Pass { steps, copied } => self.pass(steps, *copied)?,
                Move::Constant { value, to } => self.put(*value, *to),
                Move::Kept { slot, to } => self.put(self.slots[usize::from(*slot)], *to),
                Move::Half { slot, to } => {
                    let value = half(self.slots[usize::from(*slot)] as u16) as f32;
                    self.put(u64::from(value.to_bits()), *to);
                }
            }
        }
        Ok(())
    }

    fn put(&mut self, value: u64, bits: Bits) {
        if let Some(out) = &mut self.out {
            out.integer(value, bits);
        }
    }

    fn pass(&mut self, steps: &[Step], copied: Copied) -> Result<(), DecodeError> {
        let start = self.machine.at;
        self.machine.run(steps, self.slots)?;
        let (Some(out), end) = (&mut self.out, self.machine.at) else { return Ok(()) };
        let bytes = || &self.machine.packet[(start / 8) as usize..(end / 8) as usize];
        match copied {
            Copied::Nothing => {}
            Copied::Bytes => out.put(bytes()),
            Copied::Text(encoding) => {
                out.put(encoding.decode(bytes()).as_bytes());
                out.put(&[0]);
            }
            Copied::Bits(bits) => {
                self.machine.at = start;
                out.integer(self.machine.integer(bits)?, bits);
            }
        }
        Ok(())
    }

    fn count(&self, count: Count) -> u64 {
        match count {
            Count::Fixed(count) => count,
            Count::Recorded(slot) => self.slots[usize::from(slot)],
        }
    }
}

/// The largest alignment of anything in these structures: what is this far from where it was has the same paddings.
pub(super) fn strictest(structure: Option<&Structure>) -> u32 {
    structure.map_or(1, |structure| {
        let inner = structure.fields.iter().map(|field| strictest_of(&field.ty)).max();
        inner.unwrap_or(1).max(structure.min_alignment_bits)
    })
}

fn strictest_of(ty: &Type) -> u32 {
    ty.parts().map(strictest_of).max().unwrap_or(1).max(ty.alignment_bits())
}
