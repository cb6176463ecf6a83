//! How soon the first line of a large trace is there: 10 GB, made of copies of one trace with UUIDs of their own, which both
//! readers merge. They are removed afterwards, also when something goes wrong.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use rttng_ctf::Uuid;
use rustix::fs::{Advice, fadvise};

use super::{EVENTS, Line, Place, median};
use crate::traces::{self, Kind};

const COPIES: u8 = 20;

/// Turns of each.
const ROUNDS: usize = 5;

/// Room that is to be left over on the disk.
const SPARE_BYTES: u64 = 1 << 30;

/// With index files and without, each with all that is read in the page cache, and with nothing of it.
pub(super) fn measure(place: &Place) -> Vec<String> {
    let trace = place.trace(Kind::Text, EVENTS);
    let large = Large::write(&trace, &place.folder.join("large")).expect("10 GB of traces can be written");
    let mut lines = vec![
        large.line(place, "first line of a 10 GB trace", false),
        large.line(place, "the same, nothing of it in the page cache", true),
    ];
    large.remove_indexes().expect("index files can be removed");
    lines.push(large.line(place, "the same without index files", false));
    lines.push(large.line(place, "the same without index files, nothing in the page cache", true));
    lines
}

/// A folder of traces, for as long as this lives.
struct Large {
    folder: PathBuf,
}

impl Drop for Large {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.folder) {
            eprintln!("{} is left over: {error}", self.folder.display());
        }
    }
}

impl Large {
    fn write(trace: &Path, folder: &Path) -> io::Result<Large> {
        // Of a run that was killed.
        if folder.exists() {
            fs::remove_dir_all(folder)?;
        }
        fs::create_dir_all(folder)?;
        let large = Large { folder: folder.to_owned() };
        let needed = traces::size(trace)? * u64::from(COPIES) + SPARE_BYTES;
        let disk = rustix::fs::statvfs(folder)?;
        let free = disk.f_bavail * disk.f_frsize;
        if free < needed {
            return Err(io::Error::other(format!(
                "{} needs {:.1} GB for a while, and {:.1} GB are free",
                folder.display(),
                needed as f64 / 1e9,
                free as f64 / 1e9
            )));
        }
        for copy in 0..COPIES {
            let uuid = Uuid::from_random([copy; 16]);
            traces::copy_as(trace, &folder.join(format!("copy-{copy}")), uuid)?;
        }
        let written =
            large.files()?.iter().map(|path| Ok(path.metadata()?.len())).sum::<io::Result<u64>>()?;
        assert!(written > 10_000_000_000, "only {written} bytes");
        Ok(large)
    }

    fn line(&self, place: &Place, what: &str, is_cold: bool) -> String {
        let files = self.files().expect("the traces are there");
        let (mut real, mut ours) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let mut babeltrace = Command::new("babeltrace2");
            let mut view = Command::new(&place.program);
            let turns =
                [(babeltrace.arg(&self.folder), &mut real), (view.arg("view").arg(&self.folder), &mut ours)];
            for (command, times) in turns {
                if is_cold {
                    files.iter().try_for_each(|path| forget(path)).expect("the page cache can be told");
                }
                times.push(first_line(command));
            }
        }
        let (real, ours) = (median(real), median(ours));
        Line {
            what,
            trace: "20 × integer + string",
            real: Some(real),
            ours,
            unit: "ms",
            times: Some(ours / real),
            // How long a disk takes is its own affair.
            bar: if is_cold { String::new() } else { "≤ 100 ms".to_owned() },
            reached: (!is_cold).then_some(ours <= 100.0),
            ..Line::default()
        }
        .text()
    }

    fn remove_indexes(&self) -> io::Result<()> {
        (0..COPIES).try_for_each(|copy| fs::remove_dir_all(self.folder.join(format!("copy-{copy}/index"))))
    }

    /// Every file in it.
    fn files(&self) -> io::Result<Vec<PathBuf>> {
        let (mut files, mut folders) = (Vec::new(), vec![self.folder.clone()]);
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder)? {
                let path = entry?.path();
                if path.is_dir() { &mut folders } else { &mut files }.push(path);
            }
        }
        Ok(files)
    }
}

/// Takes a file out of the page cache.
fn forget(path: &Path) -> io::Result<()> {
    let file = File::open(path)?;
    // What is not on the disk yet stays in the cache.
    file.sync_data()?;
    Ok(fadvise(&file, 0, None, Advice::DontNeed)?)
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
