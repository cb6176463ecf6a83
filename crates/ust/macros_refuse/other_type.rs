struct Customer;

fn main() {
    rttng_ust::event!("shop:order", id: u64 = 7, customer: Customer = Customer);
}
