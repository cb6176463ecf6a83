fn main() {
    let count = 1u128;
    rttng_ust::event!("shop:order", id: u64 = 7, count: u128 = count);
}
