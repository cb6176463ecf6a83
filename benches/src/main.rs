//! Measurements beside the real programs: each quantity is taken in turns from the real programs and from ours, in the
//! same run on the same machine, and the medians are compared. `cargo xtask bench` builds and starts this for release.

mod crowd;
mod drain;
mod launch;
mod stage;
mod table;
mod tracer;
mod traces;
mod view;

use std::path::Path;
use std::process::ExitCode;

use rttng_tests::{Need, met};

use crate::stage::Cast;
use crate::table::{Row, Samples};

/// One measurement: it gives some quantities of a cast at a time.
struct Bench {
    name: &'static str,
    /// The quantities, in the order in which the table shows them.
    rows: &'static [Row],
    /// How often each cast has its turn.
    rounds: usize,
    measure: fn(Cast) -> Samples,
}

/// The recording of user-space events.
const RECORD: &[Bench] = &[
    Bench { name: "event", rows: drain::EVENT_ROWS, rounds: 7, measure: drain::event },
    Bench { name: "drain", rows: drain::DRAIN_ROWS, rounds: 5, measure: drain::drain },
    Bench { name: "default", rows: drain::DEFAULT_ROWS, rounds: 5, measure: drain::default },
    Bench { name: "buffers", rows: drain::BUFFERS_ROWS, rounds: 3, measure: drain::buffers },
    Bench { name: "crowd", rows: crowd::CROWD_ROWS, rounds: 3, measure: crowd::crowd },
    Bench { name: "rules", rows: crowd::RULES_ROWS, rounds: 1, measure: crowd::rules },
    Bench { name: "hung", rows: crowd::HUNG_ROWS, rounds: 1, measure: crowd::hung },
    Bench { name: "launch", rows: launch::LAUNCH_ROWS, rounds: 1, measure: launch::launch },
];

const USAGE: &str = "bench record [--times=N] [event|drain|default|buffers|crowd|rules|hung|launch]…
  --times=N  take each measurement N times as often as usual
bench view [--only PART[,PART]…]
             reading traces, beside babeltrace2, in less than ten minutes
bench traces only writes those that view reads
bench tracer what an event costs a Rust program, beside a C program with liblttng-ust";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["view", ..] => return view::measure(&words[1..]),
        [view::FIELDS, ..] => return view::print_fields(&words[1..]),
        [view::VALUES, trace] => return view::print_values(trace),
        ["traces"] => return view::write_traces(),
        [tracer::LOAD, ..] => {
            tracer::load(&words);
            return ExitCode::SUCCESS;
        }
        [tracer::LAUNCH, ..] => {
            tracer::launch(&words[1..]);
            return ExitCode::SUCCESS;
        }
        ["tracer"] => {
            if !met(&[Need::Namespaces, Need::RealLttng, Need::UstHeaders, Need::Root]) {
                return ExitCode::FAILURE;
            }
            let mut lines = table::head();
            lines.extend(tracer::measure(5));
            let table = lines.join("\n");
            println!("{table}");
            return put_into_page("tracer", &table);
        }
        _ => {}
    }
    let Some(("record", words)) = words.split_first().map(|(first, rest)| (first.as_str(), rest)) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let (options, names): (Vec<&String>, Vec<&String>) =
        words.iter().partition(|word| word.starts_with("--"));
    let mut times = 1;
    for option in options {
        match option.strip_prefix("--times=").and_then(|number| number.parse().ok()) {
            Some(number) => times = number,
            None => {
                eprintln!("{option}: {USAGE}");
                return ExitCode::from(2);
            }
        }
    }
    if let Some(unknown) = names.iter().find(|name| !RECORD.iter().any(|bench| bench.name == name.as_str())) {
        eprintln!("there is no measurement {unknown}: {USAGE}");
        return ExitCode::from(2);
    }
    if !met(&[Need::Namespaces, Need::RealLttng, Need::UstHeaders, Need::Root]) {
        return ExitCode::FAILURE;
    }
    let chosen =
        RECORD.iter().filter(|bench| names.is_empty() || names.iter().any(|name| *name == bench.name));
    let mut lines = table::head();
    let mut failed = 0;
    for bench in chosen {
        let (mut real, mut ours) = (Vec::new(), Vec::new());
        let rounds = bench.rounds * times;
        for round in 0..rounds {
            eprintln!("{} {}/{rounds}", bench.name, round + 1);
            for (cast, turns) in [(Cast::real(), &mut real), (Cast::ours(), &mut ours)] {
                // A turn that fails has told why; the others count.
                match std::panic::catch_unwind(|| (bench.measure)(cast)) {
                    Ok(samples) => turns.push(samples),
                    Err(_) => failed += 1,
                }
            }
        }
        for row in bench.rows {
            let line = row.line(&real, &ours);
            eprintln!("{line}");
            lines.push(line);
        }
    }
    if failed > 0 {
        lines.push(format!("\n{failed} turns failed and are not counted."));
    }
    let table = lines.join("\n");
    println!("{table}");
    if names.is_empty() {
        return put_into_page("record", &table);
    }
    ExitCode::SUCCESS
}

/// Puts the table of a bench where the page about speed shows it.
fn put_into_page(bench: &str, table: &str) -> ExitCode {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/performance.md");
    match table::replace_in(&page, bench, table) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cannot write {}: {error}", page.display());
            ExitCode::FAILURE
        }
    }
}
