use rttng_ust::Value;

#[derive(Value)]
enum Shape {
    Circle { radius: f64 },
    Point,
}

#[derive(Value)]
enum Never {}

#[derive(Value)]
union Bits {
    float: f32,
    integer: u32,
}

#[derive(Value)]
#[repr(u128)]
enum Wide {
    One,
}

#[derive(Value)]
struct Holder {
    id: u64,
    inner: std::sync::Mutex<u64>,
}

fn main() {}
