//! How applications come: two connections, each with a registration, made one application (`docs/spec/ust-protocol.md`,
//! section 3).
//!
//! Each registration is read in a task of its own with a time limit: a client that sends half a record holds up nobody.
//! So the two of one application may be read in either order, whatever the order in which they were made.

use std::cell::Cell;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use rttng_wire::ust::{Dialect, ProcessName, REGISTRATION_LEN, Registration, SocketKind, TracerVersion};
use rttng_wire::{Bitness, Decode};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Notify, mpsc, watch};
use tracing::{debug, info, warn};

use super::Application;
use super::pair::{Half, Pair, Serial};
use super::serve::{Connection, serve};
use crate::descriptors;
use crate::engine::Core;
use crate::link::{self, AnyLink, SocketLink};
use crate::model::ProcessIdentity;
use crate::undecided::Place;

/// How long a registration may take when applications have no time limit of their own.
const REGISTRATION_LIMIT: Duration = Duration::from_secs(5);
/// How long to leave connections waiting when no descriptor is free for another one.
const BREATHER: Duration = Duration::from_millis(100);

/// Accepts connections for as long as the listener works.
pub(crate) async fn accept(core: Rc<Core>, listener: UnixListener) -> io::Error {
    loop {
        match listener.accept().await {
            Ok((socket, _)) => {
                let Some(peer) = identity_of(&socket) else { continue };
                if descriptors::is_one_of_the_last(&socket) {
                    wait_for_descriptors(peer).await;
                }
                let socket = SocketLink::new(socket);
                tokio::task::spawn_local(register(core.clone(), Rc::new(socket), peer));
            }
            Err(error) => match error.raw_os_error().map(rustix::io::Errno::from_raw_os_error) {
                // Out of descriptors: those that are served go on; the next one waits.
                Some(
                    rustix::io::Errno::MFILE
                    | rustix::io::Errno::NFILE
                    | rustix::io::Errno::NOBUFS
                    | rustix::io::Errno::NOMEM,
                ) => {
                    warn!(%error, "cannot take another application now");
                    tokio::time::sleep(BREATHER).await;
                }
                Some(rustix::io::Errno::CONNABORTED | rustix::io::Errno::INTR) => {}
                _ => return error,
            },
        }
    }
}

/// Waits until applications may have another descriptor. The one that has just come waits with all that come after it:
/// closed, it would come back only after seconds.
async fn wait_for_descriptors(peer: ProcessIdentity) {
    let limit = descriptors::limit();
    warn!(
        pid = peer.pid,
        "an application has to wait: nearly all of the {limit} files that this daemon may open are in use (ulimit -n)"
    );
    while !descriptors::are_there_for_applications() {
        tokio::time::sleep(BREATHER).await;
    }
}

/// Who connected. A process of a container whose process ids are not visible from here has none: it cannot be told from
/// others of its kind, and is refused.
fn identity_of(socket: &UnixStream) -> Option<ProcessIdentity> {
    let peer = match socket.peer_cred() {
        Ok(peer) => peer,
        Err(error) => {
            debug!(%error, "an application without credentials is refused");
            return None;
        }
    };
    match peer.pid().and_then(|pid| u32::try_from(pid).ok()).filter(|pid| *pid != 0) {
        Some(pid) => Some(ProcessIdentity { pid, uid: peer.uid(), gid: peer.gid() }),
        None => {
            warn!(uid = peer.uid(), "an application of a foreign process id namespace is refused");
            None
        }
    }
}

/// Takes in a new connection; to be called in the order in which connections are made. The future reads the registration
/// on it and finds out what it belongs to. A connection that is refused is closed without a word, as applications expect.
pub(crate) fn register(core: Rc<Core>, link: AnyLink, peer: ProcessIdentity) -> impl Future<Output = ()> {
    let serial = core.registrations.arrival(peer.pid);
    let place = core.registrations.place(peer.uid);
    async move {
        let half = tokio::select! {
            biased;
            half = read(&core, link, peer) => half,
            () = place.pushed_out() => {
                info!(pid = peer.pid, uid = peer.uid, "a connection that did not register is closed: too many others came after it");
                None
            }
        };
        core.registrations.was_read(peer.pid, serial);
        if let Some(half) = half {
            join(core, peer, serial, half, place);
        }
    }
}

/// Reads the registration on a connection; nothing when it is refused.
async fn read(core: &Core, link: AnyLink, peer: ProcessIdentity) -> Option<Half> {
    let pid = peer.pid;
    let limit = limit(core);
    let mut record = [0; REGISTRATION_LEN];
    match tokio::time::timeout(limit, link::receive(&*link, &mut record)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            debug!(pid, %error, "a connection ended before its registration");
            return None;
        }
        Err(_) => {
            info!(pid, "a registration did not come within {limit:?}");
            return None;
        }
    }
    let registration = match Registration::from_bytes(&record) {
        Ok(registration) => registration,
        Err(error) => {
            info!(pid, %error, "a registration is refused");
            return None;
        }
    };
    let Some(dialect) = Dialect::of(registration.version) else {
        let version = registration.version;
        info!(
            pid,
            "an application of ABI {}.{} is refused: 8 and 9 are served", version.major, version.minor
        );
        return None;
    };
    if !core.world.clock.is_clock_of(&registration) {
        let name = &registration.name;
        info!(pid, %name, "an application is refused: its tracer does not count in the clock of this daemon's traces");
        return None;
    }
    if registration.bitness != Bitness::Bits64 {
        let name = &registration.name;
        warn!(pid, %name, "a 32-bit application is refused: there is no consumer daemon for it");
        return None;
    }
    Some(match registration.socket {
        SocketKind::Command => Half::Command { link, registration, dialect },
        SocketKind::Notify => Half::Notify(link),
    })
}

/// How long a connection may take until it belongs to an application.
fn limit(core: &Core) -> Duration {
    core.world.bounds.application.unwrap_or(REGISTRATION_LIMIT)
}

/// Makes the connection part of an application if its other one is there, else keeps it for a while.
fn join(core: Rc<Core>, peer: ProcessIdentity, serial: Serial, half: Half, place: Place) {
    let pushed_out = place.notice();
    if let Some(pair) = core.registrations.take(peer.pid, serial, half, Some(place)) {
        return begin(core, peer, pair);
    }
    let limit = limit(&core);
    let core = Rc::downgrade(&core);
    tokio::task::spawn_local(async move {
        tokio::select! {
            () = tokio::time::sleep(limit) => {}
            () = pushed_out.notified() => {}
        }
        if core.upgrade().is_some_and(|core| core.registrations.forget(peer.pid, serial)) {
            debug!(pid = peer.pid, "the other connection of an application never came");
        }
    });
}

fn begin(core: Rc<Core>, peer: ProcessIdentity, pair: Pair) {
    let Pair { command, notify, registration, dialect } = pair;
    let (asks, queue) = mpsc::unbounded_channel();
    let application = Rc::new(Application {
        id: core.applications.fresh_id(),
        process: peer,
        ppid: if registration.pid == peer.pid { registration.ppid } else { 0 },
        name: registration.name.clone(),
        dialect,
        bitness: registration.bitness,
        alignments: registration.alignments,
        registered: core.world.clock.now(),
        tracer: Cell::new(oldest_tracer(dialect)),
        reached: watch::Sender::new(0),
        pace: Rc::default(),
        asks,
        replaced: Notify::new(),
    });
    let name: &ProcessName = &application.name;
    info!(pid = peer.pid, uid = peer.uid, %name, "an application registered");
    core.applications.add(application.clone());
    core.try_again_for(&application);
    tokio::task::spawn_local(serve(core.clone(), application, Connection { command, notify, queue }));
}

/// What an application has at least that does not say.
fn oldest_tracer(dialect: Dialect) -> TracerVersion {
    let minor = match dialect.version().major {
        8 => 11,
        _ => 13,
    };
    TracerVersion { major: 2, minor, patch: 0 }
}
