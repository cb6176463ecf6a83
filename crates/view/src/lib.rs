//! The read side: which events of traces are shown, and in which form. Traces themselves are read by `rttng-ctf`
//! (`rttng_ctf::read`); whoever wants single values of single events, or something that no form here has, is better off
//! there.
//!
//! # From a trace to text
//! A [`Reader`](rttng_ctf::read::Reader) gives events, a [`Selector`](select::Selector) says which are shown, a [`Printer`]
//! shows them, and [`run`] takes them from one to the other:
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/trace/per-uid/trace");
//! use rttng_ctf::read::{Options, Reader};
//! use rttng_view::select::{Selection, Selector};
//! use rttng_view::text::{TextOptions, TextPrinter};
//!
//! let mut reader = Reader::open(&[folder.into()], &Options::default())?;
//! let selection = Selection { events: vec!["rich:en*".to_owned()], limit: Some(1), ..Selection::default() };
//! let mut selector = Selector::new(selection, &reader)?;
//!
//! let (mut output, mut messages) = (Vec::new(), Vec::new());
//! let options = TextOptions { gmt: true, ..TextOptions::default() };
//! let mut printer = TextPrinter::new(&reader, options, &mut output, &mut messages);
//! let ran = rttng_view::run(&mut reader, &mut selector, &mut printer)?;
//! drop(printer);
//!
//! assert_eq!(ran.events, 1);
//! assert_eq!(
//!     String::from_utf8(output)?,
//!     "[19:09:59.960934314] (+?.?????????) tracehost rich:enums: { cpu_id = 1 }, \
//!      { c = ( \"RED\" : container = 0 ), ae = ( \"A0\" : container = 0 ) }\n",
//! );
//! # Ok(()) }
//! ```
//!
//! What was lost comes to the printer in its place, and summed up in [`Ran::losses`]. [`text::print`] and [`json::print`]
//! do the same with several threads; the bytes are the same for any number of them.
//!
//! # A form of one's own
//! Whatever implements [`Printer`] can take the place of those here:
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/trace/per-uid/trace");
//! use rttng_ctf::read::{Event, FieldPath, Lost, Options, Reader};
//! use rttng_view::select::{Selection, Selector};
//! use rttng_view::{Printer, ViewError};
//!
//! /// Adds up one field.
//! struct Sum {
//!     field: FieldPath,
//!     sum: i128,
//! }
//!
//! impl Printer for Sum {
//!     fn event(&mut self, event: &mut Event<'_>) -> Result<(), ViewError> {
//!         self.sum += event.get::<i128>(&self.field).unwrap_or(0);
//!         Ok(())
//!     }
//!     fn lost(&mut self, _: &Reader, stream: usize, lost: &Lost) -> Result<(), ViewError> {
//!         eprintln!("stream {stream}: {lost:?}");
//!         Ok(())
//!     }
//!     fn finish(&mut self) -> Result<(), ViewError> {
//!         Ok(())
//!     }
//! }
//!
//! let mut reader = Reader::open(&[folder.into()], &Options::default())?;
//! // The language of recording filters (`rttng enable-event --filter`).
//! let filter = rttng_filter::compile("i < 3")?;
//! let selection = Selection { filter: Some(filter), ..Selection::default() };
//! let mut selector = Selector::new(selection, &reader)?;
//! let mut sum = Sum { field: reader.path("i")?, sum: 0 };
//! rttng_view::run(&mut reader, &mut selector, &mut sum)?;
//! assert_eq!(sum.sum, 0 + 1 + 2);
//! # Ok(()) }
//! ```
//!
//! # All of it
//! * [`text`]: what `babeltrace2 TRACE...` prints, byte for byte, with its options.
//! * [`json`]: one object a line.
//! * [`csv`]: a row a line.
//! * [`parquet`]: a table for each name of events.
//! * [`report`]: one page for any browser.
//! * [`perfetto`]: a picture of tracks.
//! * [`inspect`]: what a trace is made of, and what is wrong with it.
//! * [`select`]: which events are shown.
//! * [`convert`]: traces in other forms.
//! * [`mod@follow`]: traces that are still being written.
//! * [`top`]: what a trace is doing now.
//! * [`run`]: from a reader through a selection to one of the forms.
//!
//! Nothing here prints by itself: outputs are handed in, and what goes wrong is a [`ViewError`].

mod columns;
pub mod convert;
pub mod csv;
mod error;
pub mod follow;
pub mod inspect;
pub mod json;
mod losses;
mod number;
mod out;
mod pair;
mod parallel;
pub mod parquet;
pub mod perfetto;
pub mod report;
pub mod select;
mod tape;

pub mod text;
pub mod top;
mod view;
mod who;

pub use error::ViewError;
pub use parallel::default_threads;
pub use view::{Losses, Printer, Ran, run};
