//! A program with events of its own: declared where they are fired, or once for several places.
//!
//! ```console
//! $ cargo build --example orders
//! $ rttng record -- target/debug/examples/orders
//! ```
//!
//! Its arguments: how many orders there are; a file whose appearance it waits for before the first one.
#![forbid(unsafe_code)]

use std::path::PathBuf;
use std::time::Duration;

use rttng_ust::{
    Bytes, Hex, LogLevel, Octal, Shown, Value, debug, enabled, event, show, tracef, tracelog, tracepoint,
};

/// What customers buy: an enumeration in the trace.
#[derive(Debug, Clone, Copy, Value)]
#[repr(u8)]
enum Goods {
    Tea,
    Coffee = 10,
    Biscuits,
}

/// Recorded as `<field>_street`, `<field>_number`.
#[derive(Value)]
struct Address<'a> {
    street: &'a str,
    number: Option<u16>,
}

/// An order was cancelled: fired from two places.
#[tracepoint("orders:cancelled", level = WARNING)]
fn cancelled(order: u64, reason: &str);

fn main() {
    let orders: u64 = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(10);
    if let Some(file) = std::env::args_os().nth(2).map(PathBuf::from) {
        println!("waiting for {}", file.display());
        while !file.exists() {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
    tracef!("{orders} orders to go");
    for order in 0..orders {
        let goods = [Goods::Tea, Goods::Coffee, Goods::Biscuits][order as usize % 3];
        event!("orders:placed", level = INFO, uri = "https://example.com/orders", order: u64, goods: Goods);
        let items: Vec<u32> = (0..order as u32 % 4).collect();
        event!(
            "orders:packed",
            level = DEBUG,
            order: u64,
            let sum = items.iter().sum::<u32>(),
            sum: u32,
            items: &[u32] = &items
        );
        if order % 4 == 3 {
            cancelled(order, "out of stock");
        }
    }
    if enabled!(cancelled) {
        cancelled(orders, "closing time");
    }
    tracelog!(LogLevel::Warning, "{} left in stock", 3);
    every_kind_of_field();
}

fn every_kind_of_field() {
    let text = String::from("Tee für \"Ada\"");
    event!(
        "orders:kinds",
        level = DEBUG_FUNCTION,
        u_8: u8 = u8::MAX,
        u_64: u64 = u64::MAX,
        i_8: i8 = i8::MIN,
        i_64: i64 = i64::MIN,
        f_32: f32 = 0.5,
        yes: bool = true,
        letter: char = 'ä',
        text: &str = &text,
        bytes: Bytes<'_> = Bytes(b"\x00\xff"),
        fixed: [i16; 3] = [-1, 0, 1],
        empty: &[u64] = &[],
        some: Option<u32> = Some(5),
        none: Option<&str> = None,
        hex: Hex<u32> = Hex(0xdead_beef),
        octal: Octal<u16> = Octal(0o644),
        wait: Duration = Duration::from_micros(1500),
        address: *const u8 = std::ptr::null(),
        to: Address<'_> = Address { street: "Main Street", number: Some(12) },
        shown: Shown = show(std::net::Ipv4Addr::LOCALHOST),
        debugged: Shown = debug(Some(3)),
    );
    // What may be absent: each field of a struct has a tag, an absent slice is empty.
    let (order, nothing) = ([7u32, 8], None::<&[u32]>);
    event!(
        "orders:optional",
        items: Option<&[u32]> = Some(&order),
        gifts: Option<&[u32]> = nothing,
        cards: Option<[u8; 2]> = Some([3, 4]),
        goods: Option<Goods> = Some(Goods::Coffee),
        from: Option<Address<'_>> = Some(Address { street: "Mill Lane", number: None }),
        over: Option<Address<'_>> = None,
        waits: &[Duration] = &[Duration::from_nanos(5)],
        answers: [bool; 2] = [true, false],
        folder: &std::path::Path = std::path::Path::new("/tmp"),
    );
}
