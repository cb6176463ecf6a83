//! What was measured, as a table: medians of both casts, their ratio, and the bar that ours has to reach.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

/// Quantities of one turn, by the name of their row.
pub(crate) type Samples = BTreeMap<&'static str, f64>;

/// A quantity that is compared.
pub(crate) struct Row {
    /// Its name, as the reader sees it.
    pub(crate) what: &'static str,
    pub(crate) unit: &'static str,
    /// Digits behind the point.
    pub(crate) digits: usize,
    pub(crate) bar: Bar,
}

/// What ours has to reach.
pub(crate) enum Bar {
    /// At most this multiple of the real one's.
    Ratio(f64),
    /// At most this many units.
    Most(f64),
    /// At most this multiple of ours in the row of that name.
    Beside(&'static str, f64),
    /// Nothing: the row explains others.
    None,
}

/// On what machine, and how busy before.
pub(crate) fn conditions() -> String {
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    let cpuinfo = read("/proc/cpuinfo");
    let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let load = read("/proc/loadavg");
    format!(
        "{} processors ({}), Linux {}; load before: {}. Medians of turns.",
        std::thread::available_parallelism().map_or(1, usize::from),
        model.map_or("of unknown make", |(_, model)| model.trim()),
        // What follows is the builder's own.
        read("/proc/sys/kernel/osrelease").trim().split('-').next().unwrap_or_default(),
        load.split(' ').next().unwrap_or("unknown"),
    )
}

/// The lines above the rows: the conditions, and the names of the columns.
pub(crate) fn head() -> Vec<String> {
    vec![
        conditions(),
        String::new(),
        "| what | unit | real | ours | ours : real | bar | |".into(),
        "|---|---|--:|--:|--:|---|---|".into(),
    ]
}

impl Row {
    /// The row of the table, from all turns of both casts.
    pub(crate) fn line(&self, real_turns: &[Samples], our_turns: &[Samples]) -> String {
        let digits = self.digits;
        let number = |value: Option<f64>| value.map_or("–".to_owned(), |value| format!("{value:.digits$}"));
        let (real, ours) = (median(self.what, real_turns), median(self.what, our_turns));
        let ratio = real.zip(ours).map(|(real, ours)| ours / real);
        let (bar, reached) = match self.bar {
            Bar::Ratio(most) => (format!("≤ {most} ×"), ratio.map(|ratio| ratio <= most)),
            Bar::Most(most) => (format!("≤ {most} {}", self.unit), ours.map(|ours| ours <= most)),
            Bar::Beside(other, most) => {
                let other = median(other, our_turns);
                (
                    format!("≤ {most} × ours without"),
                    ours.zip(other).map(|(ours, other)| ours <= most * other),
                )
            }
            Bar::None => (String::new(), None),
        };
        let reached = match reached {
            None => "",
            Some(true) => "reached",
            Some(false) if self.is_noise(real_turns, our_turns) => "no difference beyond the noise",
            Some(false) => "**missed**",
        };
        // Of two that are nothing there is none.
        let ratio =
            ratio.filter(|ratio| ratio.is_finite()).map_or("–".to_owned(), |ratio| format!("{ratio:.2}"));
        format!(
            "| {} | {} | {} | {} | {ratio} | {bar} | {reached} |",
            self.what,
            self.unit,
            number(real),
            number(ours)
        )
    }

    /// Whether turns differ among themselves more than the casts do: in a quarter of them ours reaches the bar.
    fn is_noise(&self, real_turns: &[Samples], our_turns: &[Samples]) -> bool {
        let Bar::Ratio(most) = self.bar else { return false };
        let value = |turn: &Samples| turn.get(self.what).copied();
        let pairs = real_turns.iter().zip(our_turns).filter_map(|(real, ours)| value(real).zip(value(ours)));
        let pairs: Vec<(f64, f64)> = pairs.collect();
        let reached = pairs.iter().filter(|(real, ours)| *ours <= most * real).count();
        pairs.len() >= 4 && reached * 4 >= pairs.len()
    }
}

fn median(what: &str, turns: &[Samples]) -> Option<f64> {
    let mut values: Vec<f64> = turns.iter().filter_map(|samples| samples.get(what).copied()).collect();
    values.sort_by(f64::total_cmp);
    let upper = *values.get(values.len() / 2)?;
    let lower = values[(values.len() - 1) / 2];
    Some((lower + upper) / 2.0)
}

/// Puts the table of `cargo xtask bench NAME` between its two marks in a page; the rest of the page stays.
///
/// # Errors
/// When the page cannot be read or written, or has no marks.
pub(crate) fn replace_in(page: &Path, name: &str, table: &str) -> io::Result<()> {
    let [begin, end] = ["begin", "end"].map(|mark| format!("<!-- cargo xtask bench {name}: {mark} -->"));
    let text = fs::read_to_string(page)?;
    let marked = text.split_once(&begin).and_then(|(before, rest)| Some((before, rest.split_once(&end)?.1)));
    let (before, after) = marked.ok_or_else(|| io::Error::other(format!("there is no {begin} … {end}")))?;
    fs::write(page, format!("{before}{begin}\n{table}\n{end}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compares_medians_to_the_bar() {
        let row = Row { what: "start", unit: "ms", digits: 1, bar: Bar::Ratio(0.5) };
        let turns = |values: &[f64]| {
            values.iter().map(|&value| Samples::from([("start", value)])).collect::<Vec<_>>()
        };
        let line = row.line(&turns(&[10.0, 30.0, 12.0]), &turns(&[6.0, 6.0, 100.0]));
        assert_eq!(line, "| start | ms | 12.0 | 6.0 | 0.50 | ≤ 0.5 × | reached |");
        let line = row.line(&turns(&[10.0, 14.0]), &turns(&[7.0]));
        assert_eq!(line, "| start | ms | 12.0 | 7.0 | 0.58 | ≤ 0.5 × | **missed** |");
        assert_eq!(row.line(&turns(&[10.0]), &[]), "| start | ms | 10.0 | – | – | ≤ 0.5 × |  |");
        let row = Row { what: "start", unit: "ms", digits: 0, bar: Bar::Ratio(1.0) };
        let line = row.line(&turns(&[9.0, 10.0, 9.0, 9.0]), &turns(&[10.0, 9.0, 10.0, 10.0]));
        assert_eq!(line, "| start | ms | 9 | 10 | 1.11 | ≤ 1 × | no difference beyond the noise |");
        let row = Row { what: "hung", unit: "s", digits: 1, bar: Bar::Beside("free", 1.5) };
        let ours = [Samples::from([("free", 1.0), ("hung", 1.2)])];
        assert_eq!(
            row.line(&turns(&[]), &ours),
            "| hung | s | – | 1.2 | – | ≤ 1.5 × ours without | reached |"
        );
    }
}
