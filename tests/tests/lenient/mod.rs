//! Damaged traces written anew, as `rttng convert` does: for the tests of each version of the format.

use std::path::Path;

use rttng_ctf::read::{Options, Reader};
use rttng_view::convert::ctf::{self, CtfOptions};
use rttng_view::select::{Selection, Selector};

/// Reads a trace as far as it goes, and writes it anew; gives the number of its events.
pub(crate) fn converted(from: &Path, to: &Path, options: &CtfOptions) -> Result<u64, String> {
    let lenient = Options { lenient: true, ..Options::default() };
    let mut reader = Reader::open(&[from.to_owned()], &lenient).map_err(|error| error.to_string())?;
    let mut selector = Selector::new(Selection::default(), &reader).map_err(|error| error.to_string())?;
    let converted = ctf::convert(&mut reader, &[from], &mut selector, options, to);
    converted.map(|converted| converted.events).map_err(|error| error.to_string())
}
