use rttng_ust::Value;

#[derive(Value)]
enum Big {
    Small = 1,
    Large = 1 << 40,
}

fn main() {
    rttng_ust::event!("shop:order", size: Big = Big::Large);
}
