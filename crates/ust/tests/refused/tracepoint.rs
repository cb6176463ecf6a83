//! Tracepoints that are none.
use rttng_ust::tracepoint;

#[tracepoint("shop:body")]
fn body(id: u64) {}
//~              ^ declared as a function without a body

#[tracepoint("shop:result")]
fn result(id: u64) -> bool;
//~                   ^^^^ a tracepoint returns nothing

#[tracepoint("shop:generic")]
fn generic<T>(id: T);
//~       ^^^ the types of fields are known when they are declared

#[tracepoint("shop:wide")]
fn wide(id: u128);
//~         ^^^^ LTTng has no 128-bit integers

#[tracepoint("nothing")]
//~          ^^^^^^^^^ an event is named "provider:event"
fn nothing();

struct Shop;

impl Shop {
    #[tracepoint("shop:method")]
    fn method(&self, id: u64);
    //~       ^^^^^ a tracepoint is no method
}

fn main() {}
