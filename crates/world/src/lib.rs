//! What every daemon asks of the machine and no library gives as LTTng needs it: Unix sockets that carry file
//! descriptors ([`fds`]), the same under tokio ([`link`]), file work done in another user's name ([`run_as`]),
//! users and groups ([`accounts`]), directories and files of exact modes ([`exact`]), times as names carry them
//! ([`local_time`]), how much memory there is ([`memory`]), and command lines read as `getopt_long` reads them
//! ([`getopt`]).
//!
//! No protocol knowledge lives here, and no policy.
pub mod accounts;
pub mod exact;
pub mod fds;
pub mod getopt;
pub mod link;
pub mod local_time;
pub mod memory;
pub mod run_as;
