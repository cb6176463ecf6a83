//! The copy of a trace's metadata beside ring buffers that lie in files, so that `lttng-crash` can make a trace of them
//! when everything else is gone (`docs/spec/trace-output.md`, section 8).

use std::cell::{Cell, RefCell};
use std::path::PathBuf;

use rttng_ctf::ust::MetadataCursor;
use rttng_world::run_as::Identity;
use tracing::warn;

use crate::chunk::bounded;
use crate::registry::Registry;
use crate::world::World;

/// Where the copy is, and how much of the text it has.
#[derive(Debug)]
pub(crate) struct CrashCopy {
    path: PathBuf,
    owner: Identity,
    has: Cell<MetadataCursor>,
}

impl CrashCopy {
    /// A copy in `directory`, which is there; the file is made with the first text.
    pub(crate) fn new(directory: &std::path::Path, owner: Identity) -> Self {
        CrashCopy { path: directory.join("metadata"), owner, has: Cell::default() }
    }

    /// Brings the copy up to date.
    pub(crate) async fn update(&self, world: &World, registry: &RefCell<Registry>) {
        let Some((from, text)) = registry.borrow().since(self.has.get(), usize::MAX) else { return };
        let end = MetadataCursor { version: from.version, offset: from.offset + text.len() as u64 };
        // Noted first: another update meanwhile writes what comes after this one.
        self.has.set(end);
        let write = world.files.write_at(self.path.clone(), from.offset, text.into_bytes(), self.owner);
        if let Err(error) = bounded(world.bounds.files, write).await {
            warn!(%error, path = %self.path.display(), "the crash copy of a trace's metadata is not whole");
        }
    }

    /// Removes the copy: the trace is where it belongs.
    pub(crate) async fn remove(&self, world: &World) {
        if self.has.get() == MetadataCursor::default() {
            return;
        }
        let remove = world.files.remove_file(self.path.clone(), self.owner);
        if let Err(error) = bounded(world.bounds.files, remove).await {
            warn!(%error, path = %self.path.display(), "the crash copy of a trace's metadata stays");
        }
    }
}
