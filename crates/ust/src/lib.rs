//! Traces Rust programs with LTTng, without C: a kind of event is a `static`, firing it writes into ring buffers shared
//! with LTTng's daemons, and a disabled one costs a load and a branch.
//!
//! This crate speaks the protocols of LTTng-UST (`docs/spec/ust-protocol.md`, `docs/spec/ring-buffer.md`): session
//! daemons of LTTng 2.13, and rttng's, list, enable, filter and record its events as they do those of C programs.
//!
//! ```
//! use rttng_ust::{EventClass, Field, Value, list_class, record};
//!
//! static TICK: EventClass = EventClass::new("clock:tick", &[Field::new("count", <u64 as Value>::TYPE)]);
//! list_class!(TICK);
//!
//! record(&TICK, &(1u64,));
//! ```
//!
//! `unsafe` code is in `list.rs` (the section that lists events), `cpu.rs`, `signals.rs`, `context.rs`, `perf.rs`,
//! `app_context.rs` and `recorder.rs`, each time a few lines with their reason; the shared memory is behind
//! `rttng-ring`.

mod app_context;
mod channel;
mod class;
mod commands;
mod context;
mod cpu;
mod elf;
mod environment;
mod field;
mod filter;
mod free_text;
mod grace;
mod list;
mod macros;
mod notifier;
mod payload;
mod perf;
mod recorder;
mod runtime;
mod shown;
mod signals;
mod socket;
mod statedump;
mod tracing;
mod value;

pub use app_context::{AppContextReader, AppContextValue, provide_app_context};
pub use class::{ClassError, EventClass, LogLevel};
pub use context::forget_identity;
pub use field::{BOOL, Base, Element, EnumEntry, Enumeration, Field, FieldType, Float, Integer};
#[doc(hidden)]
pub use list::ListEntry;
pub use list::register;
#[doc(hidden)]
pub use macros::__private;
pub use payload::{Elements, FieldView, Payload, PayloadSize, SlotWriter};
pub use recorder::record;
pub use rttng_ust_derive::{Value, tracepoint};
pub use runtime::start;
pub use shown::{Shown, debug, show};
pub use value::{Binary, Bytes, Hex, NetworkOrder, Number, Octal, Text, Value};
