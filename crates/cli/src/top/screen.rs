//! The picture in a terminal, and its keys.

use ratatui::Frame;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style, Stylize};
use ratatui::text::{Line as TextLine, Span};
use ratatui::widgets::{Paragraph, Row, Sparkline, Table as TableWidget, TableState};
use rttng_view::top::{HISTORY, Line, Table};

use super::lines::plain;
use super::snapshot::{Snapshot, Sort, State, short};
use crate::record::report::grouped;

/// Bars of eight heights.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// What is shown and how.
#[derive(Debug)]
pub(super) struct Screen {
    snapshot: Option<Snapshot>,
    table: usize,
    sort: Sort,
    is_paused: bool,
    search: String,
    is_typing: bool,
    rows: TableState,
    row_count: usize,
}

impl Screen {
    pub(super) fn new(sort: Sort) -> Screen {
        Screen {
            snapshot: None,
            table: 0,
            sort,
            is_paused: false,
            search: String::new(),
            is_typing: false,
            rows: TableState::default(),
            row_count: 0,
        }
    }

    /// Shows another moment, unless the picture stands still.
    pub(super) fn take(&mut self, snapshot: Snapshot) {
        if !self.is_paused || self.snapshot.is_none() {
            self.snapshot = Some(snapshot);
        }
    }

    /// A key; whether it is that for the end.
    pub(super) fn key(&mut self, key: KeyEvent) -> bool {
        if key.modifiers.contains(KeyModifiers::CONTROL) && key.code == KeyCode::Char('c') {
            return true;
        }
        if self.is_typing {
            match key.code {
                KeyCode::Enter => self.is_typing = false,
                KeyCode::Esc => (self.is_typing, self.search) = (false, String::new()),
                KeyCode::Backspace => drop(self.search.pop()),
                KeyCode::Char(c) => self.search.push(c),
                _ => {}
            }
            self.rows.select(None);
            return false;
        }
        match key.code {
            KeyCode::Char('q') => return true,
            KeyCode::Esc if self.search.is_empty() => return true,
            KeyCode::Esc => self.search.clear(),
            KeyCode::Char('/') => self.is_typing = true,
            KeyCode::Char(' ' | 'p') => self.is_paused = !self.is_paused,
            KeyCode::Char('s') => self.sort = self.sort.next(),
            KeyCode::Char(c @ '1'..='3') => self.turn_to(c as usize - '1' as usize),
            KeyCode::Tab | KeyCode::Right => self.turn_to((self.table + 1) % 3),
            KeyCode::BackTab | KeyCode::Left => self.turn_to((self.table + 2) % 3),
            KeyCode::Down | KeyCode::Char('j') => self.move_by(1),
            KeyCode::Up | KeyCode::Char('k') => self.move_by(-1),
            KeyCode::PageDown => self.move_by(10),
            KeyCode::PageUp => self.move_by(-10),
            KeyCode::Home => self.rows.select(Some(0)),
            KeyCode::End => self.rows.select(self.row_count.checked_sub(1)),
            _ => {}
        }
        false
    }

    fn turn_to(&mut self, table: usize) {
        self.table = table;
        self.rows = TableState::default();
    }

    fn move_by(&mut self, by: isize) {
        let last = self.row_count.saturating_sub(1);
        let next = match self.rows.selected() {
            Some(at) => at.saturating_add_signed(by).min(last),
            None => 0,
        };
        self.rows.select((self.row_count > 0).then_some(next));
    }

    /// Draws everything, however small the terminal.
    pub(super) fn draw(&mut self, frame: &mut Frame<'_>) {
        let Some(snapshot) = self.snapshot.clone() else { return };
        let area = frame.area();
        let picture = if area.height >= 16 { 4 } else { 0 };
        let buffers = snapshot.buffers();
        let has_buffers = u16::from(buffers.is_some() && area.height >= 8);
        let parts = Layout::vertical([
            Constraint::Length(1),
            Constraint::Length(1),
            Constraint::Length(has_buffers),
            Constraint::Length(picture),
            Constraint::Length(1),
            Constraint::Min(1),
            Constraint::Length(1),
        ]);
        let [head, sums, full, spark, tabs, table, foot] = parts.areas(area);
        frame.render_widget(self.head(&snapshot), head);
        frame.render_widget(sums_line(&snapshot), sums);
        frame.render_widget(Paragraph::new(buffers.unwrap_or_default()).dim(), full);
        if picture > 0 {
            let shown = (spark.width as usize).min(HISTORY);
            let history = &snapshot.all.history[HISTORY - shown..];
            let inner = Rect { y: spark.y + 1, height: spark.height - 1, width: shown as u16, ..spark };
            let style = Style::new().fg(Color::Blue);
            frame.render_widget(Sparkline::default().data(history).style(style), inner);
        }
        frame.render_widget(self.tabs(&snapshot), tabs);
        self.draw_table(frame, table, &snapshot);
        frame.render_widget(self.foot(), foot);
    }

    fn head(&self, snapshot: &Snapshot) -> Paragraph<'static> {
        let (word, color) = match snapshot.state {
            _ if self.is_paused => ("paused", Color::Yellow),
            State::Recording => ("recording", Color::Green),
            State::Over | State::Interrupted => ("over", Color::Reset),
        };
        let name = Span::styled(plain(&snapshot.name), Modifier::BOLD);
        Paragraph::new(TextLine::from(vec![Span::styled(word, color), Span::raw("  "), name]))
    }

    fn tabs(&self, snapshot: &Snapshot) -> Paragraph<'static> {
        let mut spans = Vec::new();
        for (at, name) in ["Events", "Processes", "CPUs"].into_iter().enumerate() {
            let text = format!(" {name} {} ", snapshot.tables[at].1.len());
            let style = if at == self.table { Style::new().reversed() } else { Style::new().dim() };
            spans.push(Span::styled(text, style));
        }
        Paragraph::new(TextLine::from(spans))
    }

    fn draw_table(&mut self, frame: &mut Frame<'_>, area: Rect, snapshot: &Snapshot) {
        let (table, lines) = &snapshot.tables[self.table];
        let wanted = self.search.to_lowercase();
        let fits = |line: &&Line| line.name.to_lowercase().contains(&wanted);
        let mut lines: Vec<Line> = lines.iter().filter(fits).cloned().collect();
        self.sort.apply(&mut lines);
        self.row_count = lines.len();
        if lines.is_empty() {
            let text = if !self.search.is_empty() {
                "nothing of that name"
            } else if *table == Table::Processes && snapshot.all.total > 0 {
                "not recorded: contexts vpid and procname tell processes"
            } else {
                "no events yet"
            };
            frame.render_widget(Paragraph::new(text).dim(), area);
            return;
        }
        // What there is room for: the name and the rate always.
        let (has_total, bars) = match area.width {
            0..52 => (false, 0),
            52..80 => (true, 0),
            width => (true, usize::from(width - 50).min(HISTORY)),
        };
        let most = lines.iter().flat_map(|line| &line.history[HISTORY - bars..]).max().copied().unwrap_or(1);
        let rows: Vec<Row<'_>> = lines
            .iter()
            .map(|line| {
                let mut cells = vec![
                    TextLine::from(plain(&line.name)),
                    TextLine::from(format!("{}/s", short(line.rate))).right_aligned(),
                ];
                if has_total {
                    cells.push(TextLine::from(grouped(line.total)).right_aligned());
                }
                if bars > 0 {
                    cells.push(TextLine::from(sparkline(&line.history[HISTORY - bars..], most)).blue());
                }
                Row::new(cells)
            })
            .collect();
        let mut widths = vec![Constraint::Min(8), Constraint::Length(9)];
        if has_total {
            widths.push(Constraint::Length(15));
        }
        if bars > 0 {
            widths.push(Constraint::Length(bars.min(60) as u16));
        }
        let title = |text: &'static str, order: Sort| {
            let mark = if self.sort == order { "▾" } else { "" };
            format!("{text}{mark}")
        };
        let mut heads = vec![
            TextLine::from(title("name", Sort::Name)),
            TextLine::from(title("a second", Sort::Rate)).right_aligned(),
        ];
        if has_total {
            heads.push(TextLine::from(title("total", Sort::Total)).right_aligned());
        }
        if bars > 0 {
            heads.push(TextLine::from("the last seconds"));
        }
        let widget = TableWidget::new(rows, widths)
            .header(Row::new(heads).dim())
            .row_highlight_style(Style::new().reversed())
            .column_spacing(1);
        frame.render_stateful_widget(widget, area, &mut self.rows);
    }

    fn foot(&self) -> Paragraph<'static> {
        if self.is_typing || !self.search.is_empty() {
            let cursor = if self.is_typing { "▏" } else { "  (Esc: all)" };
            return Paragraph::new(format!("/{}{cursor}", plain(&self.search)));
        }
        let keys = format!("q quit  / find  s sort ({})  Tab table  Space pause", self.sort.name());
        Paragraph::new(keys).dim()
    }
}

fn sums_line(snapshot: &Snapshot) -> Paragraph<'static> {
    let lost =
        if snapshot.losses.is_none() { Style::new().dim() } else { Style::new().fg(Color::Red).bold() };
    Paragraph::new(TextLine::from(vec![
        Span::raw(format!("{}/s  {} events  ", short(snapshot.all.rate), grouped(snapshot.all.total))),
        Span::styled(snapshot.lost(), lost),
    ]))
}

/// Counts as bars; those that are not 0 are seen.
fn sparkline(history: &[u64], most: u64) -> String {
    let bar = |count: &u64| match *count {
        0 => ' ',
        count => {
            let height = (count as f64 / most.max(1) as f64 * 8.0).ceil() as usize;
            BARS[height.clamp(1, 8) - 1]
        }
    };
    let shown = &history[history.len().saturating_sub(60)..];
    shown.iter().map(bar).collect()
}

#[cfg(test)]
mod tests {
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;
    use rttng_ctf::read::follow::Follower;
    use rttng_view::top::Rates;

    use super::*;
    use crate::top::snapshot::Buffer;

    fn snapshot() -> Snapshot {
        let trace =
            std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/trace/per-pid/trace");
        let mut follower = Follower::open(&[trace], &Default::default()).unwrap();
        follower.finish().unwrap();
        let mut rates = Rates::default();
        rates.grown(follower.reader());
        while rates.take(&mut follower, 100).unwrap() {}
        let buffers = vec![Buffer { channel: "main".to_owned(), fullest: 0.25 }];
        Snapshot::new("my-trace", State::Recording, &rates, buffers)
    }

    /// What stands on a terminal of that size.
    fn shown(screen: &mut Screen, width: u16, height: u16) -> String {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| screen.draw(frame)).unwrap();
        let buffer = terminal.backend().buffer().clone();
        let line = |y: u16| (0..width).map(|x| buffer[(x, y)].symbol().to_owned()).collect::<String>();
        (0..height).map(|y| line(y).trim_end().to_owned() + "\n").collect()
    }

    fn press(screen: &mut Screen, keys: &str) -> bool {
        keys.chars().any(|c| {
            let code = match c {
                '\n' => KeyCode::Enter,
                '\t' => KeyCode::Tab,
                '\u{1b}' => KeyCode::Esc,
                'v' => KeyCode::Down,
                c => KeyCode::Char(c),
            };
            screen.key(KeyEvent::new(code, KeyModifiers::NONE))
        })
    }

    #[test]
    fn it_fits_every_terminal() {
        let mut screen = Screen::new(Sort::Rate);
        screen.take(snapshot());
        for width in [1, 2, 9, 20, 40, 51, 52, 79, 80, 120, 300] {
            for height in [1, 2, 5, 8, 16, 60] {
                shown(&mut screen, width, height);
            }
        }
        let narrow = shown(&mut screen, 40, 12);
        for wanted in
            ["recording  my-trace", "nothing lost", "buffers at most: main 25 %", "rich:", "/s", "q quit"]
        {
            assert!(narrow.contains(wanted), "{wanted}\n{narrow}");
        }
        let wide = shown(&mut screen, 120, 30);
        assert!(wide.contains("total") && wide.contains("the last seconds") && wide.contains('█'), "{wide}");
    }

    #[test]
    fn keys_search_sort_turn_pause_and_quit() {
        let mut screen = Screen::new(Sort::Rate);
        screen.take(snapshot());
        assert!(!press(&mut screen, "/ints\n"));
        let found = shown(&mut screen, 100, 20);
        assert!(
            found.contains("rich:ints") && !found.contains("rich:blob") && found.contains("/ints"),
            "{found}"
        );
        assert!(!press(&mut screen, "\u{1b}\t"));
        let processes = shown(&mut screen, 100, 20);
        assert!(processes.contains("rich (67)") && processes.contains("rich (70)"), "{processes}");
        assert!(!press(&mut screen, "1ssvv"));
        let by_name = shown(&mut screen, 100, 30);
        assert!(by_name.contains("name▾"), "{by_name}");
        let names: Vec<&str> = by_name
            .lines()
            .filter_map(|line| line.split(' ').next())
            .filter(|name| name.starts_with("rich:"))
            .collect();
        assert_eq!(names, ["rich:enums", "rich:ints"]);
        assert!(!press(&mut screen, " "));
        let mut other = snapshot();
        other.name = "another".to_owned();
        screen.take(other);
        assert!(shown(&mut screen, 100, 20).contains("paused  my-trace"));
        assert!(press(&mut screen, "q"));
    }
}
