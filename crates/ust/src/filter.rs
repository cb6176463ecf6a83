//! Filters as events meet them: bytecode of the session daemon, linked to a kind of event (`docs/spec/filter.md`).

use std::cell::{OnceCell, RefCell};
use std::sync::Arc;

use rttng_filter::{
    Bytecode, EventLayout, FieldIndex, FieldType as FilterType, Program, Strictness, Target,
    Value as FilterValue,
};
use rttng_wire::ust::{self as wire, PlainContext};

use crate::app_context::{AppContext, AppValue};
use crate::class::EventClass;
use crate::context::{self, Moment};
use crate::field::{self, Element, FieldType};
use crate::payload::{FieldView, Payload};

/// Application contexts that one program can refer to.
const MAX_APP_CONTEXTS: usize = 4;

/// A filter or capture that is linked to a kind of event.
#[derive(Debug)]
pub(crate) struct Linked {
    pub(crate) program: Program,
    app_contexts: Vec<AppContext>,
}

impl Linked {
    /// Links a program to a kind of event; `None` if it cannot be, which rejects all of them.
    pub(crate) fn new(bytecode: &wire::Bytecode, class: &EventClass) -> Option<Arc<Self>> {
        let relocations_at = u32::try_from(bytecode.code().len()).ok()?;
        let sequence = bytecode.sequence();
        let bytecode = Bytecode::from_parts(bytecode.data().to_vec(), relocations_at, sequence).ok()?;
        let layout = Layout::of(class);
        let program = rttng_filter::link(&bytecode, &layout, Strictness::LttngUst).ok()?;
        let app_contexts = layout.app_contexts.into_inner();
        Some(Arc::new(Linked { program, app_contexts }))
    }
}

impl Linked {
    /// Whether the filter lets an event pass.
    #[inline(always)]
    fn accepts(&self, payload: &dyn Payload, moment: &Moment) -> bool {
        // Most events that a filter rejects need no more than this.
        if let Some(guard) = self.program.guard()
            && let Target::Payload(field) = guard.target()
            && guard.rejects(filter_value(payload.field(field)))
        {
            return false;
        }
        self.runs_to_yes(payload, moment)
    }

    #[inline(never)]
    fn runs_to_yes(&self, payload: &dyn Payload, moment: &Moment) -> bool {
        let evaluate = |values: &Values<'_>| self.program.evaluate(values).unwrap_or(false);
        // Most filters ask for fields only: no room for contexts is made for them.
        if self.app_contexts.is_empty() {
            return evaluate(&Values { linked: self, payload, moment, name: OnceCell::new(), app: &[] });
        }
        self.with_values(payload, moment, evaluate)
    }

    /// The values of an event for this program.
    #[inline(never)]
    pub(crate) fn with_values<R>(
        &self,
        payload: &dyn Payload,
        moment: &Moment,
        then: impl FnOnce(&Values<'_>) -> R,
    ) -> R {
        let app = [const { OnceCell::new() }; MAX_APP_CONTEXTS];
        then(&Values { linked: self, payload, moment, name: OnceCell::new(), app: &app })
    }
}

/// What a rule's filters say of a kind of event in a channel.
#[derive(Debug)]
pub(crate) enum Filters {
    /// All events are wanted.
    None,
    /// Those that any of these accepts.
    Any(Box<[Arc<Linked>]>),
}

impl Filters {
    pub(crate) fn is_none(&self) -> bool {
        matches!(self, Filters::None)
    }

    #[inline(always)]
    pub(crate) fn accept(&self, payload: &dyn Payload, moment: &Moment) -> bool {
        match self {
            Filters::None => true,
            Filters::Any(programs) => programs.iter().any(|linked| linked.accepts(payload, moment)),
        }
    }
}

/// The values of an event for one program.
pub(crate) struct Values<'p> {
    linked: &'p Linked,
    payload: &'p dyn Payload,
    moment: &'p Moment,
    name: OnceCell<([u8; 16], usize)>,
    app: &'p [OnceCell<AppValue>],
}

impl Values<'_> {
    /// A field, elements included.
    pub(crate) fn payload_view(&self, field: FieldIndex) -> FieldView<'_> {
        self.payload.field(field)
    }

    /// An element of a field.
    pub(crate) fn element_view(&self, field: FieldIndex, index: u64) -> FieldView<'_> {
        match (self.payload.field(field), usize::try_from(index)) {
            (FieldView::Elements(elements), Ok(index)) => elements.element(index),
            _ => FieldView::None,
        }
    }

    /// A context, by its number in the protocol.
    pub(crate) fn context_view(&self, code: FieldIndex) -> FieldView<'_> {
        let Ok(plain) = PlainContext::from_code(code as i32) else { return FieldView::None };
        if plain == PlainContext::Procname {
            let (name, len) = self.name.get_or_init(|| {
                let mut name = [0; 16];
                let len = match context::view(plain, self.moment, &mut name) {
                    FieldView::Text(text) => text.len(),
                    _ => 0,
                };
                (name, len)
            });
            return FieldView::Text(&name[..*len]);
        }
        match context::view(plain, self.moment, &mut [0; 16]) {
            FieldView::Signed(value) => FieldView::Signed(value),
            FieldView::Unsigned(value) => FieldView::Unsigned(value),
            _ => FieldView::None,
        }
    }

    /// An application context, by its place in the program.
    pub(crate) fn app_view(&self, at: FieldIndex) -> FieldView<'_> {
        match (self.app.get(at as usize), self.linked.app_contexts.get(at as usize)) {
            (Some(cell), Some(context)) => cell.get_or_init(|| context.read()).view(),
            _ => FieldView::None,
        }
    }
}

#[inline(always)]
fn filter_value(view: FieldView<'_>) -> FilterValue<'_> {
    match view {
        FieldView::Signed(value) => FilterValue::Signed(value),
        FieldView::Unsigned(value) => FilterValue::Unsigned(value),
        FieldView::Double(value) => FilterValue::Double(value),
        FieldView::Text(text) => FilterValue::Text(text),
        FieldView::Elements(_) | FieldView::None => FilterValue::None,
    }
}

impl rttng_filter::Fields for Values<'_> {
    fn payload(&self, field: FieldIndex) -> FilterValue<'_> {
        filter_value(self.payload_view(field))
    }

    fn element(&self, field: FieldIndex, index: u64) -> FilterValue<'_> {
        filter_value(self.element_view(field, index))
    }

    fn context(&self, context: FieldIndex) -> FilterValue<'_> {
        filter_value(self.context_view(context))
    }

    fn app_context(&self, context: FieldIndex) -> FilterValue<'_> {
        filter_value(self.app_view(context))
    }
}

/// Names and types of a kind of event, as the linker asks for them.
struct Layout {
    fields: Vec<(String, FilterType)>,
    app_contexts: RefCell<Vec<AppContext>>,
}

impl Layout {
    fn of(class: &EventClass) -> Self {
        let mut fields = Vec::new();
        field::leaves(class.fields(), &mut |name, ty| fields.push((name, filter_type(ty))));
        Layout { fields, app_contexts: RefCell::default() }
    }
}

fn filter_type(ty: FieldType) -> FilterType {
    match ty {
        FieldType::Integer(integer) => FilterType::Integer { signed: integer.signed },
        FieldType::Enumeration(of) => FilterType::Integer { signed: of.container.signed },
        FieldType::Float(_) => FilterType::Float,
        FieldType::Text
        | FieldType::Array { element: Element::Character, .. }
        | FieldType::Sequence { element: Element::Character, .. } => FilterType::Text,
        FieldType::Array { element: Element::Integer(integer), length } => {
            FilterType::Array { length: length.into(), signed: integer.signed }
        }
        FieldType::Sequence { element: Element::Integer(integer), .. } => {
            FilterType::Sequence { signed: integer.signed }
        }
        FieldType::Array { .. } | FieldType::Sequence { .. } | FieldType::Structure(_) => FilterType::Other,
        // One that is absent is empty.
        FieldType::Optional(sequence @ FieldType::Sequence { .. }) => filter_type(*sequence),
        FieldType::Optional(_) => FilterType::Dynamic,
    }
}

impl EventLayout for Layout {
    fn find_payload(&self, name: &str) -> Option<(FieldIndex, FilterType)> {
        let at = self.fields.iter().position(|(of, _)| of == name)?;
        Some((at as FieldIndex, self.fields[at].1))
    }

    fn find_context(&self, name: &str) -> Option<(FieldIndex, FilterType)> {
        // The address and perf counters are not offered, as by LTTng-UST.
        let plain = PlainContext::ALL.iter().find(|plain| plain.field_name() == name)?;
        let ty = match plain {
            PlainContext::Ip => return None,
            PlainContext::Procname => FilterType::Text,
            PlainContext::Vpid | PlainContext::Vtid | PlainContext::CpuId => {
                FilterType::Integer { signed: true }
            }
            _ => FilterType::Integer { signed: false },
        };
        Some((plain.code() as FieldIndex, ty))
    }

    fn find_app_context(&self, provider: &str, name: &str) -> Option<FieldIndex> {
        let mut all = self.app_contexts.borrow_mut();
        if all.len() == MAX_APP_CONTEXTS {
            return None;
        }
        all.push(AppContext::new(provider, name));
        Some(all.len() as FieldIndex - 1)
    }
}
