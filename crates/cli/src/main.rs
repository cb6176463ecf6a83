//! The one program: every command, and every daemon by its own name.

mod consumerd;
mod convert;
mod demo;
mod describe;
mod dispatch;
mod doctor;
mod faults;
mod generate;
mod guide;
mod inspect;
mod instrumented;
mod lttng;
mod near;
mod record;
mod report;
mod selection;
mod sessiond;
mod top;
mod view;
mod words;

use std::process::ExitCode;

// Of all that this binary is, only the program that `rttng demo` records is traced itself.
rttng_ust::start_by_hand!();

fn main() -> ExitCode {
    dispatch::run(std::env::args_os().collect())
}
