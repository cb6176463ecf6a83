//! What there is to show at one moment.

use rttng_view::Losses;
use rttng_view::top::{Line, Rates, Table};

/// How the recording stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Recording,
    Over,
    Interrupted,
}

/// What comes first in a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    Rate,
    Total,
    Name,
}

impl Sort {
    pub(super) fn name(self) -> &'static str {
        match self {
            Sort::Rate => "rate",
            Sort::Total => "total",
            Sort::Name => "name",
        }
    }

    pub(super) fn next(self) -> Sort {
        match self {
            Sort::Rate => Sort::Total,
            Sort::Total => Sort::Name,
            Sort::Name => Sort::Rate,
        }
    }

    /// Puts lines in order.
    pub(super) fn apply(self, lines: &mut [Line]) {
        lines.sort_by(|a, b| {
            let by_name = a.name.cmp(&b.name);
            match self {
                Sort::Rate => b.rate.total_cmp(&a.rate).then(b.total.cmp(&a.total)).then(by_name),
                Sort::Total => b.total.cmp(&a.total).then(by_name),
                Sort::Name => by_name,
            }
        });
    }
}

/// How full the buffers of a channel ever were, 1 being full.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Buffer {
    pub(super) channel: String,
    pub(super) fullest: f64,
}

/// All of it.
#[derive(Debug, Clone)]
pub(super) struct Snapshot {
    pub(super) name: String,
    pub(super) state: State,
    pub(super) all: Line,
    pub(super) tables: [(Table, Vec<Line>); 3],
    pub(super) losses: Losses,
    pub(super) buffers: Vec<Buffer>,
}

impl Snapshot {
    pub(super) fn new(name: &str, state: State, rates: &Rates, buffers: Vec<Buffer>) -> Snapshot {
        let is_over = state != State::Recording;
        let lines = |table: Table| (table, rates.lines(table, is_over));
        Snapshot {
            name: name.to_owned(),
            state,
            all: rates.all(is_over),
            tables: [Table::Events, Table::Processes, Table::Cpus].map(lines),
            losses: rates.losses(),
            buffers,
        }
    }

    /// What was lost, in words.
    pub(super) fn lost(&self) -> String {
        let Losses { events, packets, uncounted } = self.losses;
        let mut parts = Vec::new();
        if events > 0 {
            parts.push(format!("{} lost", short(events as f64)));
        }
        if packets > 0 {
            parts.push(format!("{} packets lost", short(packets as f64)));
        }
        if uncounted > 0 {
            parts.push("some lost uncounted".to_owned());
        }
        if parts.is_empty() { "nothing lost".to_owned() } else { parts.join(", ") }
    }

    /// How full buffers ever were, in words; nothing if nobody tells.
    pub(super) fn buffers(&self) -> Option<String> {
        let full = |buffer: &Buffer| format!("{} {:.0} %", buffer.channel, buffer.fullest * 100.0);
        let full: Vec<String> = self.buffers.iter().map(full).collect();
        (!full.is_empty()).then(|| format!("buffers at most: {}", full.join(", ")))
    }
}

/// A number in at most six characters: `1.23 M`.
pub(super) fn short(number: f64) -> String {
    let digits = |number: f64| {
        if number >= 100.0 {
            format!("{number:.0}")
        } else if number >= 10.0 {
            format!("{number:.1}")
        } else {
            format!("{number:.2}")
        }
    };
    for (unit, size) in [("G", 1e9), ("M", 1e6), ("k", 1e3)] {
        if number >= size * 0.9995 {
            return format!("{} {unit}", digits(number / size));
        }
    }
    if number == 0.0 || number >= 10.0 || number.fract() == 0.0 {
        format!("{number:.0}")
    } else {
        format!("{number:.1}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        for (number, text) in [
            (0.0, "0"),
            (3.0, "3"),
            (0.25, "0.2"),
            (999.0, "999"),
            (999.6, "1.00 k"),
            (1234.0, "1.23 k"),
            (45_600.0, "45.6 k"),
            (279_000.0, "279 k"),
            (999_999.0, "1.00 M"),
            (2.5e9, "2.50 G"),
        ] {
            assert_eq!(short(number), text);
        }
    }
}
