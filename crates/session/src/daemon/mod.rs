//! The daemon as a process: what it is told ([`options`]), its files ([`run_directory`]).

mod config_file;
pub mod detach;
pub mod options;
mod run;
pub mod run_directory;

pub use run::{StartError, main, run};
