//! Values from the bits of one packet to those of another: each scope's type compiled into moves.
//!
//! Alignments count from the start of the packet, so that what was recorded at one place has other paddings at another.
//! Moves take every value where it is and put it where it belongs; what the packet says of itself (its *roles*) comes
//! from the new packet instead.

use super::bits::BitWriter;
use crate::decode::{
    Bits, Compiler, Count, DecodeError, Machine, Phase, Resolver, Scopes, Slot, Use, Uses, extended,
    integer_of, option_ranges, sort_key,
};
use crate::types::{Field, Integer, Scope, Structure, Type, Variant};

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
        Role::ALL.into_iter().find(|role| role.field() == field.name)
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
    Integer { bits: Bits, then: Then },
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
    ranges: Vec<(u64, u64, usize)>,
    moves: Vec<Box<[Move]>>,
    signed: bool,
}

/// Compiles the scope of `scopes` into moves. `to` is what the packet context becomes: the same fields, known integers
/// maybe wider, and more of them at the end.
pub(super) fn moves(
    scopes: Scopes<'_>,
    scope: Scope,
    to: Option<&Structure>,
    uses: &mut Uses,
) -> Box<[Move]> {
    let found = scopes.iter().position(|(which, structure)| *which == scope && structure.is_some());
    let mut moves = Vec::new();
    let mut fields = 0;
    if let Some((at, structure)) = found.and_then(|at| Some((at, scopes[at].1?))) {
        let compiler = Compiler::new(Resolver::in_scope(scopes, at, uses), Phase::UNKNOWN);
        let mut planner = Planner { compiler, moves: Vec::new(), in_event: scope > Scope::EventHeader, to };
        let alignment = to.unwrap_or(structure).alignment_bits();
        planner.align(structure.alignment_bits(), alignment);
        planner.fields(structure);
        moves = planner.moves;
        fields = structure.fields.len();
    } else if let Some(to) = to {
        moves.push(Move::Align { from: 1, to: to.alignment_bits() });
    }
    for field in to.iter().flat_map(|to| &to.fields[fields..]) {
        if let (Some(role), Some(integer)) = (Role::of(field), integer_of(field)) {
            moves.push(Move::Align { from: 1, to: integer.alignment_bits });
            moves.push(Move::Role { role, from: None, to: Bits::of(integer), keep: None });
        }
    }
    moves.into()
}

struct Planner<'t, 'u> {
    /// Knows what lengths and tags mean.
    compiler: Compiler<'t, 'u>,
    moves: Vec<Move>,
    in_event: bool,
    /// What the packet context becomes, while its own fields are planned.
    to: Option<&'t Structure>,
}

impl<'t> Planner<'t, '_> {
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
            _ => self.ty(&field.ty),
        }
    }

    fn integer(&mut self, integer: &Integer, then: Then) {
        self.align(integer.alignment_bits, integer.alignment_bits);
        self.moves.push(Move::Integer { bits: Bits::of(integer), then });
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
                    self.moves.push(Move::Integer { bits, then: Then::Nothing });
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
            // Traces that have these are refused before (`TraceCopy::of`).
            Type::BitArray(_)
            | Type::Boolean(_)
            | Type::VariableInteger(_)
            | Type::Text(_)
            | Type::Blob(_)
            | Type::Optional(_)
            | Type::Choice(_)
            | Type::Reversed(_) => {}
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

    fn apart(&mut self, what: impl FnOnce(&mut Self)) -> Box<[Move]> {
        let outer = std::mem::take(&mut self.moves);
        what(self);
        std::mem::replace(&mut self.moves, outer).into()
    }
}

/// Makes moves from one packet to another, or through one packet alone for what is kept of it.
#[derive(Debug)]
pub(super) struct Transcriber<'m, 'p> {
    pub(super) machine: &'m mut Machine<'p>,
    pub(super) slots: &'m mut [u64],
    pub(super) roles: &'m RoleValues,
    pub(super) out: Option<&'m mut BitWriter>,
}

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
                Move::Integer { bits, then } => {
                    let value = self.machine.integer(*bits)?;
                    match then {
                        Then::Nothing => {}
                        Then::Keep(slot) => self.slots[usize::from(*slot)] = value,
                        Then::Time => self.machine.time = extended(self.machine.time, value, bits.size),
                    }
                    if let Some(out) = &mut self.out {
                        out.integer(value, *bits);
                    }
                }
                Move::Role { role, from, to, keep } => {
                    let value = from.map(|bits| self.machine.integer(bits)).transpose()?.unwrap_or(0);
                    if let Some(slot) = keep {
                        self.slots[usize::from(*slot)] = value;
                    }
                    if let Some(out) = &mut self.out {
                        out.integer(self.roles[*role as usize], *to);
                    }
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
                        let at = self.machine.at;
                        self.run(body)?;
                        // A round that took nothing changes nothing, and so would the others.
                        if self.machine.at == at {
                            break;
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
    let inner = match ty {
        Type::Array(array) => strictest_of(&array.element),
        Type::Sequence(sequence) => strictest_of(&sequence.element),
        Type::Structure(structure) => strictest(Some(structure)),
        Type::Variant(variant) => {
            variant.options.iter().map(|option| strictest_of(&option.ty)).max().unwrap_or(1)
        }
        _ => 1,
    };
    inner.max(ty.alignment_bits())
}
