//! Any bytes that pass validation link or fail with an error, and run to an end on whatever they link to. The first two
//! (little-endian) are the offset of the relocation table in the others.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rttng_filter::{
    Bytecode, EvaluationError, EventLayout, FieldIndex, FieldType, Fields, Strictness, Value, link,
};

/// Has every name; its last letter decides the type.
struct Everything;

impl EventLayout for Everything {
    fn find_payload(&self, name: &str) -> Option<(FieldIndex, FieldType)> {
        let kinds = [
            FieldType::Integer { signed: true },
            FieldType::Integer { signed: false },
            FieldType::Float,
            FieldType::Text,
            FieldType::Array { length: 3, signed: true },
            FieldType::Sequence { signed: false },
            FieldType::Dynamic,
            FieldType::Other,
        ];
        let index = name.bytes().last().unwrap_or(0) as usize % kinds.len();
        Some((index as FieldIndex, kinds[index]))
    }

    fn find_context(&self, name: &str) -> Option<(FieldIndex, FieldType)> {
        self.find_payload(name)
    }

    fn find_app_context(&self, _: &str, name: &str) -> Option<FieldIndex> {
        self.find_payload(name).map(|(index, _)| index)
    }
}

impl Fields for Everything {
    fn payload(&self, field: FieldIndex) -> Value<'_> {
        match field {
            0 => Value::Signed(i64::MIN),
            1 => Value::Unsigned(u64::MAX),
            2 => Value::Double(f64::NEG_INFINITY),
            3 => Value::Text(b"text\0more"),
            _ => Value::None,
        }
    }

    fn element(&self, _: FieldIndex, index: u64) -> Value<'_> {
        if index < 2 { Value::Unsigned(index) } else { Value::None }
    }

    fn context(&self, context: FieldIndex) -> Value<'_> {
        self.payload(context)
    }

    fn app_context(&self, context: FieldIndex) -> Value<'_> {
        self.payload(context)
    }
}

fuzz_target!(|input: &[u8]| {
    let Some((offset, data)) = input.split_first_chunk::<2>() else { return };
    if let Ok(bytecode) = Bytecode::from_bytes(data) {
        bytecode.disassemble().to_string();
    }
    let offset = u32::from(u16::from_le_bytes(*offset)) % (data.len() as u32 + 1);
    let Ok(bytecode) = Bytecode::from_parts(data.to_vec(), offset, 0) else { return };
    bytecode.disassemble().to_string();
    let valid = bytecode.validate().is_ok();
    for strictness in [Strictness::Rttng, Strictness::LttngUst] {
        if let Ok(program) = link(&bytecode, &Everything, strictness) {
            assert!(valid);
            assert_ne!(program.run(&Everything).err(), Some(EvaluationError::Program));
        }
    }
});
