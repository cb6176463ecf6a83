//! What the interoperation tests share: private worlds, the programs in them, and reading back what was traced.
//!
//! A test opens a [`World`], starts daemons in it ([`World::real_sessiond`], [`World::our_sessiond`]), drives them
//! with [`World::real_lttng`] or [`World::our_lttng`], runs an instrumented program (module [`apps`]) and reads
//! the trace with [`World::babeltrace2`]. Worlds share nothing, so tests run side by side.
//!
//! ```no_run
//! use rttng_tests::{Need, World};
//!
//! let Some(world) = World::open(&[Need::RealLttng, Need::Babeltrace2]) else { return };
//! let _daemon = world.real_sessiond();
//! world.real_lttng(["create", "web", "--output", &world.file("trace").display().to_string()]).ok();
//! // …
//! let events = world.babeltrace2(&world.file("trace"));
//! ```

pub mod any_ctf2;
pub mod any_trace;
pub mod apps;
mod browser;
mod daemon;
pub mod leaves;
mod listener;
mod need;
mod program;
mod recording;
mod trace;
mod vectors;
mod world;

pub use browser::Browser;
pub use daemon::{Make, Sessiond};
pub use listener::Listener;
pub use need::{Need, met, our_program};
pub use program::{Ended, Program, Running, eventually};
pub use recording::{Cast, Recording};
pub use trace::{Event, events_by_name};
pub use vectors::{copy_folder, cut, vector};
pub use world::{World, WorldOptions};
