//! Trace chunks: the directories that a stretch of a session's trace lies in (`docs/spec/trace-output.md`, sections 2, 3
//! and 5). The session daemon makes the directories, the consumer daemon the files in them.

use std::future::Future;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use rttng_world::run_as::Identity;

use crate::world::World;

/// The directory of the user-space domain in a chunk.
const DOMAIN: &str = "ust";

/// An open trace chunk.
#[derive(Debug, Clone)]
pub(crate) struct Chunk {
    /// Counts the chunks of a session from 0.
    pub(crate) id: u64,
    /// Its directory: the session's own for the first one.
    pub(crate) directory: PathBuf,
    /// When it was made.
    pub(crate) created: SystemTime,
    /// Whose its files are.
    pub(crate) owner: Identity,
    /// The domain's directory, once it is made: whatever becomes of the path to it, that is where the trace lies.
    pub(crate) domain: Option<Rc<OwnedFd>>,
}

impl Chunk {
    /// Makes the chunk's directories; returns the domain's, open, for the consumer daemon.
    pub(crate) async fn make(&mut self, world: &World) -> io::Result<OwnedFd> {
        let domain = self.directory.join(DOMAIN);
        let files = &world.files;
        bounded(world.bounds.files, files.make_directories(domain.clone(), self.owner)).await?;
        let open = bounded(world.bounds.files, files.open_directory(domain, self.owner)).await?;
        self.domain = Some(Rc::new(open.try_clone()?));
        Ok(open)
    }

    /// Makes the directories of one owner's stream and index files. `path` is the one below the domain.
    pub(crate) async fn make_stream_directories(&self, world: &World, path: &Path) -> io::Result<()> {
        let domain = self.domain.clone().ok_or(io::ErrorKind::NotFound)?;
        let index = path.join("index");
        bounded(world.bounds.files, world.files.make_directories_in(domain, index, self.owner)).await
    }

    /// Whether somebody removed the directory that the trace lies in.
    pub(crate) fn was_removed(&self) -> bool {
        let links =
            self.domain.as_ref().and_then(|domain| rustix::fs::fstat(domain).ok()).map(|of| of.st_nlink);
        links == Some(0)
    }
}

/// File work that a server may never answer.
pub(crate) async fn bounded<T>(bound: Duration, work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    tokio::time::timeout(bound, work).await?
}
