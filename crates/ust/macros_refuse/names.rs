fn main() {
    rttng_ust::event!("order", id: u64 = 7);
    rttng_ust::event!(":order", id: u64 = 7);
    rttng_ust::event!("shop:*", id: u64 = 7);
    rttng_ust::event!("shop:order placed", id: u64 = 7);
    rttng_ust::event!();
    rttng_ust::event!(concat!("shop:", "order"));
}
