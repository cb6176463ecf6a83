//! One file per command (or pair of commands that share everything).

pub(crate) mod add_context;
pub(crate) mod add_trigger;
pub(crate) mod clear;
pub(crate) mod create;
pub(crate) mod destroy;
pub(crate) mod disable_channel;
pub(crate) mod disable_event;
pub(crate) mod enable_channel;
pub(crate) mod enable_event;
pub(crate) mod help;
pub(crate) mod list;
pub(crate) mod list_triggers;
pub(crate) mod load;
pub(crate) mod regenerate;
pub(crate) mod remove_trigger;
pub(crate) mod rotate;
pub(crate) mod rotation_schedule;
pub(crate) mod save;
pub(crate) mod set_session;
pub(crate) mod snapshot;
pub(crate) mod start;
pub(crate) mod stop;
pub(crate) mod track;
pub(crate) mod version;
pub(crate) mod view;
