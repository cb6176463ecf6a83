//! Blocks of the session daemon to the consumer daemon, read as a command and as an answer to a metadata request. Short
//! inputs are blocks whose rest is zero.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rttng_wire::consumer::{
    BLOCK_LEN, ChannelKey, Command, MetadataPull, MetadataRequest, RegistryId, SessionId,
};
use rttng_wire::{Bitness, Decode, Encode};

mod feed;
use feed::feed;

fuzz_target!(|bytes: &[u8]| {
    let mut block = bytes.to_vec();
    block.resize(block.len().max(BLOCK_LEN), 0);
    if let Ok(command) = Command::from_bytes(&block) {
        assert_eq!(Command::from_bytes(&command.to_bytes()), Ok(command));
    }
    let (session_id, registry, key) = (SessionId(0), RegistryId(0), ChannelKey(0));
    feed(
        MetadataPull::new(MetadataRequest { session_id, registry, bitness: Bitness::Bits64, uid: 0, key }),
        &block,
    );
});
