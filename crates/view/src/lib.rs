//! The read side: traces as text for people and scripts.
//!
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
//! ```no_run
//! use rttng_ctf::read::{Options, Reader};
//! use rttng_view::select::{Selection, Selector};
//! use rttng_view::text::{TextOptions, TextPrinter};
//!
//! let mut reader = Reader::open(&["/tmp/trace".into()], &Options::default())?;
//! let selection = Selection { events: vec!["my_app:*".to_owned()], ..Selection::default() };
//! let mut selector = Selector::new(selection, &reader)?;
//! let mut printer = TextPrinter::new(&reader, TextOptions::default(), std::io::stdout(), std::io::stderr());
//! let ran = rttng_view::run(&mut reader, &mut selector, &mut printer)?;
//! println!("{} events", ran.events);
//! # Ok::<(), rttng_view::ViewError>(())
//! ```

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
