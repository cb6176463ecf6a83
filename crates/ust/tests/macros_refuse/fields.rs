fn main() {
    let (id, größe) = (7u64, 3u64);
    rttng_ust::event!("shop:order", id: u64, id: u64 = 8);
    rttng_ust::event!("shop:order", id = 7);
    rttng_ust::event!("shop:order", id);
    rttng_ust::event!("shop:order", größe: u64);
    rttng_ust::event!("shop:order", id: u64 = );
}
