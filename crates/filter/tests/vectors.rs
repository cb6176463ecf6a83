//! What `lttng` 2.13.9 sent, refused and recorded (`tests/vectors/filter/README.md`), against this compiler.

use rttng_filter::{Bytecode, compile};
use serde_json::Value;

fn lines(name: &str) -> Vec<Value> {
    let path = format!("{}/../../tests/vectors/filter/{name}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_else(|| panic!("{key} in {value}"))
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

#[test]
fn compiles_to_the_bytes_that_the_reference_sends() {
    let lines = lines("compile.jsonl");
    assert_eq!(lines.len(), 153);
    for line in &lines {
        let expr = text(line, "expr");
        let bytecode = compile(expr).unwrap_or_else(|error| panic!("{expr}: {error}"));
        let expected = bytes(text(line, "data"));
        let reference =
            Bytecode::from_parts(expected, line["reloc_offset"].as_u64().unwrap() as u32, 0).unwrap();
        assert_eq!(bytecode, reference, "{expr}");
        assert_eq!(line["len"].as_u64().unwrap() as usize, bytecode.data().len(), "{expr}");
        assert_eq!(Bytecode::from_bytes(&bytecode.to_bytes()).unwrap(), reference, "{expr}");
        assert!(bytecode.instructions().all(|instruction| instruction.is_ok()), "{expr}");
    }
}

#[test]
fn refuses_what_the_reference_refuses_with_its_code_and_text() {
    let lines = lines("refused.jsonl");
    assert_eq!(lines.len(), 92);
    for line in &lines {
        let expr = text(line, "expr");
        let Err(error) = compile(expr) else { panic!("{expr} compiles") };
        assert_eq!(u64::from(error.lttng_code()), line["exit_status"].as_u64().unwrap(), "{expr}");
        assert_eq!(error.lttng_text(), text(line, "stderr"), "{expr}");
        assert!(error.span.start <= error.span.end && error.span.end <= expr.len(), "{expr}: {error:?}");
        assert!(error.render(expr).starts_with("error: "), "{expr}");
    }
}
