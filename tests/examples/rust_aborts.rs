//! A program that is built with `panic = "abort"` and panics in the middle of firing an event: `rust_aborts argument`
//! while an argument is computed, `rust_aborts value` while a value is being written.

use rttng_ust::{FieldType, FieldView, PayloadSize, SlotWriter, Value, event};

/// A value that cannot be written.
struct Unwritable;

impl Value for Unwritable {
    const TYPE: FieldType = <u64 as Value>::TYPE;

    fn measure(&self, size: &mut PayloadSize) {
        size.add_number(8);
    }

    fn write(&self, _to: &mut SlotWriter<'_>) {
        panic!("it cannot be written");
    }

    fn view(&self, _leaf: u32) -> FieldView<'_> {
        FieldView::None
    }
}

fn unavailable() -> u32 {
    panic!("an argument that cannot be had");
}

fn main() {
    for number in 0..1000u32 {
        event!("aborts:calm", number: u32 = number);
    }
    match std::env::args().nth(1).as_deref() {
        Some("argument") => event!("aborts:argument", number: u32 = unavailable()),
        Some("value") => event!("aborts:value", number: Unwritable = Unwritable),
        other => println!("no such panic: {other:?}"),
    }
}
