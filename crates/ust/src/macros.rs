//! The macros that fire events, and what their expansions need of this crate.

/// Fires an event, if anything wants it.
///
/// ```
/// # struct Order { id: u64, total: f64, customer: String }
/// # let order = Order { id: 7, total: 12.5, customer: "Ada".into() };
/// # let items = [1u32, 2];
/// use rttng_ust::event;
///
/// event!("shop:order", level = INFO, id: u64 = order.id, total: f64 = order.total, customer: &str = &order.customer);
///
/// // A variable of the field's name needs no `= …`.
/// let count = items.len();
/// event!("shop:items", count: usize, items: &[u32] = &items);
///
/// // What only the event needs is computed only if something wants it.
/// event!("shop:statistics", level = DEBUG, let sum = items.iter().sum::<u32>(), sum: u32, mean: f64 = f64::from(sum) / 2.0);
/// ```
///
/// First stands the name, `provider:event`, as `lttng enable-event --userspace` takes it; then, in any order:
///
/// * `level = LEVEL`: one of LTTng's (`EMERG`, `ALERT`, `CRIT`, `ERR`, `WARNING`, `NOTICE`, `INFO`, `DEBUG_SYSTEM`,
///   `DEBUG_PROGRAM`, `DEBUG_PROCESS`, `DEBUG_MODULE`, `DEBUG_UNIT`, `DEBUG_FUNCTION`, `DEBUG_LINE`, `DEBUG`); without
///   it, `DEBUG_LINE`.
/// * `uri = "…"`: where the event's model is described, as `model.emf.uri` of its metadata.
/// * `let PATTERN = EXPRESSION`: for the fields behind it.
/// * `name: TYPE = EXPRESSION`: a field. [`Value`](crate::Value) says which types there are.
///
/// No expression is evaluated unless a session records the event, or a trigger waits for it: a disabled event is one
/// load and one branch. The event is listed by `lttng list --userspace` from the start of the program on, whether it
/// is fired or not. To fire the same event from several places, declare it with [`#[tracepoint]`](crate::tracepoint).
#[macro_export]
macro_rules! event {
    ($($event:tt)*) => {
        $crate::__private::event! { $crate; $($event)* }
    };
}

/// Whether anything wants an event that was declared with [`#[tracepoint]`](macro@crate::tracepoint).
///
/// ```
/// #[rttng_ust::tracepoint("shop:order", level = INFO)]
/// fn order(id: u64, customer: &str);
///
/// if rttng_ust::enabled!(order) {
///     order(7, "Ada");
/// }
/// ```
#[macro_export]
macro_rules! enabled {
    ($tracepoint:path) => {
        <$tracepoint>::is_enabled()
    };
}

/// Records free text, as C programs do with `tracef()`: the event is `lttng_ust_tracef:event`, its field is `msg`.
///
/// ```
/// # let (done, all) = (1, 2);
/// rttng_ust::tracef!("{done} of {all} done");
/// ```
///
/// Nothing is formatted unless something wants it. At most 1024 bytes are recorded; longer text ends with `…`.
#[macro_export]
macro_rules! tracef {
    ($($text:tt)+) => {
        if $crate::__private::TRACEF.is_enabled() {
            $crate::__private::tracef(::core::format_args!($($text)+));
        }
    };
}

/// Records free text at a [`LogLevel`](crate::LogLevel), as C programs do with `tracelog()`: the event is
/// `lttng_ust_tracelog:LTTNG_UST_TRACEPOINT_LOGLEVEL_<LEVEL>`, its fields are `line`, `file`, `func` (the module) and
/// `msg`.
///
/// ```
/// use rttng_ust::{LogLevel, tracelog};
///
/// tracelog!(LogLevel::Warning, "{} left in stock", 3);
/// ```
#[macro_export]
macro_rules! tracelog {
    ($level:expr, $($text:tt)+) => {{
        let level: $crate::LogLevel = $level;
        if $crate::__private::tracelog_class(level).is_enabled() {
            $crate::__private::tracelog(
                level,
                ::core::line!(),
                ::core::file!(),
                ::core::module_path!(),
                ::core::format_args!($($text)+),
            );
        }
    }};
}

/// What expansions of macros call; not for others.
#[doc(hidden)]
pub mod __private {
    pub use rttng_ring::SlotWriter;
    pub use rttng_ust_derive::event;

    use crate::class::EventClass;
    pub use crate::field::{EnumEntry, Enumeration, Field, FieldType, Integer};
    pub use crate::free_text::{TRACEF, tracef, tracelog, tracelog_class};
    use crate::payload::Payload;
    pub use crate::payload::{FieldView, Joined, PayloadSize};
    use crate::value::Value;

    /// A named field of that type.
    pub const fn describe<T: Value + ?Sized>(name: &'static str) -> Field {
        Field::new(name, T::TYPE)
    }

    /// The type itself, of those that can be fields. What the compiler cannot find for a type that cannot be one, it
    /// complains about at the field, and then no more about the event that it is a part of.
    pub trait Recordable: Value {
        type Recorded: Value;
        fn recorded(self) -> Self::Recorded;
    }

    impl<T: Value> Recordable for T {
        type Recorded = T;

        #[inline(always)]
        fn recorded(self) -> T {
            self
        }
    }

    /// A value of that type: what coerces to it, does; what does not is an error there.
    #[inline(always)]
    pub fn typed<T: Recordable>(value: T) -> T::Recorded {
        value.recorded()
    }

    /// Fires an event that is enabled.
    #[inline(always)]
    pub fn fire<P: Payload>(class: &'static EventClass, payload: P) {
        crate::recorder::record_enabled(class, &payload);
    }

    /// The integer type that holds an enumeration.
    pub const fn integer<T: Value>() -> Integer {
        match T::TYPE {
            FieldType::Integer(integer) => integer,
            _ => panic!("an enumeration is held by an integer"),
        }
    }

    /// The value of an enumeration for filters: it lives no longer than the call that asks.
    pub fn number<'v, T: Value>(value: T) -> FieldView<'v> {
        match value.view(0) {
            FieldView::Signed(number) => FieldView::Signed(number),
            FieldView::Unsigned(number) => FieldView::Unsigned(number),
            _ => FieldView::None,
        }
    }
}
