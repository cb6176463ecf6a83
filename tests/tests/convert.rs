//! Traces that are written, read back by rttng and printed by babeltrace2: those of any types from the library, and those
//! of `rttng convert`.

use std::path::Path;

use rttng_ctf::Scope;
use rttng_ctf::decode::{NodeId, Visit};
use rttng_ctf::read::{Message, Options, Reader};
use rttng_ctf::write::Value;
use rttng_tests::any_trace::{AnyTrace, Dice, any_trace};
use rttng_tests::{Need, World};

/// The numbers and texts of values, in their order.
#[derive(Debug, Clone, PartialEq)]
enum Leaf {
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Text(Vec<u8>),
}

#[derive(Debug, Default)]
struct Leaves(Vec<Leaf>);

impl Visit for Leaves {
    fn scope(&mut self, _: Scope) {}
    fn unsigned(&mut self, _: NodeId, value: u64) {
        self.0.push(Leaf::Unsigned(value));
    }
    fn signed(&mut self, _: NodeId, value: i64) {
        self.0.push(Leaf::Signed(value));
    }
    fn float(&mut self, _: NodeId, value: f64) {
        self.0.push(Leaf::Float(value));
    }
    fn text(&mut self, _: NodeId, text: &[u8]) {
        self.0.push(Leaf::Text(text.to_vec()));
    }
    fn begin(&mut self, _: NodeId) {}
    fn end(&mut self, _: NodeId) {}
    fn element(&mut self, _: NodeId, _: u64) {}
}

fn leaves(value: &Value, into: &mut Vec<Leaf>) {
    match value {
        Value::Unsigned(value) => into.push(Leaf::Unsigned(*value)),
        Value::Signed(value) => into.push(Leaf::Signed(*value)),
        Value::Float(value) => into.push(Leaf::Float(*value)),
        Value::Text(text) => into.push(Leaf::Text(text.clone())),
        Value::Elements(values) | Value::Fields(values) => {
            values.iter().for_each(|value| leaves(value, into))
        }
        Value::Option(_, value) => leaves(value, into),
    }
}

/// Compares what a trace says with what was written.
fn reads_back(written: &AnyTrace, folder: &Path, seed: u64) {
    let mut reader = Reader::open(&[folder.to_owned()], &Options::default())
        .unwrap_or_else(|error| panic!("seed {seed}: {error}"));
    let has_clock = !written.class.clocks.is_empty();
    let mut read = vec![Vec::new(); reader.stream_count()];
    while let Some(message) = reader.next().unwrap_or_else(|error| panic!("seed {seed}: {error}")) {
        let Message::Event(mut event) = message else { continue };
        let mut seen = Leaves::default();
        event.show(&mut seen).unwrap();
        let class = (event.stream_class_number(), event.class_number());
        let time = event.cycles().filter(|_| has_clock).unwrap_or(0);
        read[event.stream()].push((class, time, seen.0));
    }
    let wanted = written.streams.iter().map(|stream| {
        let events = stream.iter().map(|event| {
            let mut values = Vec::new();
            let scopes = [&event.values.stream_context, &event.values.context, &event.values.fields];
            scopes.into_iter().flatten().for_each(|value| leaves(value, &mut values));
            (event.class, event.time, values)
        });
        events.collect::<Vec<_>>()
    });
    let mut wanted: Vec<_> = wanted.filter(|stream| !stream.is_empty()).collect();
    read.retain(|stream| !stream.is_empty());
    let key = |stream: &Vec<((usize, usize), u64, Vec<Leaf>)>| format!("{:?}", stream.first());
    wanted.sort_by_key(key);
    read.sort_by_key(key);
    assert_eq!(read.len(), wanted.len(), "seed {seed}");
    for (read, wanted) in read.iter().flatten().zip(wanted.iter().flatten()) {
        assert_eq!(read, wanted, "seed {seed}");
    }
    let count = |streams: &[Vec<_>]| streams.iter().map(Vec::len).collect::<Vec<_>>();
    assert_eq!(count(&read), count(&wanted), "seed {seed}");
}

#[test]
fn any_trace_reads_back_as_it_was_written() {
    let folder = tempfile::tempdir().unwrap();
    for seed in 0..400 {
        let place = folder.path().join(seed.to_string());
        let written = any_trace(seed, &place);
        reads_back(&written, &place, seed);
        std::fs::remove_dir_all(place).unwrap();
    }
}

/// What babeltrace2 prints, and its warnings without what depends on where the trace is.
fn printed(world: &World, trace: &Path) -> (String, Vec<String>) {
    let ended =
        world.program("babeltrace2").arg("--names=payload,context,scope").arg(trace).env("TZ", "UTC").run();
    assert_eq!(ended.code(), Some(0), "{}: {}", trace.display(), ended.stderr);
    let told = ended.stderr.lines().map(|line| {
        let line = line.split(" in trace ").next().unwrap_or(line);
        line.to_owned()
    });
    (ended.stdout.clone(), told.collect())
}

#[test]
fn any_trace_is_printed_alike_and_converted() {
    let Some(world) = World::open(&[Need::Babeltrace2]) else { return };
    let folder = world.open_dir();
    for seed in 0..60 {
        let (place, copied) = (folder.join(format!("any{seed}")), folder.join(format!("copy{seed}")));
        any_trace(seed, &place);
        let (text, told) = printed(&world, &place);
        let ours =
            world.rttng().args(["view", "--names=payload,context,scope"]).arg(&place).env("TZ", "UTC").run();
        assert_eq!(ours.code(), Some(0), "seed {seed}: {}", ours.stderr);
        assert_eq!(ours.stdout, text, "seed {seed}");
        let size = format!("--packet-size={}", Dice::new(seed).below(2000) + 1);
        let mut convert = world.rttng().args(["convert", "--to", "ctf1", "-o"]).arg(&copied).arg(&place);
        if seed % 2 == 0 {
            convert = convert.arg(&size);
        }
        convert.run().ok();
        assert_eq!(printed(&world, &copied), (text, told), "seed {seed} {size}");
    }
}
