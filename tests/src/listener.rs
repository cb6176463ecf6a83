//! A client that listens to notifications through the real liblttng-ctl (`tests/programs/listener`).

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::apps;
use crate::program::Running;
use crate::world::World;

/// How many there were, for the names of their files.
static LISTENERS: AtomicU32 = AtomicU32::new(0);

/// A running listener that is subscribed. A test that uses it needs [`crate::Need::CtlHeaders`].
#[derive(Debug)]
pub struct Listener {
    running: Running,
    until: PathBuf,
    deaf_until: PathBuf,
}

impl World {
    /// Listens to the conditions of the triggers of these names, which exist.
    ///
    /// # Panics
    /// When it cannot subscribe to them.
    #[track_caller]
    pub fn listen<'t>(&self, triggers: impl IntoIterator<Item = &'t str>) -> Listener {
        let listener = self.listen_later(triggers);
        listener.hear();
        listener
    }

    /// As [`World::listen`], but reads nothing that it is sent before [`Listener::hear`].
    ///
    /// # Panics
    /// When it cannot subscribe.
    #[track_caller]
    pub fn listen_later<'t>(&self, triggers: impl IntoIterator<Item = &'t str>) -> Listener {
        let triggers: Vec<&str> = triggers.into_iter().collect();
        let number = LISTENERS.fetch_add(1, Ordering::Relaxed);
        let file = |kind: &str| self.file(format!("listener-{number}.{kind}"));
        let (until, deaf_until) = (file("until"), file("hear"));
        let program = self.program(apps::client("listener")).arg("--until").arg(&until);
        let mut running = program.arg("--deaf-until").arg(&deaf_until).args(triggers).spawn();
        running.wait_for_output("ready");
        Listener { running, until, deaf_until }
    }
}

impl Listener {
    /// Lets it read.
    ///
    /// # Panics
    /// When the world's folder has no room.
    pub fn hear(&self) {
        std::fs::write(&self.deaf_until, "").expect("the world's folder has room");
    }

    /// What it has heard so far: lines as `tests/programs/listener/main.c` says.
    pub fn heard(&self) -> Vec<String> {
        let printed = self.running.stdout();
        // The last line may be on its way.
        let whole = printed.rsplit_once('\n').map_or("", |(lines, _)| lines);
        whole.lines().filter(|line| !["ready", "end"].contains(line)).map(str::to_owned).collect()
    }

    /// Ends it when nothing is left to hear; gives all that it heard.
    ///
    /// # Panics
    /// When it fails.
    #[track_caller]
    pub fn finish(mut self) -> Vec<String> {
        self.hear();
        std::fs::write(&self.until, "").expect("the world's folder has room");
        self.running.ends().ok();
        self.heard()
    }
}
