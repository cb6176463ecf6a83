//! The state dump: which files are mapped where, and the process's name, so that addresses in a trace can be resolved
//! (`docs/spec/ust-protocol.md`, section 13).

use crate::class::EventClass;
use crate::field::{Base, Element, Field, FieldType, Integer};
use crate::list_class;

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
