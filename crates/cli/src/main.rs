//! The one program: every command, and every daemon by its own name.

mod consumerd;
mod convert;
mod describe;
mod dispatch;
mod doctor;
mod generate;
mod instrumented;
mod lttng;
mod record;
mod report;
mod selection;
mod sessiond;
mod view;
mod words;

use std::process::ExitCode;

fn main() -> ExitCode {
    dispatch::run(std::env::args_os().collect())
}
