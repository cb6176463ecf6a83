//! Fires so many events with a number each: `ticks COUNT`.

use rttng_ust::{EventClass, Field, Value, list_class, record};

static TICK: EventClass = EventClass::new("clock:tick", &[Field::new("count", <u64 as Value>::TYPE)]);
list_class!(TICK);

fn main() {
    let count: u64 = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(10);
    for number in 0..count {
        record(&TICK, &(number,));
    }
}
