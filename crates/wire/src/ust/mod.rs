//! Application ⇄ session daemon (`docs/spec/ust-protocol.md`), both ends.
//!
//! An application registers on two connections ([`Registration`]). On the first the session daemon sends a
//! [`Request`], as a [`CommandExchange`] that ends in an [`Answer`] or a [`Refusal`]; the application receives it with
//! a [`CommandReceipt`] and answers with a [`Reply`]. On the second the application sends a [`NotifyRequest`]
//! ([`NotifyExchange`]), which the session daemon receives with a [`NotifyReceipt`] and answers with a
//! [`NotifyAnswer`]. Notifications of event notifiers come through a pipe ([`NotificationReceipt`]).
//!
//! What differs between the protocol's revisions is behind [`Dialect`].

mod abi8;
mod bytecode;
mod command;
mod command_exchange;
mod command_receipt;
mod context;
mod counter;
mod dialect;
mod event;
mod field;
mod field_entry;
mod ids;
mod listing;
mod notification;
mod notify;
mod notify_exchange;
mod registration;
mod reply;

pub use bytecode::{Bytecode, MAX_BYTECODE_LEN};
pub use command::{
    COMMAND_LEN, Channel, Command, CommandCode, MAX_CHANNEL_BLOB_LEN, Request, Stream, UnsupportedCommand,
};
pub use command_exchange::{Answer, CommandExchange, Refusal};
pub use command_receipt::{CommandReceipt, ReceivedCommand};
pub use context::{Context, PlainContext};
pub use counter::{Counter, CounterArithmetic, CounterBitness, CounterDimension};
pub use dialect::Dialect;
pub use event::{EventNotifier, EventRule, Exclusions, LogLevel, LogLevelRule};
pub use field::{
    Array, Base, ByteOrder, Encoding, EnumEntry, EnumRange, EnumValue, Enumeration, Field, FieldType, Float,
    Integer, Sequence, Structure, Variant,
};
pub use field_entry::{FIELD_ENTRY_LEN, MAX_FIELD_ENTRIES};
pub use ids::{ChannelId, EnumId, Errno, EventId, ObjectHandle, Token};
pub use listing::{FieldListEntry, ListedFieldKind, TracepointEntry, TracerVersion};
pub use notification::{MAX_CAPTURES_LEN, NOTIFICATION_HEADER_LEN, Notification, NotificationReceipt};
pub use notify::{
    ChannelAnswer, ChannelRegistration, EnumRegistration, EventHeader, EventRegistration, NotifyAnswer,
    NotifyKind, NotifyRequest,
};
pub use notify_exchange::{NotifyExchange, NotifyReceipt, RefusedNotify};
pub use registration::{
    AbiVersion, Alignments, ProcessName, REGISTRATION_LEN, Registration, SOCKET_NAME, SocketKind,
    WAIT_PAGE_NAME,
};
pub use reply::{REPLY_LEN, Reply, ReplyBody, ReplyCode};

use crate::{Reader, WireError};

/// Size of every field for a name.
pub(crate) const SYMBOL_NAME_LEN: usize = 256;

/// Reads a name of up to 255 bytes from its fixed field; any bytes, for labels of enumerations are in the encoding of
/// whoever wrote the program.
fn symbol(input: &mut Reader<'_>, field: &'static str) -> Result<String, WireError> {
    input.fixed_string(field, SYMBOL_NAME_LEN)
}
