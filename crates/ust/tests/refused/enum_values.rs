//! Values of an enumeration that do not fit in what holds it. (Found when constants are computed, behind all else.)
use rttng_ust::Value;

#[derive(Value)]
#[repr(i64)]
enum Fits {
    Large = 1 << 40,
}

#[derive(Value)]
enum Big {
    Small = 1,
    Large = 1 << 40,
//~ ^^^^^ Large does not fit in i32: give the enum a #[repr] that holds it
}

fn main() {
    rttng_ust::event!("shop:order", fits: Fits = Fits::Large, size: Big = Big::Large);
}
