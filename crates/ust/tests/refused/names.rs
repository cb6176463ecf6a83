//! Names that no rule could select, and levels that LTTng does not know.
fn main() {
    rttng_ust::event!("order", id: u64 = 7);
    //~               ^^^^^^^ an event is named "provider:event", for example "shop:order"
    rttng_ust::event!(":order", id: u64 = 7);
    //~               ^^^^^^^^ neither part may be empty
    rttng_ust::event!("shop:*", id: u64 = 7);
    //~               ^^^^^^^^ '*' cannot be in the name of an event: `lttng enable-event` could not name it
    rttng_ust::event!("shop:order placed", id: u64 = 7);
    //~               ^^^^^^^^^^^^^^^^^^^ ' ' cannot be in the name of an event
    rttng_ust::event!();
//~ ^^^^^^^^^^^^^^^^^^^ an event has a name
    rttng_ust::event!(concat!("shop:", "order"));
    //~               ^^^^^^ expected string literal
    rttng_ust::event!("shop:xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
    //~               ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ at most 255 bytes, this one has 256
    rttng_ust::event!("shop:order", level = WARN);
    //~                                     ^^^^ WARN is no log level of LTTng; write WARNING
    rttng_ust::event!("shop:order", level = LOUD);
    //~                                     ^^^^ it is one of EMERG, ALERT, CRIT, ERR, WARNING, NOTICE, INFO
    rttng_ust::event!("shop:order", level = INFO, level = ERR);
    //~                                           ^^^^^ level is given twice
}
