//! The current session: one line in `<home>/.lttngrc` (`docs/spec/cli.md` §3.1).

use std::ffi::OsStr;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::PathBuf;

use rttng_wire::text;

use super::exit::{Exit, Step};
use super::output::Output;

const FILE_NAME: &str = ".lttngrc";
/// Longest value that is read, in bytes.
const VALUE_MAX: usize = 254;

/// The file that remembers the current session.
pub(crate) struct CurrentSession {
    path: Option<PathBuf>,
}

impl CurrentSession {
    pub(crate) fn new(home: Option<&OsStr>) -> Self {
        CurrentSession { path: home.map(|home| PathBuf::from(home).join(FILE_NAME)) }
    }

    /// The name of the current session; says why if there is none.
    pub(crate) fn read(&self, out: Output) -> Step<String> {
        let Some(path) = &self.path else {
            out.error("Can't find valid home directory: set HOME or LTTNG_HOME");
            return Err(Exit::ERROR);
        };
        let text = match fs::read(path) {
            Ok(bytes) => text::from_bytes(&bytes),
            Err(error) => {
                out.error(format_args!("Can't find valid lttng config {}", path.display()));
                if error.kind() == ErrorKind::NotFound {
                    out.say("Did you create a session? (lttng create <my_session>)");
                } else {
                    out.error(format_args!("Cannot read it: {}", super::output::strerror(&error)));
                }
                return Err(Exit::ERROR);
            }
        };
        match stored_session(&text) {
            Some(name) => Ok(name.to_owned()),
            None => {
                out.error("Missing session=NAME in config file.");
                Err(Exit::ERROR)
            }
        }
    }

    /// Makes `name` the current session. Everything else that the file held is lost, as with LTTng.
    pub(crate) fn write(&self, name: &str) -> io::Result<()> {
        let path = self.path.as_ref().ok_or_else(|| io::Error::from(ErrorKind::NotFound))?;
        fs::write(path, text::to_bytes(&format!("session={name}\n")))
    }

    /// Forgets the current session if it is `name`.
    pub(crate) fn forget(&self, name: &str) {
        let Some(path) = &self.path else { return };
        let Ok(bytes) = fs::read(path) else { return };
        if stored_session(&text::from_bytes(&bytes)) == Some(name) {
            let _ = fs::remove_file(path);
        }
    }
}

/// The value of the first `session=` in the file. LTTng ends a value at white space; names with spaces would be cut in
/// two that way, so we take the whole line.
fn stored_session(text: &str) -> Option<&str> {
    let value = text.lines().find_map(|line| line.trim_start().strip_prefix("session="))?.trim_end();
    (!value.is_empty() && text::to_bytes(value).len() <= VALUE_MAX).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_session_key_counts() {
        assert_eq!(stored_session("session=a\n"), Some("a"));
        assert_eq!(stored_session("x=1\nsession=a b\nsession=c\n"), Some("a b"));
        assert_eq!(stored_session("sessions=a\n"), None);
        assert_eq!(stored_session(""), None);
        assert_eq!(stored_session("session=\n"), None);
    }

    #[test]
    fn what_is_written_is_read_again_and_forgotten_only_by_name() {
        let home = tempfile::tempdir().unwrap();
        let current = CurrentSession::new(Some(home.path().as_os_str()));
        let quiet = Output { quiet: true, ..Output::default() };
        assert_eq!(current.read(quiet), Err(Exit::ERROR));
        current.write("web").unwrap();
        assert_eq!(fs::read(home.path().join(".lttngrc")).unwrap(), b"session=web\n");
        current.forget("other");
        assert_eq!(current.read(quiet), Ok("web".to_owned()));
        current.forget("web");
        assert_eq!(current.read(quiet), Err(Exit::ERROR));
    }
}
