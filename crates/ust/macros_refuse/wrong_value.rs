fn main() {
    rttng_ust::event!("shop:order", id: u64 = "seven", customer: &str = "Ada");
}
