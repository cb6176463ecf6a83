//! The logger for the `log` crate.

use log::{Level, LevelFilter, Log, Metadata, Record, SetLoggerError};
use rttng_ust::LogLevel;

use crate::capture::Capture;
use crate::name;
use crate::shapes::Shapes;
use crate::sites::{Sites, hash};

/// Sends every record of the `log` crate through LTTng: one LTTng event for each place that logs, as
/// `shop::orders:orders.rs:42`, with `message`, `file`, `line` and `module`.
///
/// ```
/// rttng_ust_tracing::init_log()?;
/// log::warn!("{} left in stock", 3);
/// # Ok::<(), log::SetLoggerError>(())
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct LttngLogger;

/// Makes [`LttngLogger`] the program's logger, for records of all levels.
///
/// # Errors
/// If it has a logger already. To have both, hand records on to [`LttngLogger`] in that one.
pub fn init_log() -> Result<(), SetLoggerError> {
    log::set_logger(&LttngLogger)?;
    log::set_max_level(LevelFilter::Trace);
    Ok(())
}

/// A place that logs.
struct Site {
    target: String,
    file: Option<String>,
    line: Option<u32>,
    level: Level,
    shapes: Shapes,
}

static SITES: Sites<Site> = Sites::new();

const MESSAGE: u8 = 0;
const FILE: u8 = 1;
const LINE: u8 = 2;
const MODULE: u8 = 3;

impl Site {
    fn is(&self, record: &Record<'_>) -> bool {
        self.line == record.line()
            && self.level == record.level()
            && self.target == record.target()
            && self.file.as_deref() == record.file()
    }

    fn new(record: &Record<'_>) -> Site {
        let (target, file, line) = (record.target(), record.file(), record.line());
        let level = match record.level() {
            Level::Error => LogLevel::Err,
            Level::Warn => LogLevel::Warning,
            Level::Info => LogLevel::Info,
            Level::Debug => LogLevel::DebugLine,
            Level::Trace => LogLevel::Debug,
        };
        let place = file.zip(line).map(|(file, line)| format!("{file}:{line}"));
        // Without a place, the level tells most.
        let made_up = if place.is_some() { "event " } else { record.level().as_str() };
        let name = name::of_event(target, made_up, file, line);
        Site {
            target: target.to_owned(),
            file: file.map(str::to_owned),
            line,
            level: record.level(),
            shapes: Shapes::new(name, level, place),
        }
    }
}

impl Log for LttngLogger {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        // What a session records is decided for each place.
        true
    }

    fn log(&self, record: &Record<'_>) {
        let hash = hash((record.target(), record.line()));
        let site = SITES
            .find(hash, |site| site.is(record))
            .unwrap_or_else(|| SITES.find_or_add(hash, |site| site.is(record), || Site::new(record)));
        if !site.shapes.is_wanted() {
            return;
        }
        let mut capture = Capture::new();
        match record.args().as_str() {
            Some(text) => capture.text(MESSAGE, text),
            None => capture.print(MESSAGE, *record.args()),
        }
        add_text(&mut capture, FILE, record.file_static(), record.file());
        if let Some(line) = record.line() {
            capture.line(LINE, line);
        }
        add_text(&mut capture, MODULE, record.module_path_static(), record.module_path());
        site.shapes.record(&capture, |field| {
            match field {
                MESSAGE => "message",
                FILE => "file",
                LINE => "line",
                _ => "module",
            }
            .to_owned()
        });
    }

    fn flush(&self) {}
}

/// Adds text that is not copied where it lives for ever.
fn add_text(capture: &mut Capture, field: u8, fixed: Option<&'static str>, text: Option<&str>) {
    match (fixed, text) {
        (Some(fixed), _) => capture.fixed(field, fixed),
        (None, Some(text)) => capture.text(field, text),
        (None, None) => {}
    }
}
