//! The layer for `tracing_subscriber`.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

use rttng_ust::{EventClass, LogLevel};
use tracing_core::dispatcher::{Dispatch, SetGlobalDefaultError, set_global_default};
use tracing_core::field::{Field, Visit};
use tracing_core::span::{Attributes, Id, Record};
use tracing_core::subscriber::Interest;
use tracing_core::{Event, Level, Metadata, Subscriber, callsite};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Filtered;
use tracing_subscriber::layer::{Context, Filter};
use tracing_subscriber::prelude::*;
use tracing_subscriber::registry::LookupSpan;

use crate::capture::Capture;
use crate::shapes::{self, Shapes};
use crate::sites::{Sites, hash};
use crate::{interest, name};

/// The number of the first field that is not the call site's own.
const ADDED: u8 = 64;
/// The span that an event or span happened in; 0: none.
const PARENT: u8 = ADDED;
const FILE: u8 = ADDED + 1;
const LINE: u8 = ADDED + 2;
const MODULE: u8 = ADDED + 3;
/// The span itself.
const SPAN: u8 = ADDED + 4;
/// The span that a span follows.
const FOLLOWS: u8 = ADDED + 5;

/// A layer that sends every event and span through LTTng, to be added to a subscriber:
///
/// ```
/// use tracing_subscriber::prelude::*;
///
/// tracing_subscriber::registry().with(rttng_ust_tracing::layer()).init();
/// tracing::info!(amount = 3, "order placed");
/// ```
///
/// It comes with its own filter: what no session records costs a look-up and a branch, and other layers of the
/// subscriber are not affected.
pub fn layer<S>() -> Filtered<LttngLayer, Wanted, S>
where
    S: Subscriber + for<'l> LookupSpan<'l>,
{
    interest::follow_changes();
    LttngLayer { with_location: true, is_alone: false }.with_filter(Wanted { _private: () })
}

/// As [`layer`], for events without `file`, `line` and `module`: 30 to 100 bytes less each.
pub fn layer_without_location<S>() -> Filtered<LttngLayer, Wanted, S>
where
    S: Subscriber + for<'l> LookupSpan<'l>,
{
    interest::follow_changes();
    LttngLayer { with_location: false, is_alone: false }.with_filter(Wanted { _private: () })
}

/// Makes LTTng the only one that the program tells what it does: for programs that need no other layer.
///
/// ```
/// rttng_ust_tracing::init()?;
/// tracing::info!(amount = 3, "order placed");
/// # Ok::<(), tracing_core::dispatcher::SetGlobalDefaultError>(())
/// ```
///
/// As [`layer`], but spans that nobody wants are not even made: with other layers, the registry that all share makes
/// them.
///
/// # Errors
/// If the program has a subscriber already.
pub fn init() -> Result<(), SetGlobalDefaultError> {
    interest::follow_changes();
    let layer = LttngLayer { with_location: true, is_alone: true };
    // Not `try_init`: that one may take over the `log` crate, which has a logger of its own here.
    set_global_default(Dispatch::new(tracing_subscriber::registry().with(layer)))
}

/// What [`layer`] makes.
#[derive(Debug)]
pub struct LttngLayer {
    with_location: bool,
    /// What this layer does not want nobody does.
    is_alone: bool,
}

/// The filter of the layer: lets through what a session records now.
#[derive(Debug)]
pub struct Wanted {
    _private: (),
}

/// What is known of a call site. Its target belongs to it: those of `tracing-log` say what they are of with each record.
struct Site {
    callsite: callsite::Identifier,
    target: &'static str,
    kind: SiteKind,
}

enum SiteKind {
    Event(Shapes),
    Span(Box<SpanSite>),
}

/// The events of a span.
struct SpanSite {
    new: Shapes,
    record: Shapes,
    follows: Shapes,
    enter: Option<&'static EventClass>,
    exit: Option<&'static EventClass>,
    close: Option<&'static EventClass>,
    /// Whether a span was made without all its values: `record` may come.
    has_empty: AtomicBool,
}

static SITES: Sites<Site> = Sites::new();

impl Site {
    #[inline]
    fn find(metadata: &Metadata<'_>) -> Option<&'static Site> {
        let callsite = metadata.callsite();
        SITES.find(hash(&callsite), |site| site.is(&callsite, metadata.target()))
    }

    #[inline]
    fn find_or_add(metadata: &'static Metadata<'static>) -> &'static Site {
        Site::find(metadata).unwrap_or_else(|| {
            let callsite = metadata.callsite();
            SITES.find_or_add(
                hash(&callsite),
                |site| site.is(&callsite, metadata.target()),
                || Site::new(metadata),
            )
        })
    }

    #[inline]
    fn is(&self, callsite: &callsite::Identifier, target: &str) -> bool {
        self.callsite == *callsite && (std::ptr::eq(self.target, target) || self.target == target)
    }

    fn new(metadata: &'static Metadata<'static>) -> Site {
        let (target, name) = (metadata.target(), metadata.name());
        let level = level(*metadata.level());
        let place = metadata.file().zip(metadata.line()).map(|(file, line)| format!("{file}:{line}"));
        let kind = if metadata.is_span() {
            let shapes = |what| Shapes::new(name::of_span(target, name, what), level, place.clone());
            let span = || rttng_ust::Field::new("span", <u64 as rttng_ust::Value>::TYPE);
            let class = |what| {
                shapes::make(&name::of_span(target, name, what), level, place.as_deref(), vec![span()])
            };
            SiteKind::Span(Box::new(SpanSite {
                new: shapes("new"),
                record: shapes("record"),
                follows: shapes("follows"),
                enter: class("enter"),
                exit: class("exit"),
                close: class("close"),
                has_empty: AtomicBool::new(false),
            }))
        } else {
            let name = name::of_event(target, name, metadata.file(), metadata.line());
            SiteKind::Event(Shapes::new(name, level, place))
        };
        interest::learnt_one();
        Site { callsite: metadata.callsite(), target, kind }
    }

    #[inline]
    fn is_wanted(&self) -> bool {
        match &self.kind {
            SiteKind::Event(shapes) => shapes.is_wanted(),
            SiteKind::Span(span) => {
                let is_enabled = |class: Option<&EventClass>| class.is_some_and(EventClass::is_enabled);
                span.new.is_wanted()
                    || is_enabled(span.enter)
                    || is_enabled(span.exit)
                    || is_enabled(span.close)
                    || span.follows.is_known_wanted()
                    || span.has_empty.load(Ordering::Relaxed) && span.record.is_wanted()
            }
        }
    }
}

/// The log level that stands for one of `tracing`.
pub(crate) fn level(of: Level) -> LogLevel {
    match of {
        Level::ERROR => LogLevel::Err,
        Level::WARN => LogLevel::Warning,
        Level::INFO => LogLevel::Info,
        // What C programs have that declare none; more severe than TRACE, so that a range can leave that out.
        Level::DEBUG => LogLevel::DebugLine,
        _ => LogLevel::Debug,
    }
}

/// What a field of a call site is called in the trace.
fn name_of(metadata: &'static Metadata<'static>, field: u8) -> String {
    let added = match field {
        PARENT if metadata.is_span() => "parent",
        PARENT | SPAN => "span",
        FILE => "file",
        LINE => "line",
        MODULE => "module",
        FOLLOWS => "follows",
        own => {
            let own = metadata.fields().iter().nth(own.into());
            return own.map_or_else(|| "unknown".to_owned(), |field| field.name().to_owned());
        }
    };
    added.to_owned()
}

/// The span that something happens in, as a number; 0 for none.
fn number<S>(span: Option<tracing_subscriber::registry::SpanRef<'_, S>>) -> u64
where
    S: for<'l> LookupSpan<'l>,
{
    span.map_or(0, |span| span.id().into_u64())
}

impl LttngLayer {
    /// Adds where the call site is.
    #[inline]
    fn add_location(&self, capture: &mut Capture, metadata: &'static Metadata<'static>) {
        if !self.with_location {
            return;
        }
        if let Some(file) = metadata.file() {
            capture.fixed(FILE, file);
        }
        if let Some(line) = metadata.line() {
            capture.line(LINE, line);
        }
        if let Some(module) = metadata.module_path() {
            capture.fixed(MODULE, module);
        }
    }

    /// Records that something happens to a span.
    #[inline]
    fn record_span<S>(id: &Id, ctx: &Context<'_, S>, class: impl Fn(&SpanSite) -> Option<&'static EventClass>)
    where
        S: Subscriber + for<'l> LookupSpan<'l>,
    {
        let Some(site) = ctx.metadata(id).and_then(|metadata| Site::find(metadata)) else { return };
        if let SiteKind::Span(span) = &site.kind
            && let Some(class) = class(span)
            && class.is_enabled()
        {
            rttng_ust::record(class, &(id.into_u64(),));
        }
    }
}

impl<S> Layer<S> for LttngLayer
where
    S: Subscriber + for<'l> LookupSpan<'l>,
{
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        // Where a filter decides, it says it for this layer alone.
        if self.is_alone { interest_in(metadata) } else { Interest::always() }
    }

    #[inline]
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        !self.is_alone || is_wanted(metadata)
    }

    fn on_event(&self, event: &Event<'_>, ctx: Context<'_, S>) {
        let metadata = event.metadata();
        let site = Site::find_or_add(metadata);
        let SiteKind::Event(shapes) = &site.kind else { return };
        if !shapes.is_wanted() {
            return;
        }
        let mut capture = Capture::new();
        event.record(&mut Visitor(&mut capture));
        capture.unsigned(PARENT, number(ctx.event_span(event)));
        self.add_location(&mut capture, metadata);
        shapes.record(&capture, |field| name_of(metadata, field));
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, ctx: Context<'_, S>) {
        let metadata = attributes.metadata();
        let site = Site::find_or_add(metadata);
        let SiteKind::Span(span) = &site.kind else { return };
        if !span.new.is_wanted() {
            return;
        }
        let mut capture = Capture::new();
        attributes.record(&mut Visitor(&mut capture));
        if capture.shape.len() < metadata.fields().len() {
            span.has_empty.store(true, Ordering::Relaxed);
        }
        capture.unsigned(SPAN, id.into_u64());
        capture.unsigned(PARENT, number(ctx.span(id).and_then(|span| span.parent())));
        self.add_location(&mut capture, metadata);
        span.new.record(&capture, |field| name_of(metadata, field));
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, ctx: Context<'_, S>) {
        let Some(metadata) = ctx.metadata(id) else { return };
        let SiteKind::Span(span) = &Site::find_or_add(metadata).kind else { return };
        if !span.record.is_wanted() {
            return;
        }
        let mut capture = Capture::new();
        values.record(&mut Visitor(&mut capture));
        capture.unsigned(SPAN, id.into_u64());
        span.record.record(&capture, |field| name_of(metadata, field));
    }

    fn on_follows_from(&self, id: &Id, follows: &Id, ctx: Context<'_, S>) {
        let Some(metadata) = ctx.metadata(id) else { return };
        let SiteKind::Span(span) = &Site::find_or_add(metadata).kind else { return };
        if !span.follows.is_wanted() {
            return;
        }
        let mut capture = Capture::new();
        capture.unsigned(SPAN, id.into_u64());
        capture.unsigned(FOLLOWS, follows.into_u64());
        span.follows.record(&capture, |field| name_of(metadata, field));
    }

    fn on_enter(&self, id: &Id, ctx: Context<'_, S>) {
        LttngLayer::record_span(id, &ctx, |span| span.enter);
    }

    fn on_exit(&self, id: &Id, ctx: Context<'_, S>) {
        LttngLayer::record_span(id, &ctx, |span| span.exit);
    }

    fn on_close(&self, id: Id, ctx: Context<'_, S>) {
        LttngLayer::record_span(&id, &ctx, |span| span.close);
    }
}

/// Whether a session may want what happens there. What fields a call site has is known with its first event only, so
/// that one is let through.
#[inline]
fn is_wanted(metadata: &Metadata<'_>) -> bool {
    let Some(site) = Site::find(metadata) else { return true };
    if !site.is_wanted() {
        interest::asked_in_vain();
        return false;
    }
    true
}

/// What `tracing` is to remember of a call site until something changes: of one that is known and that no session wants,
/// that it need not ask again.
fn interest_in(metadata: &Metadata<'_>) -> Interest {
    match Site::find(metadata) {
        Some(site) if !site.is_wanted() => Interest::never(),
        _ => Interest::sometimes(),
    }
}

impl<S> Filter<S> for Wanted {
    #[inline]
    fn enabled(&self, metadata: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        is_wanted(metadata)
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        interest_in(metadata)
    }
}

/// Takes values as they come.
struct Visitor<'c>(&'c mut Capture);

impl Visitor<'_> {
    /// The number of a field of a call site; there are 32 at most.
    #[inline]
    fn number(field: &Field) -> u8 {
        field.index() as u8
    }
}

impl Visit for Visitor<'_> {
    #[inline]
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.signed(Visitor::number(field), value);
    }

    #[inline]
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.unsigned(Visitor::number(field), value);
    }

    #[inline]
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.0.double(Visitor::number(field), value);
    }

    #[inline]
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.bool(Visitor::number(field), value);
    }

    #[inline]
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.text(Visitor::number(field), value);
    }

    fn record_bytes(&mut self, field: &Field, value: &[u8]) {
        self.0.bytes(Visitor::number(field), value);
    }

    /// Traces hold integers of 64 bits: those of 128 bits are recorded as text.
    fn record_i128(&mut self, field: &Field, value: i128) {
        self.0.print(Visitor::number(field), format_args!("{value}"));
    }

    /// As `record_i128`.
    fn record_u128(&mut self, field: &Field, value: u128) {
        self.0.print(Visitor::number(field), format_args!("{value}"));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.0.print(Visitor::number(field), format_args!("{}", Causes(value)));
    }

    #[inline]
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.print(Visitor::number(field), format_args!("{value:?}"));
    }
}

/// An error and its causes, as `cannot read a: no such file`.
struct Causes<'e>(&'e (dyn std::error::Error + 'static));

impl fmt::Display for Causes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(of) = cause {
            write!(f, ": {of}")?;
            cause = of.source();
        }
        Ok(())
    }
}
