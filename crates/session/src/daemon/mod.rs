//! The daemon as a process: what it is told ([`options`]), its files ([`run_directory`]).

mod config_file;
pub mod detach;
pub mod options;
pub mod run_directory;
