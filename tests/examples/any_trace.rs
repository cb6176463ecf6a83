//! `any_trace SEED FOLDER`: the trace that a test made from a seed, to look at.

fn main() {
    let mut args = std::env::args().skip(1);
    let (Some(seed), Some(folder)) = (args.next().and_then(|seed| seed.parse().ok()), args.next()) else {
        eprintln!("usage: any_trace SEED FOLDER");
        std::process::exit(2);
    };
    let written = rttng_tests::any_trace::any_trace(seed, folder.as_ref());
    println!("{:#?}", written.streams);
}
