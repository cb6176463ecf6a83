//! The read side: traces as text for people and scripts.
//!
//! * [`text`]: what `babeltrace2 TRACE...` prints, byte for byte, with its options.
//!
//! ```no_run
//! use rttng_ctf::read::{Options, Reader};
//! use rttng_view::text::{TextOptions, TextPrinter};
//!
//! let mut reader = Reader::open(&["/tmp/trace".into()], &Options::default())?;
//! let mut printer = TextPrinter::new(&reader, TextOptions::default(), std::io::stdout(), std::io::stderr());
//! printer.print_all(&mut reader)?;
//! # Ok::<(), rttng_view::ViewError>(())
//! ```

mod error;
pub mod text;

pub use error::ViewError;
