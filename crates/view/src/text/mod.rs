//! Events as lines of text, as babeltrace2 2.0.4 prints them (`docs/spec/trace-output.md`, 18.5).
//!
//! What is the same for all events of one kind (the words before its name, the names of its fields) is put together
//! once; an event then is its time, one copied head, and its values with a copied name before each.

mod color;
mod options;
mod printer;
mod time;
mod values;

pub use options::{Fields, Names, TextOptions, TimeFormat};
pub use printer::{TextPrinter, print};
