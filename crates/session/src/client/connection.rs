//! One client connection: reads a request, has it executed, writes the answer.

use std::io;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::time::Duration;

use rttng_wire::client::{CommandKind, ErrorCode, Progress, Reply, Request, RequestFrame, RequestHeader};
use rttng_wire::{Decode, Encode};
use rttng_world::link::FdStream;
use rttng_world::run_as::Identity;
use tokio::net::UnixStream;

use super::{Clients, Requester};

/// A request that is not complete so long after its first byte will not become so.
const REQUEST_LIMIT: Duration = Duration::from_secs(30);
/// An answer that is not taken for so long is not wanted.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);

/// What came of reading a request.
enum Incoming {
    /// The client said nothing and left: a probe for a living daemon.
    Nothing,
    /// Not a request: this is the answer.
    Refused(RequestHeader, ErrorCode),
    /// A request, with the descriptors beside it.
    Complete(Box<Request>, Requester, Vec<OwnedFd>),
}

/// Serves one connection to its end.
pub(super) async fn serve(clients: &Rc<Clients>, socket: UnixStream) {
    let link = FdStream::new(socket);
    let uid = link.peer().map_or(0, |who| who.uid.as_raw());
    let place = clients.undecided.enter(uid);
    let incoming = tokio::select! {
        biased;
        incoming = read(&link) => incoming,
        () = place.pushed_out() => {
            return tracing::info!("a client that asked for nothing is disconnected: too many others came after it");
        }
    };
    drop(place);
    match incoming {
        Ok(Incoming::Nothing) => {}
        Ok(Incoming::Refused(header, code)) => answer(&link, Reply::to(&header, Err(code))).await,
        Ok(Incoming::Complete(request, who, descriptors)) => {
            let header = request.header.clone();
            let outcome = clients.execute(*request, who).await;
            // Descriptors belong to commands that this daemon refuses; they are closed once that is said.
            drop(descriptors);
            tracing::debug!(command = ?header.kind, session = ?header.session, ok = outcome.is_ok(), "command");
            let reply = match header.kind {
                Some(kind) if kind.is_deferred() && outcome.is_ok() => Reply::deferred(kind, outcome),
                _ => Reply::to(&header, outcome),
            };
            answer(&link, reply).await;
        }
        Err(error) => tracing::debug!("a client left in the middle of a request: {error}"),
    }
}

async fn read(link: &FdStream) -> io::Result<Incoming> {
    let mut bytes = Vec::new();
    let mut credentials = None;
    // The first byte may take its time: a client may connect and think.
    let mut limit = None;
    let descriptors_due = loop {
        let missing = match RequestFrame::progress(&bytes) {
            Ok(Progress::Needs(missing)) => missing,
            Ok(Progress::Complete { fds, .. }) => break fds,
            Err(refusal) => {
                tracing::info!("refused a request: {refusal}");
                return Ok(Incoming::Refused(header_of(&bytes)?, refusal.code));
            }
        };
        let have = bytes.len();
        bytes.resize(have + missing, 0);
        let part = match within(limit, link.receive(&mut bytes[have..])).await {
            Ok(part) => part,
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                bytes.truncate(have);
                return incomplete(&bytes);
            }
            Err(error) => return Err(error),
        };
        bytes.truncate(have + part.len);
        credentials = part.credentials.or(credentials);
        if part.len == 0 {
            return incomplete(&bytes);
        }
        limit.get_or_insert_with(|| tokio::time::Instant::now() + REQUEST_LIMIT);
    };
    let header = header_of(&bytes)?;
    let descriptors = match descriptors_due {
        count if count > 0 && header.kind.is_some_and(CommandKind::may_carry_descriptors) => {
            match within(limit, link.receive_fds(count as usize)).await {
                Ok(descriptors) => descriptors,
                Err(error) => {
                    tracing::info!("the descriptors of a request did not come: {error}");
                    return Ok(Incoming::Refused(header, ErrorCode::Fatal));
                }
            }
        }
        _ => Vec::new(),
    };
    let identity = match credentials {
        Some(who) => Identity { uid: who.uid, gid: who.gid },
        None => link.peer().map(|who| Identity { uid: who.uid.as_raw(), gid: who.gid.as_raw() })?,
    };
    Ok(match Request::from_bytes(&bytes) {
        Ok(request) => Incoming::Complete(Box::new(request), Requester { identity }, descriptors),
        Err(why) => {
            tracing::info!("refused a malformed request: {why}");
            let code = header.malformed_code();
            Incoming::Refused(header, code)
        }
    })
}

/// What a request is that does not go on: nothing without its fixed message, as for the real daemon; a refusal from then
/// on.
fn incomplete(bytes: &[u8]) -> io::Result<Incoming> {
    if bytes.len() < RequestFrame::HEADER_SIZE {
        return Ok(Incoming::Nothing);
    }
    let header = header_of(bytes)?;
    let code = header.incomplete_code();
    Ok(Incoming::Refused(header, code))
}

fn header_of(bytes: &[u8]) -> io::Result<RequestHeader> {
    RequestHeader::read(bytes).map_err(io::Error::other)
}

async fn within<T>(
    limit: Option<tokio::time::Instant>,
    work: impl Future<Output = io::Result<T>>,
) -> io::Result<T> {
    match limit {
        Some(limit) => tokio::time::timeout_at(limit, work).await.unwrap_or_else(|_| {
            Err(io::Error::new(io::ErrorKind::TimedOut, "the request was not completed"))
        }),
        None => work.await,
    }
}

async fn answer(link: &FdStream, reply: Reply) {
    let bytes = reply.to_bytes();
    match tokio::time::timeout(ANSWER_LIMIT, link.write_all(&bytes)).await {
        // A client may leave without waiting for its answer.
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!("an answer was not taken: {error}"),
        Err(_) => tracing::debug!("an answer was not taken in time"),
    }
}
