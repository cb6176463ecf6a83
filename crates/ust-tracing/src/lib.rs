//! Sends what a program says through the [`tracing`](https://docs.rs/tracing) crate, or the
//! [`log`](https://docs.rs/log) crate, to LTTng.
//!
//! One line in a program that uses `tracing` already:
//!
//! ```
//! use tracing_subscriber::prelude::*;
//!
//! tracing_subscriber::registry().with(rttng_ust_tracing::layer()).init();
//!
//! let span = tracing::info_span!("checkout", customer = 17).entered();
//! tracing::info!(items = 3, total = 12.5, "order placed");
//! drop(span);
//! ```
//!
//! ([`init`] does it for a program that has no other layer; [`init_log`] for one that uses `log`.)
//!
//! Nothing is recorded, and next to nothing is spent, until a session wants it:
//!
//! ```console
//! $ lttng create; lttng enable-event --userspace 'shop::*' --loglevel INFO; lttng start
//! $ lttng stop; lttng view
//! … shop::orders:checkout:new: { customer = 17, span = 1, parent = 0, file = "src/orders.rs", line = 40, … }
//! … shop::orders:checkout:enter: { span = 1 }
//! … shop::orders:orders.rs:42: { message = "order placed", items = 3, total = 12.5, span = 1, … }
//! … shop::orders:checkout:exit: { span = 1 }
//! … shop::orders:checkout:close: { span = 1 }
//! ```
//!
//! or, with nothing set up, `rttng record -- ./shop`.
//!
//! # Names
//!
//! | what | name | so that this selects it |
//! |---|---|---|
//! | an event | `<target>:<file>:<line>` | `'shop::*'`, `'shop::orders:*'`, `'*orders.rs:42'` |
//! | an event with a name (`name: "order_placed"`) | `<target>:<name>` | `'*:order_placed'` |
//! | a span is made, entered, left, dropped | `<target>:<span>:new`, `…:enter`, `…:exit`, `…:close` | `'*:checkout:*'` |
//! | a span gets values later, follows another | `<target>:<span>:record`, `…:follows` | |
//!
//! The target is the module path unless the program says otherwise, written as in Rust, as in `RUST_LOG`. What no rule
//! could name (`*`, `,`, white space) becomes `_`.
//!
//! # Log levels
//!
//! | `tracing`, `log` | LTTng | `--loglevel` with it records |
//! |---|---|---|
//! | `ERROR` | `ERR` (3) | errors |
//! | `WARN` | `WARNING` (4) | and warnings |
//! | `INFO` | `INFO` (6) | and information |
//! | `DEBUG` | `DEBUG_LINE` (13) | all but `TRACE` |
//! | `TRACE` | `DEBUG` (14) | everything |
//!
//! # Fields
//!
//! Fields have the types of the values that the program gives: integers of 64 bits, floating-point numbers, truth as an
//! enumeration, text; what is printed (`?value`, `%value`) is text, as are integers of 128 bits; an error is the text of
//! it and its causes. Key-value pairs of `log` are fields in the same way. The texts of one event have 4096 bytes together; what is beyond is cut off, and ends with `…`.
//! `span` is the span that an event happened in (0: none), `parent` that of a new span; `file`, `line` and `module` say
//! where the call site is ([`layer_without_location`] leaves them out). Dots in names become `_`.
//!
//! `tracing` tells types with values only. So an event appears in `lttng list --userspace` when it was fired for the
//! first time, and one whose fields have other types at another time, or are missing, is a second event of the same
//! name. The rules that a session has apply to it from its first time on.
//!
//! # What it costs
//!
//! A call site that fired once and that no session wants costs what `tracing` takes for one that is disabled, a load or
//! two: the layer says so for each call site, and again whenever sessions or their rules change. A span that was made
//! while nobody wanted it stays out to its end.

mod capture;
mod interest;
mod layer;
#[cfg(feature = "log")]
mod logger;
mod name;
mod shapes;
mod sites;

pub use layer::{LttngLayer, Wanted, init, layer, layer_without_location};
#[cfg(feature = "log")]
pub use logger::{LttngLogger, init_log};
