//! Health checks of the session daemon (`docs/spec/client-protocol.md`, section 15).
//!
//! The reference counts the progress of twelve threads. Here one thread runs all tasks, so an answer at all says that
//! it runs; what can be in bad health besides is the consumer daemon.

use std::time::Duration;

use rttng_wire::health::{HealthCheck, HealthState, SessiondThread};
use rttng_wire::{Decode, Encode};
use rttng_world::link::FdStream;
use tokio::net::{UnixListener, UnixStream};

use crate::engine::Engine;
use crate::undecided::Undecided;

/// A question of four bytes takes no longer.
const LIMIT: Duration = Duration::from_secs(10);

/// Questions that are waited for at once; further ones push the oldest out.
const MOST: usize = 16;

/// Answers health checks for ever, each in a task on the current `LocalSet`.
pub async fn serve(engine: Engine, listener: UnixListener) {
    let undecided = Undecided::new(MOST);
    loop {
        match listener.accept().await {
            Ok((socket, _)) => {
                let engine = engine.clone();
                let place = undecided.enter(socket.peer_cred().map_or(0, |peer| peer.uid()));
                tokio::task::spawn_local(async move {
                    // A peer that asks nothing, or does not listen, has had its chance.
                    tokio::select! {
                        biased;
                        _ = tokio::time::timeout(LIMIT, answer(&engine, socket)) => {}
                        () = place.pushed_out() => {}
                    }
                });
            }
            Err(error) => {
                tracing::warn!("cannot accept a health check: {error}");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn answer(engine: &Engine, socket: UnixStream) -> std::io::Result<()> {
    let link = FdStream::new(socket);
    let mut question = [0; HealthCheck::SIZE];
    link.read_exact(&mut question).await?;
    if HealthCheck::from_bytes(&question).is_err() {
        return Ok(());
    }
    let state = match engine.lost_its_consumer() {
        false => HealthState::good(),
        true => HealthState::good().with_bad(SessiondThread::ConsumerManager),
    };
    link.write_all(&state.to_bytes()).await
}
