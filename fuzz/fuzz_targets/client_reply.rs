//! Replies of the session daemon: read as a client reads them, and written again. The first byte chooses the command
//! that was sent.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rttng_wire::Encode;
use rttng_wire::client::{CommandKind, Progress, Reply, ReplyFrame};

fuzz_target!(|bytes: &[u8]| {
    let Some((&choice, bytes)) = bytes.split_first() else { return };
    let kind = CommandKind::ALL[usize::from(choice) % CommandKind::ALL.len()];
    if let Ok(Progress::Complete { size, .. }) = ReplyFrame::progress(kind, bytes)
        && let Ok(reply) = Reply::from_bytes(kind, &bytes[..size])
    {
        assert_eq!(Reply::from_bytes(kind, &reply.to_bytes()), Ok(reply));
    }
});
