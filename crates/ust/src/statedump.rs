//! The state dump: which files are mapped where, and the process's name, so that addresses in a trace can be resolved
//! (`docs/spec/ust-protocol.md`, section 13).

use crate::class::EventClass;
use crate::context::Moment;
use crate::elf;
use crate::field::{Base, Element, Field, FieldType, Integer};
use crate::payload::{FieldView, Payload, PayloadSize, SlotWriter};
use crate::recorder::Recorders;
use crate::value::{Text, Value};
use crate::{cpu, environment, list_class};

const ADDRESS: FieldType = FieldType::Integer(Integer::new(64, false).base(Base::Hexadecimal));
const FLAG: FieldType = FieldType::Integer(Integer::new(8, false));

static START: EventClass = EventClass::new("lttng_ust_statedump:start", &[]);
static END: EventClass = EventClass::new("lttng_ust_statedump:end", &[]);
static BIN_INFO: EventClass = EventClass::new(
    "lttng_ust_statedump:bin_info",
    &[
        Field::new("baddr", ADDRESS),
        Field::new("memsz", FieldType::Integer(Integer::new(64, false))),
        Field::new("path", FieldType::Text),
        Field::new("is_pic", FLAG),
        Field::new("has_build_id", FLAG),
        Field::new("has_debug_link", FLAG),
    ],
);
static BUILD_ID: EventClass = EventClass::new(
    "lttng_ust_statedump:build_id",
    &[
        Field::new("baddr", ADDRESS),
        Field::new(
            "build_id",
            FieldType::Sequence {
                element: Element::Integer(Integer::new(8, false).base(Base::Hexadecimal)),
                length: Integer::new(usize::BITS, false),
            },
        ),
    ],
);
static DEBUG_LINK: EventClass = EventClass::new(
    "lttng_ust_statedump:debug_link",
    &[
        Field::new("baddr", ADDRESS),
        Field::new("crc", FieldType::Integer(Integer::new(32, false))),
        Field::new("filename", FieldType::Text),
    ],
);
static PROCNAME: EventClass = EventClass::new(
    "lttng_ust_statedump:procname",
    &[Field::new("procname", FieldType::Array { element: Element::Character, length: 17 })],
);

list_class!(START);
list_class!(END);
list_class!(BIN_INFO);
list_class!(BUILD_ID);
list_class!(DEBUG_LINK);
list_class!(PROCNAME);

/// A build id: its length is a `size_t`.
struct BuildId<'b> {
    address: u64,
    id: &'b [u8],
}

impl Payload for BuildId<'_> {
    fn measure(&self) -> PayloadSize {
        let mut size = PayloadSize::EMPTY;
        self.address.measure(&mut size);
        self.id.len().measure(&mut size);
        size.add_bytes(self.id.len());
        size
    }

    fn write(&self, to: &mut SlotWriter<'_>) {
        self.address.write(to);
        self.id.len().write(to);
        to.bytes(self.id);
    }

    fn field(&self, index: u32) -> FieldView<'_> {
        match index {
            0 => FieldView::Unsigned(self.address),
            1 => FieldView::Elements(&self.id),
            _ => FieldView::None,
        }
    }
}

/// The name as 17 bytes of text.
struct Name([u8; 17]);

impl Payload for Name {
    fn measure(&self) -> PayloadSize {
        let mut size = PayloadSize::EMPTY;
        size.add_bytes(self.0.len());
        size
    }

    fn write(&self, to: &mut SlotWriter<'_>) {
        to.bytes(&self.0);
    }

    fn field(&self, _index: u32) -> FieldView<'_> {
        FieldView::Text(&self.0)
    }
}

/// Writes a dump; `who` gives those of the session who record a kind of event.
pub(crate) fn write(who: &mut dyn FnMut(&'static EventClass) -> Recorders) {
    fn fire(
        who: &mut dyn FnMut(&'static EventClass) -> Recorders,
        class: &'static EventClass,
        payload: &dyn Payload,
    ) {
        let moment = Moment { cpu: cpu::current(), ip: 0 };
        who(class).record(payload, &moment);
    }
    // Nobody would see it: spare the look at the files.
    let is_wanted = [&START, &END, &BIN_INFO, &BUILD_ID, &DEBUG_LINK, &PROCNAME]
        .into_iter()
        .any(|class| !who(class).is_empty());
    if !is_wanted {
        return;
    }
    fire(who, &START, &());
    let mut name = Name([0; 17]);
    let comm = std::fs::read("/proc/self/comm").unwrap_or_default();
    let comm = comm.strip_suffix(b"\n").unwrap_or(&comm);
    let len = comm.len().min(15);
    name.0[..len].copy_from_slice(&comm[..len]);
    fire(who, &PROCNAME, &name);
    let objects = if environment::get().dumps_addresses { elf::mapped() } else { Vec::new() };
    for object in &objects {
        let address = object.address;
        let info = (
            address,
            object.size,
            Text(&object.path),
            u8::from(object.is_position_independent),
            u8::from(object.build_id.is_some()),
            u8::from(object.debug_link.is_some()),
        );
        fire(who, &BIN_INFO, &info);
        if let Some(id) = &object.build_id {
            fire(who, &BUILD_ID, &BuildId { address, id });
        }
        if let Some((file, crc)) = &object.debug_link {
            fire(who, &DEBUG_LINK, &(address, *crc, Text(file)));
        }
    }
    fire(who, &END, &());
}
