//! Every value of every event, stream by stream, without printing: beside yactfr, which does just that.
//!
//! yactfr is a library in C++ (<https://github.com/eepp/yactfr>) that no distribution has. Where it is installed, or where
//! the environment variable `YACTFR` names the folder it was installed to, `benches/yactfr/count.cpp` is built against it.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use rttng_ctf::decode::{NodeId, Visit};
use rttng_ctf::read::{Message, Options, Reader};
use rttng_ctf::types::Scope;

use super::turn::turn;
use super::{EVENTS, Line, Place, median};
use crate::traces::Kind;

/// The word that makes this program read a trace with our library ([`print_values`]).
pub(crate) const VALUES: &str = "values";

/// Turns of each.
const ROUNDS: usize = 3;

/// Ours, and yactfr if it is there.
pub(super) fn measure(place: &Place) -> Vec<String> {
    let peer = build(&place.folder);
    if peer.is_none() {
        eprintln!("yactfr was not found: only ours is measured");
    }
    let this = std::env::current_exe().expect("this program has a path");
    let line = |kind: Kind| {
        let trace = place.trace(kind, EVENTS);
        let (mut real, mut ours) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            if let Some(peer) = &peer {
                let line = format!("'{}' '{}'", peer.display(), trace.display());
                real.push(turn(&line, &place.folder).processor);
            }
            let line = format!("'{}' {VALUES} '{}'", this.display(), trace.display());
            ours.push(turn(&line, &place.folder).processor);
        }
        let rate = |seconds: Vec<f64>| EVENTS as f64 / 1e6 / median(seconds);
        let ours = rate(ours);
        let real = (!real.is_empty()).then(|| rate(real));
        let times = real.map(|real| ours / real);
        let what = "every value shown to a program, stream by stream (in the place of babeltrace2: yactfr)";
        Line { what, trace: kind.name(), real, ours, unit: "M events/s", times, ..Line::default() }.text()
    };
    Kind::ALL.into_iter().map(line).collect()
}

/// The driver, built against the library if there is one.
fn build(folder: &Path) -> Option<PathBuf> {
    let program = folder.join("yactfr-count");
    let mut compiler = Command::new("c++");
    compiler.args(["-std=c++14", "-O3", "-DNDEBUG", "-o"]).arg(&program);
    compiler.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("yactfr/count.cpp"));
    if let Some(prefix) = std::env::var_os("YACTFR").map(PathBuf::from) {
        compiler.arg("-isystem").arg(prefix.join("include")).arg("-L").arg(prefix.join("lib"));
        compiler.arg(format!("-Wl,-rpath,{}", prefix.join("lib").display()));
    }
    let built = compiler.arg("-lyactfr").stderr(Stdio::null()).status();
    built.is_ok_and(|status| status.success()).then_some(program)
}

/// What looks at every value.
#[derive(Default)]
struct Sum {
    values: u64,
    sum: u64,
}

impl Sum {
    fn add(&mut self, value: u64) {
        self.values += 1;
        self.sum = self.sum.wrapping_add(value);
    }
}

impl Visit for Sum {
    fn scope(&mut self, _: Scope) {}

    #[inline]
    fn unsigned(&mut self, _: NodeId, value: u64) {
        self.add(value);
    }

    #[inline]
    fn signed(&mut self, _: NodeId, value: i64) {
        self.add(value as u64);
    }

    fn float(&mut self, _: NodeId, value: f64) {
        self.add(value.to_bits());
    }

    #[inline]
    fn text(&mut self, _: NodeId, text: &[u8]) {
        self.add(text.len() as u64);
    }

    fn begin(&mut self, _: NodeId) {}
    fn end(&mut self, _: NodeId) {}
    fn element(&mut self, _: NodeId, _: u64) {}
}

/// Reads a trace and prints how many events and values it has.
pub(crate) fn print_values(trace: &str) -> ExitCode {
    let mut sum = Sum::default();
    let mut events = 0u64;
    let mut read = || -> Result<(), rttng_ctf::read::ReadError> {
        for mut stream in Reader::open(&[trace.into()], &Options::default())?.into_streams() {
            while let Some(message) = stream.next()? {
                if let Message::Event(mut event) = message {
                    events += 1;
                    event.show(&mut sum)?;
                }
            }
        }
        Ok(())
    };
    match read() {
        Ok(()) => {
            println!("{events} events, {} values, {:x}", sum.values, sum.sum);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
