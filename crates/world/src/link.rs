//! A connected Unix stream socket under tokio that can carry descriptors: exact reads and whole writes, no read-ahead.
//!
//! Reading ahead would merge a record with the byte that descriptors ride on, so every read asks for just what is due.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream as BlockingUnixStream;

use rustix::net::UCred;
use tokio::io::Interest;
use tokio::net::UnixStream;

use crate::fds::{self, Received};

/// A socket to one peer.
#[derive(Debug)]
pub struct FdStream {
    inner: UnixStream,
}

impl FdStream {
    /// Wraps a connected socket.
    pub fn new(inner: UnixStream) -> Self {
        FdStream { inner }
    }

    /// Wraps a blocking socket, making it non-blocking.
    ///
    /// # Errors
    /// Those of registering it with the runtime.
    pub fn from_blocking(socket: BlockingUnixStream) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        Ok(FdStream { inner: UnixStream::from_std(socket)? })
    }

    /// A connected pair, for tests.
    ///
    /// # Errors
    /// Those of `socketpair`.
    pub fn pair() -> io::Result<(Self, Self)> {
        let (a, b) = UnixStream::pair()?;
        Ok((FdStream { inner: a }, FdStream { inner: b }))
    }

    /// The peer as the kernel knew it when it connected.
    ///
    /// # Errors
    /// Those of `getsockopt`.
    pub fn peer(&self) -> io::Result<UCred> {
        Ok(rustix::net::sockopt::socket_peercred(&self.inner)?)
    }

    /// Fills `data`; descriptors and credentials that come beside any part of it are collected.
    ///
    /// # Errors
    /// `UnexpectedEof` when the peer closes before `data` is full (at once or in the middle).
    pub async fn read_exact(&self, data: &mut [u8]) -> io::Result<Received> {
        let mut all = Received::default();
        while all.len < data.len() {
            let part = self.receive(&mut data[all.len..]).await?;
            if part.len == 0 {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the peer closed the connection"));
            }
            all.len += part.len;
            all.fds.extend(part.fds);
            all.credentials = part.credentials.or(all.credentials);
        }
        Ok(all)
    }

    /// Receives whatever is there, at most `data.len()` bytes; 0 means that the peer closed.
    ///
    /// # Errors
    /// Those of `recvmsg`.
    pub async fn receive(&self, data: &mut [u8]) -> io::Result<Received> {
        self.inner.async_io(Interest::READABLE, || fds::receive(&self.inner, data)).await
    }

    /// Receives the one byte that carries descriptors, and exactly `count` of them.
    ///
    /// # Errors
    /// `InvalidData` for another number of descriptors, `UnexpectedEof` when the peer closes.
    pub async fn receive_fds(&self, count: usize) -> io::Result<Vec<OwnedFd>> {
        let got = self.read_exact(&mut [0]).await?;
        if got.fds.len() == count {
            return Ok(got.fds);
        }
        let why = format!("{count} descriptors were announced, {} came", got.fds.len());
        Err(io::Error::new(io::ErrorKind::InvalidData, why))
    }

    /// Sends all of `data`.
    ///
    /// # Errors
    /// Those of `sendmsg`; a peer that is gone is `BrokenPipe`.
    pub async fn write_all(&self, mut data: &[u8]) -> io::Result<()> {
        while !data.is_empty() {
            let sent = self.inner.async_io(Interest::WRITABLE, || fds::send(&self.inner, data, &[])).await?;
            data = &data[sent..];
        }
        Ok(())
    }

    /// Sends `fds` on one zero byte of their own.
    ///
    /// # Errors
    /// Those of `sendmsg`.
    pub async fn send_fds(&self, descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
        self.inner.async_io(Interest::WRITABLE, || fds::send(&self.inner, &[0], descriptors)).await.map(drop)
    }

    /// Waits until the peer closes its end or sends something that nobody asked for; true means closed.
    ///
    /// # Errors
    /// Those of waiting for readiness.
    pub async fn closed(&self) -> io::Result<bool> {
        self.inner
            .async_io(Interest::READABLE, || {
                let mut byte = [0];
                let (len, _) = rustix::net::recv(&self.inner, &mut byte, rustix::net::RecvFlags::PEEK)?;
                Ok(len == 0)
            })
            .await
    }

    /// Ends both directions, so that the peer and every pending call here notice.
    pub fn shutdown(&self) {
        // A socket that the peer has closed already is as good as one that we close.
        let _ = rustix::net::shutdown(&self.inner, rustix::net::Shutdown::Both);
    }
}

impl AsFd for FdStream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inner.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run<F: Future<Output = ()>>(test: F) {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
    }

    #[test]
    fn a_record_and_its_descriptors_do_not_mix() {
        run(async {
            let (left, right) = FdStream::pair().unwrap();
            let passed = std::fs::File::open("/dev/null").unwrap();
            left.write_all(b"record").await.unwrap();
            left.send_fds(&[passed.as_fd()]).await.unwrap();
            let mut record = [0; 6];
            assert!(right.read_exact(&mut record).await.unwrap().fds.is_empty());
            assert_eq!(&record, b"record");
            assert_eq!(right.receive_fds(1).await.unwrap().len(), 1);
        });
    }

    #[test]
    fn a_closed_peer_is_noticed() {
        run(async {
            let (left, right) = FdStream::pair().unwrap();
            left.write_all(b"ab").await.unwrap();
            drop(left);
            assert!(!right.closed().await.unwrap());
            let mut more = [0; 3];
            let error = right.read_exact(&mut more).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
            assert!(right.closed().await.unwrap());
        });
    }
}
