//! Session daemon ⇄ agents of logging frameworks in Java and Python (`docs/spec/agents.md`), both ends. Big-endian, unlike
//! LTTng's other local protocols.
//!
//! An agent connects, sends an [`AgentRegistration`], and then only answers. The session daemon sends a [`Command`] as a
//! [`CommandExchange`]; the agent receives it with a [`CommandReceipt`] and answers with a [`Reply`].

mod command;
mod exchange;
mod registration;
mod reply;

pub use command::{AppContext, Command, CommandCode, EnableLogger, HEADER_LEN, MAX_PAYLOAD_LEN};
pub use exchange::{Answer, CommandExchange, CommandReceipt, ReceivedCommand, Refusal};
pub use registration::{AGENT_PORT_FILE, AGENT_REGISTRATION_LEN, AgentRegistration, DEFAULT_PORTS};
pub use reply::{MAX_LIST_LEN, Reply, ReplyCode};
