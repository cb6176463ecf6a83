//! Identifiers of the user-space tracing protocol.

identifiers! {
    /// An object inside an application; chosen by the application, opaque to the session daemon
    /// (`docs/spec/ust-protocol.md` 5.2).
    ObjectHandle(u32),
    /// A channel in packet headers and metadata (`stream_id`); equal to the one inside the channel's blob.
    ChannelId(u32),
    /// An event class of a channel, counted from 0.
    EventId(u32),
    /// An enumeration of a registry, counted from 0.
    EnumId(u64),
    /// What an event notifier's notifications carry, so that the session daemon knows the trigger.
    Token(u64),
}

impl ObjectHandle {
    /// The root object that every application has.
    pub const ROOT: ObjectHandle = ObjectHandle(0);
}

/// An errno value, positive, as answers carry it (negated on the wire).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Errno(i32);

impl Errno {
    /// No such entry.
    pub const ENOENT: Errno = Errno(2);
    /// Input/output error.
    pub const EIO: Errno = Errno(5);
    /// Out of memory; also what lttng-sessiond answers to field descriptions that it does not understand.
    pub const ENOMEM: Errno = Errno(12);
    /// Invalid argument.
    pub const EINVAL: Errno = Errno(22);

    /// The errno of that (positive) number.
    pub fn new(number: i32) -> Option<Errno> {
        (number > 0).then_some(Errno(number))
    }

    /// The (positive) number.
    pub fn number(self) -> i32 {
        self.0
    }
}

impl std::fmt::Display for Errno {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match *self {
            Errno::ENOENT => f.write_str("no such entry"),
            Errno::EIO => f.write_str("input/output error"),
            Errno::ENOMEM => f.write_str("out of memory"),
            Errno::EINVAL => f.write_str("invalid argument"),
            Errno(number) => write!(f, "errno {number}"),
        }
    }
}
