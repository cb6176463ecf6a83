//! What becomes of a session's trace when the consumer daemon that wrote it is gone: what is on disk is made readable.
//!
//! What was still in the ring buffers is lost with the consumer daemon, and the next command on the session says so
//! ([`ErrorCode::NoUstconsumerd`](rttng_wire::client::ErrorCode::NoUstconsumerd)).

use std::rc::Rc;
use std::time::Duration;

use rttng_ctf::metadata_packet::MetadataPacketizer;
use tracing::{info, warn};

use super::Core;
use super::run::Run;
use crate::chunk::bounded;
use crate::consumer::Incarnation;

/// How long a command waits for a trace that is being mended.
const PATIENCE: Duration = Duration::from_secs(5);

impl Core {
    /// Has the session's trace mended as soon as its consumer daemon has ended, if the session is there then.
    pub(super) fn mend_when_over(self: &Rc<Self>, run: &Rc<Run>, incarnation: &Rc<Incarnation>) {
        let (core, run, incarnation) = (Rc::downgrade(self), Rc::downgrade(run), incarnation.clone());
        tokio::task::spawn_local(async move {
            // Not merely given up: while the process lives it may still write.
            incarnation.ended().await;
            drop(incarnation);
            if let (Some(core), Some(run)) = (core.upgrade(), run.upgrade()) {
                core.mend(&run).await;
                run.mended.send_replace(true);
            }
        });
    }

    /// Waits until the trace of a session whose consumer daemon is gone is mended. One that was merely given up may
    /// never end.
    pub(super) async fn mended(&self, run: &Run) {
        let mut mended = run.mended.subscribe();
        let _ = tokio::time::timeout(PATIENCE, mended.wait_for(|mended| *mended)).await;
    }

    async fn mend(&self, run: &Run) {
        let chunk = run.chunk.borrow().clone();
        let Some((chunk, domain)) =
            chunk.and_then(|chunk| chunk.domain.clone().map(|domain| (chunk, domain)))
        else {
            return;
        };
        let all = run.buffers();
        let metadata = all.iter().map(|buffers| {
            buffers.declare_unused();
            let mut registry = buffers.registry.borrow_mut();
            registry.complete();
            let page = rustix::param::page_size();
            let packets = MetadataPacketizer {
                uuid: registry.uuid(),
                byte_order: rttng_ctf::ByteOrder::NATIVE,
                packet_size: page,
                page_size: page,
            };
            let mut bytes = Vec::new();
            packets.write(registry.text().as_bytes(), &mut bytes);
            (buffers.path.clone(), bytes)
        });
        let metadata = metadata.collect();
        let work = self.world.files.mend(domain, metadata, chunk.owner);
        match bounded(self.world.bounds.files, work).await {
            Ok(()) => {
                info!(directory = %chunk.directory.display(), "the trace can be read up to the consumer daemon's end")
            }
            Err(error) => {
                warn!(%error, directory = %chunk.directory.display(), "a trace may not be readable")
            }
        }
    }
}
