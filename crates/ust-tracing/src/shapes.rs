//! The kinds of LTTng events that a call site has. `tracing` tells the types of fields with their values only: so each
//! combination of fields and types that occurs (a *shape*, nearly always one) becomes an event of its own, all of one
//! name, when it occurs first.

use std::sync::{Mutex, OnceLock, PoisonError};

use rttng_ust::{EventClass, Field, FieldType, LogLevel, Value};

use crate::capture::{Capture, Kind};

/// More shapes than this are not made of a call site: what comes then has one field, `fields`, with all of it as text.
const MOST_SHAPES: usize = 64;

/// The events of one name, one for each shape.
pub(crate) struct Shapes {
    name: String,
    level: LogLevel,
    uri: Option<String>,
    first: Link,
    /// Held while a shape is added: how many there are.
    adding: Mutex<usize>,
    /// What is recorded of a shape too many.
    flat: OnceLock<Option<&'static EventClass>>,
}

type Link = OnceLock<Box<Shape>>;

struct Shape {
    values: Vec<(u8, Kind)>,
    class: &'static EventClass,
    next: Link,
}

impl Shapes {
    /// Events of that name, none yet.
    pub(crate) fn new(name: String, level: LogLevel, uri: Option<String>) -> Self {
        Shapes { name, level, uri, first: OnceLock::new(), adding: Mutex::new(0), flat: OnceLock::new() }
    }

    /// Whether anything wants these events. True as long as none occurred: only then will it be known.
    #[inline]
    pub(crate) fn is_wanted(&self) -> bool {
        let mut link = self.first.get();
        if link.is_none() {
            return true;
        }
        while let Some(shape) = link {
            if shape.class.is_enabled() {
                return true;
            }
            link = shape.next.get();
        }
        false
    }

    /// Whether anything wants one that occurred already.
    pub(crate) fn is_known_wanted(&self) -> bool {
        self.first.get().is_some() && self.is_wanted()
    }

    /// The event of these values, if it is known already.
    #[inline]
    fn find(&self, values: &[(u8, Kind)]) -> Result<&'static EventClass, &Link> {
        let mut link = &self.first;
        loop {
            match link.get() {
                Some(shape) if shape.values == values => return Ok(shape.class),
                Some(shape) => link = &shape.next,
                None => return Err(link),
            }
        }
    }

    /// Records these values. `name_of` tells what the fields are called; it is asked when a shape occurs first.
    #[inline]
    pub(crate) fn record(&self, values: &Capture, name_of: impl Fn(u8) -> String) {
        let class = match self.find(&values.shape) {
            Ok(class) => class,
            Err(_) => match self.add(&values.shape, &name_of) {
                Some(class) => class,
                None => return self.record_flat(values, name_of),
            },
        };
        if class.is_enabled() {
            rttng_ust::record(class, values);
        }
    }

    #[cold]
    fn record_flat(&self, values: &Capture, name_of: impl Fn(u8) -> String) {
        let make = || {
            let fields = vec![Field::new("fields", Kind::Text.field_type())];
            make(&self.name, self.level, self.uri.as_deref(), fields)
        };
        if let Some(class) = *self.flat.get_or_init(make)
            && class.is_enabled()
        {
            rttng_ust::record(class, &values.flat(name_of));
        }
    }

    #[cold]
    fn add(&self, values: &[(u8, Kind)], name_of: impl Fn(u8) -> String) -> Option<&'static EventClass> {
        let mut count = self.adding.lock().unwrap_or_else(PoisonError::into_inner);
        // Another thread may have added it meanwhile.
        let link = match self.find(values) {
            Ok(class) => return Some(class),
            Err(_) if *count == MOST_SHAPES => return None,
            Err(link) => link,
        };
        let mut fields: Vec<Field> = Vec::with_capacity(values.len());
        for &(field, kind) in values {
            let name = unique(name_of(field), &fields);
            fields.push(Field::new(String::leak(name), kind.field_type()));
        }
        let class = make(&self.name, self.level, self.uri.as_deref(), fields)?;
        let _ = link.set(Box::new(Shape { values: values.to_vec(), class, next: OnceLock::new() }));
        *count += 1;
        Some(class)
    }
}

/// A kind of event that the tracer knows from now on.
pub(crate) fn make(
    name: &str,
    level: LogLevel,
    uri: Option<&str>,
    fields: Vec<Field>,
) -> Option<&'static EventClass> {
    let name: &'static str = String::leak(name.to_owned());
    let mut class = EventClass::try_new(name, Vec::leak(fields)).ok()?.with_log_level(level);
    if let Some(uri) = uri {
        class = class.with_model_emf_uri(String::leak(uri.to_owned()));
    }
    let class: &'static EventClass = Box::leak(Box::new(class));
    rttng_ust::register(class);
    Some(class)
}

/// A name that no field before has: `http.method` and `http_method` are the same to readers of traces.
fn unique(name: String, before: &[Field]) -> String {
    let plain = |character: char| character.is_ascii_alphanumeric() || character == '_';
    let mut name: String =
        name.chars().map(|character| if plain(character) { character } else { '_' }).collect();
    while before.iter().any(|field| field.name == name) {
        name.push('_');
    }
    name
}

impl Kind {
    fn field_type(self) -> FieldType {
        match self {
            Kind::Signed => <i64 as Value>::TYPE,
            Kind::Unsigned => <u64 as Value>::TYPE,
            Kind::Double => <f64 as Value>::TYPE,
            Kind::Bool => <bool as Value>::TYPE,
            Kind::Text => <str as Value>::TYPE,
            Kind::Bytes => <rttng_ust::Bytes<'_> as Value>::TYPE,
            Kind::Line => <u32 as Value>::TYPE,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_shape_is_a_class_of_its_own_up_to_a_limit() {
        let shapes = Shapes::new("shapes:test".to_owned(), LogLevel::Info, Some("a.rs:1".to_owned()));
        assert!(shapes.is_wanted(), "nobody knows before the first event");
        for turn in 0..2 {
            for number in 0..MOST_SHAPES as u8 + 3 {
                let mut capture = Capture::new();
                capture.signed(number, 1);
                shapes.record(&capture, |field| format!("field.{field}"));
                assert!(!shapes.is_wanted());
                let known = shapes.find(&capture.shape).ok();
                assert_eq!(known.is_some(), usize::from(number) < MOST_SHAPES, "{number}, turn {turn}");
                if let Some(class) = known {
                    assert_eq!((class.name(), class.log_level()), ("shapes:test", LogLevel::Info));
                    assert_eq!(class.fields()[0].name, format!("field_{number}"));
                    assert_eq!(class.model_emf_uri(), Some("a.rs:1"));
                }
            }
        }
        assert!(shapes.flat.get().is_some_and(Option::is_some));
    }

    #[test]
    fn names_that_readers_cannot_tell_apart_are_made_different() {
        let before = [Field::new("http_method", Kind::Text.field_type())];
        assert_eq!(unique("http.method".to_owned(), &before), "http_method_");
        assert_eq!(unique("http.route".to_owned(), &before), "http_route");
    }
}
