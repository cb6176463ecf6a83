//! What a consumer daemon says to the session daemon: answers to a command, requests for metadata, monitor samples. The
//! first byte chooses.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rttng_wire::consumer::{
    ChannelKey, ChunkId, CloseTraceChunk, Command, CommandExchange, MetadataAnswer, MetadataRequest,
    MonitorSample, SessionId, TraceChunkExists,
};
use rttng_wire::{Decode, Encode};

mod feed;
use feed::feed;

fuzz_target!(|bytes: &[u8]| {
    let Some((&choice, bytes)) = bytes.split_first() else { return };
    let (session_id, chunk_id, key) = (SessionId(0), ChunkId(0), ChannelKey(1));
    let command = match choice % 8 {
        0 => Command::GetChannel(key),
        1 => {
            let (relay, close_timestamp_s, close_command) = (None, 1, None);
            let of = CloseTraceChunk { relay, session_id, chunk_id, close_timestamp_s, close_command };
            Command::CloseTraceChunk(of)
        }
        2 => Command::TraceChunkExists(TraceChunkExists { relay: None, session_id, chunk_id }),
        3 => Command::DataPending(session_id),
        4 => Command::LostPackets { session_id, key },
        5 => Command::SetChannelMonitorPipe,
        6 => {
            let text = b"trace {}".to_vec();
            feed(MetadataAnswer::Text { key, target_offset: 0, version: 0, text }.exchange(), bytes);
            return;
        }
        _ => {
            if let Ok(request) = MetadataRequest::from_bytes(bytes) {
                assert_eq!(request.to_bytes(), bytes);
            }
            if let Ok(sample) = MonitorSample::from_bytes(bytes) {
                assert_eq!(sample.to_bytes(), bytes);
            }
            return;
        }
    };
    feed(CommandExchange::new(&command, Vec::new()), bytes);
});
