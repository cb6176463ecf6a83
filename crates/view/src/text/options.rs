//! What of an event is printed, and how.

/// How times are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TimeFormat {
    /// `hh:mm:ss.nnnnnnnnn`.
    #[default]
    OfDay,
    /// Seconds since the origin.
    Seconds,
    /// Cycles of the clock; in messages about losses as [`TimeFormat::OfDay`].
    Cycles,
}

/// Whose field names are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Names {
    /// Those of the payload.
    pub payload: bool,
    /// Those of the contexts: of the packet, of the stream, of the event.
    pub context: bool,
    /// Those of what stands before: time, delta, host and so on.
    pub header: bool,
    /// Those of the scopes: `event.fields` and the like.
    pub scope: bool,
}

impl Names {
    /// No names at all.
    pub const NONE: Names = Names { payload: false, context: false, header: false, scope: false };
    /// All names.
    pub const ALL: Names = Names { payload: true, context: true, header: true, scope: true };
}

impl Default for Names {
    fn default() -> Names {
        Names { payload: true, context: true, ..Names::NONE }
    }
}

/// Which words about an event's surroundings are printed before its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fields {
    /// The trace's name.
    pub trace: bool,
    /// `hostname` of the environment.
    pub hostname: bool,
    /// `domain` of the environment.
    pub domain: bool,
    /// `procname` of the environment.
    pub procname: bool,
    /// `vpid` of the environment.
    pub vpid: bool,
    /// The log level of the event.
    pub loglevel: bool,
    /// The address of the event's model.
    pub emf: bool,
}

impl Fields {
    /// None of them.
    pub const NONE: Fields = Fields {
        trace: false,
        hostname: false,
        domain: false,
        procname: false,
        vpid: false,
        loglevel: false,
        emf: false,
    };
    /// All of them.
    pub const ALL: Fields = Fields {
        trace: true,
        hostname: true,
        domain: true,
        procname: true,
        vpid: true,
        loglevel: true,
        emf: true,
    };
}

impl Default for Fields {
    fn default() -> Fields {
        Fields { hostname: true, procname: true, vpid: true, ..Fields::NONE }
    }
}

/// Options of the text form. The default is that of babeltrace2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextOptions {
    /// How times are printed.
    pub time: TimeFormat,
    /// Whether dates are.
    pub date: bool,
    /// Whether times of day are those of UTC, not local ones.
    pub gmt: bool,
    /// Whether the time since the event before is printed.
    pub delta: bool,
    /// Which names are printed.
    pub names: Names,
    /// Which words are printed before the event's name.
    pub fields: Fields,
    /// Whether the output is coloured for a terminal.
    pub color: bool,
    /// Whether the messages about losses are.
    pub color_messages: bool,
}

impl Default for TextOptions {
    fn default() -> TextOptions {
        TextOptions {
            time: TimeFormat::default(),
            date: false,
            gmt: false,
            delta: true,
            names: Names::default(),
            fields: Fields::default(),
            color: false,
            color_messages: false,
        }
    }
}
