//! What `lttng` 2.13.9 sent, refused and recorded (`tests/vectors/filter/README.md`), against this compiler.

use rttng_filter::{Bytecode, FilterErrorKind, compile};
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

/// Odd and random expressions: whatever the reference did with them, this compiler does.
#[test]
fn odd_expressions_end_as_with_the_reference() {
    let mut accepted = 0;
    for line in &lines("odd.jsonl") {
        let expr = text(line, "expr");
        match (compile(expr), line["data"].as_str()) {
            (Ok(bytecode), Some(data)) => {
                let relocation_offset = line["reloc_offset"].as_u64().unwrap() as u32;
                assert_eq!(
                    bytecode,
                    Bytecode::from_parts(bytes(data), relocation_offset, 0).unwrap(),
                    "{expr}"
                );
                accepted += 1;
            }
            (Err(error), None) => {
                assert_eq!(u64::from(error.lttng_code()), line["exit_status"].as_u64().unwrap(), "{expr}");
                assert_eq!(error.lttng_text(), text(line, "stderr"), "{expr}");
            }
            // More than the tracer's stack holds: refused here on purpose.
            (Err(error), Some(_)) => {
                assert!(matches!(error.kind, FilterErrorKind::StackTooDeep { .. }), "{expr}: {error}");
            }
            (Ok(_), None) => panic!("{expr} compiles"),
        }
    }
    assert!(accepted > 200, "{accepted}");
}
