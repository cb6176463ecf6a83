//! The colours of babeltrace2's text, if there are any.

/// Escape sequences; all empty without colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Colors {
    pub(crate) time: &'static str,
    pub(crate) event: &'static str,
    pub(crate) name: &'static str,
    pub(crate) header: &'static str,
    pub(crate) value: &'static str,
    pub(crate) unknown: &'static str,
    pub(crate) message: &'static str,
    pub(crate) reset: &'static str,
}

impl Colors {
    pub(crate) fn of(color: bool) -> Colors {
        if !color {
            return Colors::default();
        }
        Colors {
            time: "\x1b[1m\x1b[1m\x1b[33m",
            event: "\x1b[1m\x1b[1m\x1b[35m",
            name: "\x1b[36m",
            header: "\x1b[1m",
            value: "\x1b[1m",
            unknown: "\x1b[1m\x1b[1m\x1b[31m",
            message: "\x1b[33m",
            reset: "\x1b[0m",
        }
    }
}
