//! Laws that hold for every expression and every bytecode, checked on random ones.

use proptest::collection::vec;
use proptest::prelude::*;
use rttng_filter::ast::{BinaryOp, Expr, Item, Link, Node, OpClass, Operator, Reference, UnaryOp};
use rttng_filter::{
    Bytecode, Capture, EvaluationError, EventLayout, FieldIndex, FieldType, Fields, Strictness, Value,
    compile, compile_bytes, link, parse, pattern,
};

fn expr(node: Node) -> Expr {
    Expr { node, span: 0..0 }
}

fn unary(operators: Vec<UnaryOp>, operand: Expr) -> Expr {
    let operators = operators.into_iter().map(|op| Operator { op, span: 0..0 }).collect();
    expr(Node::Unary(operators, Box::new(operand)))
}

fn chain(first: Expr, links: Vec<(BinaryOp, Expr)>) -> Expr {
    let links = links.into_iter().map(|(op, right)| Link { operator: Operator { op, span: 0..0 }, right });
    expr(Node::Chain(Box::new(first), links.collect()))
}

fn any_unary() -> impl Strategy<Value = UnaryOp> {
    prop::sample::select(vec![UnaryOp::Plus, UnaryOp::Minus, UnaryOp::Not, UnaryOp::BitNot])
}

/// Operators of one level.
fn any_operators() -> impl Strategy<Value = Vec<BinaryOp>> {
    (0u8..10, 1usize..4).prop_flat_map(|(level, count)| {
        let level: Vec<_> = BinaryOp::ALL.iter().copied().filter(|op| op.level() == level).collect();
        vec(prop::sample::select(level), count)
    })
}

fn any_name() -> impl Strategy<Value = String> {
    "[a-zA-Z_][a-zA-Z0-9_:]{0,8}|\\$(ctx|app|foo)|:[a-z]|\\\\u00e9[a-z]"
}

/// Any tree that a text can have.
fn any_expr() -> impl Strategy<Value = Expr> {
    let leaf = prop_oneof![
        any::<u64>().prop_map(|value| expr(Node::Integer(value))),
        prop::num::f64::POSITIVE.prop_map(|value| expr(Node::Float(value))),
        "[a-z*\\\\ é]{0,6}|[a-z\"]{1,4}".prop_map(|text| expr(Node::Text(text.into_bytes()))),
        any_name().prop_map(|name| {
            expr(Node::Reference(Reference { items: vec![Item { name, indexes: Vec::new(), span: 0..0 }] }))
        }),
    ];
    leaf.prop_recursive(5, 40, 4, |inner| {
        let index = inner.clone().prop_map(|index| match index.node {
            Node::Chain(..) => expr(Node::Group(Box::new(index))),
            _ => index,
        });
        let item =
            (any_name(), vec(index, 0..3)).prop_map(|(name, indexes)| Item { name, indexes, span: 0..0 });
        prop_oneof![
            (vec(any_unary(), 1..4), inner.clone())
                .prop_map(|(operators, operand)| unary(operators, operand)),
            (any_operators(), vec(inner, 4)).prop_map(|(operators, mut operands)| {
                let first = operands.remove(0);
                chain(first, operators.into_iter().zip(operands).collect())
            }),
            vec(item, 1..4).prop_map(|items| expr(Node::Reference(Reference { items }))),
        ]
    })
}

/// Texts that get past the lexer more often than random ones.
fn any_text() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "a",
        "b.c",
        "$ctx.vpid",
        "$app.p:n",
        "$",
        "[0]",
        "[",
        "]",
        "(",
        ")",
        "1",
        "0u",
        "0x1f",
        "0X1",
        "1.5",
        ".5",
        "0x1.8p3",
        "\"s\"",
        "\"a*b\"",
        "'*'",
        "\"\\\\\"",
        "\"",
        "L'x'",
        "ESCSEQ",
        "+",
        "-",
        "*",
        "/",
        "%",
        "!",
        "~",
        "&",
        "|",
        "^",
        "<<",
        ">>",
        "==",
        "!=",
        "<",
        ">=",
        "&&",
        "||",
        " ",
        "\n",
        "//",
        "/*",
        "*/",
        "é",
        "\u{1F600}",
        "\\u00e9",
        "::",
        "...",
        "->",
        "\0",
        "#",
    ]);
    prop_oneof![vec(piece, 0..24).prop_map(|pieces| pieces.concat()), any::<String>()]
}

/// An event that has every name, of a type that the name decides, and values that the position decides.
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
            FieldType::Other,
        ];
        let index = name.bytes().fold(0u32, |sum, byte| sum + u32::from(byte)) % kinds.len() as u32;
        Some((index, kinds[index as usize]))
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
            0 => Value::Signed(-3),
            1 => Value::Unsigned(u64::MAX),
            2 => Value::Double(f64::NAN),
            3 => Value::Text(b"text\0more"),
            _ => Value::None,
        }
    }

    fn element(&self, _: FieldIndex, index: u64) -> Value<'_> {
        if index < 2 { Value::Unsigned(index) } else { Value::None }
    }

    fn context(&self, context: FieldIndex) -> Value<'_> {
        Fields::payload(self, context)
    }

    fn app_context(&self, context: FieldIndex) -> Value<'_> {
        Fields::payload(self, context)
    }
}

/// Does with bytecode all that can be done with it.
fn exercise(bytecode: &Bytecode) {
    let listing = bytecode.disassemble().to_string();
    assert!(listing.len() <= 200 + 400 * bytecode.data().len());
    let valid = bytecode.validate().is_ok();
    assert_eq!(Bytecode::from_bytes(&bytecode.to_bytes()).unwrap(), *bytecode);
    for strictness in [Strictness::Rttng, Strictness::LttngUst] {
        match link(bytecode, &Everything, strictness) {
            Ok(program) => {
                assert!(valid);
                let outcome = program.run(&Everything);
                assert_ne!(outcome.err(), Some(EvaluationError::Program), "{listing}");
                assert_eq!(program.accepts(&Everything), program.evaluate(&Everything).unwrap_or(false));
            }
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
}

/// Integer expressions over the fields `i`, `j`, and what they are for given values, worked out on the tree.
fn integer_expr() -> impl Strategy<Value = Expr> {
    let field = |name: &str| {
        let items = vec![Item { name: name.into(), indexes: Vec::new(), span: 0..0 }];
        expr(Node::Reference(Reference { items }))
    };
    let leaf = prop_oneof![
        (0u64..70).prop_map(|value| expr(Node::Integer(value))),
        any::<u64>().prop_map(|value| expr(Node::Integer(value))),
        Just(field("i")),
        Just(field("j")),
    ];
    leaf.prop_recursive(6, 60, 4, |inner| {
        let operators = any_operators().prop_filter("no arithmetic", |operators| {
            operators.iter().all(|op| op.class() != OpClass::Arithmetic)
        });
        prop_oneof![
            (vec(any_unary(), 1..3), inner.clone())
                .prop_map(|(operators, operand)| unary(operators, operand)),
            (operators, vec(inner, 4)).prop_map(|(operators, mut operands)| {
                let first = operands.remove(0);
                chain(first, operators.into_iter().zip(operands).collect())
            }),
        ]
    })
}

struct Pair(i64, i64);

impl EventLayout for Pair {
    fn find_payload(&self, name: &str) -> Option<(FieldIndex, FieldType)> {
        let index = ["i", "j"].iter().position(|known| *known == name)?;
        Some((index as FieldIndex, FieldType::Integer { signed: true }))
    }

    fn find_context(&self, _: &str) -> Option<(FieldIndex, FieldType)> {
        None
    }

    fn find_app_context(&self, _: &str, _: &str) -> Option<FieldIndex> {
        None
    }
}

impl Fields for Pair {
    fn payload(&self, field: FieldIndex) -> Value<'_> {
        Value::Signed(if field == 0 { self.0 } else { self.1 })
    }

    fn element(&self, _: FieldIndex, _: u64) -> Value<'_> {
        Value::None
    }

    fn context(&self, _: FieldIndex) -> Value<'_> {
        Value::None
    }

    fn app_context(&self, _: FieldIndex) -> Value<'_> {
        Value::None
    }
}

/// The meaning of an integer expression; `None` where a shift is out of range.
fn meaning(expr: &Expr, fields: &Pair) -> Option<i64> {
    match &expr.node {
        Node::Integer(value) => Some(*value as i64),
        Node::Reference(reference) => Some(if reference.items[0].name == "i" { fields.0 } else { fields.1 }),
        Node::Unary(operators, operand) => {
            operators.iter().rev().try_fold(meaning(operand, fields)?, |value, operator| {
                Some(match operator.op {
                    UnaryOp::Plus => value,
                    UnaryOp::Minus => value.wrapping_neg(),
                    UnaryOp::Not => (value == 0).into(),
                    UnaryOp::BitNot => !value,
                })
            })
        }
        Node::Chain(first, links) => {
            let mut left = meaning(first, fields)?;
            for Link { operator, right } in links {
                let right = || meaning(right, fields);
                left = match operator.op {
                    BinaryOp::And if left == 0 => 0,
                    BinaryOp::Or if left != 0 => 1,
                    BinaryOp::And | BinaryOp::Or => right()?,
                    BinaryOp::Equal => (left == right()?).into(),
                    BinaryOp::NotEqual => (left != right()?).into(),
                    BinaryOp::Less => (left < right()?).into(),
                    BinaryOp::Greater => (left > right()?).into(),
                    BinaryOp::LessOrEqual => (left <= right()?).into(),
                    BinaryOp::GreaterOrEqual => (left >= right()?).into(),
                    BinaryOp::BitOr => left | right()?,
                    BinaryOp::BitXor => left ^ right()?,
                    BinaryOp::BitAnd => left & right()?,
                    BinaryOp::ShiftLeft => (left as u64).checked_shl(u32::try_from(right()?).ok()?)? as i64,
                    BinaryOp::ShiftRight => (left as u64).checked_shr(u32::try_from(right()?).ok()?)? as i64,
                    other => panic!("{other:?}"),
                };
            }
            Some(left)
        }
        other => panic!("{other:?}"),
    }
}

/// Pattern matching as its definition reads, by trying everything.
fn matches_by_definition(pattern: &[u8], candidate: &[u8]) -> bool {
    match (pattern, candidate) {
        ([] | [b'*'], []) => true,
        (_, []) | ([], _) => false,
        ([b'*', rest @ ..], [_, shorter @ ..]) => {
            matches_by_definition(pattern, shorter)
                || rest.is_empty()
                || matches_by_definition(rest, candidate)
        }
        ([b'\\', escaped, rest @ ..], [byte, shorter @ ..]) => {
            escaped == byte && matches_by_definition(rest, shorter)
        }
        ([b'\\'], _) => false,
        ([expected, rest @ ..], [byte, shorter @ ..]) => {
            expected == byte && matches_by_definition(rest, shorter)
        }
    }
}

/// A newline that is dropped made letters of it that LTTng refuses.
#[test]
fn a_text_of_reserved_letters_is_printed_as_it_can_be_read() {
    let tree = parse(b"s == 'an ESC\nSEQ, and ESCSE\nQ'").unwrap();
    assert_eq!(parse(tree.to_string().as_bytes()), Ok(tree));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_printed_tree_parses_to_itself(tree in any_expr()) {
        let text = tree.to_string();
        let parsed = parse(text.as_bytes());
        prop_assert_eq!(parsed.as_ref(), Ok(&tree), "{}", text);
    }

    #[test]
    fn any_text_compiles_or_is_refused_at_a_place_inside_it(text in any_text()) {
        match compile(&text) {
            Ok(bytecode) => {
                prop_assert_eq!(bytecode.validate(), Ok(()), "{}", text);
                exercise(&bytecode);
            }
            Err(error) => {
                prop_assert!(error.span.start <= error.span.end && error.span.end <= text.len(), "{:?}", error);
                prop_assert!(error.render(&text).contains(&error.kind.to_string()));
                error.lttng_text();
            }
        }
        let _ = Capture::parse(&text);
    }

    #[test]
    fn any_bytes_compile_or_are_refused(text in vec(any::<u8>(), 0..200)) {
        let _ = compile_bytes(&text);
    }

    #[test]
    fn whatever_compiles_is_valid(tree in any_expr()) {
        if let Ok(bytecode) = compile(&tree.to_string()) {
            prop_assert_eq!(bytecode.validate(), Ok(()));
            exercise(&bytecode);
        }
    }

    #[test]
    fn programs_mean_what_their_text_says(tree in integer_expr(), i in any::<i64>(), j in -2i64..70) {
        let text = tree.to_string();
        // A tree may need more stack than there is.
        if let Ok(bytecode) = compile(&text) {
            for fields in [Pair(i, j), Pair(j, i), Pair(0, j), Pair(j, 0)] {
                let program = link(&bytecode, &fields, Strictness::Rttng).unwrap();
                let expected = meaning(&tree, &fields);
                prop_assert_eq!(program.evaluate(&fields).ok(), expected.map(|value| value != 0), "{}", text);
            }
        }
    }

    /// Most filters begin with a comparison, by which most events are rejected before the program runs.
    #[test]
    fn the_first_comparison_decides_as_the_whole_does(
        mask in prop_oneof![Just(-1i64), Just(1023), Just(7), any::<i64>()],
        relation in prop::sample::select(vec!["==", "!=", "<", ">", "<=", ">="]),
        number in -3i64..9,
        shape in prop::sample::select(vec!["{F}", "{F} && ({T})", "{F} && ({T}) && j < 5", "{F} || ({T})", "({F} && j > 3) || ({T})"]),
        tree in integer_expr(),
        i in prop_oneof![-9i64..9, any::<i64>()],
        j in -2i64..70,
    ) {
        for first in [format!("i {relation} {number}"), format!("(i & {mask}) {relation} {number}")] {
            let text = shape.replace("{F}", &first).replace("{T}", &tree.to_string());
            if let Ok(bytecode) = compile(&text) {
                let fields = Pair(i, j);
                let program = link(&bytecode, &fields, Strictness::Rttng).unwrap();
                let whole = program.evaluate(&fields).unwrap_or(false);
                prop_assert_eq!(program.accepts(&fields), whole, "{}", text);
            }
        }
    }

    #[test]
    fn random_bytecode_does_no_harm(data in vec(any::<u8>(), 0..80), split in any::<prop::sample::Index>()) {
        let offset = split.index(data.len() + 1) as u32;
        exercise(&Bytecode::from_parts(data, offset, 0).unwrap());
    }

    #[test]
    fn mutated_bytecode_does_no_harm(
        tree in integer_expr(),
        changes in vec((any::<prop::sample::Index>(), prop_oneof![any::<u8>(), 0u8..100]), 1..4),
    ) {
        if let Ok(bytecode) = compile(&format!("({tree}) && a[0] == \"x*\" || $app.p:n < 2.5 && $ctx.s == \"a*b\"")) {
            let mut data = bytecode.data().to_vec();
            for (at, byte) in changes {
                let at = at.index(data.len());
                data[at] = byte;
            }
            exercise(&Bytecode::from_parts(data, bytecode.relocation_offset(), 0).unwrap());
        }
    }

    #[test]
    fn any_envelope_reads_or_is_refused(bytes in vec(any::<u8>(), 0..100)) {
        if let Ok(bytecode) = Bytecode::from_bytes(&bytes) {
            exercise(&bytecode);
        }
    }

    #[test]
    fn patterns_match_as_defined(pattern in "[ab*\\\\]{0,8}", candidate in "[ab*]{0,8}") {
        let (pattern, candidate) = (pattern.as_bytes(), candidate.as_bytes());
        let expected = matches_by_definition(pattern, candidate);
        prop_assert_eq!(pattern::matches(pattern, candidate), expected);
        if expected {
            prop_assert!(pattern::overlap(pattern, &candidate.escape_stars()));
            prop_assert!(pattern::matches(&pattern::collapse_stars(pattern), candidate));
        }
    }
}

trait EscapeStars {
    /// A pattern that matches exactly these bytes.
    fn escape_stars(&self) -> Vec<u8>;
}

impl EscapeStars for [u8] {
    fn escape_stars(&self) -> Vec<u8> {
        self.iter().flat_map(|&byte| [b'\\', byte]).collect()
    }
}

/// What the reference survives only just, or not at all.
#[test]
fn extreme_expressions_end_with_a_clear_answer() {
    let nested = |count: usize| format!("{}i{}", "(".repeat(count), ")".repeat(count));
    assert!(compile(&nested(255)).is_ok());
    for text in [
        nested(256),
        nested(32_000),
        format!("{}i{}", "a && (".repeat(5000), ")".repeat(5000)),
        "a[".repeat(20_000),
        "((((((!".repeat(9000),
    ] {
        let error = compile(&text).unwrap_err();
        assert!(error.to_string().contains("nested deeper"), "{error}");
    }
    // One more value than the tracer has room for ends real applications.
    assert!(compile("a|(b|(c|(d|(e|(f|(g|h))))))").is_ok());
    let error = compile("a|(b|(c|(d|(e|(f|(g|(h|i)))))))").unwrap_err();
    assert!(error.to_string().contains("needs 9 intermediate values"), "{error}");
    // Sizes: text, generated code, what fits a message.
    assert!(compile(&format!("i{}", " ".repeat(65534))).is_ok());
    assert!(compile(&format!("i{}", " ".repeat(65535))).unwrap_err().to_string().contains("65536 bytes"));
    assert_eq!(compile(&format!("i{}", "|i".repeat(8184))).unwrap().data().len(), 65480);
    assert!(compile(&format!("i{}", "|i".repeat(8186))).unwrap_err().to_string().contains("can be sent"));
    let too_much = compile(&format!("i{}", "|i".repeat(20_000))).unwrap_err();
    assert_eq!(too_much.lttng_text(), "Generate bytecode error\n");
    assert!(compile(&"!".repeat(65_000)).unwrap_err().to_string().contains("found the end"));
}

#[test]
fn an_error_points_at_its_place() {
    let text = "i == 1 &&\n name = \"x\"";
    let rendered = compile(text).unwrap_err().render(text);
    let lines: Vec<&str> = rendered.lines().collect();
    assert_eq!(lines[0], "error: expected an operator or the end of the expression, found `=`");
    let marked = lines.iter().position(|line| line.contains('^')).unwrap();
    assert_eq!(lines[marked].find('^').unwrap(), lines[marked - 1].find('=').unwrap(), "{rendered}");
}
