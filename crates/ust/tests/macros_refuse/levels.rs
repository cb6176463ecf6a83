fn main() {
    rttng_ust::event!("shop:order", level = WARN);
    rttng_ust::event!("shop:order", level = LOUD);
    rttng_ust::event!("shop:order", level = INFO, level = ERR);
}
