//! Answers the consumer daemon's questions for metadata (`docs/spec/consumer-protocol.md`, section 8.3).
//!
//! The consumer may ask while a command is in progress, and wait with that command for the answer: nothing here takes
//! part in the queue of commands.

use std::io;
use std::time::Duration;

use rttng_ctf::ust::MetadataCursor;
use rttng_wire::Decode;
use rttng_wire::consumer::{METADATA_REQUEST_LEN, MetadataAnswer, MetadataRequest};

use super::Registries;
use super::incarnation::PUSH_LEN;
use crate::exchange::drive;
use crate::link::{self, Link};

/// Serves until the connection ends; returns why it did.
pub(super) async fn serve_metadata(link: &dyn Link, registries: &Registries, bound: Duration) -> io::Error {
    loop {
        let mut request = [0; METADATA_REQUEST_LEN];
        if let Err(error) = link::receive(link, &mut request).await {
            return error;
        }
        let answered = match MetadataRequest::from_bytes(&request) {
            Ok(request) => tokio::time::timeout(bound, answer(link, registries, &request)).await,
            Err(error) => return io::Error::new(io::ErrorKind::InvalidData, error),
        };
        match answered {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return error,
            Err(_) => return io::ErrorKind::TimedOut.into(),
        }
    }
}

async fn answer(link: &dyn Link, registries: &Registries, request: &MetadataRequest) -> io::Result<()> {
    let registry = registries.borrow().get(&request.key).cloned();
    let Some(registry) = registry else {
        return drive(link, &mut MetadataAnswer::NoRegistry.exchange(), &[]).await.map(drop);
    };
    let (from, text) = {
        let registry = registry.borrow();
        registry.unsent(PUSH_LEN).unwrap_or_else(|| (registry.sent(), String::new()))
    };
    let MetadataCursor { version, offset: target_offset } = from;
    let len = text.len();
    let answer = MetadataAnswer::Text { key: request.key, target_offset, version, text: text.into_bytes() };
    let (outcome, _) = drive(link, &mut answer.exchange(), &[]).await?;
    if outcome.is_ok() {
        registry.borrow_mut().took(from, len);
    }
    Ok(())
}
