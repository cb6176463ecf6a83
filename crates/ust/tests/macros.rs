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
        path: &std::path::Path = "/tmp".as_ref(),
        slice: Option<&[u16]> = Some(&numbers),
        place: Option<Point<u8>> = None,
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
    let line = Line { from: Point { x: -1, y: 2, _private: () }, colour: Colour::Blue, width: Some(0.5) };
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

/// Tuples end long before; the fields of an event do not.
#[test]
fn an_event_has_as_many_fields_as_are_written() {
    #[tracepoint("types:many")]
    #[allow(clippy::too_many_arguments)]
    fn many(
        f00: u8,
        f01: u8,
        f02: u8,
        f03: u8,
        f04: u8,
        f05: u8,
        f06: u8,
        f07: u8,
        f08: u8,
        f09: u8,
        f10: u8,
        f11: u8,
        f12: u8,
        f13: u8,
        f14: u8,
        f15: u8,
        f16: u8,
        f17: u8,
        f18: u8,
        f19: u8,
        f20: u8,
        f21: u8,
        f22: u8,
        f23: u8,
        f24: u8,
        f25: u8,
        f26: u8,
        f27: u8,
        f28: u8,
        f29: u8,
        f30: u8,
        f31: u8,
        f32: u8,
        f33: u8,
        f34: u8,
        f35: u8,
        f36: u8,
        f37: u8,
        f38: u8,
        f39: u8,
        f40: u8,
        f41: u8,
        f42: u8,
        f43: u8,
        f44: u8,
        f45: u8,
        f46: u8,
        f47: u8,
        f48: u8,
        f49: u8,
        f50: u8,
        f51: u8,
        f52: u8,
        f53: u8,
        f54: u8,
        f55: u8,
        f56: u8,
        f57: u8,
        f58: u8,
        f59: u8,
        f60: u8,
        f61: u8,
        f62: u8,
        f63: u8,
        f64: u8,
        f65: u8,
        f66: u8,
        f67: u8,
        f68: u8,
        f69: u8,
        f70: u8,
        f71: u8,
        f72: u8,
        f73: u8,
        f74: u8,
        f75: u8,
        f76: u8,
        f77: u8,
        f78: u8,
        f79: u8,
    );
    many(
        0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27,
        28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52,
        53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63, 64, 65, 66, 67, 68, 69, 70, 71, 72, 73, 74, 75, 76, 77,
        78, 79,
    );
    let class = many::class();
    assert_eq!((class.fields().len(), class.fields()[79].name), (80, "f79"));
}

/// What of an optional value is in the trace, and where filters find it.
#[test]
fn optional_values_keep_their_tags() {
    use rttng_ust::{FieldView, Payload, SlotWriter};
    #[derive(Value)]
    struct Inner<'a> {
        name: Option<&'a str>,
        numbers: &'a [u8],
    }
    #[derive(Value)]
    struct Outer<'a> {
        id: u8,
        inner: Inner<'a>,
    }
    let write = |payload: &dyn Payload| {
        let mut bytes = vec![0xaa; payload.measure().bytes()];
        let mut writer = SlotWriter::over(&mut bytes);
        payload.write(&mut writer);
        assert_eq!(writer.left(), 0);
        bytes
    };
    let inner = |name| Inner { name, numbers: &[7, 8] };
    let some = (Some(Outer { id: 1, inner: inner(Some("a")) }), 9u8);
    assert_eq!(write(&some), [1, 1, 1, b'a', 0, 1, 2, 0, 0, 0, 7, 8, 9]);
    let unnamed = (Some(Outer { id: 1, inner: inner(None) }), 9u8);
    assert_eq!(write(&unnamed), [1, 1, 0, 1, 2, 0, 0, 0, 7, 8, 9]);
    let none = (None::<Outer<'_>>, 9u8);
    assert_eq!(write(&none), [0, 0, 0, 0, 0, 0, 0, 9]);
    assert!(matches!(none.field(3), FieldView::Unsigned(9)));
    assert!(matches!(none.field(0), FieldView::None));
    assert!(matches!(some.field(0), FieldView::Unsigned(1)));
    assert!(matches!(some.field(1), FieldView::Text(b"a")));
    let FieldView::Elements(numbers) = some.field(2) else { panic!("no elements") };
    assert_eq!(numbers.count(), 2);
    let slices = (Some(&[1u8][..]), None::<&[u8]>, Some(Some(5u8)), Some(None::<u8>), None::<Option<u8>>);
    assert_eq!(write(&slices), [1, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 5, 0, 0]);
}

#[test]
fn elements_are_what_is_recorded_as_an_integer() {
    use rttng_ust::Element;
    use std::num::NonZero;
    let element = |ty: FieldType| match ty {
        FieldType::Array { element: Element::Integer(integer), .. }
        | FieldType::Sequence { element: Element::Integer(integer), .. } => {
            (integer.size_bits, integer.signed, integer.base)
        }
        other => panic!("{other:?}"),
    };
    use rttng_ust::Base::{Decimal, Hexadecimal};
    assert_eq!(element(<[bool; 3]>::TYPE), (8, false, Decimal));
    assert_eq!(element(<[Duration]>::TYPE), (64, false, Decimal));
    assert_eq!(element(<[NonZero<i16>]>::TYPE), (16, true, Decimal));
    assert_eq!(element(<[*const u8; 1]>::TYPE), (usize::BITS, false, Hexadecimal));
    assert_eq!(element(<Vec<Hex<u32>>>::TYPE), (32, false, Hexadecimal));
    assert_eq!(element(<Hex<[u32; 2]>>::TYPE), (32, false, Hexadecimal));
    assert_eq!(element(<Hex<&[u16]>>::TYPE), (16, false, Hexadecimal));
}
