//! Where and why metadata of CTF 2 cannot be read.

/// A fragment that is not JSON, or says something impossible.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("metadata fragment {fragment} at line {line}{}{}: {cause}", Named(name), At(path))]
pub struct ParseError {
    /// Number of the fragment, from 1.
    pub fragment: usize,
    /// The line of the text that it starts in, from 1.
    pub line: usize,
    /// What it is, as far as it is known: its type, id and name.
    pub name: String,
    /// Where in it: names of properties with dots between, indexes in brackets.
    pub path: String,
    /// What is wrong there.
    pub cause: String,
}

struct Named<'a>(&'a str);

impl std::fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(f, " ({})", self.0) }
    }
}

struct At<'a>(&'a str);

impl std::fmt::Display for At<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(f, ", {}", self.0) }
    }
}

/// Something wrong at a place within a fragment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) path: String,
    pub(super) cause: String,
}

pub(super) type Parsed<T> = Result<T, Fault>;

impl Fault {
    pub(super) fn new(cause: impl Into<String>) -> Fault {
        Fault { path: String::new(), cause: cause.into() }
    }

    /// The same, seen from the object that has it under `key`.
    pub(super) fn under(mut self, key: &str) -> Fault {
        let separator = if self.path.is_empty() || self.path.starts_with('[') { "" } else { "." };
        self.path = format!("{key}{separator}{}", self.path);
        self
    }

    /// The same, seen from the array that has it at `index`.
    pub(super) fn at(self, index: usize) -> Fault {
        self.under(&format!("[{index}]"))
    }
}
