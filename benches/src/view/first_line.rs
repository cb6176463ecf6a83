//! How soon the first line of a large trace is there.
//!
//! The trace is a folder of 20 folders, whose data files are hard links to one trace of half a gigabyte. That takes no room,
//! but all have one UUID, so that both readers take them for parts of one trace: less than 10 GB of different traces, for
//! which `docs/performance.md` says what was measured by hand.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use super::{EVENTS, Line, Place, median};
use crate::traces::Kind;

const COPIES: usize = 20;

/// Turns of each.
const ROUNDS: usize = 5;

/// Both with index files, and without.
pub(super) fn measure(place: &Place) -> Vec<String> {
    let trace = place.trace(Kind::Text, EVENTS);
    let cases = [("the first line of 20 links to a trace", true), ("the same without index files", false)];
    let line = |(what, has_index): (&'static str, bool)| {
        let folder = place.folder.join("large");
        let gigabytes = link(&trace, &folder, has_index).expect("links can be made") as f64 / 1e9;
        assert!(gigabytes > 9.0, "only {gigabytes} GB");
        let (mut real, mut ours) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            real.push(first_line(Command::new("babeltrace2").arg(&folder)));
            ours.push(first_line(Command::new(&place.program).arg("view").arg(&folder)));
        }
        let (real, ours) = (median(real), median(ours));
        let _ = fs::remove_dir_all(&folder);
        Line {
            what,
            trace: "20 × the same integer + string",
            real: Some(real),
            ours,
            unit: "ms",
            times: Some(ours / real),
            bar: "≤ 100 ms".to_owned(),
            reached: Some(ours <= 100.0),
            ..Line::default()
        }
        .text()
    };
    cases.into_iter().map(line).collect()
}

/// Makes the large folder, and gives how many bytes of data are in it.
fn link(trace: &Path, folder: &Path, has_index: bool) -> io::Result<u64> {
    let _ = fs::remove_dir_all(folder);
    let mut size = 0;
    for copy in 0..COPIES {
        let to = folder.join(format!("copy-{copy}"));
        fs::create_dir_all(to.join("index"))?;
        for file in files(trace)? {
            size += file.metadata()?.len();
            fs::hard_link(&file, to.join(file.file_name().unwrap_or_default()))?;
        }
        if has_index {
            for file in files(&trace.join("index"))? {
                fs::hard_link(&file, to.join("index").join(file.file_name().unwrap_or_default()))?;
            }
        }
    }
    Ok(size)
}

fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let paths: io::Result<Vec<PathBuf>> = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect();
    Ok(paths?.into_iter().filter(|path| path.is_file()).collect())
}

/// Milliseconds until a program has written the first byte; it is ended then.
fn first_line(command: &mut Command) -> f64 {
    let start = Instant::now();
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts");
    let mut output = child.stdout.take().expect("it has an output");
    output.read_exact(&mut [0]).expect("it prints something");
    let took = start.elapsed().as_secs_f64() * 1e3;
    drop(output);
    let _ = child.kill();
    let _ = child.wait();
    took
}
