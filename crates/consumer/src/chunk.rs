//! Trace chunks: a directory that the session daemon made, as whom files are made in it, and who still uses it
//! (`docs/spec/consumer-protocol.md`, sections 6.3 to 6.5).

use std::collections::{HashMap, HashSet};
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use rttng_wire::consumer::{ChunkId, CloseCommand, SessionId};
use rttng_world::exact::open_at;
use rttng_world::run_as::{Identity, run_as};
use rustix::fs::{AtFlags, OFlags};

/// Trace files, index files and metadata.
const FILE_MODE: u32 = 0o660;

/// A chunk that something still uses. When the last user lets go it ends, and its files are deleted if that was asked.
#[derive(Debug)]
pub(crate) struct TraceChunk {
    pub(crate) session_id: SessionId,
    pub(crate) id: ChunkId,
    directory: OwnedFd,
    owner: Identity,
    state: Mutex<ChunkState>,
}

#[derive(Debug, Default)]
struct ChunkState {
    delete: bool,
    files: HashSet<PathBuf>,
}

impl TraceChunk {
    /// Makes a file below the chunk's directory, empty, in the owner's name.
    pub(crate) fn create_file(&self, path: &Path) -> io::Result<OwnedFd> {
        if !path.components().all(|part| matches!(part, Component::Normal(_))) {
            let why = format!("{} leads out of the trace", path.display());
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW;
        let file = run_as(self.owner, || open_at(&self.directory, path, flags, FILE_MODE))?;
        self.lock().files.insert(path.to_owned());
        Ok(file)
    }

    /// Removes a file that was made here and is not wanted.
    pub(crate) fn remove_file(&self, path: &Path) -> io::Result<()> {
        run_as(self.owner, || Ok(rustix::fs::unlinkat(&self.directory, path, AtFlags::empty())?))?;
        self.lock().files.remove(path);
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, ChunkState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for TraceChunk {
    fn drop(&mut self) {
        let state = std::mem::take(&mut *self.lock());
        if !state.delete {
            return;
        }
        let deleted = run_as(self.owner, || {
            for path in &state.files {
                if let Err(error) = rustix::fs::unlinkat(&self.directory, path, AtFlags::empty()) {
                    tracing::warn!(path = %path.display(), %error, "cannot delete a file of a cleared trace");
                }
            }
            Ok(())
        });
        if let Err(error) = deleted {
            tracing::warn!(%error, "cannot delete the files of a cleared trace");
        }
    }
}

/// One chunk in the registry: held until the session daemon closes it, then only watched.
#[derive(Debug)]
struct Entry {
    held: Option<Arc<TraceChunk>>,
    watched: Weak<TraceChunk>,
}

/// All chunks of all sessions.
#[derive(Debug, Default)]
pub(crate) struct ChunkRegistry {
    chunks: HashMap<(SessionId, ChunkId), Entry>,
}

impl ChunkRegistry {
    /// Takes a chunk; one that is there already stays.
    pub(crate) fn create(
        &mut self,
        session_id: SessionId,
        id: ChunkId,
        directory: OwnedFd,
        owner: Identity,
    ) -> Arc<TraceChunk> {
        if let Some(there) = self.find(session_id, id) {
            return there;
        }
        let state = Mutex::new(ChunkState::default());
        let chunk = Arc::new(TraceChunk { session_id, id, directory, owner, state });
        let entry = Entry { held: Some(Arc::clone(&chunk)), watched: Arc::downgrade(&chunk) };
        self.chunks.insert((session_id, id), entry);
        chunk
    }

    /// The chunk, if anything still uses it.
    pub(crate) fn find(&mut self, session_id: SessionId, id: ChunkId) -> Option<Arc<TraceChunk>> {
        let found = self.chunks.get(&(session_id, id))?.watched.upgrade();
        if found.is_none() {
            self.chunks.remove(&(session_id, id));
        }
        found
    }

    /// Lets go of a chunk on behalf of the session daemon. The caller drops what is returned when no channel is in the
    /// chunk any more; `None` if it is unknown.
    pub(crate) fn close(
        &mut self,
        session_id: SessionId,
        id: ChunkId,
        command: Option<CloseCommand>,
    ) -> Option<Arc<TraceChunk>> {
        let chunk = self.find(session_id, id)?;
        if command == Some(CloseCommand::Delete) {
            chunk.lock().delete = true;
        }
        if let Some(entry) = self.chunks.get_mut(&(session_id, id)) {
            entry.held = None;
        }
        Some(chunk)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(registry: &mut ChunkRegistry, directory: &Path) -> Arc<TraceChunk> {
        let directory = std::fs::File::open(directory).unwrap().into();
        registry.create(SessionId(1), ChunkId(2), directory, Identity::own())
    }

    #[test]
    fn a_chunk_exists_until_its_last_user_lets_go() {
        let dir = tempfile::tempdir().unwrap();
        let mut registry = ChunkRegistry::default();
        let stream = chunk(&mut registry, dir.path());
        let file = stream.create_file(Path::new("ch_0")).unwrap();
        drop(registry.close(SessionId(1), ChunkId(2), Some(CloseCommand::Delete)).unwrap());
        assert!(registry.find(SessionId(1), ChunkId(2)).is_some());
        assert!(dir.path().join("ch_0").exists());
        drop((stream, file));
        assert!(registry.find(SessionId(1), ChunkId(2)).is_none());
        assert!(!dir.path().join("ch_0").exists(), "deleted with the chunk");
        assert!(registry.close(SessionId(1), ChunkId(2), None).is_none());
    }

    #[test]
    fn no_path_leads_out() {
        let dir = tempfile::tempdir().unwrap();
        let chunk = chunk(&mut ChunkRegistry::default(), dir.path());
        for path in ["../x", "/tmp/x", "a/../../x"] {
            assert!(chunk.create_file(Path::new(path)).is_err(), "{path}");
        }
        std::os::unix::fs::symlink("/tmp/target", dir.path().join("link")).unwrap();
        assert!(chunk.create_file(Path::new("link")).is_err());
    }
}
