//! What every daemon asks of the machine and no library gives as LTTng needs it: Unix sockets that carry file
//! descriptors ([`fds`]), blocking and under tokio ([`link`]), and file work done in another user's name ([`run_as`]).
//!
//! No protocol knowledge lives here, and no policy.

pub mod fds;
pub mod link;
pub mod run_as;
