//! Kinds of events: a `static` that a macro declares, or one that is made while the program runs.

use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

use crate::field::Field;
use crate::recorder::Recorders;

/// How severe an event is; the levels of LTTng, most severe first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
#[repr(i32)]
pub enum LogLevel {
    /// System is unusable.
    Emerg = 0,
    /// Action must be taken at once.
    Alert = 1,
    /// Critical conditions.
    Crit = 2,
    /// Error conditions.
    Err = 3,
    /// Warning conditions.
    Warning = 4,
    /// Normal, but significant.
    Notice = 5,
    /// Informational.
    Info = 6,
    /// Debugging: the whole system.
    DebugSystem = 7,
    /// Debugging: a program.
    DebugProgram = 8,
    /// Debugging: a process.
    DebugProcess = 9,
    /// Debugging: a module.
    DebugModule = 10,
    /// Debugging: a compilation unit.
    DebugUnit = 11,
    /// Debugging: a function.
    DebugFunction = 12,
    /// Debugging: a line. What an event has that declares none.
    #[default]
    DebugLine = 13,
    /// Debugging.
    Debug = 14,
}

/// Why a kind of event cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClassError {
    /// The name has no `:` between the provider and the event, or nothing on one side of it.
    NoProvider,
    /// The name has more than 255 bytes, which no session daemon takes.
    TooLong,
    /// The name has a byte that no rule could match, or that ends it.
    BadName,
}

impl std::fmt::Display for ClassError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            ClassError::NoProvider => "an event is named `provider:event`",
            ClassError::TooLong => "the name of an event has at most 255 bytes",
            ClassError::BadName => "the name of an event has no NUL",
        })
    }
}

impl std::error::Error for ClassError {}

/// A kind of event. Its `static` lives as long as the process: the tracer keeps references to it.
///
/// ```
/// use rttng_ust::{EventClass, Field, Value, list_class, record};
///
/// static REQUEST: EventClass = EventClass::new(
///     "shop:request",
///     &[Field::new("id", <u64 as Value>::TYPE), Field::new("path", <&str as Value>::TYPE)],
/// );
/// // So that `lttng list -u` shows it, and rules apply to it, before it is fired.
/// list_class!(REQUEST);
///
/// if REQUEST.is_enabled() {
///     record(&REQUEST, &(7u64, "/index.html"));
/// }
/// ```
#[derive(Debug)]
#[repr(C)]
pub struct EventClass {
    /// First, so that the check of a disabled event is a load from the address of the static.
    enabled: AtomicBool,
    /// Who records it now; null for nobody.
    recorders: AtomicPtr<Recorders>,
    name: &'static str,
    log_level: LogLevel,
    model_emf_uri: Option<&'static str>,
    signature: &'static str,
    fields: &'static [Field],
}

impl EventClass {
    /// A kind of event of that name, `provider:event`, and those fields.
    ///
    /// # Panics
    /// At compile time, when this makes a `static`: if the name is none ([`EventClass::try_new`] says why).
    pub const fn new(name: &'static str, fields: &'static [Field]) -> Self {
        match EventClass::try_new(name, fields) {
            Ok(class) => class,
            Err(ClassError::NoProvider) => panic!("an event is named `provider:event`"),
            Err(ClassError::TooLong) => panic!("the name of an event has at most 255 bytes"),
            Err(ClassError::BadName) => panic!("the name of an event has no NUL"),
        }
    }

    /// As [`EventClass::new`], for names that are known at run time only.
    ///
    /// # Errors
    /// What is wrong with the name.
    pub const fn try_new(name: &'static str, fields: &'static [Field]) -> Result<Self, ClassError> {
        let bytes = name.as_bytes();
        if bytes.len() > 255 {
            return Err(ClassError::TooLong);
        }
        let mut colon = None;
        let mut at = 0;
        while at < bytes.len() {
            match bytes[at] {
                0 => return Err(ClassError::BadName),
                b':' if colon.is_none() => colon = Some(at),
                _ => {}
            }
            at += 1;
        }
        match colon {
            Some(at) if at > 0 && at + 1 < bytes.len() => {}
            _ => return Err(ClassError::NoProvider),
        }
        Ok(EventClass {
            enabled: AtomicBool::new(false),
            recorders: AtomicPtr::new(std::ptr::null_mut()),
            name,
            log_level: LogLevel::DebugLine,
            model_emf_uri: None,
            signature: "",
            fields,
        })
    }

    /// The same with a log level; [`LogLevel::DebugLine`] otherwise.
    pub const fn with_log_level(mut self, level: LogLevel) -> Self {
        self.log_level = level;
        self
    }

    /// The same with the address of a description of the event's model (`model.emf.uri` in the trace).
    pub const fn with_model_emf_uri(mut self, uri: &'static str) -> Self {
        self.model_emf_uri = Some(uri);
        self
    }

    /// The same with the text of its declaration; shown by nothing, but sent along.
    pub const fn with_signature(mut self, signature: &'static str) -> Self {
        self.signature = signature;
        self
    }

    /// Whether anybody wants it now. One relaxed load: ask before computing arguments.
    #[inline(always)]
    pub fn is_enabled(&self) -> bool {
        self.enabled.load(Ordering::Relaxed)
    }

    /// `provider:event`.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// What stands before the first colon of the name.
    pub fn provider(&self) -> &'static str {
        self.name.split_once(':').map_or(self.name, |(provider, _)| provider)
    }

    /// How severe it is.
    pub const fn log_level(&self) -> LogLevel {
        self.log_level
    }

    /// The address of a description of its model.
    pub const fn model_emf_uri(&self) -> Option<&'static str> {
        self.model_emf_uri
    }

    /// The text of its declaration.
    pub const fn signature(&self) -> &'static str {
        self.signature
    }

    /// Its fields.
    pub const fn fields(&self) -> &'static [Field] {
        self.fields
    }

    /// Whether session daemons cannot tell the two apart.
    pub(crate) fn is_same_as(&self, other: &EventClass) -> bool {
        self.name == other.name
            && self.log_level == other.log_level
            && self.model_emf_uri == other.model_emf_uri
            && self.fields == other.fields
    }

    /// Who records it now.
    ///
    /// # Safety
    /// The caller stays ([`crate::grace::Stay`]) as long as it uses the list.
    #[inline]
    pub(crate) unsafe fn recorders(&self) -> Option<&Recorders> {
        // SAFETY: null, or a list that is freed only when everybody has left who came before it was replaced.
        unsafe { self.recorders.load(Ordering::Acquire).as_ref() }
    }

    /// Puts another list in place of the one that there is, which is given back: it may be freed when nobody can be
    /// using it any more.
    pub(crate) fn replace_recorders(&self, list: Option<Box<Recorders>>) -> Option<Replaced> {
        let is_wanted = list.is_some();
        let new = list.map_or(std::ptr::null_mut(), Box::into_raw);
        let old = self.recorders.swap(new, Ordering::AcqRel);
        self.enabled.store(is_wanted, Ordering::Relaxed);
        (!old.is_null()).then(|| Replaced(old))
    }
}

/// A list that was replaced. Dropping it frees it, which only those may do who waited ([`crate::grace::wait`]).
#[derive(Debug)]
pub(crate) struct Replaced(*mut Recorders);

impl Drop for Replaced {
    fn drop(&mut self) {
        // SAFETY: it came from a box, was taken out of its class, and nobody who saw it there is still at it.
        drop(unsafe { Box::from_raw(self.0) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_a_provider_and_an_event() {
        for (name, error) in [
            ("tick", ClassError::NoProvider),
            (":tick", ClassError::NoProvider),
            ("clock:", ClassError::NoProvider),
            ("clock:a\0b", ClassError::BadName),
        ] {
            assert_eq!(EventClass::try_new(name, &[]).err(), Some(error), "{name}");
        }
        let class = EventClass::try_new("clock:a::b", &[]).unwrap();
        assert_eq!((class.provider(), class.log_level() as i32), ("clock", 13));
        let long: &'static str = Box::leak(format!("a:{}", "b".repeat(254)).into_boxed_str());
        assert_eq!(EventClass::try_new(long, &[]).err(), Some(ClassError::TooLong));
    }

    #[test]
    fn the_enabled_flag_is_at_the_front() {
        assert_eq!(std::mem::offset_of!(EventClass, enabled), 0);
    }
}
