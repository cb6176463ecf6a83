fn main() {
    rttng_ust::event!("shop:order", names: &[&str] = &["Ada"]);
    rttng_ust::event!("shop:order", lines: Option<&[u32]> = None);
}
