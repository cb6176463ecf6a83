//! The smallest program with an event: what the tracer adds to a program's size and start is measured with it, beside
//! `no_event` (`cargo xtask bench tracer`).

fn main() {
    let number = std::env::args().count();
    rttng_ust::event!("smallest:event", number: usize);
    println!("{number}");
}
