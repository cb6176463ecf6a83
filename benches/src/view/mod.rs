//! Reading traces beside babeltrace2, and what the machine itself would take for the same bytes.

mod bandwidth;
mod fields;
mod first_line;
mod tasks;
mod turn;
mod values;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use rttng_tests::{Need, met, our_program};

use crate::table;
use crate::traces::{self, Kind};

pub(crate) use fields::{FIELDS, print_fields};
pub(crate) use values::{VALUES, print_values};

/// Events of each trace, and of those that babeltrace2 reads: at its speed the others would take an hour.
const EVENTS: u64 = 10_000_000;
const THEIR_EVENTS: u64 = EVENTS / 5;

/// Measures one part, and gives its lines.
type Measure = fn(&Place) -> Vec<String>;

/// The parts, in the order in which the table shows them.
const PARTS: &[(&str, Measure)] = &[
    ("count", |place| tasks::measure("count", place)),
    ("text", |place| tasks::measure("text", place)),
    ("threads", |place| tasks::measure("threads", place)),
    ("filter", |place| tasks::measure("filter", place)),
    ("json", |place| tasks::measure("json", place)),
    ("parquet", |place| tasks::measure("parquet", place)),
    ("csv", |place| tasks::measure("csv", place)),
    ("perfetto", |place| tasks::measure("perfetto", place)),
    ("memory", tasks::memory),
    ("first-line", first_line::measure),
    ("bandwidth", bandwidth::measure),
    ("yactfr", values::measure),
    ("fields", fields::measure),
];

/// Where traces and our program are.
struct Place {
    folder: PathBuf,
    program: PathBuf,
}

impl Place {
    /// A trace of so many events, written now if it was not before.
    fn trace(&self, kind: Kind, events: u64) -> PathBuf {
        traces::trace(kind, events, &self.folder).expect("there is room for a trace")
    }
}

/// Where the traces are kept for the next time.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/bench-traces")
}

/// Writes the traces, and says where they are.
pub(crate) fn write_traces() -> ExitCode {
    for kind in Kind::ALL {
        for events in [EVENTS, THEIR_EVENTS] {
            match traces::trace(kind, events, &folder()) {
                Ok(path) => println!("{}", path.display()),
                Err(error) => {
                    eprintln!("cannot write a trace: {error}");
                    return ExitCode::FAILURE;
                }
            }
        }
    }
    ExitCode::SUCCESS
}

/// Measures all parts and puts the table into the page, or with `--only=PART[,PART]…` those, and prints them.
pub(crate) fn measure(words: &[String]) -> ExitCode {
    let only = match words {
        [] => None,
        [flag, parts] if flag == "--only" => Some(parts.as_str()),
        [word] if word.starts_with("--only=") => word.strip_prefix("--only="),
        _ => return usage(),
    };
    let only: Option<Vec<&str>> = only.map(|parts| parts.split(',').collect());
    let is_known = |part: &&str| PARTS.iter().any(|(name, _)| name == part);
    if !only.iter().flatten().all(is_known) {
        return usage();
    }
    if !met(&[Need::Babeltrace2]) {
        return ExitCode::FAILURE;
    }
    let place = Place { folder: folder(), program: our_program().to_path_buf() };
    let mut lines = vec![
        table::conditions(),
        String::new(),
        "| what | trace | babeltrace2 | ours | unit | times | bar | | MiB resident: babeltrace2, ours |"
            .to_owned(),
        "|---|---|--:|--:|---|--:|---|---|--:|".to_owned(),
    ];
    for (name, part) in PARTS {
        if only.as_ref().is_none_or(|only| only.contains(name)) {
            eprintln!("{name}");
            lines.extend(part(&place));
        }
    }
    let table = lines.join("\n");
    println!("{table}");
    if only.is_some() {
        return ExitCode::SUCCESS;
    }
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/performance.md");
    match table::replace_in(&page, "view", &table) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cannot write {}: {error}", page.display());
            ExitCode::FAILURE
        }
    }
}

fn usage() -> ExitCode {
    let names: Vec<&str> = PARTS.iter().map(|(name, _)| *name).collect();
    eprintln!("bench view [--only PART[,PART]…], where PART is one of {}", names.join(", "));
    ExitCode::from(2)
}

/// A line of the table. What there is none of is empty.
#[derive(Default)]
struct Line<'l> {
    what: &'l str,
    trace: &'l str,
    real: Option<f64>,
    ours: f64,
    unit: &'l str,
    times: Option<f64>,
    bar: String,
    reached: Option<bool>,
    resident: [Option<u64>; 2],
}

impl Line<'_> {
    fn text(&self) -> String {
        let number = |value: Option<f64>| match value {
            None => "–".to_owned(),
            Some(value) if value < 10.0 => format!("{value:.2}"),
            Some(value) => format!("{value:.1}"),
        };
        let resident = |kib: Option<u64>| kib.map_or("–".to_owned(), |kib| (kib >> 10).to_string());
        let line = format!(
            "| {} | {} | {} | {} | {} | {} | {} | {} | {}, {} |",
            self.what,
            self.trace,
            number(self.real),
            number(Some(self.ours)),
            self.unit,
            number(self.times),
            self.bar,
            match self.reached {
                None => "",
                Some(true) => "reached",
                Some(false) => "**missed**",
            },
            resident(self.resident[0]),
            resident(self.resident[1])
        );
        eprintln!("{line}");
        line
    }
}

fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    (values[values.len() / 2] + values[(values.len() - 1) / 2]) / 2.0
}
