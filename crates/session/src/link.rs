//! A connection to one peer, as the engine sees it: bytes, and descriptors on a byte of their own.
//!
//! The engine never names a socket: applications and consumer daemons are reached through a [`Link`], which is a Unix
//! socket in the daemon ([`SocketLink`]) and a queue in memory under test ([`MemoryLink`]). Descriptors travel on one
//! dedicated zero byte (`docs/spec/ust-protocol.md`, section 4.5; `docs/spec/consumer-protocol.md`, section 3), so a
//! reader asks for exactly what is due and never reads ahead across such a byte.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use rttng_world::fds;
use tokio::io::Interest;
use tokio::net::UnixStream;

/// A connection to one peer. One task reads and one task writes at a time; each remembers one waiter.
pub trait Link {
    /// Sends some of `data`, with `descriptors` beside its first byte; returns how many bytes were taken (never 0).
    ///
    /// # Errors
    /// Those of sending; a peer that is gone is `BrokenPipe`.
    fn poll_send(
        &self,
        cx: &mut Context<'_>,
        data: &[u8],
        descriptors: &[BorrowedFd<'_>],
    ) -> Poll<io::Result<usize>>;

    /// Receives some bytes into `data` and descriptors into `descriptors`; 0 bytes mean that the peer closed.
    ///
    /// # Errors
    /// Those of receiving.
    fn poll_receive(
        &self,
        cx: &mut Context<'_>,
        data: &mut [u8],
        descriptors: &mut Vec<OwnedFd>,
    ) -> Poll<io::Result<usize>>;

    /// Ends both directions: the peer and every pending call here notice.
    fn shutdown(&self);
}

/// A link that several places share.
pub type AnyLink = Rc<dyn Link>;

fn closed() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the peer closed the connection")
}

/// Sends all of `data`.
///
/// # Errors
/// Those of the link.
pub async fn send(link: &dyn Link, mut data: &[u8]) -> io::Result<()> {
    while !data.is_empty() {
        let sent = poll_fn(|cx| link.poll_send(cx, data, &[])).await?;
        data = &data[sent..];
    }
    Ok(())
}

/// Sends `descriptors` on one zero byte of their own.
///
/// # Errors
/// Those of the link.
pub async fn send_descriptors(link: &dyn Link, descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
    poll_fn(|cx| link.poll_send(cx, &[0], descriptors)).await.map(drop)
}

/// Fills `data`. Descriptors that come unasked are closed.
///
/// # Errors
/// `UnexpectedEof` when the peer closes before `data` is full.
pub async fn receive(link: &dyn Link, data: &mut [u8]) -> io::Result<()> {
    let mut have = 0;
    while have < data.len() {
        let mut unasked = Vec::new();
        match poll_fn(|cx| link.poll_receive(cx, &mut data[have..], &mut unasked)).await? {
            0 => return Err(closed()),
            len => have += len,
        }
    }
    Ok(())
}

/// How many bytes are received at once where it does not matter how many.
const CHUNK: usize = 16 * 1024;

/// Receives whatever is there, at least one byte, and appends it to `data`. Only for peers that send no descriptors: it
/// reads ahead.
///
/// # Errors
/// `UnexpectedEof` when the peer closed.
pub async fn receive_some(link: &dyn Link, data: &mut Vec<u8>) -> io::Result<()> {
    let mut unasked = Vec::new();
    poll_fn(|cx| {
        // On the stack of the poll, not in the future: hundreds of tasks wait here at the same time.
        let mut chunk = [0; CHUNK];
        let got = std::task::ready!(link.poll_receive(cx, &mut chunk, &mut unasked))?;
        data.extend_from_slice(&chunk[..got]);
        Poll::Ready(if got == 0 { Err(closed()) } else { Ok(()) })
    })
    .await
}

/// Receives the byte that carries descriptors, and exactly `count` of them.
///
/// # Errors
/// `InvalidData` for another number, `UnexpectedEof` when the peer closes.
pub async fn receive_descriptors(link: &dyn Link, count: usize) -> io::Result<Vec<OwnedFd>> {
    let mut descriptors = Vec::new();
    if poll_fn(|cx| link.poll_receive(cx, &mut [0], &mut descriptors)).await? == 0 {
        return Err(closed());
    }
    if descriptors.len() == count {
        return Ok(descriptors);
    }
    let why = format!("{count} descriptors were announced, {} came", descriptors.len());
    Err(io::Error::new(io::ErrorKind::InvalidData, why))
}

/// A [`Link`] over a Unix stream socket.
#[derive(Debug)]
pub struct SocketLink {
    socket: UnixStream,
}

impl SocketLink {
    /// Wraps a connected socket.
    pub fn new(socket: UnixStream) -> Self {
        SocketLink { socket }
    }

    /// The peer as the kernel knew it when it connected.
    ///
    /// # Errors
    /// Those of `getsockopt`.
    pub fn peer(&self) -> io::Result<rustix::net::UCred> {
        Ok(rustix::net::sockopt::socket_peercred(&self.socket)?)
    }
}

impl Link for SocketLink {
    fn poll_send(
        &self,
        cx: &mut Context<'_>,
        data: &[u8],
        descriptors: &[BorrowedFd<'_>],
    ) -> Poll<io::Result<usize>> {
        loop {
            match self.socket.try_io(Interest::WRITABLE, || fds::send(&self.socket, data, descriptors)) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return Poll::Ready(done),
            }
            std::task::ready!(self.socket.poll_write_ready(cx))?;
        }
    }

    fn poll_receive(
        &self,
        cx: &mut Context<'_>,
        data: &mut [u8],
        descriptors: &mut Vec<OwnedFd>,
    ) -> Poll<io::Result<usize>> {
        loop {
            match self.socket.try_io(Interest::READABLE, || fds::receive(&self.socket, data)) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
                Ok(received) => {
                    descriptors.extend(received.fds);
                    return Poll::Ready(Ok(received.len));
                }
            }
            std::task::ready!(self.socket.poll_read_ready(cx))?;
        }
    }

    fn shutdown(&self) {
        // A socket that the peer has closed already is as good as one that we close.
        let _ = rustix::net::shutdown(self.socket.as_fd(), rustix::net::Shutdown::Both);
    }
}

/// How many bytes a [`MemoryLink`] holds before its writer must wait; about what a Unix socket holds.
const MEMORY_CAPACITY: usize = 200 * 1024;

/// One direction of a [`MemoryLink`].
#[derive(Default)]
struct Pipe {
    bytes: VecDeque<u8>,
    /// Descriptors with the number of bytes that were sent before the byte they ride on.
    descriptors: VecDeque<(u64, Vec<OwnedFd>)>,
    sent: u64,
    received: u64,
    closed: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Pipe {
    fn close(&mut self) {
        self.closed = true;
        for waker in [self.reader.take(), self.writer.take()].into_iter().flatten() {
            waker.wake();
        }
    }
}

/// One end of a connection in memory, for tests: behaves as a Unix stream socket does, descriptors included.
pub struct MemoryLink {
    outgoing: Rc<RefCell<Pipe>>,
    incoming: Rc<RefCell<Pipe>>,
}

impl MemoryLink {
    /// Two ends of one connection.
    pub fn pair() -> (MemoryLink, MemoryLink) {
        let (there, back) = (Rc::<RefCell<Pipe>>::default(), Rc::<RefCell<Pipe>>::default());
        (
            MemoryLink { outgoing: there.clone(), incoming: back.clone() },
            MemoryLink { outgoing: back, incoming: there },
        )
    }
}

impl Link for MemoryLink {
    fn poll_send(
        &self,
        cx: &mut Context<'_>,
        data: &[u8],
        descriptors: &[BorrowedFd<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut pipe = self.outgoing.borrow_mut();
        if pipe.closed {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let room = MEMORY_CAPACITY.saturating_sub(pipe.bytes.len());
        if room == 0 {
            pipe.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        if !descriptors.is_empty() {
            let copies: io::Result<Vec<_>> = descriptors.iter().map(BorrowedFd::try_clone_to_owned).collect();
            let at = pipe.sent;
            pipe.descriptors.push_back((at, copies?));
        }
        let taken = room.min(data.len());
        pipe.bytes.extend(&data[..taken]);
        pipe.sent += taken as u64;
        if let Some(reader) = pipe.reader.take() {
            reader.wake();
        }
        Poll::Ready(Ok(taken))
    }

    fn poll_receive(
        &self,
        cx: &mut Context<'_>,
        data: &mut [u8],
        descriptors: &mut Vec<OwnedFd>,
    ) -> Poll<io::Result<usize>> {
        let mut pipe = self.incoming.borrow_mut();
        if pipe.bytes.is_empty() {
            if pipe.closed {
                return Poll::Ready(Ok(0));
            }
            pipe.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let mut taken = data.len().min(pipe.bytes.len());
        // As a socket does: one read never spans two messages with descriptors.
        if let Some(&(at, _)) = pipe.descriptors.front() {
            if at == pipe.received {
                if let Some((_, come)) = pipe.descriptors.pop_front() {
                    descriptors.extend(come);
                }
                taken = 1;
            } else {
                taken = taken.min(usize::try_from(at - pipe.received).unwrap_or(usize::MAX));
            }
        }
        for (to, from) in data.iter_mut().zip(pipe.bytes.drain(..taken)) {
            *to = from;
        }
        pipe.received += taken as u64;
        if let Some(writer) = pipe.writer.take() {
            writer.wake();
        }
        Poll::Ready(Ok(taken))
    }

    fn shutdown(&self) {
        self.outgoing.borrow_mut().close();
        self.incoming.borrow_mut().close();
    }
}

impl Drop for MemoryLink {
    fn drop(&mut self) {
        self.shutdown();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn exchange(left: &dyn Link, right: &dyn Link) {
        let null = std::fs::File::open("/dev/null").unwrap();
        send(left, b"record").await.unwrap();
        send_descriptors(left, &[null.as_fd(), null.as_fd()]).await.unwrap();
        send(left, b"next").await.unwrap();
        let mut record = [0; 6];
        receive(right, &mut record).await.unwrap();
        assert_eq!(&record, b"record");
        assert_eq!(receive_descriptors(right, 2).await.unwrap().len(), 2);
        let mut next = [0; 4];
        receive(right, &mut next).await.unwrap();
        assert_eq!(&next, b"next");
        left.shutdown();
        assert_eq!(receive(right, &mut next).await.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        assert_eq!(send(right, b"late").await.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }

    #[tokio::test(flavor = "current_thread")]
    async fn memory_behaves_as_sockets_do() {
        let (left, right) = UnixStream::pair().unwrap();
        exchange(&SocketLink::new(left), &SocketLink::new(right)).await;
        let (left, right) = MemoryLink::pair();
        exchange(&left, &right).await;
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_writer_waits_for_a_slow_reader() {
        let (left, right) = MemoryLink::pair();
        let data = vec![7; MEMORY_CAPACITY * 2];
        let mut seen = vec![0; data.len()];
        let (sent, received) = tokio::join!(send(&left, &data), receive(&right, &mut seen));
        sent.unwrap();
        received.unwrap();
        assert_eq!(seen, data);
    }
}
