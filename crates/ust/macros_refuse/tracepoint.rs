use rttng_ust::tracepoint;

#[tracepoint("shop:body")]
fn body(id: u64) {}

#[tracepoint("shop:result")]
fn result(id: u64) -> bool;

#[tracepoint("shop:generic")]
fn generic<T>(id: T);

#[tracepoint("shop:wide")]
fn wide(id: u128);

#[tracepoint("nothing")]
fn nothing();

fn main() {}
