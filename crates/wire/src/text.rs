//! Text of any bytes in a `String`.
//!
//! LTTng's names, filters and paths are bytes; nothing asks for UTF-8, and the real programs pass whatever they are given
//! on, from the command line to the names of files. A name must still be printed, compared and joined with others, so
//! here it is a `String` that can stand for any bytes: those that are not UTF-8 are kept as one private character each,
//! U+10FF80 to U+10FFFF for the bytes 0x80 to 0xff. Where such a character stands in a text of its own right, its four
//! bytes are kept one by one in the same way, so that [`to_bytes`] gives back exactly what [`from_bytes`] took.
//!
//! Bytes become text with [`from_bytes`] where they come in (messages, words of a command line), and bytes again with
//! [`to_bytes`] where they go out (messages, files, terminals).

use std::borrow::Cow;
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// The character that stands for byte 0 would be this one; only those from 0x80 on are needed.
const BASE: u32 = 0x10_ff00;
const FIRST: char = '\u{10ff80}';
/// The first three bytes of these characters in UTF-8: most text has not even the first of them.
const LEAD: u8 = 0xf4;

/// The byte that a character stands for, if it is one of ours.
fn byte_of(character: char) -> Option<u8> {
    // The characters end where Unicode does.
    (character >= FIRST).then(|| (character as u32 - BASE) as u8)
}

fn push_byte(text: &mut String, byte: u8) {
    text.extend(char::from_u32(BASE + u32::from(byte)));
}

/// The text of any bytes.
pub fn from_bytes(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            match byte_of(character) {
                None => text.push(character),
                Some(_) => {
                    character.encode_utf8(&mut [0; 4]).bytes().for_each(|byte| push_byte(&mut text, byte));
                }
            }
        }
        chunk.invalid().iter().for_each(|&byte| push_byte(&mut text, byte));
    }
    text
}

/// The bytes that a text stands for.
pub fn to_bytes(text: &str) -> Cow<'_, [u8]> {
    if !text.as_bytes().contains(&LEAD) {
        return Cow::Borrowed(text.as_bytes());
    }
    let mut bytes = Vec::with_capacity(text.len());
    for character in text.chars() {
        match byte_of(character) {
            Some(byte) => bytes.push(byte),
            None => bytes.extend(character.encode_utf8(&mut [0; 4]).bytes()),
        }
    }
    Cow::Owned(bytes)
}

/// The text of a path.
pub fn from_path(path: &Path) -> String {
    from_bytes(path.as_os_str().as_bytes())
}

/// The path that a text stands for.
pub fn to_path(text: &str) -> PathBuf {
    PathBuf::from(OsString::from_vec(to_bytes(text).into_owned()))
}

/// The text with U+FFFD for each run of bytes that is not UTF-8, for where nothing else may stand (trace metadata: no
/// reader takes it otherwise).
pub fn to_utf8(text: &str) -> Cow<'_, str> {
    match to_bytes(text) {
        Cow::Borrowed(_) => Cow::Borrowed(text),
        Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
    }
}

/// What a message holds of a text or a path: bytes.
pub(crate) trait Raw {
    fn raw(&self) -> Cow<'_, [u8]>;
}

impl Raw for str {
    fn raw(&self) -> Cow<'_, [u8]> {
        to_bytes(self)
    }
}

impl Raw for String {
    fn raw(&self) -> Cow<'_, [u8]> {
        to_bytes(self)
    }
}

impl Raw for [u8] {
    fn raw(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(self)
    }
}

impl Raw for Vec<u8> {
    fn raw(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(self)
    }
}

impl<T: Raw + ?Sized> Raw for &T {
    fn raw(&self) -> Cow<'_, [u8]> {
        (**self).raw()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn text_is_itself_and_other_bytes_are_one_character_each() {
        assert_eq!(from_bytes("grüß ✓".as_bytes()), "grüß ✓");
        assert_eq!(from_bytes(b"a\xffb"), "a\u{10ffff}b");
        assert_eq!(to_bytes("a\u{10ffff}b").as_ref(), b"a\xffb");
        assert_eq!(to_utf8("a\u{10ffff}b"), "a\u{fffd}b");
        assert_eq!(to_path(&from_bytes(b"/a\xfe")), from_path_bytes(b"/a\xfe"));
        // Characters of the last plane that stand for nothing else.
        assert_eq!(from_bytes("\u{10ff7f}".as_bytes()), "\u{10ff7f}");
        assert_eq!(from_bytes("\u{10ff80}".as_bytes()).chars().count(), 4);
    }

    fn from_path_bytes(bytes: &[u8]) -> PathBuf {
        PathBuf::from(OsString::from_vec(bytes.to_vec()))
    }

    proptest! {
        #[test]
        fn bytes_come_back(bytes in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..64),
            proptest::collection::vec(prop_oneof![Just(0xf4_u8), Just(0x8f), Just(0xbe), Just(0xbf), 0x70..0x90_u8], 0..64),
        ]) {
            let text = from_bytes(&bytes);
            prop_assert_eq!(to_bytes(&text).into_owned(), bytes.clone());
            let lossy = String::from_utf8_lossy(&bytes);
            let shown = to_utf8(&text);
            prop_assert_eq!(shown, lossy);
        }
    }
}
