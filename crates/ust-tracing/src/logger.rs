//! The logger for the `log` crate.

use log::kv::{self, Key, VisitSource, VisitValue};
use log::{Level, LevelFilter, Log, Metadata, Record, SetLoggerError};
use rttng_ust::LogLevel;

use crate::capture::Capture;
use crate::name;
use crate::shapes::Shapes;
use crate::sites::{Sites, hash};

/// Sends every record of the `log` crate through LTTng: one LTTng event for each place that logs, as
/// `shop::orders:orders.rs:42`, with `message`, its key-value pairs with the types that they have, `file`, `line` and
/// `module`.
///
/// ```
/// rttng_ust_tracing::init_log()?;
/// log::warn!("{} left in stock", 3);
/// log::info!(customer = 17, goods = "Tea"; "sold");
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
    /// Of its pairs; a record that comes with others is of a place of its own.
    keys: Vec<String>,
    shapes: Shapes,
}

static SITES: Sites<Site> = Sites::new();

const MESSAGE: u8 = 0;
const FILE: u8 = 1;
const LINE: u8 = 2;
const MODULE: u8 = 3;
/// The first pair's.
const PAIRS: u8 = 4;
/// More pairs of a record than this are left out.
const MOST_PAIRS: usize = 32;

impl Site {
    fn is(&self, record: &Record<'_>) -> bool {
        self.line == record.line()
            && self.level == record.level()
            && self.target == record.target()
            && self.file.as_deref() == record.file()
            && self.has_keys_of(record)
    }

    fn has_keys_of(&self, record: &Record<'_>) -> bool {
        let mut left = self.keys.iter();
        let mut differ = false;
        each_pair(record, |_, key, _| differ |= left.next().is_none_or(|own| own != key.as_str()));
        !differ && left.next().is_none()
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
        let mut keys = Vec::new();
        each_pair(record, |_, key, _| keys.push(key.as_str().to_owned()));
        Site {
            target: target.to_owned(),
            file: file.map(str::to_owned),
            line,
            level: record.level(),
            keys,
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
        each_pair(record, |field, _, value| {
            // It never fails.
            let _ = value.visit(Pair(&mut capture, field));
        });
        add_text(&mut capture, FILE, record.file_static(), record.file());
        if let Some(line) = record.line() {
            capture.line(LINE, line);
        }
        add_text(&mut capture, MODULE, record.module_path_static(), record.module_path());
        site.shapes.record(&capture, |field| match field {
            MESSAGE => "message".to_owned(),
            FILE => "file".to_owned(),
            LINE => "line".to_owned(),
            MODULE => "module".to_owned(),
            // A record may have other pairs each time that it is asked.
            pair => site.keys.get(usize::from(pair - PAIRS)).cloned().unwrap_or_default(),
        });
    }

    fn flush(&self) {}
}

/// Takes the pairs of a record one after the other, each with the number of its field.
fn each_pair(record: &Record<'_>, take: impl FnMut(u8, &Key<'_>, &kv::Value<'_>)) {
    struct Pairs<F> {
        field: u8,
        take: F,
    }
    impl<'r, F: FnMut(u8, &Key<'_>, &kv::Value<'_>)> VisitSource<'r> for Pairs<F> {
        fn visit_pair(&mut self, key: Key<'r>, value: kv::Value<'r>) -> Result<(), kv::Error> {
            if usize::from(self.field - PAIRS) < MOST_PAIRS {
                (self.take)(self.field, &key, &value);
                self.field += 1;
            }
            Ok(())
        }
    }
    // It fails only where the one who takes does.
    let _ = record.key_values().visit(&mut Pairs { field: PAIRS, take });
}

/// Takes a value with its type; of nothing there is no field.
struct Pair<'c>(&'c mut Capture, u8);

impl VisitValue<'_> for Pair<'_> {
    fn visit_any(&mut self, value: kv::Value<'_>) -> Result<(), kv::Error> {
        self.0.print(self.1, format_args!("{value}"));
        Ok(())
    }

    fn visit_null(&mut self) -> Result<(), kv::Error> {
        Ok(())
    }

    fn visit_i64(&mut self, value: i64) -> Result<(), kv::Error> {
        self.0.signed(self.1, value);
        Ok(())
    }

    fn visit_u64(&mut self, value: u64) -> Result<(), kv::Error> {
        self.0.unsigned(self.1, value);
        Ok(())
    }

    fn visit_f64(&mut self, value: f64) -> Result<(), kv::Error> {
        self.0.double(self.1, value);
        Ok(())
    }

    fn visit_bool(&mut self, value: bool) -> Result<(), kv::Error> {
        self.0.bool(self.1, value);
        Ok(())
    }

    fn visit_str(&mut self, value: &str) -> Result<(), kv::Error> {
        self.0.text(self.1, value);
        Ok(())
    }
}

/// Adds text that is not copied where it lives for ever.
fn add_text(capture: &mut Capture, field: u8, fixed: Option<&'static str>, text: Option<&str>) {
    match (fixed, text) {
        (Some(fixed), _) => capture.fixed(field, fixed),
        (None, Some(text)) => capture.text(field, text),
        (None, None) => {}
    }
}
