//! How the fields of a block are written: paths, timers, optional values (`docs/spec/consumer-protocol.md` 4.4).

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::{Reader, WireError, Writer};

/// Size of a path field.
pub(super) const PATH_LEN: usize = 4096;
/// Size of a name field.
pub(super) const NAME_LEN: usize = 256;

pub(super) fn read_path(input: &mut Reader<'_>, field: &'static str) -> Result<PathBuf, WireError> {
    let bytes = input.fixed_text(field, PATH_LEN)?;
    Ok(OsString::from_vec(bytes.to_vec()).into())
}

pub(super) fn write_path(out: &mut Writer, path: &Path) {
    out.fixed_text(path.as_os_str().as_bytes(), PATH_LEN);
}

/// A path that an empty text stands for the absence of.
pub(super) fn read_optional_path(
    input: &mut Reader<'_>,
    field: &'static str,
) -> Result<Option<PathBuf>, WireError> {
    let path = read_path(input, field)?;
    Ok((!path.as_os_str().is_empty()).then_some(path))
}

pub(super) fn write_optional_path(out: &mut Writer, path: Option<&Path>) {
    write_path(out, path.unwrap_or(Path::new("")));
}

pub(super) fn read_name(input: &mut Reader<'_>, field: &'static str) -> Result<String, WireError> {
    input.fixed_string(field, NAME_LEN)
}

pub(super) fn write_name(out: &mut Writer, name: &str) {
    out.fixed_string(name, NAME_LEN);
}

/// Microseconds, 0 for a timer that is off.
pub(super) fn read_timer(input: &mut Reader<'_>, field: &'static str) -> Result<Option<Duration>, WireError> {
    let micros = input.u32(field)?;
    Ok((micros != 0).then_some(Duration::from_micros(micros.into())))
}

/// Intervals beyond what the field holds (71 minutes) become the longest that it does.
pub(super) fn write_timer(out: &mut Writer, interval: Option<Duration>) {
    let micros = interval.map_or(0, |interval| interval.as_micros());
    out.u32(u32::try_from(micros).unwrap_or(u32::MAX));
}

/// A flag and an u64, which is there even when it is not set.
pub(super) fn read_optional(input: &mut Reader<'_>, field: &'static str) -> Result<Option<u64>, WireError> {
    let is_set = input.bool8(field)?;
    let value = input.u64(field)?;
    Ok(is_set.then_some(value))
}

pub(super) fn write_optional(out: &mut Writer, value: Option<u64>) {
    out.u8(u8::from(value.is_some()));
    out.u64(value.unwrap_or(0));
}

pub(super) fn read_bool32(input: &mut Reader<'_>, field: &'static str) -> Result<bool, WireError> {
    Ok(input.u32(field)? != 0)
}

pub(super) fn write_bool32(out: &mut Writer, value: bool) {
    out.u32(u32::from(value));
}
