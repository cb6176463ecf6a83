//! What the macros declare: names, levels and fields as a session daemon is told of them, and that nothing is computed
//! for an event that nobody wants.

use std::cell::Cell;
use std::time::Duration;

use rttng_ust::{
    EventClass, FieldType, Hex, LogLevel, Shown, Value, enabled, event, show, tracef, tracelog, tracepoint,
};

#[derive(Value, Debug, Clone, Copy, PartialEq)]
#[repr(u8)]
enum Colour {
    Red = 1,
    #[value(rename = "dark green")]
    Green = 7,
    Blue,
}

#[derive(Value)]
enum Signed {
    Below = -3,
    Above = 3,
}

#[derive(Value)]
struct Point<T> {
    x: T,
    y: T,
    #[value(skip)]
    _private: (),
}

#[derive(Value)]
struct Wrapped(u16);

#[derive(Value)]
struct Line {
    from: Point<i32>,
    colour: Colour,
    width: Option<f64>,
}

/// An order was placed.
#[tracepoint("shop:order", level = INFO, uri = "https://example.com/shop")]
fn order(id: u64, customer: &str, lines: &[u32]);

#[tracepoint("shop:empty")]
pub(crate) fn empty();

fn names(class: &EventClass) -> Vec<&'static str> {
    class.fields().iter().map(|field| field.name).collect()
}

#[test]
fn a_tracepoint_is_a_function_and_a_class() {
    order(7, "Ada", &[1, 2]);
    empty();
    let class = order::class();
    assert_eq!((class.name(), class.log_level()), ("shop:order", LogLevel::Info));
    assert_eq!(class.model_emf_uri(), Some("https://example.com/shop"));
    assert_eq!(names(class), ["id", "customer", "lines"]);
    assert_eq!(class.fields()[1].ty, FieldType::Text);
    assert_eq!(empty::class().log_level(), LogLevel::DebugLine);
    assert!(!enabled!(order) && !enabled!(empty));
}

#[test]
fn nothing_is_computed_for_an_event_that_nobody_wants() {
    let computed = Cell::new(0);
    let costly = || {
        computed.set(computed.get() + 1);
        computed.get()
    };
    event!("shop:costly", level = DEBUG, let twice = costly() * 2, twice: i32, once: i32 = costly());
    tracef!("{}", costly());
    tracelog!(LogLevel::Crit, "{}", costly());
    assert_eq!(computed.get(), 0);
}

#[test]
fn every_type_can_be_a_field() {
    let text = String::from("text");
    let numbers = vec![1u16, 2];
    let count = numbers.len();
    let r#type = 3u8;
    event!(
        "types:all",
        level = DEBUG_FUNCTION,
        uri = "urn:x",
        count: usize,
        r#type: u8,
        small: i8 = -1,
        ratio: f32 = 0.5,
        yes: bool = true,
        letter: char = 'ä',
        text: &str = &text,
        owned: String = format!("{text}{text}"),
        numbers: &[u16] = &numbers,
        fixed: [i64; 2] = [1, 2],
        maybe: Option<u32> = None,
        flags: Hex<u32> = Hex(0x10),
        wait: Duration = Duration::from_millis(3),
        address: *const u8 = text.as_ptr(),
        colour: Colour = Colour::Blue,
        shown: Shown = show(1.5),
        point: &Point<u8> = &Point { x: 1, y: 2, _private: () },
        wrapped: Wrapped = Wrapped(3),
        line: Line = Line {
            from: Point { x: 1, y: 2, _private: () },
            colour: Colour::Red,
            width: None,
        },
    );
}

#[test]
fn derived_types_describe_themselves() {
    let FieldType::Enumeration(colour) = Colour::TYPE else { panic!("{:?}", Colour::TYPE) };
    let entries: Vec<(&str, i128)> = colour.entries.iter().map(|entry| (entry.label, entry.start)).collect();
    assert_eq!(entries, [("Red", 1), ("dark green", 7), ("Blue", 8)]);
    assert_eq!((colour.name, colour.container.size_bits, colour.container.signed), ("Colour", 8, false));
    let FieldType::Enumeration(signed) = Signed::TYPE else { panic!("{:?}", Signed::TYPE) };
    assert_eq!((signed.container.size_bits, signed.container.signed), (32, true));
    assert_eq!(signed.entries[0].start, -3);
    assert!([Signed::Below, Signed::Above].iter().any(|of| matches!(of, Signed::Above)));
    assert_eq!(Wrapped::TYPE, <u16 as Value>::TYPE);
    let FieldType::Structure(line) = Line::TYPE else { panic!("{:?}", Line::TYPE) };
    assert_eq!(line.iter().map(|field| field.name).collect::<Vec<_>>(), ["from", "colour", "width"]);
    assert_eq!(Line::TYPE.leaf_count(), 4);
}

#[test]
fn derived_values_are_written_and_shown_to_filters_alike() {
    use rttng_ust::{FieldView, Payload, SlotWriter};
    let line = Line {
        from: Point { x: -1, y: 2, _private: () },
        colour: Colour::Blue,
        width: Some(0.5),
    };
    let payload = (line, Signed::Below, Wrapped(9));
    let mut bytes = vec![0; payload.measure().bytes()];
    payload.write(&mut SlotWriter::over(&mut bytes));
    let mut expected = Vec::new();
    expected.extend((-1i32).to_ne_bytes());
    expected.extend(2i32.to_ne_bytes());
    if cfg!(target_arch = "x86_64") {
        expected.extend([8, 1]);
        expected.extend(0.5f64.to_ne_bytes());
        expected.extend((-3i32).to_ne_bytes());
        expected.extend(9u16.to_ne_bytes());
        assert_eq!(bytes, expected);
    }
    assert!(matches!(payload.field(0), FieldView::Signed(-1)));
    assert!(matches!(payload.field(2), FieldView::Unsigned(8)));
    assert!(matches!(payload.field(3), FieldView::Double(0.5)));
    assert!(matches!(payload.field(4), FieldView::Signed(-3)));
    assert!(matches!(payload.field(5), FieldView::Unsigned(9)));
    assert!(matches!(payload.field(6), FieldView::None));
}

#[test]
fn what_is_wrong_is_said_where_it_is() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/macros_refuse/*.rs");
}
