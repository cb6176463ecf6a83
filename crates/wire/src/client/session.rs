//! Sessions as they are listed: an object of 4376 bytes and an extended record of 9 (`docs/spec/client-protocol.md`,
//! 8.6 and 9.1).

use std::time::Duration;

use super::channel::whole_micros32;
use super::text;
use crate::{Reader, WireError, Writer};

/// A session in a list.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Session {
    /// The name.
    pub name: String,
    /// Where its trace goes: a path, a description such as `tcp4://ADDR:PORT/SUBDIR [data: PORT]`, or nothing.
    pub path: String,
    /// Whether it is recording.
    pub active: bool,
    /// Whether it is a snapshot session.
    pub snapshot_mode: bool,
    /// Period of the live timer (at most `u32::MAX` µs), if it is a live session.
    pub live_timer: Option<Duration>,
    /// When it was made, in seconds since 1970, if known.
    pub creation_time_s: Option<u64>,
}

/// Size of the name field of a session object.
pub(crate) const NAME_SIZE: usize = 255;
/// Size of the object.
pub(crate) const OBJECT_SIZE: usize = 4376;
const PATH_SIZE: usize = 4096;
const EXTENDED_SIZE: usize = 9;

/// Writes all session objects, then all extended records.
pub(crate) fn encode_list(sessions: &[Session], out: &mut Writer) {
    for session in sessions {
        let end = out.len() + OBJECT_SIZE;
        text::put_fixed(out, &session.name, NAME_SIZE);
        text::put_fixed(out, &session.path, PATH_SIZE);
        out.zeros(1);
        out.u32(session.active.into());
        out.u32(session.snapshot_mode.into());
        out.u32(session.live_timer.map_or(0, whole_micros32));
        out.pad_to(end);
    }
    for session in sessions {
        out.u64(session.creation_time_s.unwrap_or(0));
        out.u8(session.creation_time_s.is_some().into());
    }
}

/// Reads what [`encode_list`] wrote; the number of sessions follows from the size.
pub(crate) fn decode_list(input: &mut Reader<'_>) -> Result<Vec<Session>, WireError> {
    const EACH: usize = OBJECT_SIZE + EXTENDED_SIZE;
    let size = input.rest().len();
    if !size.is_multiple_of(EACH) {
        return Err(WireError::BadValue { field: "session list size", value: size as i128 });
    }
    let count = size / EACH;
    let mut sessions = Vec::with_capacity(count);
    for _ in 0..count {
        let mut object = Reader::new(input.bytes("session", OBJECT_SIZE)?);
        let name = text::fixed_string(&mut object, "session.name", NAME_SIZE)?;
        let path = text::fixed_string(&mut object, "session.path", PATH_SIZE)?;
        object.skip(1)?;
        let active = object.u32("session.enabled")? != 0;
        let snapshot_mode = object.u32("session.snapshot_mode")? != 0;
        let live_timer = match object.u32("session.live_timer_interval")? {
            0 => None,
            us => Some(Duration::from_micros(us.into())),
        };
        sessions.push(Session { name, path, active, snapshot_mode, live_timer, creation_time_s: None });
    }
    for session in &mut sessions {
        let time = input.u64("session.creation_time")?;
        let is_set = input.bool8("session.creation_time.is_set")?;
        session.creation_time_s = is_set.then_some(time);
    }
    Ok(sessions)
}
