//! Free text, under the names that LTTng's own `tracef()` and `tracelog()` have: rules and scripts know them.

use std::fmt;

use rttng_ring::SlotWriter;

use crate::class::{EventClass, LogLevel};
use crate::field::{Element, Field, FieldType, Integer};
use crate::payload::{FieldView, PayloadSize};
use crate::shown::Shown;
use crate::value::Value;

/// The longest text; what is beyond is cut off, and ends with `…`.
const LONGEST: usize = 1024;

/// Text with its length before it, as `tracef()` records it.
#[derive(Debug, Clone, Copy)]
struct Message<'m>(&'m [u8]);

impl Value for Message<'_> {
    const TYPE: FieldType =
        FieldType::Sequence { element: Element::Character, length: Integer::new(u32::BITS, false) };

    fn measure(&self, size: &mut PayloadSize) {
        size.add_number(size_of::<u32>());
        size.add_bytes(self.0.len());
    }

    fn write(&self, to: &mut SlotWriter<'_>) {
        // At most `LONGEST`.
        (self.0.len() as u32).write(to);
        to.bytes(self.0);
    }

    fn view(&self, _leaf: u32) -> FieldView<'_> {
        FieldView::Text(self.0)
    }
}

const MESSAGE: Field = Field::new("msg", Message::TYPE);

/// What [`tracef!`](crate::tracef) fires.
pub static TRACEF: EventClass =
    EventClass::new("lttng_ust_tracef:event", &[MESSAGE]).with_log_level(LogLevel::Debug);
crate::list_class!(TRACEF);

/// Fires [`TRACEF`].
#[inline(never)]
pub fn tracef(text: fmt::Arguments<'_>) {
    let shown = Shown::<LONGEST>::of(text);
    crate::record(&TRACEF, &(Message(shown.as_bytes()),));
}

macro_rules! levels {
    ($($of:ident $name:literal),*) => {
        /// What [`tracelog!`](crate::tracelog) fires, by level.
        static TRACELOG: [&EventClass; 15] = [$({
            static CLASS: EventClass = EventClass::new(
                concat!("lttng_ust_tracelog:LTTNG_UST_TRACEPOINT_LOGLEVEL_", $name),
                &[
                    Field::new("line", <i32 as Value>::TYPE),
                    Field::new("file", FieldType::Text),
                    Field::new("func", FieldType::Text),
                    MESSAGE,
                ],
            )
            .with_log_level(LogLevel::$of);
            crate::list_class!(CLASS);
            &CLASS
        }),*];
    };
}

levels! {
    Emerg "EMERG", Alert "ALERT", Crit "CRIT", Err "ERR", Warning "WARNING", Notice "NOTICE", Info "INFO",
    DebugSystem "DEBUG_SYSTEM", DebugProgram "DEBUG_PROGRAM", DebugProcess "DEBUG_PROCESS",
    DebugModule "DEBUG_MODULE", DebugUnit "DEBUG_UNIT", DebugFunction "DEBUG_FUNCTION", DebugLine "DEBUG_LINE",
    Debug "DEBUG"
}

/// What [`tracelog!`](crate::tracelog) fires at that level.
#[inline]
pub fn tracelog_class(level: LogLevel) -> &'static EventClass {
    TRACELOG[level as usize]
}

/// Fires the event of a level. Rust has no name for the running function: its module stands there.
#[inline(never)]
pub fn tracelog(level: LogLevel, line: u32, file: &str, module: &str, text: fmt::Arguments<'_>) {
    let shown = Shown::<LONGEST>::of(text);
    crate::record(tracelog_class(level), &(line as i32, file, module, Message(shown.as_bytes())));
}
