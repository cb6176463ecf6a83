//! Traces of CTF 2 with any types and values, from a seed: what only that version has, nested in every way.
//!
//! Left out is what nobody writes: integers of the other byte order that do not fill bytes, floating point numbers that
//! are no numbers of C.

use std::collections::HashMap;
use std::path::Path;

use rttng_ctf::ctf2::{
    BitArray, Blob, Boolean, Choice, Length, Optional, Text, TextEncoding, VariableInteger, option_step,
};
use rttng_ctf::write::{EventValues, PacketHead, TraceWriter, Value};
use rttng_ctf::{
    Array, Base, ByteOrder, Clock, Encoding, Enumeration, EventClass, Field, FieldRef, Float, Integer,
    Mapping, Scope, Sequence, StreamClass, Structure, TraceClass, Type, Uuid, Version,
};

use crate::any_trace::{AnyTrace, Dice, WrittenEvent};

/// Whether texts may be empty. In the place of those, babeltrace2 2.0.4 prints what was there before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Texts {
    /// They may.
    Any,
    /// They have characters, and known lengths are not 0.
    NotEmpty,
}

/// Makes a trace in `folder` out of a seed.
///
/// # Panics
/// When it cannot be written.
pub fn any_ctf2(seed: u64, folder: &Path, texts: Texts) -> AnyTrace {
    let mut maker = Maker {
        dice: Dice::new(seed),
        least: u64::from(texts == Texts::NotEmpty),
        names: 0,
        scope: Scope::EventFields,
        path: Vec::new(),
        outer: Vec::new(),
        deciding: HashMap::new(),
    };
    let class = maker.trace();
    let fail = |error: &dyn std::fmt::Display| -> ! { panic!("seed {seed}: {error}\n{class:#?}") };
    let writer = TraceWriter::create(folder, &class).unwrap_or_else(|error| fail(&error));
    let mut streams = Vec::new();
    for (number, stream) in class.streams.iter().enumerate() {
        let mut out = writer.stream(number, &format!("stream{number}"), 7);
        let (mut clock, mut events) = (1u64 << 33, Vec::new());
        for sequence_number in 0..1 + maker.dice.below(3) {
            let mut known = HashMap::new();
            let context =
                stream.packet_context.as_ref().map(|context| maker.structure_value(context, &mut known));
            let Some(Value::Fields(context)) = context else { unreachable!("each stream has one") };
            let fields = &stream.packet_context.as_ref().expect("a context").fields;
            let names = fields.iter().map(|field| field.name.as_str());
            let context: Vec<(&str, Value)> =
                names.zip(context).filter(|(name, _)| name.starts_with('_')).collect();
            let head = PacketHead { begin: clock, sequence_number, events_discarded: sequence_number * 3 };
            out.begin_packet(head, &context).unwrap_or_else(|error| fail(&error));
            for _ in 0..maker.dice.below(9) {
                let class = maker.dice.below(stream.events.len() as u64) as usize;
                clock += maker.dice.below(1 << 20);
                let event = &stream.events[class];
                let mut known = known.clone();
                let mut value = |structure: &Option<Structure>| {
                    structure.as_ref().map(|structure| maker.structure_value(structure, &mut known))
                };
                let values = EventValues {
                    stream_context: value(&stream.event_context),
                    context: value(&event.context),
                    fields: value(&event.fields),
                };
                out.event(class, clock, &values).unwrap_or_else(|error| fail(&error));
                events.push(WrittenEvent { class: (number, class), time: clock, values });
            }
            out.end_packet(clock).unwrap_or_else(|error| fail(&error));
        }
        out.finish().unwrap_or_else(|error| fail(&error));
        streams.push(events);
    }
    writer.finish().unwrap_or_else(|error| fail(&error));
    AnyTrace { class, streams }
}

struct Maker {
    dice: Dice,
    /// The fewest characters of texts.
    least: u64,
    names: u64,
    /// The scope that is made, and the fields and options that lead to where it is made.
    scope: Scope,
    path: Vec<String>,
    /// Lengths of scopes before.
    outer: Vec<FieldRef>,
    /// Values that fields which decide something may have.
    deciding: HashMap<String, Vec<i128>>,
}

/// Deepest nesting of types.
const DEPTH: u32 = 3;

/// What lengths are: whole numbers of code units of every encoding.
const LENGTHS: [i128; 4] = [0, 4, 4, 8];

const TEXTS: [&str; 6] = ["", "a", "plain text", "Hé €𝄞", "\"\\%{}", "tab\tline\n"];

impl Maker {
    fn name(&mut self) -> String {
        self.names += 1;
        format!("_x{}", self.names)
    }

    fn alignment(&mut self) -> u32 {
        1 << self.dice.below(6)
    }

    fn integer(&mut self) -> Integer {
        let order = self.dice.pick(&[ByteOrder::Little, ByteOrder::Little, ByteOrder::Big]);
        let fills_bytes = order == ByteOrder::Big || self.dice.one_in(2);
        let size = if fills_bytes { 8 * (1 + self.dice.below(8)) } else { 1 + self.dice.below(64) } as u32;
        let alignment = if fills_bytes { self.alignment().max(8) } else { self.alignment() };
        let signed = self.dice.one_in(2);
        let base = self.dice.pick(&[Base::Decimal, Base::Binary, Base::Octal, Base::Hexadecimal]);
        // babeltrace2 2.0.4 prints these as 0 in other bases.
        let base = if (61..64).contains(&size) { Base::Decimal } else { base };
        Integer { signed, base, ..Integer::unsigned(size, alignment, order) }
    }

    fn mappings(&mut self) -> Vec<Mapping> {
        let count = 1 + self.dice.below(3);
        let mapping = |number: u64| {
            let first = i128::from(self.dice.bits() as i64 >> self.dice.below(64));
            let last = first + i128::from(self.dice.below(1000));
            Mapping::range(format!("L{number} \"é"), first, last)
        };
        (0..count).map(mapping).collect()
    }

    /// A type for a field that decides something, and has these values only.
    fn deciding(&mut self, name: &str, values: Vec<i128>) -> Type {
        let signed = values.iter().any(|value| *value < 0);
        let integer = Integer { signed, ..Integer::unsigned(16, self.alignment().max(8), ByteOrder::Big) };
        self.deciding.insert(name.to_owned(), values);
        match self.dice.below(4) {
            0 => VariableInteger { signed, base: Base::Decimal, mappings: Vec::new(), clock: None }.into(),
            1 => Type::Reversed(Box::new(integer.into())),
            2 => Enumeration { container: integer, mappings: self.mappings() }.into(),
            _ => integer.into(),
        }
    }

    /// A field of the scope that is made, by its name.
    fn here(&self, name: &str) -> FieldRef {
        let path = self.path.iter().chain([&name.to_owned()]).cloned().collect();
        FieldRef { scope: Some(self.scope), path }
    }

    fn lengths(&self) -> Vec<i128> {
        LENGTHS[self.least as usize..].to_vec()
    }

    /// What a length is told by: a field that was there before, or a new one.
    fn length(&mut self, into: &mut Vec<Field>) -> FieldRef {
        if self.dice.one_in(3) && !self.outer.is_empty() {
            return self.dice.pick(&self.outer.clone());
        }
        let name = self.name();
        let ty = self.deciding(&name, self.lengths());
        into.push(Field::new(name.clone(), ty));
        self.here(&name)
    }

    fn structure(&mut self, most: u64, depth: u32) -> Structure {
        let mut fields = Vec::new();
        for _ in 0..self.dice.below(most + 1) {
            self.field(depth, &mut fields);
        }
        let min_alignment_bits = self.dice.pick(&[0, 0, 0, 16, 64]);
        Structure { fields, min_alignment_bits }
    }

    /// A field with any type, and the fields before it that it needs.
    fn field(&mut self, depth: u32, into: &mut Vec<Field>) {
        let name = self.name();
        self.path.push(name.clone());
        let ty = match self.dice.below(if depth >= DEPTH { 6 } else { 10 }) {
            0..=4 => self.simple(),
            5 => {
                self.path.pop();
                let length = self.length(into);
                self.path.push(name.clone());
                self.of_length(length)
            }
            6 => self.compound(depth),
            7 => {
                self.path.pop();
                let length = self.length(into);
                self.path.push(name.clone());
                let element = Box::new(self.element(depth));
                Sequence { element, length, min_alignment_bits: self.dice.pick(&[0, 0, 32]) }.into()
            }
            8 => {
                self.path.pop();
                let selector = self.name();
                let is_boolean = self.dice.one_in(2);
                let (ty, ranges) = if is_boolean {
                    self.deciding.insert(selector.clone(), vec![0, 1, 200]);
                    (Boolean { container: Integer::unsigned(8, 8, ByteOrder::Little) }.into(), None)
                } else {
                    let ty = self.deciding(&selector, vec![-20, -5, 0, 7, 90]);
                    (ty, Some(vec![(-30, -10), (5, 8)]))
                };
                into.push(Field::new(selector.clone(), ty));
                let selector = self.here(&selector);
                self.path.push(name.clone());
                let content = Box::new(Field { name: String::new(), ty: self.element(depth) });
                Optional { selector, ranges, content }.into()
            }
            _ => {
                self.path.pop();
                let selector = self.name();
                let count = 1 + self.dice.below(3) as usize;
                let signed = self.dice.one_in(2);
                let value = |at: usize| at as i128 * 10 - if signed { 5 } else { 0 };
                let ty = self.deciding(&selector, (0..count).map(value).collect());
                into.push(Field::new(selector.clone(), ty));
                let selector = self.here(&selector);
                self.path.push(name.clone());
                let options = (0..count).map(|at| {
                    let name = if self.dice.one_in(3) { String::new() } else { self.name() };
                    self.path.push(option_step(at));
                    let option = Field { name, ty: self.element(depth) };
                    self.path.pop();
                    option
                });
                let options = options.collect();
                let ranges = (0..count).map(|at| vec![(value(at), value(at) + 3)]).collect();
                Choice { selector, options, ranges }.into()
            }
        };
        self.path.pop();
        into.push(Field::new(name, ty));
    }

    /// A type that needs no field before it.
    fn element(&mut self, depth: u32) -> Type {
        if depth + 1 >= DEPTH || self.dice.one_in(2) { self.simple() } else { self.compound(depth + 1) }
    }

    fn compound(&mut self, depth: u32) -> Type {
        if self.dice.one_in(2) {
            return self.structure(4, depth + 1).into();
        }
        let element = Box::new(self.element(depth));
        let length = self.dice.below(4);
        Array { element, length, min_alignment_bits: self.dice.pick(&[0, 0, 64]) }.into()
    }

    fn simple(&mut self) -> Type {
        match self.dice.below(9) {
            0 => {
                let container = self.integer();
                Enumeration { container, mappings: self.mappings() }.into()
            }
            1 => self.float(),
            2 => Type::String(Encoding::Utf8),
            3 => Text { encoding: self.encoding(), length: Length::UntilNull }.into(),
            4 => {
                let length = Length::Fixed((self.least + self.dice.below(4)) * 8);
                self.of_fixed_length(length)
            }
            5 => {
                let mappings = if self.dice.one_in(2) { self.mappings() } else { Vec::new() };
                let signed = self.dice.one_in(2);
                VariableInteger { signed, base: Base::Decimal, mappings, clock: None }.into()
            }
            6 => {
                let container = Integer { signed: false, base: Base::Decimal, ..self.integer() };
                let most = i128::from(container.size_bits) - 1;
                let flags = vec![Mapping::range("low", 0, most / 2), Mapping::range("all", 0, most)];
                let flags = if self.dice.one_in(2) { flags } else { Vec::new() };
                let bits = Type::from(BitArray { container, flags });
                if self.dice.one_in(3) { Type::Reversed(Box::new(bits)) } else { bits }
            }
            7 => {
                let container = Integer { signed: false, base: Base::Decimal, ..self.integer() };
                Boolean { container }.into()
            }
            _ => {
                let integer = Type::from(self.integer());
                if self.dice.one_in(3) { Type::Reversed(Box::new(integer)) } else { integer }
            }
        }
    }

    fn float(&mut self) -> Type {
        let (exponent_bits, mantissa_bits) = self.dice.pick(&[(5, 11), (8, 24), (11, 53)]);
        let byte_order = self.dice.pick(&[ByteOrder::Little, ByteOrder::Big]);
        let alignment_bits = self.alignment().max(8);
        let float = Type::from(Float { exponent_bits, mantissa_bits, alignment_bits, byte_order });
        if self.dice.one_in(3) { Type::Reversed(Box::new(float)) } else { float }
    }

    fn encoding(&mut self) -> TextEncoding {
        // That of UTF-8 up to a NUL is a type of its own.
        self.dice.pick(&TextEncoding::ALL[1..])
    }

    fn of_length(&mut self, length: FieldRef) -> Type {
        self.of_fixed_length(Length::Recorded(length))
    }

    fn of_fixed_length(&mut self, length: Length) -> Type {
        if self.dice.one_in(2) {
            return Blob { length, media_type: "image/png".to_owned() }.into();
        }
        Text { encoding: self.dice.pick(&TextEncoding::ALL), length }.into()
    }

    fn trace(&mut self) -> TraceClass {
        let mut class = TraceClass { version: Version::Ctf2, ..TraceClass::new(ByteOrder::Little) };
        if self.dice.one_in(2) {
            class.uuid = Some(Uuid::from_random([self.dice.bits() as u8; 16]));
        }
        class.environment.push_text("hostname", "box");
        class.identity.name = Some("a \"trace\"".to_owned());
        let mut clock = Clock { description: None, ..Clock::monotonic(None, 5) };
        clock.identity.name = Some(self.dice.pick(&["boot", "the clock"]).to_owned());
        clock.name = "any clock".to_owned();
        class.clocks.push(clock);
        let mut header = vec![Field::new("magic", Integer::unsigned(32, 8, ByteOrder::Big))];
        if class.uuid.is_some() {
            let uuid = Blob { length: Length::Fixed(16), media_type: "application/octet-stream".to_owned() };
            header.push(Field::new("uuid", uuid));
        }
        header.push(Field::new("stream_id", Integer::unsigned(8, 8, ByteOrder::Little)));
        if self.dice.one_in(2) {
            header.push(Field::new("stream_instance_id", Integer::unsigned(16, 8, ByteOrder::Big)));
        }
        class.packet_header = Some(Structure::of(header));
        class.streams = (0..1 + self.dice.below(2)).map(|id| self.stream_class(id)).collect();
        class
    }

    fn in_scope(&mut self, scope: Scope, most: u64, mut first: Vec<Field>) -> Structure {
        self.scope = scope;
        self.path.clear();
        let own = self.structure(most, 0);
        first.extend(own.fields);
        let lengths = first
            .iter()
            .filter(|field| self.deciding.get(&field.name).is_some_and(|values| *values == self.lengths()));
        let lengths: Vec<FieldRef> = lengths.map(|field| self.here(&field.name)).collect();
        self.outer.extend(lengths);
        Structure { fields: first, ..own }
    }

    fn stream_class(&mut self, id: u64) -> StreamClass {
        self.outer.clear();
        let clock = Some("any clock".to_owned());
        let wide = |size: u32| Integer::unsigned(size, 8, ByteOrder::Big);
        let mut context = vec![
            Field::new("packet_size", wide(32)),
            Field::new("content_size", wide(32)),
            Field::new("timestamp_begin", Integer { clock: clock.clone(), ..wide(64) }),
        ];
        if self.dice.one_in(2) {
            context.push(Field::new("timestamp_end", Integer { clock: clock.clone(), ..wide(64) }));
            context.push(Field::new("packet_seq_num", wide(16)));
            context.push(Field::new("events_discarded", wide(24)));
        }
        let packet_context = self.in_scope(Scope::PacketContext, 3, context);
        let time = Integer { clock: clock.clone(), ..wide(self.dice.pick(&[24, 40, 64])) };
        let header = Structure::of(vec![Field::new("id", wide(8)), Field::new("timestamp", time)]);
        let event_context =
            self.dice.one_in(2).then(|| self.in_scope(Scope::StreamEventContext, 3, Vec::new()));
        let outer = self.outer.clone();
        let events = (0..1 + self.dice.below(4)).map(|id| {
            self.outer.clone_from(&outer);
            // babeltrace2 2.0.4 aborts on sequences and variants in contexts of single events.
            let context =
                self.dice.one_in(4).then(|| Structure::of(vec![Field::new(self.name(), self.integer())]));
            let fields = Some(self.in_scope(Scope::EventFields, 7, Vec::new()));
            EventClass {
                id: id * 3,
                name: format!("event{id}"),
                log_level: Some(6),
                emf_uri: None,
                context,
                fields,
            }
        });
        let events = events.collect();
        StreamClass {
            id,
            packet_context: Some(packet_context),
            event_header: Some(header),
            event_context,
            events,
            default_clock: clock,
            ..StreamClass::default()
        }
    }

    fn structure_value(&mut self, structure: &Structure, known: &mut HashMap<String, i128>) -> Value {
        let mut values = Vec::new();
        for field in &structure.fields {
            let value = match self.deciding.get(&field.name).cloned() {
                Some(values) => {
                    let signed = values.iter().any(|value| *value < 0);
                    let value = self.dice.pick(&values);
                    known.insert(field.name.clone(), value);
                    if signed { Value::Signed(value as i64) } else { Value::Unsigned(value as u64) }
                }
                None => self.value(&field.ty, known),
            };
            values.push(value);
        }
        Value::Fields(values)
    }

    fn value(&mut self, ty: &Type, known: &mut HashMap<String, i128>) -> Value {
        let of = |reference: &FieldRef, known: &HashMap<String, i128>| {
            known[reference.path.last().expect("a path")]
        };
        match ty {
            Type::Integer(integer) => self.integer_value(integer.signed, integer.size_bits),
            Type::Enumeration(Enumeration { container, .. }) => {
                self.integer_value(container.signed, container.size_bits)
            }
            Type::BitArray(bits) => self.integer_value(false, bits.container.size_bits),
            Type::Boolean(boolean) => match self.dice.one_in(2) {
                true => Value::Unsigned(0),
                false => self.integer_value(false, boolean.container.size_bits),
            },
            Type::VariableInteger(variable) => {
                let size = 1 + self.dice.below(64) as u32;
                self.integer_value(variable.signed, size)
            }
            // Halves hold these exactly.
            Type::Float(_) => Value::Float((self.dice.below(4001) as f64 - 2000.0) / 8.0),
            Type::Reversed(inner) => self.value(inner, known),
            Type::String(_) => Value::text(self.dice.pick(&TEXTS[self.least as usize..])),
            Type::Text(text) => {
                let room = match &text.length {
                    Length::UntilNull => u64::MAX,
                    Length::Fixed(length) => *length,
                    Length::Recorded(length) => of(length, known) as u64,
                };
                let units = room / text.encoding.unit_bytes() as u64;
                let whole = matches!(text.length, Length::Recorded(_));
                let characters = if whole { units } else { (self.least + self.dice.below(9)).min(units) };
                Value::Text((0..characters).map(|_| self.dice.pick(b"abXY ")).collect())
            }
            Type::Blob(blob) => {
                let length = match &blob.length {
                    Length::UntilNull => 0,
                    Length::Fixed(length) => *length,
                    Length::Recorded(length) => of(length, known) as u64,
                };
                Value::Text((0..length).map(|_| self.dice.bits() as u8).collect())
            }
            Type::Array(array) => {
                Value::Elements((0..array.length).map(|_| self.value(&array.element, known)).collect())
            }
            Type::Sequence(sequence) => {
                let length = of(&sequence.length, known);
                Value::Elements((0..length).map(|_| self.value(&sequence.element, known)).collect())
            }
            Type::Structure(structure) => self.structure_value(structure, known),
            Type::Optional(optional) => {
                let selector = of(&optional.selector, known);
                let is_there = match &optional.ranges {
                    Some(ranges) => ranges.iter().any(|(first, last)| (*first..=*last).contains(&selector)),
                    None => selector != 0,
                };
                let content = is_there.then(|| self.value(&optional.content.ty, known));
                Value::Elements(content.into_iter().collect())
            }
            Type::Choice(choice) => {
                let selector = of(&choice.selector, known);
                let chosen = choice.ranges.iter().position(|ranges| {
                    ranges.iter().any(|(first, last)| (*first..=*last).contains(&selector))
                });
                let chosen = chosen.expect("an option");
                Value::Option(chosen, Box::new(self.value(&choice.options[chosen].ty, known)))
            }
            other => unreachable!("no {} is made", other.kind()),
        }
    }

    fn integer_value(&mut self, signed: bool, size_bits: u32) -> Value {
        let unused = 64 - size_bits;
        let bits = if self.dice.one_in(4) { u64::MAX } else { self.dice.bits() } << unused;
        if signed { Value::Signed(bits as i64 >> unused) } else { Value::Unsigned(bits >> unused) }
    }
}
