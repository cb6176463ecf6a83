//! Traces with fields of every type and any values, and what the JSON of them says: the truth that other forms are
//! measured against.

use std::path::{Path, PathBuf};

use proptest::prelude::*;
use rttng_ctf::read::{Options, Reader};
use rttng_view::json::JsonPrinter;
use rttng_view::select::{Selection, Selector};
use rttng_view::{Printer, run};
use serde_json::Value;

const METADATA: &str = r#"/* CTF 1.8 */
typealias integer { size = 8; align = 8; signed = false; } := uint8_t;
typealias integer { size = 16; align = 8; signed = false; } := uint16_t;
typealias integer { size = 32; align = 8; signed = false; } := uint32_t;
typealias integer { size = 64; align = 8; signed = false; } := uint64_t;
typealias integer { size = 8; align = 8; signed = true; } := int8_t;
typealias integer { size = 16; align = 8; signed = true; } := int16_t;
typealias integer { size = 32; align = 8; signed = true; } := int32_t;
typealias integer { size = 64; align = 8; signed = true; } := int64_t;
typealias integer { size = 8; align = 8; signed = false; encoding = UTF8; } := utf8_t;
typealias floating_point { exp_dig = 8; mant_dig = 24; align = 8; } := float;
typealias floating_point { exp_dig = 11; mant_dig = 53; align = 8; } := double;
typealias integer { size = 64; align = 8; signed = false; map = clock.c.value; } := ts_t;
trace { major = 1; minor = 8; uuid = "2a6422d0-6cee-11e0-8c08-cb07d7b3a564"; byte_order = le;
    packet.header := struct { uint32_t magic; uint8_t uuid[16]; uint32_t stream_id; }; };
env { hostname = "a,\"b\""; };
clock { name = c; freq = 1000000000; offset = 1700000000000000000; };
stream { id = 0;
    packet.context := struct { ts_t timestamp_begin; ts_t timestamp_end; uint64_t content_size; uint64_t packet_size;
        uint32_t cpu_id; int16_t _more; };
    event.header := struct { uint8_t id; ts_t timestamp; };
    event.context := struct { int32_t _vpid; int32_t _vtid; string _procname; uint64_t _ip; };
};
event { name = "any:value"; id = 0; stream_id = 0; loglevel = 6; fields := struct {
    uint8_t _u8; uint16_t _u16; uint32_t _u32; uint64_t _u64; int8_t _i8; int16_t _i16; int32_t _i32; int64_t _i64;
    integer { size = 3; align = 1; signed = true; } _three; integer { size = 5; align = 1; signed = false; } _five;
    float _f; double _d; string _text; string _timestamp;
    enum : uint8_t { A = 0, B = 1, LOW = 0 ... 3, HIGH = 200 ... 255 } _state;
    enum : int64_t { MIN = -9223372036854775807, NONE = -1, ZERO = 0 } _wide;
    struct { int32_t x; struct { uint8_t y; } inner; struct { } nothing; } _point;
    uint16_t _fixed[3]; utf8_t _name[8];
    uint8_t _count; int64_t _list[_count];
    uint8_t _rows; struct { uint8_t n; uint32_t cells[n]; string label; } _table[_rows];
    enum : uint8_t { X = 0, Y = 1 } _states[2];
    enum : uint8_t { number = 0, text = 1, pair = 2 } _tag;
    variant <_tag> { int64_t number; string text; struct { uint8_t a; uint16_t b[2]; } pair; } _choice;
    uint8_t _TEXT;
}; };
event { name = "any:none"; id = 1; stream_id = 0; };
"#;

/// What was chosen of `_choice`.
#[derive(Debug, Clone)]
pub(crate) enum Choice {
    Number(i64),
    Text(Vec<u8>),
    Pair(u8, [u16; 2]),
}

/// An event.
#[derive(Debug, Clone)]
pub(crate) struct AnyEvent {
    pub(crate) ids: (i32, i32),
    pub(crate) name: Vec<u8>,
    pub(crate) numbers: (u64, i64, u8),
    pub(crate) floats: (f32, f64),
    pub(crate) texts: (Vec<u8>, Vec<u8>),
    pub(crate) states: (u8, i64, [bool; 2]),
    pub(crate) point: (i32, u8),
    pub(crate) fixed: ([u16; 3], [u8; 8]),
    pub(crate) list: Vec<i64>,
    pub(crate) table: Vec<(Vec<u32>, Vec<u8>)>,
    pub(crate) choice: Choice,
    /// Nothing but a name.
    pub(crate) is_bare: bool,
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        Just(Vec::new()),
        "[ -~\n\r\t]{0,12}".prop_map(String::into_bytes),
        ".{0,12}".prop_map(|text| text.replace('\0', "").into_bytes()),
        prop::collection::vec(1u8.., 0..12),
    ]
}

/// Any event.
pub(crate) fn any_event() -> impl Strategy<Value = AnyEvent> {
    let choice = prop_oneof![
        any::<i64>().prop_map(Choice::Number),
        text().prop_map(Choice::Text),
        (any::<u8>(), any::<[u16; 2]>()).prop_map(|(a, b)| Choice::Pair(a, b)),
    ];
    let floats = (prop::num::f32::ANY, prop::num::f64::ANY);
    let wide = prop_oneof![Just(-1i64), Just(0), any::<i64>()];
    let values = ((0i32..4, 0i32..4), text(), any::<(u64, i64, u8)>(), floats, (text(), text()));
    let nested = (
        (any::<u8>(), wide, any::<[bool; 2]>()),
        any::<(i32, u8)>(),
        any::<([u16; 3], [u8; 8])>(),
        prop::collection::vec(any::<i64>(), 0..5),
        prop::collection::vec((prop::collection::vec(any::<u32>(), 0..4), text()), 0..4),
        choice,
        prop::bool::weighted(0.1),
    );
    (values, nested).prop_map(|(values, nested)| {
        let (ids, name, numbers, floats, texts) = values;
        let (states, point, fixed, list, table, choice, is_bare) = nested;
        AnyEvent { ids, name, numbers, floats, texts, states, point, fixed, list, table, choice, is_bare }
    })
}

fn put_text(out: &mut Vec<u8>, text: &[u8]) {
    out.extend(text);
    out.push(0);
}

impl AnyEvent {
    fn put(&self, time: u64, out: &mut Vec<u8>) {
        out.push(u8::from(self.is_bare));
        out.extend(time.to_le_bytes());
        out.extend(self.ids.0.to_le_bytes());
        out.extend(self.ids.1.to_le_bytes());
        put_text(out, &self.name);
        out.extend(self.numbers.0.to_le_bytes());
        if self.is_bare {
            return;
        }
        let (unsigned, signed, bits) = self.numbers;
        let (unsigned, signed) = (unsigned.to_le_bytes(), signed.to_le_bytes());
        for bytes in [unsigned, signed] {
            for size in [1, 2, 4, 8] {
                out.extend(&bytes[..size]);
            }
        }
        out.push(bits);
        out.extend(self.floats.0.to_le_bytes());
        out.extend(self.floats.1.to_le_bytes());
        put_text(out, &self.texts.0);
        put_text(out, &self.texts.1);
        out.push(self.states.0);
        out.extend(self.states.1.to_le_bytes());
        out.extend(self.point.0.to_le_bytes());
        out.push(self.point.1);
        self.fixed.0.iter().for_each(|value| out.extend(value.to_le_bytes()));
        out.extend(self.fixed.1);
        out.push(self.list.len() as u8);
        self.list.iter().for_each(|value| out.extend(value.to_le_bytes()));
        out.push(self.table.len() as u8);
        for (cells, label) in &self.table {
            out.push(cells.len() as u8);
            cells.iter().for_each(|cell| out.extend(cell.to_le_bytes()));
            put_text(out, label);
        }
        self.states.2.iter().for_each(|state| out.push(u8::from(*state)));
        match &self.choice {
            Choice::Number(number) => {
                out.push(0);
                out.extend(number.to_le_bytes());
            }
            Choice::Text(text) => {
                out.push(1);
                put_text(out, text);
            }
            Choice::Pair(a, b) => {
                out.extend([2, *a]);
                b.iter().for_each(|b| out.extend(b.to_le_bytes()));
            }
        }
        out.push(7);
    }
}

/// Writes a trace of these events, in packets of a few.
pub(crate) fn write(folder: &Path, events: &[AnyEvent]) {
    let mut data = Vec::new();
    for (number, events) in events.chunks(3).enumerate() {
        let time = |i: usize| (number * 3 + i) as u64 * 1000;
        let mut content = Vec::new();
        events.iter().enumerate().for_each(|(i, event)| event.put(time(i), &mut content));
        data.extend(0xc1fc_1fc1_u32.to_le_bytes());
        data.extend([
            0x2a, 0x64, 0x22, 0xd0, 0x6c, 0xee, 0x11, 0xe0, 0x8c, 0x08, 0xcb, 0x07, 0xd7, 0xb3, 0xa5, 0x64,
        ]);
        data.extend(0u32.to_le_bytes());
        let bits = (24 + 38 + content.len() as u64) * 8;
        for value in [time(0), time(events.len() - 1), bits, bits] {
            data.extend(value.to_le_bytes());
        }
        data.extend((number as u32 % 2).to_le_bytes());
        data.extend((-5i16).to_le_bytes());
        data.extend(content);
    }
    std::fs::write(folder.join("metadata"), METADATA).unwrap();
    std::fs::write(folder.join("data"), data).unwrap();
}

/// Runs a printer over a trace.
pub(crate) fn print<P: Printer>(trace: &Path, selection: Selection, make: impl FnOnce(&Reader) -> P) {
    let mut reader = Reader::open(&[trace.to_owned()], &Options::default()).unwrap();
    let mut selector = Selector::new(selection, &reader).unwrap();
    let mut printer = make(&reader);
    run(&mut reader, &mut selector, &mut printer).unwrap();
}

/// The events of a trace as JSON.
pub(crate) fn json(trace: &Path) -> Vec<Value> {
    let mut text = Vec::new();
    print(trace, Selection::default(), |reader| JsonPrinter::new(reader, &mut text));
    let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let values = lines.map(|line| serde_json::from_slice::<Value>(line).unwrap());
    values.filter(|value| value.get("event").is_some()).collect()
}

/// The same without what only JSON has: names of bits; BLOBs are hexadecimal digits.
pub(crate) fn plain(value: &Value) -> Value {
    match value {
        Value::Object(object) if object.len() == 2 && object.contains_key("flags") => object["value"].clone(),
        Value::Object(object) if object.contains_key("base64") => {
            hex(object["base64"].as_str().unwrap()).into()
        }
        Value::Object(object) => {
            Value::Object(object.iter().map(|(key, value)| (key.clone(), plain(value))).collect())
        }
        Value::Array(list) => list.iter().map(plain).collect(),
        other => other.clone(),
    }
}

fn hex(base64: &str) -> String {
    let digit = |byte: u8| match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let mut hex = String::new();
    let (mut bits, mut count) = (0u32, 0);
    for byte in base64.bytes().take_while(|byte| *byte != b'=') {
        (bits, count) = (bits << 6 | u32::from(digit(byte)), count + 6);
        if count >= 8 {
            count -= 8;
            hex.push_str(&format!("{:02x}", bits >> count & 0xff));
        }
    }
    hex
}

/// The recorded traces that the project keeps.
pub(crate) fn recorded() -> Vec<PathBuf> {
    let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors");
    let below = |folder: &str| {
        let entries = std::fs::read_dir(vectors.join(folder)).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect::<Vec<PathBuf>>()
    };
    let of_lttng = below("trace").into_iter().map(|folder| folder.join("trace"));
    let found: Vec<PathBuf> = of_lttng.chain(below("ctf2")).filter(|folder| folder.is_dir()).collect();
    assert!(found.len() > 5);
    found
}

/// The value and labels of an enumeration, if it is one.
pub(crate) fn enumeration(value: &Value) -> Option<(&Value, Option<String>)> {
    let labels = value.get("labels")?.as_array()?;
    let labels: Vec<&str> = labels.iter().map(|label| label.as_str().unwrap()).collect();
    Some((value.get("value")?, (!labels.is_empty()).then(|| labels.join("|"))))
}
