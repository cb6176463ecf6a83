//! A trace of CTF 2 in the words of CTF 1.8: what its class becomes, and the moves that bring its values there.
//!
//! | CTF 2 | CTF 1.8 |
//! |---|---|
//! | integers, enumerations, floating point numbers | the same, little-endian; variable-length ones have 64 bits, halves 32 |
//! | bit arrays, bit maps, booleans | unsigned integers; flags lose their names |
//! | text of any encoding and length | strings in UTF-8 |
//! | BLOBs | arrays and sequences of bytes; the media type is lost |
//! | an optional field | a sequence of none or one, after a field with its length |
//! | a variant | a tag, and a variant that goes by it |
//! | a length that no name leads to | one more field with the length |
//! | roles, wherever they are | the fields that LTTng has for them |
//!
//! What is left is names: those of CTF 1.8 are words of letters, digits and underscores.

use std::collections::HashMap;

use super::long_header::LongHeader;
use super::transcribe::{Copied, Move, MoveOptions, Role, Then, new_role, optional_ranges};
use crate::class::{Clock, Identity, StreamClass, TraceClass, Version};
use crate::ctf2::{ANY_OPTION, Choice, Length, Optional};
use crate::decode::{
    Bits, CompileError, Compiler, Count, Extra, PACKET_MAGIC, Phase, Resolver, STREAM_INSTANCE_ID, Scopes,
    Slot, Step, Use, Uses, choice_ranges, compile, scopes_of, tells,
};
use crate::read::clock_of;
use crate::tsdl::write::is_identifier;
use crate::types::{
    Array, Base, ByteOrder, Encoding, Enumeration, Field, FieldRef, Float, Integer, Mapping, Scope, Sequence,
    Structure, Type, Variant, ranges,
};

/// The byte order of everything that is written.
const ORDER: ByteOrder = ByteOrder::Little;

/// How the streams of one class become streams of CTF 1.8.
#[derive(Debug)]
pub(super) struct LoweredStream {
    /// Packet header and packet context.
    pub(super) head: [Box<[Move]>; 2],
    /// Passes over the recorded header.
    pub(super) event_header: Box<[Move]>,
    /// What is written in its place.
    pub(super) header: LongHeader,
    /// What follows it, for each kind of event.
    pub(super) events: Vec<Box<[Move]>>,
}

/// Describes a trace of CTF 2 as one of CTF 1.8. Names that TSDL cannot have are an error.
pub(super) fn lower(
    source: &TraceClass,
    uses: &mut Uses,
) -> Result<(TraceClass, Vec<LoweredStream>), CompileError> {
    let clocks = clock_names(source);
    let mut class = TraceClass {
        version: Version::Ctf1,
        byte_order: ORDER,
        packet_header: Some(packet_header(source)),
        clocks: source.clocks.iter().zip(&clocks).map(|(clock, name)| lowered_clock(clock, name)).collect(),
        identity: Identity::default(),
        ..source.clone()
    };
    if let Some((key, _)) = source.environment.entries.iter().find(|(key, _)| !is_identifier(key)) {
        let cause = format!("no entry of CTF 1.8 can have the name `{key}`");
        return Err(CompileError { place: "the environment".to_owned(), cause });
    }
    let mut streams = Vec::with_capacity(source.streams.len());
    for (stream, target) in source.streams.iter().zip(&mut class.streams) {
        let clock = clock_of(source, stream).and_then(|clock| {
            let at = source.clocks.iter().position(|other| other.name == clock.name)?;
            Some(clocks[at].as_str())
        });
        streams.push(lower_stream(source, stream, target, clock, uses)?);
    }
    Ok((class, streams))
}

fn lowered_clock(clock: &Clock, name: &str) -> Clock {
    let clock = clock.clone();
    Clock { name: name.to_owned(), identity: Identity::default(), origin: None, accuracy: None, ..clock }
}

/// Words for the clocks: their names, if those are words and no other clock's.
fn clock_names(source: &TraceClass) -> Vec<String> {
    let mut names: Vec<String> = Vec::with_capacity(source.clocks.len());
    for (at, clock) in source.clocks.iter().enumerate() {
        let own = [clock.identity.name.as_deref().unwrap_or_default(), &clock.name];
        let word = own.into_iter().find(|name| is_identifier(name)).unwrap_or("clock");
        let is_taken = |name: &str| names.iter().any(|other| other == name);
        let name = if is_taken(word) { format!("{word}_{at}") } else { word.to_owned() };
        names.push(name);
    }
    names
}

fn wide(size_bits: u32) -> Integer {
    Integer::unsigned(size_bits, 8, ORDER)
}

fn packet_header(source: &TraceClass) -> Structure {
    let mut fields = vec![Field::new("magic", wide(32))];
    if source.uuid.is_some() {
        fields.push(Field::new("uuid", Type::array(wide(8), 16)));
    }
    fields.push(Field::new("stream_id", wide(64)));
    if source.tells_instances() {
        fields.push(Field::new("stream_instance_id", wide(64)));
    }
    Structure::of(fields)
}

fn lower_stream(
    source: &TraceClass,
    stream: &StreamClass,
    target: &mut StreamClass,
    clock: Option<&str>,
    uses: &mut Uses,
) -> Result<LoweredStream, CompileError> {
    let mut outer = HashMap::new();
    let scopes = scopes_of(source, Some(stream), None);
    let at_fault = |place: String| move |cause| CompileError { place, cause };
    let of_stream = || at_fault(format!("stream {}", stream.id));

    let steps = compile(scopes, Scope::PacketHeader, Scope::PacketHeader, uses, Phase::PACKET_START).0;
    let mut header = vec![Move::Pass { steps, copied: Copied::Nothing }];
    let constant = |value: u64, size: u32| Move::Constant { value, to: Bits::of(&wide(size)) };
    header.push(constant(PACKET_MAGIC, 32));
    header.extend(source.uuid.iter().flat_map(|uuid| uuid.0).map(|byte| constant(byte.into(), 8)));
    header.push(constant(stream.id, 64));
    if source.tells_instances() {
        header.push(Move::Kept { slot: STREAM_INSTANCE_ID, to: Bits::of(&wide(64)) });
    }

    let mut fields = Vec::new();
    for role in Role::ALL {
        let is_time = matches!(role, Role::TimestampBegin | Role::TimestampEnd);
        let is_size = matches!(role, Role::ContentSize | Role::PacketSize);
        let is_there = tells(source, stream.packet_context.as_ref(), role.field());
        if is_size || is_time && clock.is_some() || !is_time && is_there {
            let clock = clock.filter(|_| is_time).map(str::to_owned);
            fields.push(Field::new(role.field(), Integer { clock, ..wide(64) }));
        }
    }
    let roles = fields.iter().flat_map(new_role).collect::<Vec<_>>();
    let recorded = lower_scope(scopes, Scope::PacketContext, &mut outer, uses).map_err(of_stream())?;
    let (recorded, moves) = recorded.unwrap_or_default();
    fields.extend(recorded.fields);
    let context = Structure { fields, ..recorded };
    let mut context_moves = vec![Move::Align { from: 1, to: context.alignment_bits() }];
    context_moves.extend(roles);
    context_moves.extend(moves);
    target.packet_context = Some(context);

    let event_header = event_header(source, stream, clock);
    let steps = compile(scopes, Scope::EventHeader, Scope::EventHeader, uses, Phase::UNKNOWN).0;
    let passed = Box::new([Move::Pass { steps, copied: Copied::Nothing }]);
    let header_form = LongHeader::plain(event_header.as_ref());
    target.event_header = event_header;

    let common = lower_scope(scopes, Scope::StreamEventContext, &mut outer, uses).map_err(of_stream())?;
    let (common, common_moves) = common.unzip();
    target.event_context = common;
    let mut events = Vec::with_capacity(stream.events.len());
    for (at, (event, target)) in stream.events.iter().zip(&mut target.events).enumerate() {
        let scopes = scopes_of(source, Some(stream), Some(at));
        let mut outer = outer.clone();
        let mut body = common_moves.clone().unwrap_or_default();
        let mut own = |scope| {
            let lowered = lower_scope(scopes, scope, &mut outer, uses);
            let place = || at_fault(format!("event \"{}\" of stream {}", event.name, stream.id));
            let (structure, moves) = lowered.map_err(place())?.unzip();
            body.extend(moves.unwrap_or_default());
            Ok(structure)
        };
        target.context = own(Scope::EventContext)?;
        target.fields = own(Scope::EventFields)?;
        events.push(body.into());
    }
    target.identity = Identity::default();
    target.default_clock = None;
    Ok(LoweredStream {
        head: [header.into(), context_moves.into()],
        event_header: passed,
        header: header_form,
        events,
    })
}

/// An id, if there is any choice, and a time, if events have one.
fn event_header(source: &TraceClass, stream: &StreamClass, clock: Option<&str>) -> Option<Structure> {
    let mut fields = Vec::new();
    let recorded = stream.event_header.as_ref();
    if stream.events.len() > 1 || tells(source, recorded, "id") {
        let most = stream.events.iter().map(|event| event.id).max().unwrap_or(0);
        let size = if most <= u64::from(u16::MAX) { 16 } else { 64 };
        fields.push(Field::new("id", wide(size)));
    }
    if let (Some(clock), true) = (clock, tells(source, recorded, "timestamp")) {
        fields.push(Field::new("timestamp", wide(64).with_clock(clock)));
    }
    (!fields.is_empty()).then(|| Structure::of(fields))
}

/// Lengths of scopes before, by the fields that were recorded.
type Outer = HashMap<*const Field, FieldRef>;

fn lower_scope(
    scopes: Scopes<'_>,
    scope: Scope,
    outer: &mut Outer,
    uses: &mut Uses,
) -> Result<Option<(Structure, Vec<Move>)>, String> {
    let at = scopes.iter().position(|(which, _)| *which == scope);
    let Some((at, structure)) = at.and_then(|at| Some((at, scopes[at].1?))) else { return Ok(None) };
    let compiler = Compiler::new(Resolver::in_scope(scopes, at, uses), Phase::UNKNOWN);
    let drops_roles = scope == Scope::PacketContext;
    let mut lowering =
        Lowering { compiler, moves: Vec::new(), around: Vec::new(), outer, drops_roles, path: Vec::new() };
    let (lowered, known) = lowering.structure(structure)?;
    let moves = lowering.moves;
    outer.extend(
        known
            .into_iter()
            .filter_map(|(name, field)| Some((field?, FieldRef { scope: Some(scope), path: vec![name] }))),
    );
    Ok(Some((lowered, moves)))
}

/// The names of a structure, each with the recorded field if that is a length.
type Known = Vec<(String, Option<*const Field>)>;

/// A structure that is being made.
#[derive(Debug, Default)]
struct Level<'t> {
    known: Known,
    /// Fields that are there later, whose names are taken.
    later: &'t [Field],
}

struct Lowering<'t, 'u, 'o> {
    compiler: Compiler<'t, 'u>,
    moves: Vec<Move>,
    around: Vec<Level<'t>>,
    outer: &'o Outer,
    drops_roles: bool,
    /// The fields that are gone through, as they are shown.
    path: Vec<&'t str>,
}

impl<'t> Lowering<'t, '_, '_> {
    fn fault(&self, cause: &str) -> String {
        format!("the field `{}` {cause}", self.path.join("."))
    }

    fn align(&mut self, from: u32, to: u32) {
        if from > 1 || to > 1 {
            self.moves.push(Move::Align { from, to });
        }
    }

    fn structure(&mut self, structure: &'t Structure) -> Result<(Structure, Known), String> {
        let start = self.moves.len();
        self.moves.push(Move::Align { from: 1, to: 1 });
        self.compiler.resolver.enter(&structure.fields);
        self.around.push(Level { known: Vec::new(), later: &structure.fields });
        let mut fields = Vec::with_capacity(structure.fields.len());
        for (at, field) in structure.fields.iter().enumerate() {
            self.compiler.resolver.pass_to(at);
            if self.drops_roles && Role::named(&field.name).is_some() {
                let steps = self.compiler.passing(|compiler| compiler.field(field));
                self.moves.push(Move::Pass { steps, copied: Copied::Nothing });
                continue;
            }
            self.path.push(field.display_name());
            self.named(field, &mut fields)?;
            self.path.pop();
        }
        self.compiler.resolver.leave();
        let known = self.around.pop().unwrap_or_default().known;
        let lowered = Structure { fields, min_alignment_bits: structure.min_alignment_bits };
        self.moves[start] = Move::Align { from: structure.alignment_bits(), to: lowered.alignment_bits() };
        Ok((lowered, known))
    }

    /// A field of the structure that was entered last, with what has to stand before it.
    fn named(&mut self, field: &'t Field, into: &mut Vec<Field>) -> Result<(), String> {
        if !is_identifier(&field.name) {
            return Err(self.fault("has a name that no field of CTF 1.8 can have"));
        }
        let kept = self.kept(field);
        let ty = self.ty(&field.ty, kept, &field.name, into)?;
        let is_length = matches!(&ty, Type::Integer(integer) if !integer.signed);
        if let Some(level) = self.around.last_mut() {
            level.known.push((field.name.clone(), is_length.then_some(std::ptr::from_ref(field))));
        }
        into.push(Field { name: field.name.clone(), ty });
        Ok(())
    }

    fn kept(&self, field: &Field) -> Option<Slot> {
        match self.compiler.resolver.uses.of(field) {
            Some(Use::Keep(slot)) => Some(slot),
            _ => None,
        }
    }

    /// A place for a number on its way: the one that it has, or a new one.
    fn place(&mut self, kept: Option<Slot>) -> Result<Slot, String> {
        kept.or_else(|| self.compiler.resolver.uses.new_slot())
            .ok_or_else(|| self.fault("is one integer too many"))
    }

    /// Puts a field before the one called `name`. Gives its name.
    fn before(&mut self, name: &str, what: &str, ty: impl Into<Type>, into: &mut Vec<Field>) -> String {
        let mut own = format!("{name}_{what}");
        if let Some(Level { known, later }) = self.around.last_mut() {
            let is_taken = |own: &str| {
                known.iter().any(|(name, _)| name == own) || later.iter().any(|field| field.name == own)
            };
            while is_taken(&own) {
                own.push('_');
            }
            known.push((own.clone(), None));
        }
        into.push(Field { name: own.clone(), ty: ty.into() });
        own
    }

    /// Plans a value, and the fields before it that it needs. Gives its type.
    fn ty(
        &mut self,
        ty: &'t Type,
        kept: Option<Slot>,
        name: &str,
        into: &mut Vec<Field>,
    ) -> Result<Type, String> {
        if !self.compiler.resolver.uses.spend(1) {
            return Err(self.fault("is one of too many: the types take too much memory when compiled"));
        }
        Ok(match ty {
            Type::Integer(integer) => self.integer(integer, kept, false)?.into(),
            Type::Enumeration(Enumeration { container, mappings }) => {
                labelled(self.integer(container, kept, false)?, mappings)
            }
            Type::Float(float) => self.float(float, false)?.into(),
            Type::String(encoding) => {
                self.align(8, 8);
                self.moves.push(Move::String);
                Type::String(*encoding)
            }
            Type::BitArray(bits) => self.bits(&bits.container, false)?.into(),
            Type::Boolean(boolean) => self.integer(&boolean.container, kept, false)?.into(),
            Type::Reversed(inner) => match &**inner {
                Type::Enumeration(Enumeration { container, mappings }) => {
                    labelled(self.integer(container, kept, true)?, mappings)
                }
                Type::Integer(integer) => self.integer(integer, kept, true)?.into(),
                Type::Float(float) => self.float(float, true)?.into(),
                Type::BitArray(bits) => self.bits(&bits.container, true)?.into(),
                Type::Boolean(boolean) => self.integer(&boolean.container, kept, false)?.into(),
                other => return Err(self.fault(&format!("is a {} in another order of bits", other.kind()))),
            },
            Type::VariableInteger(variable) => {
                let slot = self.place(kept)?;
                let what = Some(Use::Keep(slot));
                let steps = [Step::Extra(Box::new(Extra::Variable { signed: variable.signed, what }))];
                self.align(8, 8);
                self.moves.push(Move::Pass { steps: steps.into(), copied: Copied::Nothing });
                let to = Integer { signed: variable.signed, base: variable.base, ..wide(64) };
                self.moves.push(Move::Kept { slot, to: Bits::of(&to) });
                labelled(to, &variable.mappings)
            }
            Type::Text(text) => {
                self.align(8, 8);
                let steps = self.compiler.passing(|compiler| compiler.ty(ty));
                self.moves.push(Move::Pass { steps, copied: Copied::Text(text.encoding) });
                Type::String(Encoding::Utf8)
            }
            Type::Blob(blob) => {
                let byte = wide(8).with_base(Base::Hexadecimal);
                match &blob.length {
                    Length::UntilNull | Length::Fixed(_) => {
                        let length = if let Length::Fixed(length) = blob.length { length } else { 0 };
                        self.align(8, 8);
                        self.moves.push(Move::Bytes(Count::Fixed(length)));
                        Type::array(byte, length)
                    }
                    Length::Recorded(length) => {
                        let (slot, length) = self.length(length, name, into)?;
                        self.align(8, 8);
                        self.moves.push(Move::Bytes(Count::Recorded(slot)));
                        Type::sequence(byte, length)
                    }
                }
            }
            Type::Array(Array { element, length, .. }) => {
                let element = self.elements(Count::Fixed(*length), ty, element)?;
                Type::array(element, *length)
            }
            Type::Sequence(Sequence { element, length, .. }) => {
                let (slot, length) = self.length(length, name, into)?;
                let element = self.elements(Count::Recorded(slot), ty, element)?;
                Type::sequence(element, length)
            }
            Type::Structure(structure) => self.structure(structure)?.0.into(),
            Type::Optional(optional) => self.optional(optional, name, into)?,
            Type::Choice(choice) => self.choice(choice, name, into)?,
            Type::Variant(_) => return Err(self.fault("is a variant of CTF 1.8 in a trace of CTF 2")),
        })
    }

    /// An integer with its bits in the usual order.
    fn integer(
        &mut self,
        integer: &Integer,
        kept: Option<Slot>,
        is_reversed: bool,
    ) -> Result<Integer, String> {
        let to = Integer { byte_order: ORDER, clock: None, ..integer.clone() };
        self.integer_to(integer, to, kept, is_reversed)
    }

    fn integer_to(
        &mut self,
        integer: &Integer,
        to: Integer,
        kept: Option<Slot>,
        is_reversed: bool,
    ) -> Result<Integer, String> {
        self.align(integer.alignment_bits, to.alignment_bits);
        let from = Bits::of(integer);
        if is_reversed {
            let slot = self.place(kept)?;
            let what = Use::Keep(slot);
            let steps = [Step::Extra(Box::new(Extra::Reversed { bits: from, what }))];
            self.moves.push(Move::Pass { steps: steps.into(), copied: Copied::Nothing });
            self.moves.push(Move::Kept { slot, to: Bits::of(&to) });
        } else {
            let then = kept.map_or(Then::Nothing, Then::Keep);
            self.moves.push(Move::Integer { from, to: Bits::of(&to), then });
        }
        Ok(to)
    }

    fn bits(&mut self, container: &Integer, is_reversed: bool) -> Result<Integer, String> {
        // babeltrace2 2.0.4 prints 0 for hexadecimal numbers of 61 to 63 bits.
        let size_bits = if container.size_bits > 60 { 64 } else { container.size_bits };
        let to = Integer { size_bits, byte_order: ORDER, base: Base::Hexadecimal, ..container.clone() };
        self.integer_to(container, to, None, is_reversed)
    }

    fn float(&mut self, float: &Float, is_reversed: bool) -> Result<Float, String> {
        let size = float.size_bits();
        let alignment = float.alignment_bits.max(8);
        let to = match size {
            16 | 32 => Float::single(alignment, ORDER),
            64 => Float::double(alignment, ORDER),
            _ => return Err(self.fault(&format!("is a floating point number of {size} bits"))),
        };
        let bits = |size: u32, order| Bits { size: size as u8, order, signed: false };
        let (from, to_bits) = (bits(size, float.byte_order), bits(to.size_bits(), ORDER));
        self.align(float.alignment_bits, to.alignment_bits);
        if size != 16 && !is_reversed {
            self.moves.push(Move::Integer { from, to: to_bits, then: Then::Nothing });
            return Ok(to);
        }
        let slot = self.place(None)?;
        let step = if is_reversed {
            Step::Extra(Box::new(Extra::Reversed { bits: from, what: Use::Keep(slot) }))
        } else {
            Step::Read { slot, bits: from }
        };
        self.moves.push(Move::Pass { steps: [step].into(), copied: Copied::Nothing });
        self.moves.push(if size == 16 {
            Move::Half { slot, to: to_bits }
        } else {
            Move::Kept { slot, to: to_bits }
        });
        Ok(to)
    }

    /// Where a length is kept, and what leads to it: its name, or a field that is put before `name`.
    fn length(
        &mut self,
        reference: &FieldRef,
        name: &str,
        into: &mut Vec<Field>,
    ) -> Result<(Slot, FieldRef), String> {
        let field = self.compiler.resolver.target(reference, "length")?;
        let slot = self.kept(field).ok_or_else(|| self.fault("has a length that is a time"))?;
        let is_one = !reference.path.iter().any(|step| step == ANY_OPTION);
        if let Some(known) = self.known_as(field).filter(|_| is_one) {
            return Ok((slot, known));
        }
        let to = wide(64);
        self.align(1, 8);
        self.moves.push(Move::Kept { slot, to: Bits::of(&to) });
        Ok((slot, FieldRef::to(self.before(name, "length", to, into))))
    }

    /// What leads to a recorded field from here: its name, if the nearest field with that is the one.
    fn known_as(&self, field: &Field) -> Option<FieldRef> {
        let field = std::ptr::from_ref(field);
        let in_level = |level: &Level<'_>| {
            let (name, _) = level.known.iter().find(|(_, known)| *known == Some(field))?;
            Some(name.clone())
        };
        let found = self.around.iter().enumerate().rev();
        let Some((at, name)) = found.into_iter().find_map(|(at, level)| Some((at, in_level(level)?))) else {
            return self.outer.get(&field).cloned();
        };
        let is_hidden = |level: &Level<'_>| level.known.iter().any(|(known, _)| *known == name);
        let is_nearest = !self.around[at + 1..].iter().any(is_hidden);
        is_nearest.then(|| FieldRef::to(name))
    }

    /// Something without a name of its own, with its moves. What has to stand before it is put into a structure with it.
    fn apart(&mut self, ty: &'t Type, kept: Option<Slot>) -> Result<(Type, Vec<Move>), String> {
        const NAME: &str = "_value";
        let outer = std::mem::take(&mut self.moves);
        self.around.push(Level::default());
        let mut fields = Vec::new();
        let lowered = self.ty(ty, kept, NAME, &mut fields);
        self.around.pop();
        let mut moves = std::mem::replace(&mut self.moves, outer);
        let lowered = lowered?;
        if fields.is_empty() {
            return Ok((lowered, moves));
        }
        fields.push(Field::new(NAME, lowered));
        let structure = Structure::of(fields);
        moves.insert(0, Move::Align { from: 1, to: structure.alignment_bits() });
        Ok((structure.into(), moves))
    }

    /// Plans the elements of an array or sequence. Gives their type.
    fn elements(&mut self, count: Count, array: &Type, element: &'t Type) -> Result<Type, String> {
        let (lowered, body) = self.apart(element, None)?;
        // A wanted alignment is of no use to what is written.
        self.align(array.alignment_bits(), lowered.alignment_bits());
        self.moves.push(Move::Repeat { count, body: body.into() });
        Ok(lowered)
    }

    fn optional(
        &mut self,
        optional: &'t Optional,
        name: &str,
        into: &mut Vec<Field>,
    ) -> Result<Type, String> {
        let (tag, signed) = self.selector(&optional.selector)?;
        let content = &*optional.content;
        let (ty, body) = self.apart(&content.ty, self.kept(content))?;
        let length = FieldRef::to(self.before(name, "length", wide(8), into));
        let to = Bits::of(&wide(8));
        let sequence = |count: u64, body: Vec<Move>| {
            let start = [
                Move::Align { from: 1, to: 8 },
                Move::Constant { value: count, to },
                // So does a sequence without elements.
                Move::Align { from: 1, to: ty.alignment_bits() },
            ];
            start.into_iter().chain(body).collect::<Box<[Move]>>()
        };
        let moves = vec![sequence(1, body), sequence(0, Vec::new())];
        let ranges = optional_ranges(optional, signed);
        self.moves.push(Move::Select { tag, options: Box::new(MoveOptions { ranges, moves, signed }) });
        Ok(Type::sequence(ty, length))
    }

    fn choice(&mut self, choice: &'t Choice, name: &str, into: &mut Vec<Field>) -> Result<Type, String> {
        let (tag, signed) = self.selector(&choice.selector)?;
        let container = wide(if choice.options.len() > 256 { 32 } else { 8 });
        let to = Bits::of(&container);
        let (mut options, mut moves) = (Vec::new(), Vec::new());
        for (option, at) in choice.options.iter().zip(0u32..) {
            let own = option_name(choice, option, at);
            if !is_identifier(&own) {
                let shown = option.display_name();
                return Err(self.fault(&format!("has an option `{shown}`, which CTF 1.8 cannot name")));
            }
            let (ty, body) = self.apart(&option.ty, self.kept(option))?;
            let start = [Move::Align { from: 1, to: 8 }, Move::Constant { value: at.into(), to }];
            moves.push(start.into_iter().chain(body).collect());
            options.push(Field { name: own, ty });
        }
        let mappings = options.iter().zip(0u32..).map(|(option, at)| Mapping::value(option.name.clone(), at));
        let labels = Enumeration { container, mappings: mappings.collect() };
        let label = FieldRef::to(self.before(name, "tag", labels, into));
        let ranges = choice_ranges(choice, signed);
        self.moves.push(Move::Select { tag, options: Box::new(MoveOptions { ranges, moves, signed }) });
        Ok(Variant { tag: label, options, min_alignment_bits: 0 }.into())
    }

    fn selector(&mut self, reference: &FieldRef) -> Result<(Slot, bool), String> {
        let found = self.compiler.selector(reference);
        found.ok_or_else(|| self.fault("goes by a field that is a time, or is one too many"))
    }
}

/// What an option is called; its label has to be the same for babeltrace2, so there is no underscore without need.
fn option_name(choice: &Choice, option: &Field, at: u32) -> String {
    let shown = option.display_name();
    if !option.name.is_empty() {
        let is_plain = !shown.starts_with('_') && is_identifier(shown);
        return if is_plain { shown.to_owned() } else { option.name.clone() };
    }
    let mut own = format!("option{at}");
    while choice.options.iter().any(|other| other.display_name() == own) {
        own.push('_');
    }
    own
}

/// An integer with labels, as far as it can hold their values.
fn labelled(container: Integer, mappings: &[Mapping]) -> Type {
    let (least, most) = container.range();
    let held = ranges(mappings).filter(|(_, first, last)| *first <= most && *last >= least);
    let held = held.map(|(label, first, last)| Mapping::range(label, first.max(least), last.min(most)));
    let mappings: Vec<Mapping> = held.collect();
    if mappings.is_empty() { container.into() } else { Enumeration { container, mappings }.into() }
}
