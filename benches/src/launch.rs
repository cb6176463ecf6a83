//! What `rttng record` costs a program that has nothing to record.

use std::time::Instant;

use rttng_tests::{Make, Need, Program, World};

use crate::stage::Cast;
use crate::table::{Bar, Row, Samples};

const OVER_PLAIN: &str = "`rttng record -- true` over plain `true`";
const TURNS: usize = 15;

pub(crate) const LAUNCH_ROWS: &[Row] =
    &[Row { what: OVER_PLAIN, unit: "ms", digits: 1, bar: Bar::Most(60.0) }];

/// Both in turns, from start to end; the median of the differences. The real programs have no such command.
pub(crate) fn launch(cast: Cast) -> Samples {
    if cast.sessiond == Make::Real {
        return Samples::new();
    }
    let world = World::open(&[Need::RealLttng]).expect("the needs were checked before");
    let timed = |program: Program| {
        let started = Instant::now();
        let ended = program.run();
        let took = started.elapsed();
        assert_eq!(ended.code(), Some(0), "{ended}");
        took.as_secs_f64() * 1e3
    };
    let mut differences: Vec<f64> = (0..TURNS)
        .map(|turn| {
            let output = format!("--output=turn-{turn}");
            let recorded = world.rttng().args(["record", &output, "--", "true"]);
            timed(recorded) - timed(world.program("true"))
        })
        .collect();
    differences.sort_by(f64::total_cmp);
    Samples::from([(OVER_PLAIN, differences[TURNS / 2])])
}
