//! Filters judge events of Rust programs as they judge those of C programs: generated expressions, compiled by the real
//! client, on generated values, in a program of the real liblttng-ust and in one of `rttng-ust` at the same time, under
//! the real session daemon, into one trace.
//!
//! `RTTNG_SEED=NUMBER` tries other expressions and values.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;

use rttng_tests::{Event, Need, World, apps};

const TRACED: &str = env!("CARGO_BIN_EXE_rust_traced");
/// As many events as the programs have.
const EXPRESSIONS: usize = 256;
const TURNS: usize = 24;

/// Numbers that follow from a seed.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }

    fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }
}

/// Integers at which something changes.
const EDGES: [i64; 18] = [
    0,
    1,
    2,
    3,
    7,
    -1,
    -2,
    63,
    127,
    128,
    -128,
    255,
    65_535,
    i32::MAX as i64,
    i32::MIN as i64,
    u32::MAX as i64,
    i64::MAX,
    i64::MIN,
];
const FLOATS: [f64; 10] = [0.0, -0.0, 0.5, 1.0, -1.5, 3.0, 0.1, 1e300, f64::INFINITY, f64::NAN];
const TEXTS: [&[u8]; 14] = [
    b"",
    b"h",
    b"he",
    b"hello",
    b"hallo",
    b"hello world",
    b"world",
    b"he*",
    b"*",
    b"a\\b",
    b"aaab",
    b"zz",
    b"h\xc3\xa4",
    b"\xff",
];
/// Literals; a star stands for anything, a backslash before it takes that away.
const PATTERNS: [&str; 18] = [
    "",
    "h",
    "he",
    "hello",
    "he*",
    "*lo",
    "*",
    "h*o",
    "*o*",
    "h*l*o",
    "**",
    "he\\*",
    "a\\\\b",
    "a*b",
    "*world",
    "z",
    "hä*",
    "hello world",
];

/// What both programs read.
fn turns(chance: &mut Chance) -> String {
    let mut text = format!("{TURNS:x}\n");
    for _ in 0..TURNS {
        let integer = |chance: &mut Chance| match chance.one_in(4) {
            true => chance.next() as i64,
            false => chance.of(&EDGES),
        };
        for _ in 0..8 {
            write!(text, "{:x} ", integer(chance)).expect("a string takes all");
        }
        let (f, d) = (chance.of(&FLOATS) as f32, chance.of(&FLOATS));
        write!(text, "{:x} {:x} ", f.to_bits(), d.to_bits()).expect("a string takes all");
        for _ in 0..2 {
            let bytes = chance.of(&TEXTS);
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            write!(text, "x{hex} ").expect("a string takes all");
        }
        for _ in 0..4 {
            write!(text, "{:x} ", integer(chance) as u32).expect("a string takes all");
        }
        for _ in 0..2 {
            // The real tracer reads beyond the end where the index is little more than the length: see `index`.
            let length = chance.of(&[0usize, 2, 3, 16]);
            write!(text, "{length:x} ").expect("a string takes all");
            for _ in 0..length {
                write!(text, "{:x} ", integer(chance) as u32).expect("a string takes all");
            }
        }
        text.push('\n');
    }
    text
}

/// An element that is there, or far beyond the end. 2.13.5 compares the index in bytes with the length in bits
/// (`docs/spec/filter.md`, 9.4).
fn index(chance: &mut Chance) -> usize {
    chance.of(&[0, 0, 1, 1, 200])
}

fn literal(chance: &mut Chance) -> String {
    match chance.of(&EDGES) {
        // The language has no negative numbers, but a sign.
        i64::MIN => "0x8000000000000000".to_owned(),
        edge if edge < 0 => format!("-{}", edge.unsigned_abs()),
        edge if chance.one_in(4) => format!("{edge:#x}"),
        edge if edge > 0 && chance.one_in(6) => format!("0{edge:o}"),
        edge => edge.to_string(),
    }
}

fn integer(chance: &mut Chance, depth: usize) -> String {
    if depth > 0 && chance.one_in(3) {
        let (left, right) = (integer(chance, depth - 1), integer(chance, depth - 1));
        return match chance.below(9) {
            0 => format!("{left} & {right}"),
            1 => format!("({left} | {right})"),
            2 => format!("{left} ^ {right}"),
            3 => format!("({left} << {})", chance.of(&[0, 1, 7, 31, 63, 64])),
            4 => format!("{left} >> {}", chance.of(&[0, 1, 7, 31, 63, 64])),
            5 => format!("~{left}"),
            6 => format!("-({left})"),
            7 => format!("+{left}"),
            _ => format!("({left})"),
        };
    }
    match chance.below(16) {
        0 | 1 => format!("ia[{}]", chance.below(4)),
        2 | 3 => format!("sq[{}]", index(chance)),
        4 => "$ctx.vuid".to_owned(),
        5 => "turn".to_owned(),
        6..=8 => literal(chance),
        _ => chance.of(&["i8", "u8", "i16", "u16", "i32", "u32", "i64", "u64"]).to_owned(),
    }
}

/// A floating-point field or literal.
fn float(chance: &mut Chance) -> &'static str {
    chance.of(&["f", "d", "f", "d", "0.5", "1.0", "0.1", "1e300", ".5e1"])
}

/// An integer that is not computed. (What 2.13.5 computed, it compares wrongly with floating-point numbers:
/// `docs/spec/filter.md`, 9.1.)
fn plain(chance: &mut Chance) -> String {
    let edge = chance.of(&EDGES);
    match chance.below(4) {
        0 if edge >= 0 => edge.to_string(),
        _ => chance.of(&["i8", "u8", "i16", "u16", "i32", "u32", "i64", "u64", "turn"]).to_owned(),
    }
}

fn comparison(chance: &mut Chance) -> String {
    let operator = chance.of(&["==", "!=", "<", ">", ">=", "<="]);
    match chance.below(16) {
        0..=2 => format!("{} {operator} \"{}\"", chance.of(&["s", "s2"]), chance.of(&PATTERNS)),
        3 => format!("\"{}\" {operator} s", chance.of(&PATTERNS)),
        4 => format!("s {operator} s2"),
        5 => format!(
            "$ctx.procname {} \"{}\"",
            chance.of(&["==", "!="]),
            chance.of(&["*", "nobody", "", "x*y"])
        ),
        // No application says what it is; what needs it is an error.
        6 => format!("$app.nobody:there {operator} {}", literal(chance)),
        7 => format!("{} {operator} {}", float(chance), plain(chance)),
        8 => format!("{} {operator} {}", plain(chance), float(chance)),
        9 => format!("{} {operator} {}", float(chance), float(chance)),
        // Unsigned elements that are computed with, 2.13.5 takes for an error (`docs/spec/filter.md`, 9.1).
        10 => format!("uq[{}] {operator} {}", index(chance), plain(chance)),
        11 => format!("$ctx.vpid {} {}", chance.of(&[">", "!="]), chance.of(&["0", "-1"])),
        _ => format!("{} {operator} {}", integer(chance, 2), integer(chance, 2)),
    }
}

/// An expression of the language, with brackets or without: what stands beside what decides.
fn expression(chance: &mut Chance, depth: usize) -> String {
    if depth == 0 || chance.one_in(5) {
        return match chance.below(12) {
            0 => integer(chance, 2),
            1 => format!("!{}", integer(chance, 2)),
            2 => format!("!({})", comparison(chance)),
            // Some mean nothing to anybody. (An element of a sequence beside a text ends the real program,
            // `docs/spec/filter.md`, 8.2.)
            3 if chance.one_in(4) => {
                format!("{} == \"{}\"", chance.of(&["i8", "u64", "d"]), chance.of(&PATTERNS))
            }
            4 if chance.one_in(4) => "nothing == 1".to_owned(),
            _ => comparison(chance),
        };
    }
    let (left, right) = (expression(chance, depth - 1), expression(chance, depth - 1));
    match chance.below(6) {
        0 | 1 => format!("{left} && {right}"),
        2 | 3 => format!("{left} || {right}"),
        4 => format!("({left}) && ({right})"),
        _ => format!("({left}) || {right}"),
    }
}

/// Expressions that the client compiles. (Ours refuses the same, which its own tests show, and those that would end
/// programs of the real liblttng-ust.)
fn expressions(chance: &mut Chance) -> Vec<String> {
    let mut all = Vec::new();
    while all.len() < EXPRESSIONS {
        let depth = chance.below(4);
        let text = expression(chance, depth);
        // A tenth `<=` is too many for the real one.
        if text.matches("<=").count() < 10 && rttng_filter::compile(&text).is_ok() {
            all.push(text);
        }
    }
    all
}

/// A session with one rule for each expression (`docs/spec/session-config.md`).
fn session(expressions: &[String], trace: &str) -> String {
    let escaped = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let rules: String = expressions
        .iter()
        .enumerate()
        .map(|(number, text)| {
            let filter = escaped(text);
            format!(
                "<event><name>rttng_verdicts:e{number:02x}</name><enabled>true</enabled><filter>{filter}</filter></event>"
            )
        })
        .collect();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<sessions><session><name>verdicts</name><domains><domain>\
         <type>UST</type><buffer_type>PER_UID</buffer_type><channels><channel><name>main</name><enabled>true</enabled>\
         <subbuffer_size>1048576</subbuffer_size><subbuffer_count>8</subbuffer_count>\
         <read_timer_interval>0</read_timer_interval><output_type>MMAP</output_type><events>{rules}</events>\
         </channel></channels></domain></domains><started>false</started><output><consumer_output>\
         <enabled>true</enabled><destination><path>{trace}</path></destination></consumer_output></output>\
         </session></sessions>\n"
    )
}

/// The turns in which each event of a program was recorded.
fn verdicts<'e>(events: &'e [Event], program: &str) -> BTreeMap<&'e str, BTreeSet<i64>> {
    let program = format!("\"{program}\"");
    let mut all: BTreeMap<&str, BTreeSet<i64>> = BTreeMap::new();
    for event in events.iter().filter(|event| event.value("procname") == Some(&program)) {
        let turn = event.int("turn").expect("a turn");
        assert!(all.entry(&event.name).or_default().insert(turn), "twice: {event:?}");
    }
    all
}

#[test]
fn filters_judge_events_of_c_and_rust_alike() {
    let needs = [Need::RealLttng, Need::Babeltrace2, Need::UstHeaders];
    let Some(world) = World::open(&needs) else { return };
    let seed: u64 = std::env::var("RTTNG_SEED").map_or(4, |seed| seed.parse().expect("a number"));
    let mut chance = Chance(seed);
    let expressions = expressions(&mut chance);
    let (turns, rules, trace) = (world.file("turns"), world.file("rules.lttng"), world.file("trace"));
    fs::write(&turns, self::turns(&mut chance)).expect("the world's folder has room");
    let session = session(&expressions, &trace.display().to_string());
    fs::write(&rules, session).expect("the world's folder has room");
    let daemon = world.real_sessiond();
    world.real_lttng(["load", "--input-path", &rules.display().to_string()]).ok();
    world.real_lttng(["add-context", "--session=verdicts", "--userspace", "--type=procname"]).ok();
    world.real_lttng(["start", "verdicts"]).ok();
    let run = |program: rttng_tests::Program| program.arg(&turns).spawn();
    let both = [run(world.program(apps::built("verdicts"))), run(world.program(TRACED).arg("verdicts"))];
    for mut program in both {
        program.ends().ok();
    }
    world.real_lttng(["stop", "verdicts"]).ok();
    world.real_lttng(["destroy", "verdicts"]).ok();
    daemon.terminate();
    let events = world.babeltrace2(&trace);
    let (of_c, of_rust) = (verdicts(&events, "verdicts"), verdicts(&events, "rust_traced"));
    let mut differ = Vec::new();
    let mut undecided = 0;
    for (number, text) in expressions.iter().enumerate() {
        let name = format!("rttng_verdicts:e{number:02x}");
        let of = |all: &BTreeMap<&str, BTreeSet<i64>>| all.get(name.as_str()).cloned().unwrap_or_default();
        let (c, rust) = (of(&of_c), of(&of_rust));
        undecided += usize::from(c.is_empty() || c.len() == TURNS);
        if c != rust {
            differ.push(format!("{text}\n    C    {c:?}\n    Rust {rust:?}"));
        }
    }
    assert!(
        differ.is_empty(),
        "seed {seed}: {} of {EXPRESSIONS} differ\n{}",
        differ.len(),
        differ.join("\n")
    );
    // Filters that let everything or nothing pass would prove little.
    assert!(
        undecided < EXPRESSIONS * 3 / 4,
        "seed {seed}: {undecided} of {EXPRESSIONS} never change their mind"
    );
}
