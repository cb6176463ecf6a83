//! What to save of sessions, and where (`docs/spec/client-protocol.md`, 7.16 and 9.7).

use std::path::PathBuf;

use super::text;
use crate::{Decode, Encode, Reader, WireError, Writer};

/// Asks the daemon to write sessions to files.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct SaveSession {
    /// The session; `None` saves all that the requester sees.
    pub session: Option<String>,
    /// The folder as an absolute path; `None` is the requester's `.lttng/sessions`.
    pub folder: Option<PathBuf>,
    /// Replace files that exist.
    pub overwrite: bool,
    /// Leave the session's name out.
    pub omit_name: bool,
    /// Leave the session's output out.
    pub omit_output: bool,
}

impl Encode for SaveSession {
    fn encode(&self, out: &mut Writer) {
        text::put_fixed(out, self.session.as_deref().unwrap_or(""), 255);
        text::put_fixed(out, self.folder.as_deref().map_or(&[][..], text::path_bytes), 4096);
        out.u8(self.overwrite.into());
        out.u8(self.omit_name.into());
        out.u8(self.omit_output.into());
    }
}

impl Decode for SaveSession {
    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        let session = text::fixed_string(input, "save_session.session_name", 255)?;
        let folder = text::fixed_path(input, "save_session.configuration_url", 4096)?;
        Ok(SaveSession {
            session: Some(session).filter(|name| !name.is_empty()),
            folder: Some(folder).filter(|path| !path.as_os_str().is_empty()),
            overwrite: input.bool8("save_session.overwrite")?,
            omit_name: input.bool8("save_session.omit_name")?,
            omit_output: input.bool8("save_session.omit_output")?,
        })
    }
}
