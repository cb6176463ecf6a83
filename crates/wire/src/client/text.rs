//! Text as the client protocol carries it: NUL-terminated in fixed fields, or counted with the NUL included. LTTng
//! treats names as bytes; [`crate::text`] says how they are kept.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::text::{Raw, from_bytes};
use crate::{Reader, WireError, Writer};

/// Takes a counted string: `len` bytes, the last of them the only NUL. Returns it without the NUL.
pub(crate) fn counted<'a>(
    input: &mut Reader<'a>,
    field: &'static str,
    len: u32,
    max_len: usize,
) -> Result<&'a [u8], WireError> {
    let raw = counted_raw(input, field, len, max_len)?;
    match raw.iter().position(|&b| b == 0) {
        Some(end) if end + 1 == raw.len() => Ok(&raw[..end]),
        Some(_) => Err(WireError::BadText { field, why: "NUL before the end" }),
        None => Err(WireError::BadText { field, why: "no terminating NUL" }),
    }
}

/// Takes a counted string under LTTng's weaker rule: the last byte is NUL, an earlier NUL merely ends the text.
pub(crate) fn counted_weak<'a>(
    input: &mut Reader<'a>,
    field: &'static str,
    len: u32,
    max_len: usize,
) -> Result<&'a [u8], WireError> {
    let raw = counted_raw(input, field, len, max_len)?;
    if raw.last() != Some(&0) {
        return Err(WireError::BadText { field, why: "no terminating NUL" });
    }
    Ok(until_nul(raw))
}

fn counted_raw<'a>(
    input: &mut Reader<'a>,
    field: &'static str,
    len: u32,
    max_len: usize,
) -> Result<&'a [u8], WireError> {
    if len == 0 {
        return Err(WireError::BadText { field, why: "length 0 leaves no room for the NUL" });
    }
    if len as usize > max_len {
        return Err(WireError::TooLarge { field, value: len.into(), limit: max_len as u64 });
    }
    input.bytes(field, len as usize)
}

/// [`counted`], as text.
pub(crate) fn counted_string(
    input: &mut Reader<'_>,
    field: &'static str,
    len: u32,
    max_len: usize,
) -> Result<String, WireError> {
    Ok(from_bytes(counted(input, field, len, max_len)?))
}

/// [`counted_string`] that may not be empty.
pub(crate) fn counted_name(
    input: &mut Reader<'_>,
    field: &'static str,
    len: u32,
    max_len: usize,
) -> Result<String, WireError> {
    non_empty(counted_string(input, field, len, max_len)?, field)
}

/// [`counted_weak`] as text that may not be empty.
pub(crate) fn counted_name_weak(
    input: &mut Reader<'_>,
    field: &'static str,
    len: u32,
    max_len: usize,
) -> Result<String, WireError> {
    non_empty(from_bytes(counted_weak(input, field, len, max_len)?), field)
}

fn non_empty(text: String, field: &'static str) -> Result<String, WireError> {
    if text.is_empty() { Err(WireError::BadText { field, why: "empty" }) } else { Ok(text) }
}

/// Takes a counted path.
pub(crate) fn counted_path(
    input: &mut Reader<'_>,
    field: &'static str,
    len: u32,
    max_len: usize,
) -> Result<PathBuf, WireError> {
    Ok(path_of(counted(input, field, len, max_len)?))
}

/// Takes a fixed field of text.
pub(crate) fn fixed_string(
    input: &mut Reader<'_>,
    field: &'static str,
    size: usize,
) -> Result<String, WireError> {
    input.fixed_text(field, size).map(from_bytes)
}

/// Takes a fixed field that holds a path.
pub(crate) fn fixed_path(
    input: &mut Reader<'_>,
    field: &'static str,
    size: usize,
) -> Result<PathBuf, WireError> {
    Ok(path_of(input.fixed_text(field, size)?))
}

/// A path of any bytes.
pub(crate) fn path_of(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(bytes))
}

/// The bytes of a path.
pub(crate) fn path_bytes(path: &Path) -> &[u8] {
    path.as_os_str().as_bytes()
}

/// What a C program sees of a text: everything before the first NUL.
pub(crate) fn until_nul(text: &[u8]) -> &[u8] {
    &text[..text.iter().position(|&b| b == 0).unwrap_or(text.len())]
}

/// The length that a counted string announces: its bytes and the NUL.
pub(crate) fn counted_len(text: impl Raw) -> u32 {
    u32::try_from(until_nul(&text.raw()).len()).unwrap_or(u32::MAX - 1).saturating_add(1)
}

/// Appends a string whose length was announced by [`counted_len`].
pub(crate) fn put(out: &mut Writer, text: impl Raw) {
    out.bytes(until_nul(&text.raw()));
    out.u8(0);
}

/// Appends a length and the string right after it.
pub(crate) fn put_counted(out: &mut Writer, text: impl Raw) {
    out.u32(counted_len(&text));
    put(out, text);
}

/// Appends text in a fixed field; it ends at its first NUL, and is cut where it does not fit.
pub(crate) fn put_fixed(out: &mut Writer, text: impl Raw, size: usize) {
    out.fixed_text(until_nul(&text.raw()), size);
}
