//! What the metadata of one trace says: the trace, its environment and clocks, its streams and events.

use std::fmt;
use std::str::FromStr;

use crate::types::{ByteOrder, Field, Structure};

/// A UUID, its bytes in textual order.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Uuid(pub [u8; 16]);

impl Uuid {
    /// A random (version 4) UUID from 16 random bytes.
    pub fn from_random(mut bytes: [u8; 16]) -> Uuid {
        bytes[6] = (bytes[6] & 0x0f) | 0x40;
        bytes[8] = (bytes[8] & 0x3f) | 0x80;
        Uuid(bytes)
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, byte) in self.0.iter().enumerate() {
            if matches!(i, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Text that is not a UUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a UUID: it must have 32 hexadecimal digits in groups of 8-4-4-4-12")]
pub struct BadUuid;

impl FromStr for Uuid {
    type Err = BadUuid;

    fn from_str(text: &str) -> Result<Uuid, BadUuid> {
        let text = text.as_bytes();
        if text.len() != 36 {
            return Err(BadUuid);
        }
        let mut bytes = [0u8; 16];
        let mut digits = 0;
        for (i, &c) in text.iter().enumerate() {
            if matches!(i, 8 | 13 | 18 | 23) {
                if c != b'-' {
                    return Err(BadUuid);
                }
                continue;
            }
            let value = (c as char).to_digit(16).ok_or(BadUuid)? as u8;
            bytes[digits / 2] = bytes[digits / 2] << 4 | value;
            digits += 1;
        }
        Ok(Uuid(bytes))
    }
}

/// A value of the environment.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum EnvValue {
    /// An integer.
    Integer(i64),
    /// Text.
    Text(String),
}

/// What the tracer said of its surroundings (`env` in the metadata), in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Environment {
    /// Keys and values.
    pub entries: Vec<(String, EnvValue)>,
}

impl Environment {
    /// Appends text.
    pub fn push_text(&mut self, key: &str, value: impl Into<String>) {
        self.entries.push((key.to_owned(), EnvValue::Text(value.into())));
    }

    /// Appends an integer.
    pub fn push_integer(&mut self, key: &str, value: impl Into<i64>) {
        self.entries.push((key.to_owned(), EnvValue::Integer(value.into())));
    }

    /// The text of `key`, if it is there and text.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.entries.iter().find_map(|(k, v)| match v {
            EnvValue::Text(text) if k == key => Some(text.as_str()),
            _ => None,
        })
    }

    /// The integer of `key`, if it is there and an integer.
    pub fn integer(&self, key: &str) -> Option<i64> {
        self.entries.iter().find_map(|(k, v)| match v {
            EnvValue::Integer(value) if k == key => Some(*value),
            _ => None,
        })
    }
}

/// What tells a trace, a stream class or a clock of CTF 2 from others.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Identity {
    /// Who gives out the names.
    pub namespace: Option<String>,
    /// The name.
    pub name: Option<String>,
    /// Any text that is unique under this name.
    pub uid: Option<String>,
}

/// The version of the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, PartialOrd, Ord)]
pub enum Version {
    /// 1.8, with metadata in TSDL.
    #[default]
    Ctf1,
    /// 2, with metadata in JSON.
    Ctf2,
}

/// A clock that timestamps count in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clock {
    /// Its name, by which integers refer to it.
    pub name: String,
    /// Tells clocks of one machine and boot from others.
    pub uuid: Option<Uuid>,
    /// A text for people; LTTng always gives one.
    pub description: Option<String>,
    /// Cycles per second; not 0.
    pub frequency: u64,
    /// How far a value may be off, in cycles.
    pub precision: u64,
    /// Whole seconds from the origin to value 0, besides `offset`.
    pub offset_seconds: i64,
    /// Cycles from the origin to value 0.
    pub offset: i64,
    /// Whether clocks of this kind can be compared without correction everywhere: its origin is the Unix epoch.
    pub absolute: bool,
    /// CTF 2: what else tells it from others; `name` above is its internal id.
    pub identity: Identity,
    /// CTF 2: an origin that is not the Unix epoch.
    pub origin: Option<Identity>,
    /// CTF 2: how far all values may be off together, in cycles.
    pub accuracy: Option<u64>,
}

impl Clock {
    /// LTTng's usual clock: `CLOCK_MONOTONIC` in nanoseconds, `offset` nanoseconds after the Unix epoch.
    pub fn monotonic(boot_id: Option<Uuid>, offset: i64) -> Clock {
        Clock {
            name: "monotonic".to_owned(),
            uuid: boot_id,
            description: Some("Monotonic Clock".to_owned()),
            frequency: 1_000_000_000,
            precision: 0,
            offset_seconds: 0,
            offset,
            absolute: false,
            identity: Identity::default(),
            origin: None,
            accuracy: None,
        }
    }

    /// Nanoseconds since the origin (the Unix epoch for LTTng) at `cycles`.
    pub fn nanoseconds(&self, cycles: u64) -> i128 {
        let cycles = i128::from(cycles) + i128::from(self.offset);
        let frequency = i128::from(self.frequency.max(1));
        let fine =
            if frequency == 1_000_000_000 { cycles } else { (cycles * 1_000_000_000).div_euclid(frequency) };
        fine + i128::from(self.offset_seconds) * 1_000_000_000
    }
}

/// A kind of event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventClass {
    /// Its number in event headers, unique in the stream.
    pub id: u64,
    /// Its name (`provider:event` in user space).
    pub name: String,
    /// Log level: 0 (emergency) to 14 (debug) in user space.
    pub log_level: Option<i64>,
    /// `model.emf.uri`: where a model of the event is described.
    pub emf_uri: Option<String>,
    /// `context`: fields of this event alone, before the payload. LTTng has none.
    pub context: Option<Structure>,
    /// `fields`: the payload.
    pub fields: Option<Structure>,
}

impl EventClass {
    /// An event as a user-space application registers it.
    pub fn user_space(
        id: u32,
        name: impl Into<String>,
        log_level: i32,
        emf_uri: Option<String>,
        fields: Vec<Field>,
    ) -> EventClass {
        EventClass {
            id: u64::from(id),
            name: name.into(),
            log_level: Some(i64::from(log_level)),
            emf_uri,
            context: None,
            fields: Some(Structure::of(fields)),
        }
    }
}

/// A kind of stream: a channel of LTTng.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StreamClass {
    /// Its number in packet headers; for LTTng the channel id.
    pub id: u64,
    /// What follows the packet header in each packet: times, sizes, counts.
    pub packet_context: Option<Structure>,
    /// What each event starts with: its id and time.
    pub event_header: Option<Structure>,
    /// What each event has after its header: the contexts of the channel.
    pub event_context: Option<Structure>,
    /// The kinds of events.
    pub events: Vec<EventClass>,
    /// CTF 2: what tells it from others.
    pub identity: Identity,
    /// CTF 2: name of its clock. In CTF 1.8 the fields that are times say that.
    pub default_clock: Option<String>,
}

impl StreamClass {
    /// The event class with that id.
    pub fn event(&self, id: u64) -> Option<&EventClass> {
        self.events.iter().find(|event| event.id == id)
    }
}

/// Everything that the metadata of one trace says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceClass {
    /// Its UUID, repeated in the packets.
    pub uuid: Option<Uuid>,
    /// The byte order of what does not say its own.
    pub byte_order: ByteOrder,
    /// What each packet starts with.
    pub packet_header: Option<Structure>,
    /// What the tracer said of its surroundings.
    pub environment: Environment,
    /// The clocks.
    pub clocks: Vec<Clock>,
    /// The kinds of streams, in the order of declaration.
    pub streams: Vec<StreamClass>,
    /// The version of the format that it was read from.
    ///
    /// What CTF 2 says with roles is said with the names of CTF 1.8 here (`packet_size`, `timestamp_begin`, `id`, …), and
    /// all other names have an underscore in front, so that [`Field::display_name`](crate::Field::display_name) gives what
    /// the metadata has.
    pub version: Version,
    /// CTF 2: what tells it from others.
    pub identity: Identity,
}

impl TraceClass {
    /// A trace of which nothing else is known.
    pub fn new(byte_order: ByteOrder) -> TraceClass {
        TraceClass {
            uuid: None,
            byte_order,
            packet_header: None,
            environment: Environment::default(),
            clocks: Vec::new(),
            streams: Vec::new(),
            version: Version::Ctf1,
            identity: Identity::default(),
        }
    }

    /// The stream class with that id.
    pub fn stream(&self, id: u64) -> Option<&StreamClass> {
        self.streams.iter().find(|stream| stream.id == id)
    }

    /// Whether packets tell of which stream they are, among those of their class.
    pub fn tells_instances(&self) -> bool {
        crate::decode::tells(self, self.packet_header.as_ref(), "stream_instance_id")
    }

    /// The clock of that name.
    pub fn clock(&self, name: &str) -> Option<&Clock> {
        self.clocks.iter().find(|clock| clock.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuids_are_read_and_written() {
        let text = "e45cf9a6-d10c-4228-a14b-4bda44550ca4";
        let uuid: Uuid = text.parse().unwrap();
        assert_eq!(uuid.0[..4], [0xe4, 0x5c, 0xf9, 0xa6]);
        assert_eq!(uuid.to_string(), text);
        for bad in ["", "e45cf9a6d10c-4228-a14b-4bda44550ca4-", "g45cf9a6-d10c-4228-a14b-4bda44550ca4"] {
            assert_eq!(bad.parse::<Uuid>(), Err(BadUuid), "{bad}");
        }
        assert_eq!(Uuid::from_random([0xff; 16]).to_string(), "ffffffff-ffff-4fff-bfff-ffffffffffff");
    }

    #[test]
    fn a_clock_gives_nanoseconds_since_the_epoch() {
        let clock = Clock::monotonic(None, 1_795_372_999_259_704_699);
        assert_eq!(clock.nanoseconds(1), 1_795_372_999_259_704_700);
        let slow = Clock { frequency: 1_000_000, offset: -1, offset_seconds: 2, ..clock };
        assert_eq!(slow.nanoseconds(0), 1_999_999_000);
    }
}
