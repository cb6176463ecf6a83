//! Traces of any types with any values, from a seed: what a writer, a reader and babeltrace2 have to agree on.
//!
//! What babeltrace2 2.0.4 refuses is left out: integers of the other byte order that do not fill bytes, labels that the
//! integer cannot hold. So is what it prints wrong: empty texts of known length, in whose place it has what was there
//! before; signed numbers of 61 to 63 bits that are not decimal, which are 0. It aborts on sequences and variants in the
//! context of a single event, and takes fields named `timestamp` for times of a clock that is not there.

use std::path::Path;

use rttng_ctf::ust::{Abi, EventHeader};
use rttng_ctf::write::{EventValues, PacketHead, StreamWriter, TraceWriter, Value, WriteError};
use rttng_ctf::{
    Array, Base, ByteOrder, Clock, Encoding, Enumeration, EnvValue, EventClass, Field, FieldRef, Float,
    Integer, Mapping, Scope, Sequence, StreamClass, Structure, TraceClass, Type, Uuid, Variant,
};

/// Numbers from a seed (splitmix64).
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// The same numbers for the same seed.
    pub fn new(seed: u64) -> Dice {
        Dice(seed)
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.bits() % end.max(1)
    }

    /// True once in `times`.
    pub fn one_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    /// One of these.
    pub fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize].clone()
    }
}

/// An event that was written.
#[derive(Debug, Clone, PartialEq)]
pub struct WrittenEvent {
    /// Position of its stream class, and of its own.
    pub class: (usize, usize),
    /// Its time, in cycles.
    pub time: u64,
    /// Its values.
    pub values: EventValues,
}

/// A trace that was written: its class, and the events of each of its streams.
#[derive(Debug)]
pub struct AnyTrace {
    /// What was asked for; the metadata may say more of packets.
    pub class: TraceClass,
    /// The events of each data stream.
    pub streams: Vec<Vec<WrittenEvent>>,
}

/// Makes a trace in `folder` out of a seed.
///
/// # Panics
/// When it cannot be written.
pub fn any_trace(seed: u64, folder: &Path) -> AnyTrace {
    let mut maker = Maker { dice: Dice::new(seed), native: ByteOrder::Little, names: 0, clock: None };
    let class = maker.trace();
    let writer = TraceWriter::create(folder, &class).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
    let mut streams = Vec::new();
    for stream in 0..class.streams.len() {
        let instances = 1 + maker.dice.below(2);
        for instance in 0..instances {
            let name = format!("channel{stream}_{instance}");
            let mut out = writer.stream(stream, &name, instance);
            let written = maker.stream(&class, stream, &mut out);
            let events = written.unwrap_or_else(|error| panic!("seed {seed}: {error}\n{class:#?}"));
            out.finish().unwrap_or_else(|error| panic!("seed {seed}: {error}"));
            streams.push(events);
        }
    }
    writer.finish().unwrap_or_else(|error| panic!("seed {seed}: {error}"));
    AnyTrace { class, streams }
}

struct Maker {
    dice: Dice,
    native: ByteOrder,
    names: u64,
    clock: Option<String>,
}

/// Deepest nesting of types.
const DEPTH: u32 = 3;

impl Maker {
    fn name(&mut self) -> String {
        self.names += 1;
        let prefix = self.dice.pick(&["_", "_", "", "f", "_F"]);
        format!("{prefix}x{}", self.names)
    }

    fn text(&mut self, least: u64) -> String {
        let length = least + self.dice.below(8);
        let characters = ['a', 'Z', '0', ' ', '"', '\\', 'é', '\t', '\n', '{', '%', '☃', '\x07', '/'];
        (0..length).map(|_| self.dice.pick(&characters)).collect()
    }

    fn alignment(&mut self) -> u32 {
        1 << self.dice.below(7)
    }

    fn integer(&mut self) -> Integer {
        let is_native = !self.dice.one_in(3);
        let size_bits = if self.dice.one_in(2) {
            self.dice.pick(&[8, 16, 32, 64])
        } else if is_native {
            1 + self.dice.below(64) as u32
        } else {
            8 * (1 + self.dice.below(8) as u32)
        };
        let alignment_bits = if is_native { self.alignment() } else { self.alignment().max(8) };
        let signed = self.dice.one_in(2);
        let base =
            self.dice.pick(&[Base::Decimal, Base::Decimal, Base::Binary, Base::Octal, Base::Hexadecimal]);
        Integer {
            size_bits,
            alignment_bits,
            signed,
            byte_order: if is_native { self.native } else { self.native.reversed() },
            base: if signed && (61..64).contains(&size_bits) { Base::Decimal } else { base },
            encoding: Encoding::None,
            clock: None,
        }
    }

    fn unsigned(&mut self, size_bits: u32) -> Integer {
        Integer::unsigned(size_bits, self.alignment(), self.native)
    }

    fn character(&mut self) -> Integer {
        let encoding = self.dice.pick(&[Encoding::Utf8, Encoding::Ascii]);
        Integer { signed: self.dice.one_in(2), ..Integer::unsigned(8, 8, self.native) }
            .with_encoding(encoding)
    }

    fn enumeration(&mut self) -> Enumeration {
        let container = self.integer();
        let (least, most) = container.range();
        let mut mappings = vec![];
        for number in 0..1 + self.dice.below(3) {
            let first = least + i128::from(self.dice.bits()) % (most - least + 1);
            let last = first + i128::from(self.dice.below(10)).min(most - first);
            let label = if self.dice.one_in(3) { self.text(1) } else { format!("L{number}") };
            mappings.push(if self.dice.one_in(2) {
                Mapping::value(label, first)
            } else {
                Mapping::range(label, first, last)
            });
        }
        Enumeration { container, mappings }
    }

    fn float(&mut self) -> Float {
        let order = self.dice.pick(&[ByteOrder::Little, ByteOrder::Big]);
        let alignment = self.alignment().max(8);
        if self.dice.one_in(2) { Float::single(alignment, order) } else { Float::double(alignment, order) }
    }

    /// Fields, with what they refer to before them.
    fn fields(&mut self, most: u64, depth: u32) -> Vec<Field> {
        let mut fields = Vec::new();
        for _ in 0..self.dice.below(most + 1) {
            let kind = if depth >= DEPTH { self.dice.below(5) } else { self.dice.below(9) };
            match kind {
                6 => {
                    let length = self.name();
                    let size = 3 + self.dice.below(20) as u32;
                    let ty = self.unsigned(size);
                    fields.push(Field::new(length.clone(), ty));
                    let element = Box::new(self.element(depth));
                    let sequence = Sequence { element, length: FieldRef::to(length), min_alignment_bits: 0 };
                    fields.push(Field::new(self.name(), sequence));
                }
                7 => {
                    let tag = self.name();
                    let options: Vec<Field> = (0..1 + self.dice.below(3))
                        .map(|_| {
                            let name = self.name();
                            Field::new(name, self.ty(depth + 1))
                        })
                        .collect();
                    let mappings = options.iter().zip(0u32..).map(|(option, number)| {
                        Mapping::range(option.name.clone(), number * 10, number * 10 + 5)
                    });
                    let container = self.unsigned(6);
                    let mappings = mappings.collect();
                    fields.push(Field::new(tag.clone(), Enumeration { container, mappings }));
                    let variant = Variant { tag: FieldRef::to(tag), options, min_alignment_bits: 0 };
                    fields.push(Field::new(self.name(), variant));
                }
                _ => {
                    let ty = self.ty_of_kind(kind, depth);
                    fields.push(Field::new(self.name(), ty));
                }
            }
        }
        fields
    }

    fn element(&mut self, depth: u32) -> Type {
        if self.dice.one_in(3) { self.character().into() } else { self.ty(depth + 1) }
    }

    fn ty(&mut self, depth: u32) -> Type {
        let kind = if depth >= DEPTH { self.dice.below(5) } else { self.dice.pick(&[0, 1, 2, 3, 4, 5, 8]) };
        self.ty_of_kind(kind, depth)
    }

    fn ty_of_kind(&mut self, kind: u64, depth: u32) -> Type {
        match kind {
            2 => self.enumeration().into(),
            3 => self.float().into(),
            4 => Type::String(self.dice.pick(&[Encoding::Utf8, Encoding::Ascii])),
            5 => {
                let length = 1 + self.dice.below(4);
                Array { element: Box::new(self.element(depth)), length, min_alignment_bits: 0 }.into()
            }
            8 => self.structure(3, depth + 1).into(),
            _ => self.integer().into(),
        }
    }

    fn structure(&mut self, most: u64, depth: u32) -> Structure {
        let fields = self.fields(most, depth);
        let min_alignment_bits = if self.dice.one_in(4) { self.alignment() } else { 0 };
        Structure { fields, min_alignment_bits: if min_alignment_bits > 1 { min_alignment_bits } else { 0 } }
    }

    fn trace(&mut self) -> TraceClass {
        self.native = self.dice.pick(&[ByteOrder::Little, ByteOrder::Little, ByteOrder::Big]);
        let mut class = TraceClass::new(self.native);
        if self.dice.one_in(2) {
            let uuid = [self.dice.bits().to_le_bytes(), self.dice.bits().to_le_bytes()].concat();
            class.uuid = Some(Uuid::from_random(uuid.try_into().expect("16 bytes")));
        }
        for key in ["hostname", "domain", "x"] {
            if self.dice.one_in(2) {
                let value = EnvValue::Text(format!("h{}", self.dice.below(100)));
                class.environment.entries.push((key.to_owned(), value));
            }
        }
        if !self.dice.one_in(4) {
            let frequency = self.dice.pick(&[1_000_000_000, 1_000_000_000, 1_000_000, 3_000_000]);
            let description = self.dice.one_in(2).then(|| self.text(0));
            let clock = Clock {
                frequency,
                description,
                offset_seconds: self.dice.below(1 << 31) as i64,
                precision: self.dice.below(100),
                absolute: self.dice.one_in(2),
                ..Clock::monotonic(None, self.dice.below(frequency) as i64)
            };
            self.clock = Some(clock.name.clone());
            class.clocks.push(clock);
        }
        let streams = 1 + self.dice.below(2);
        class.packet_header = self.packet_header(class.uuid.is_some(), streams > 1);
        class.streams = (0..streams).map(|id| self.stream_class(id)).collect();
        class
    }

    fn packet_header(&mut self, has_uuid: bool, has_ids: bool) -> Option<Structure> {
        if !has_ids && self.dice.one_in(4) {
            return None;
        }
        let mut fields = Vec::new();
        let wide = |size, align| Integer::unsigned(size, align, self.native);
        fields.push(Field::new("magic", wide(32, 8)));
        if has_uuid {
            fields.push(Field::new("uuid", Type::array(wide(8, 8), 16)));
        }
        let (id, instance) = (self.dice.pick(&[8, 16, 32, 64]), self.dice.pick(&[8, 32, 64]));
        let (a, b) = (self.alignment(), self.alignment());
        let wide = |size, align| Integer::unsigned(size, align, self.native);
        if has_ids || self.dice.one_in(2) {
            fields.push(Field::new("stream_id", wide(id, a)));
        }
        if self.dice.one_in(2) {
            fields.push(Field::new("stream_instance_id", wide(instance, b)));
        }
        Some(Structure::of(fields))
    }

    fn stream_class(&mut self, id: u64) -> StreamClass {
        let events = 1 + self.dice.below(4);
        let mut stream = StreamClass { id, ..StreamClass::default() };
        if self.clock.is_some() || self.dice.one_in(2) {
            stream.packet_context = Some(self.packet_context());
        }
        stream.event_header = self.event_header(events > 1);
        if self.dice.one_in(2) {
            stream.event_context = Some(self.structure(3, 1));
        }
        let outer = stream.packet_context.iter().flat_map(|context| &context.fields);
        let outer: Vec<String> =
            outer.filter(|field| field.name == "_count").map(|f| f.name.clone()).collect();
        for id in 0..events {
            let context = self.dice.one_in(4).then(|| self.structure(3, DEPTH));
            let mut fields = self.structure(6, 0);
            if let (Some(name), true) = (outer.first(), self.dice.one_in(2)) {
                // A length in another scope.
                let length = FieldRef { scope: Some(Scope::PacketContext), path: vec![name.clone()] };
                let name = self.name();
                let element = self.integer();
                fields.fields.push(Field::new(name, Type::sequence(element, length)));
            }
            stream.events.push(EventClass {
                id,
                name: format!("event{id}{}", self.dice.pick(&["", ":a b", "\"é"])),
                log_level: None,
                emf_uri: None,
                context,
                fields: (!self.dice.one_in(10)).then_some(fields),
            });
            if stream.event_header.is_none() {
                // Events without bits are none.
                let first = Field::new(self.name(), Integer::unsigned(8, 8, self.native));
                stream.events[0].fields.get_or_insert_default().fields.insert(0, first);
            }
        }
        stream
    }

    fn packet_context(&mut self) -> Structure {
        let mut fields = Vec::new();
        let order = self.native;
        let mut known = |name: &str, align: u32, clock: Option<String>| {
            let integer = Integer { clock, ..Integer::unsigned(64, align, order) };
            fields.push(Field::new(name, integer));
        };
        if let Some(clock) = self.clock.clone() {
            known("timestamp_begin", self.alignment(), Some(clock.clone()));
            known("timestamp_end", self.alignment(), Some(clock));
        }
        known("content_size", self.alignment(), None);
        known("packet_size", self.alignment(), None);
        if self.dice.one_in(2) {
            known("packet_seq_num", self.alignment(), None);
        }
        if self.dice.one_in(2) {
            known("events_discarded", self.alignment(), None);
        }
        if self.dice.one_in(2) {
            let size = self.dice.pick(&[8, 16, 32]);
            fields.push(Field::new("cpu_id", self.unsigned(size)));
        }
        if self.dice.one_in(3) {
            fields.push(Field::new("_count", self.unsigned(7)));
        }
        if self.dice.one_in(3) {
            fields.extend(self.fields(2, 1));
        }
        Structure::of(fields)
    }

    fn event_header(&mut self, has_ids: bool) -> Option<Structure> {
        let abi = Abi { byte_order: self.native, ..Abi::X86_64 };
        let clock = self.clock.clone();
        if let (Some(clock), true) = (&clock, self.dice.one_in(2)) {
            let form = self.dice.pick(&[EventHeader::Compact, EventHeader::Large]);
            return Some(form.structure(&abi, clock));
        }
        if !has_ids && clock.is_none() && self.dice.one_in(2) {
            return None;
        }
        let mut fields = Vec::new();
        if has_ids || clock.is_none() || self.dice.one_in(2) {
            let size = self.dice.pick(&[3, 8, 16, 64]);
            fields.push(Field::new("id", self.unsigned(size)));
        }
        if clock.is_some() {
            let size = self.dice.pick(&[20, 27, 32, 64]);
            let integer = Integer { clock, ..self.unsigned(size) };
            fields.push(Field::new("timestamp", integer));
        }
        Some(Structure::of(fields))
    }

    /// Writes packets with events.
    fn stream(
        &mut self,
        class: &TraceClass,
        number: usize,
        out: &mut StreamWriter,
    ) -> Result<Vec<WrittenEvent>, WriteError> {
        let stream = &class.streams[number];
        let has_clock = self.clock.is_some();
        let mut events = Vec::new();
        let mut clock = if has_clock { self.dice.below(1 << 40) } else { 0 };
        let (mut sequence_number, mut events_discarded) = (self.dice.below(3), 0);
        // Without sizes in its context a file is one packet to other writers; ours adds them.
        for _ in 0..self.dice.below(4) {
            let head = PacketHead { begin: clock, sequence_number, events_discarded };
            let context = stream.packet_context.clone().unwrap_or_default();
            let count = self.dice.below(4);
            let mut values = Vec::new();
            let mut known = Vec::new();
            let roles = ["timestamp_begin", "timestamp_end", "content_size", "packet_size", "packet_seq_num"];
            for field in &context.fields {
                let value = match field.name.as_str() {
                    "_count" => Value::Unsigned(count),
                    "events_discarded" => continue,
                    name if roles.contains(&name) => continue,
                    name => match length_of(&context, name) {
                        Some(_) => Value::Unsigned(1 + self.dice.below(5)),
                        None => self.value(&field.ty, &known),
                    },
                };
                known.push((field.name.clone(), value.clone()));
                values.push((field.name.as_str(), value));
            }
            out.begin_packet(head, &values)?;
            for _ in 0..self.dice.below(12) {
                let class = self.dice.below(stream.events.len() as u64) as usize;
                if has_clock {
                    let step = 1 << self.dice.pick(&[2, 10, 18, 18, 19, 28, 34]);
                    clock += self.dice.below(step);
                }
                let event = &stream.events[class];
                let mut value = |structure: &Option<Structure>| {
                    let count = vec![("_count".to_owned(), Value::Unsigned(count))];
                    structure.as_ref().map(|structure| self.fields_value(structure, count))
                };
                let values = EventValues {
                    stream_context: value(&stream.event_context),
                    context: value(&event.context),
                    fields: value(&event.fields),
                };
                match out.event(class, clock, &values) {
                    Ok(()) => events.push(WrittenEvent { class: (number, class), time: clock, values }),
                    // A step too wide for the header.
                    Err(WriteError::Order(_)) => break,
                    Err(error) => return Err(error),
                }
            }
            if has_clock {
                clock += self.dice.below(1000);
            }
            out.end_packet(clock)?;
            sequence_number += 1 + u64::from(self.dice.one_in(4)) * self.dice.below(5);
            events_discarded += u64::from(self.dice.one_in(4)) * self.dice.below(50);
        }
        Ok(events)
    }

    fn fields_value(&mut self, structure: &Structure, mut known: Vec<(String, Value)>) -> Value {
        let mut values = Vec::new();
        for field in &structure.fields {
            let value = match length_of(structure, &field.name) {
                Some(sequence) => {
                    let least = u64::from(is_character(&sequence.element));
                    Value::Unsigned(least + self.dice.below(5))
                }
                None => self.value(&field.ty, &known),
            };
            known.push((field.name.clone(), value.clone()));
            values.push(value);
        }
        Value::Fields(values)
    }

    fn value(&mut self, ty: &Type, known: &[(String, Value)]) -> Value {
        let of = |reference: &FieldRef| {
            let name = reference.path.last().expect("a path");
            let (_, value) = known.iter().rev().find(|(known, _)| known == name).expect("a field before");
            match value {
                Value::Unsigned(value) => *value,
                other => panic!("{other:?} is no length or tag"),
            }
        };
        match ty {
            Type::Integer(integer) => self.integer_value(integer),
            Type::Enumeration(enumeration) => {
                if enumeration.mappings.iter().all(|mapping| mapping.label.contains('x')) {
                    // The tag of a variant.
                    let option = self.dice.below(enumeration.mappings.len() as u64);
                    return Value::Unsigned(option * 10 + self.dice.below(6));
                }
                self.integer_value(&enumeration.container)
            }
            Type::Float(float) => {
                let value = (self.dice.bits() as i64 >> self.dice.below(60)) as f64 / 1024.0;
                Value::Float(if float.size_bits() == 32 { f64::from(value as f32) } else { value })
            }
            Type::String(_) => Value::text(&self.text(1)),
            Type::Array(array) => self.elements(&array.element, array.length, known),
            Type::Sequence(sequence) => self.elements(&sequence.element, of(&sequence.length), known),
            Type::Structure(structure) => self.fields_value(structure, known.to_vec()),
            Type::Variant(variant) => {
                let option = (of(&variant.tag) / 10) as usize;
                Value::Option(option, Box::new(self.value(&variant.options[option].ty, known)))
            }
            other => unreachable!("no {} is made", other.kind()),
        }
    }

    fn integer_value(&mut self, integer: &Integer) -> Value {
        let unused = 64 - integer.size_bits;
        let bits = if self.dice.one_in(4) { u64::MAX } else { self.dice.bits() } << unused;
        if integer.signed { Value::Signed(bits as i64 >> unused) } else { Value::Unsigned(bits >> unused) }
    }

    fn elements(&mut self, element: &Type, count: u64, known: &[(String, Value)]) -> Value {
        if is_character(element) {
            return Value::Text((0..count).map(|_| self.dice.pick(b"abcXYZ 09")).collect());
        }
        Value::Elements((0..count).map(|_| self.value(element, known)).collect())
    }
}

fn is_character(element: &Type) -> bool {
    matches!(element, Type::Integer(integer) if integer.is_character())
}

/// The sequence in a structure of which that field is the length.
fn length_of<'t>(structure: &'t Structure, name: &str) -> Option<&'t Sequence> {
    structure.fields.iter().find_map(|field| match &field.ty {
        Type::Sequence(sequence) if sequence.length.path == [name] => Some(sequence),
        _ => None,
    })
}
