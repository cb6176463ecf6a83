//! What a filter or a process rule asks for, taken from an event's bytes one by one: for kinds of events in which all of
//! that is at places that are known before. Nothing else of the event is looked at, and nothing is copied.

use rttng_ctf::decode::{EventBytes, Place, PlacedValue};
use rttng_ctf::read::Trace;
use rttng_ctf::types::Scope;
use rttng_filter::{FieldIndex, Fields, Target, Value};

use super::values::{node_of, scope_of};

/// Where the values are that decide on events of one kind.
#[derive(Debug, Default)]
pub(super) struct Places {
    fields: Vec<(FieldIndex, Place)>,
    contexts: Vec<(FieldIndex, Place)>,
}

impl Places {
    /// The places of `targets` in events of one class. Nothing if one of them has none.
    pub(super) fn of(
        trace: &Trace,
        (stream, event): (usize, usize),
        targets: impl IntoIterator<Item = Target>,
    ) -> Option<Places> {
        let mut places = Places::default();
        for target in targets {
            let (list, index, scope, node) = match target {
                Target::Payload(field) => (&mut places.fields, field, Scope::EventFields, field),
                Target::Context(context) => {
                    (&mut places.contexts, context, scope_of(context)?, node_of(context))
                }
                Target::Element(..) | Target::AppContext(_) => return None,
            };
            if list.iter().all(|(known, _)| *known != index) {
                list.push((index, trace.place(stream, event, scope, node)?));
            }
        }
        Some(places)
    }

    /// The values of one event.
    #[inline]
    pub(super) fn in_event<'e>(&'e self, event: EventBytes<'e>) -> PlacedValues<'e> {
        PlacedValues { places: self, event }
    }
}

/// The values of one event where they lie.
#[derive(Debug, Clone, Copy)]
pub(super) struct PlacedValues<'e> {
    places: &'e Places,
    event: EventBytes<'e>,
}

impl PlacedValues<'_> {
    #[inline]
    fn value(&self, list: &[(FieldIndex, Place)], wanted: FieldIndex) -> Value<'_> {
        let place = list.iter().find(|(index, _)| *index == wanted);
        match place.and_then(|(_, place)| place.value(self.event)) {
            Some(PlacedValue::Unsigned(value)) => Value::Unsigned(value),
            Some(PlacedValue::Signed(value)) => Value::Signed(value),
            Some(PlacedValue::Float(value)) => Value::Double(value),
            Some(PlacedValue::Text(text)) => Value::Text(text),
            None => Value::None,
        }
    }
}

impl Fields for PlacedValues<'_> {
    #[inline]
    fn payload(&self, field: FieldIndex) -> Value<'_> {
        self.value(&self.places.fields, field)
    }

    fn element(&self, _: FieldIndex, _: u64) -> Value<'_> {
        Value::None
    }

    #[inline]
    fn context(&self, context: FieldIndex) -> Value<'_> {
        self.value(&self.places.contexts, context)
    }

    fn app_context(&self, _: FieldIndex) -> Value<'_> {
        Value::None
    }
}
