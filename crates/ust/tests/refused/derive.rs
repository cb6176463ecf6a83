//! Types that cannot derive `Value`.
use rttng_ust::Value;

#[derive(Value)]
enum Shape {
    Circle { radius: f64 },
//~ ^^^^^^^^^^^^^^^^^^^^^^ record a struct, or several fields, instead
    Point,
}

#[derive(Value)]
enum Never {}
//~  ^^^^^ an enum without variants has no values to record

#[derive(Value)]
    union Bits {
//~ ^^^^^ nobody knows which field of a union is valid
        float: f32,
        integer: u32,
    }

#[derive(Value)]
#[repr(u128)]
//~    ^^^^ traces hold integers of up to 64 bits
enum Wide {
    One,
}

#[derive(Value)]
struct Holder {
    id: u64,
    inner: std::sync::Mutex<u64>,
    //~    ^^^^^^^^^^^^^^^^^^^^^ cannot be a field of an LTTng event
}

#[derive(Value)]
struct Renamed {
    #[value(rename = "two words")]
    //~              ^^^^^^^^^^^ the name of a field is a C identifier
    named: u8,
}

#[derive(Value)]
struct Hidden {
    #[value(hidden)]
    //~     ^^^^^^ here may be: rename = "…", skip, crate = PATH
    hidden: u8,
}

fn main() {}
