//! Traces Rust programs with [LTTng](https://lttng.org), without C: no build script, no C compiler, no call before the
//! first event. A disabled event costs a load and a branch, an enabled one some tens of nanoseconds.
//!
//! ```
//! use rttng_ust::event;
//!
//! # struct Order { id: u64, total: f64, customer: String }
//! # let order = Order { id: 7, total: 12.5, customer: "Ada".into() };
//! event!("shop:order", level = INFO, id: u64 = order.id, total: f64 = order.total, customer: &str = &order.customer);
//! ```
//!
//! Nothing is recorded until a session wants it. With `rttng` alone:
//!
//! ```console
//! $ rttng record -- ./shop
//! ```
//!
//! or, for a program that runs already, with LTTng's programs, the real ones (2.13) or rttng's:
//!
//! ```console
//! $ lttng list --userspace
//!       shop:order (loglevel: TRACE_INFO (6)) (type: tracepoint)
//! $ lttng create; lttng enable-event --userspace 'shop:*' --filter 'total > 10.0'; lttng start
//! $ lttng stop; lttng view
//! [12:00:00.000000000] (+?.?????????) host shop:order: { cpu_id = 0 }, { id = 7, total = 12.5, customer = "Ada" }
//! ```
//!
//! A program that uses the `tracing` or the `log` crate needs no events of its own: see `rttng-ust-tracing`.
//!
//! # Events
//!
//! | to | write |
//! |---|---|
//! | declare and fire an event in one place | [`event!`] |
//! | declare one that is fired from several places | [`#[tracepoint]`](macro@tracepoint) |
//! | ask whether anything wants it | [`enabled!`] |
//! | record free text, as C programs do | [`tracef!`], [`tracelog!`] |
//!
//! ```
//! use rttng_ust::{enabled, event, tracef, tracepoint};
//!
//! /// A function without a body: calling it fires the event.
//! #[tracepoint("shop:cancelled", level = WARNING)]
//! fn cancelled(order: u64, reason: &str);
//!
//! cancelled(7, "out of stock");
//! if enabled!(cancelled) {
//!     // …
//! }
//!
//! // What only the event needs is computed only if something wants it.
//! let orders = [3u32, 4];
//! event!("shop:day", let sum = orders.iter().sum::<u32>(), sum: u32, mean: f32 = sum as f32 / 2.0, orders: &[u32] = &orders);
//!
//! tracef!("{} orders to go", orders.len());
//! ```
//!
//! Names, levels and fields are checked when the program is compiled, and an error points at the part that is wrong. An
//! event has as many fields as are written.
//!
//! # Fields
//!
//! A field is `name: TYPE = EXPRESSION`; [`Value`] lists the types. Enums without data become enumerations, structs the
//! fields that they hold:
//!
//! ```
//! use rttng_ust::{Hex, Shown, Value, event, show};
//!
//! #[derive(Value)]
//! #[repr(u8)]
//! enum Goods {
//!     Tea,
//!     #[value(rename = "coffee, black")]
//!     Coffee = 10,
//! }
//!
//! /// Recorded as `to_street` and, where it is there, `to_number`.
//! #[derive(Value)]
//! struct Address<'a> {
//!     street: &'a str,
//!     number: Option<u16>,
//!     #[value(skip)]
//!     checked: bool,
//! }
//!
//! let to = Address { street: "Main Street", number: None, checked: true };
//! event!("shop:sent", goods: Goods = Goods::Coffee, to: Address<'_>, flags: Hex<u32> = Hex(0x10));
//!
//! // What may be absent has a field `…_tag` in front, which says `_some` or `_none`. Of an absent struct, each field is
//! // absent; an absent slice is empty.
//! let gifts: Option<&[u32]> = None;
//! let back = Some(Address { street: "Mill Lane", number: Some(12), checked: true });
//! event!("shop:extras", gifts: Option<&[u32]> = gifts, back: Option<Address<'_>> = back);
//!
//! // Elements of arrays and slices are integers: the session daemon refuses others.
//! let prices = [1.5f64, 2.0];
//! event!("shop:prices", bits: Hex<[u64; 2]> = Hex(prices.map(f64::to_bits)));
//!
//! // Anything that can be printed: at most 256 bytes, on the stack.
//! let peer = std::net::Ipv4Addr::LOCALHOST;
//! event!("shop:peer", address: Shown = show(peer));
//! ```
//!
//! # The program around it
//!
//! * The tracer begins when the program (or library) is loaded: two threads, named after the program, look for the
//!   session daemon of the machine and of the user. Where there is none they sleep. [`start_by_hand!`] leaves the
//!   beginning to the program.
//! * Environment variables are those of LTTng-UST: `LTTNG_HOME`, `LTTNG_UST_REGISTER_TIMEOUT`,
//!   `LTTNG_UST_ALLOW_BLOCKING`, and the others of `docs/spec/ust-protocol.md`, section 15.
//! * Firing an event allocates nothing, takes no lock and makes no system call.
//! * Children of `fork` are applications of their own. One of `vfork`, which runs in its parent's memory until it becomes
//!   another program, must not fire events (the standard library's `Command` runs nothing of the program's in one).
//! * Programs may be linked statically, with musl or glibc. On aarch64, and with musl, events are counted with atomic
//!   additions in place of restartable sequences; the time-stamp counter as the clock is x86-64's alone.
//! * Kinds of events that are known at run time only: [`EventClass`], [`register`], [`record`], [`Payload`].
//!
//! The protocols are those of LTTng-UST (`docs/spec/ust-protocol.md`, `docs/spec/ring-buffer.md`).
//!
//! `unsafe` code is in `list.rs` (the section that lists events), `cpu.rs`, `rseq.rs`, `signals.rs`, `context.rs`, `perf.rs`,
//! `app_context.rs` and `recorder.rs`, each time a few lines with their reason; the shared memory is behind
//! `rttng-ring`.

mod app_context;
mod at_load;
mod changes;
mod channel;
mod class;
mod commands;
mod context;
mod cpu;
mod descriptor;
mod elements;
mod elf;
mod environment;
mod field;
mod filter;
mod free_text;
mod grace;
mod list;
mod macros;
mod notifier;
mod optional;
mod payload;
mod perf;
mod recorder;
mod rseq;
mod runtime;
mod shown;
mod signals;
mod socket;
mod sorted;
mod statedump;
mod threads;
mod tracing;
mod value;

pub use app_context::{AppContextReader, AppContextValue, provide_app_context};
#[doc(hidden)]
pub use at_load::StartEntry;
pub use changes::on_change;
#[doc(hidden)]
pub use changes::tell_again;
pub use class::{ClassError, EventClass, LogLevel};
pub use context::forget_identity;
pub use elements::{Bytes, Number};
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
pub use value::{Binary, Hex, Integral, NetworkOrder, Octal, Text, Value};
