//! The notification channel: the socket on which clients subscribe to conditions and are told when they become true
//! (`docs/spec/client-objects.md`, section 13).
//!
//! Each connection has a task of its own. What a client says is bounded and checked; whoever says something else is
//! disconnected. A client that does not listen is never waited for: see [`Subscriber`].

use std::convert::Infallible;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use rttng_wire::Decode;
use rttng_wire::client::notification::{NotificationFrame, VERSION};
use rttng_wire::client::{NotificationReply, NotificationRequest, NotificationStatus, Progress};
use rttng_world::link::FdStream;
use rttng_world::run_as::Identity;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;

use super::Subscriber;
use super::subscriber::Subscription;
use crate::descriptors;
use crate::engine::{Core, Engine};
use crate::undecided::{Place, Undecided};

/// Connections that are served at once; further ones wait in the socket's backlog. An eighth of all descriptors, within
/// these bounds. Half of them may be without a subscription.
const MOST_CONNECTIONS: (usize, usize) = (8, 512);

/// Serves clients for ever, each in a task on the current `LocalSet`.
pub(crate) async fn serve(engine: Engine, listener: UnixListener) {
    let core = engine.core();
    let (least, most) = MOST_CONNECTIONS;
    let most = descriptors::share(8, least, most);
    let (room, undecided) = (Arc::new(Semaphore::new(most)), Undecided::new(most / 2));
    loop {
        let Ok(place) = Arc::clone(&room).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((socket, _)) => {
                let (core, undecided) = (core.clone(), undecided.clone());
                tokio::task::spawn_local(async move {
                    let why = converse(&core, &undecided, socket).await;
                    tracing::debug!(%why, "a client of the notification channel is gone");
                    drop(place);
                });
            }
            Err(error) => {
                // Out of descriptors, most likely: those who have one finish first.
                tracing::warn!("cannot accept a client of the notification channel: {error}");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// Why a connection ends.
#[derive(Debug, thiserror::Error)]
enum End {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("it says what the protocol does not know: {0}")]
    Nonsense(#[from] rttng_wire::WireError),
    #[error("it asks for something before it has said its version")]
    NoHandshake,
    #[error("it has too many subscriptions")]
    TooMany,
    #[error("too many came after it, and it has subscribed to nothing")]
    PushedOut,
}

async fn converse(core: &Rc<Core>, undecided: &Rc<Undecided>, socket: UnixStream) -> End {
    let link = FdStream::new(socket);
    let uid = link.peer().map_or(0, |peer| peer.uid.as_raw());
    let place = undecided.enter(uid);
    let greeted = tokio::select! {
        biased;
        greeted = greet(&link) => greeted,
        () = place.pushed_out() => Err(End::PushedOut),
    };
    let (client, first) = match greeted {
        Ok(greeted) => greeted,
        Err(end) => return end,
    };
    core.triggers.welcome(&client);
    answer_to(core, &client, &first);
    let Err(end) = tokio::select! {
        end = take_requests(core, &client, &link, place) => end,
        end = send_messages(&client, &link) => end,
    };
    end
}

/// Takes a client's requests. It has its place among the undecided until it subscribes to something.
async fn take_requests(
    core: &Core,
    client: &Rc<Subscriber>,
    link: &FdStream,
    place: Place,
) -> Result<Infallible, End> {
    let mut place = Some(place);
    loop {
        let receive = async {
            // Who does not take answers is not asked for more.
            client.answers_taken().await;
            receive(link).await
        };
        let (request, _) = match &place {
            None => receive.await?,
            Some(place) => tokio::select! {
                biased;
                received = receive => received?,
                () = place.pushed_out() => return Err(End::PushedOut),
            },
        };
        if let NotificationRequest::Subscribe(_) = request {
            place = None;
        }
        if !answer_to(core, client, &request) {
            return Err(End::TooMany);
        }
    }
}

async fn send_messages(client: &Subscriber, link: &FdStream) -> Result<Infallible, End> {
    loop {
        link.write_all(&client.next().await).await?;
    }
}

/// Takes a client's first request, which has to tell its version.
async fn greet(link: &FdStream) -> Result<(Rc<Subscriber>, NotificationRequest), End> {
    let (request, credentials) = receive(link).await?;
    if !matches!(request, NotificationRequest::Handshake(_)) {
        return Err(End::NoHandshake);
    }
    let who = match credentials {
        Some(who) => who,
        None => link.peer().map(|peer| Identity { uid: peer.uid.as_raw(), gid: peer.gid.as_raw() })?,
    };
    Ok((Subscriber::new(who), request))
}

/// Reads one request, with the credentials beside it. Descriptors that come with a condition are closed: no condition that
/// this daemon knows to become true has any.
async fn receive(link: &FdStream) -> Result<(NotificationRequest, Option<Identity>), End> {
    let mut bytes = Vec::new();
    let mut credentials = None;
    let fds = loop {
        let missing = match NotificationFrame::progress(&bytes)? {
            Progress::Needs(missing) => missing,
            Progress::Complete { fds, .. } => break fds,
        };
        let have = bytes.len();
        bytes.resize(have + missing, 0);
        let part = link.receive(&mut bytes[have..]).await?;
        if part.len == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        bytes.truncate(have + part.len);
        credentials = part.credentials.or(credentials);
    };
    if fds > 0 {
        link.receive_fds(fds as usize).await?;
    }
    let who = credentials.map(|who| Identity { uid: who.uid, gid: who.gid });
    Ok((NotificationRequest::from_bytes(&bytes)?, who))
}

/// Does what a client asks for and answers. Says whether the connection goes on.
fn answer_to(core: &Core, client: &Rc<Subscriber>, request: &NotificationRequest) -> bool {
    let status = match request {
        NotificationRequest::Handshake(version) => {
            client.answer(&NotificationReply::Handshake(VERSION));
            match version.major == VERSION.major {
                true => NotificationStatus::Ok,
                false => NotificationStatus::UnsupportedVersion,
            }
        }
        NotificationRequest::Subscribe(condition) => match client.subscribe(condition) {
            Subscription::Made => {
                core.triggers.subscribed(client, condition);
                // What is true already is told before the answer.
                if let Some(occurrence) = core.occurs_now(condition) {
                    for live in core.triggers.with_condition(|there| there.same_as(condition)) {
                        live.tell_at_once(client, &occurrence);
                    }
                }
                NotificationStatus::Ok
            }
            Subscription::Exists => NotificationStatus::AlreadySubscribed,
            Subscription::TooMany => return false,
        },
        NotificationRequest::Unsubscribe(condition) => match client.unsubscribe(condition) {
            true => {
                core.triggers.unsubscribed(client, condition);
                NotificationStatus::Ok
            }
            false => NotificationStatus::UnknownCondition,
        },
    };
    client.answer(&NotificationReply::CommandReply(status));
    true
}
