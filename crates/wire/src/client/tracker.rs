//! Process attribute trackers: which processes a session records (`docs/spec/client-protocol.md`, 7.17 and 8.7).

use super::domain::DomainType;
use super::text;
use crate::{Decode, Encode, Reader, WireError, Writer};

codes! {
    /// An attribute of processes that can be tracked. User space has the virtual ones only.
    pub enum ProcessAttribute: i32, "process_attr" {
        /// Process identifier.
        Pid = 0,
        /// Process identifier in its namespace.
        Vpid = 1,
        /// User.
        Uid = 2,
        /// User in the namespace.
        Vuid = 3,
        /// Group.
        Gid = 4,
        /// Group in the namespace.
        Vgid = 5,
    }
}

impl ProcessAttribute {
    /// Whether it is an attribute as seen from the process's own namespaces.
    pub fn is_virtual(self) -> bool {
        matches!(self, ProcessAttribute::Vpid | ProcessAttribute::Vuid | ProcessAttribute::Vgid)
    }

    /// Whether a value is of this attribute's kind.
    pub fn accepts(self, value: &ProcessAttributeValue) -> bool {
        match self {
            ProcessAttribute::Pid | ProcessAttribute::Vpid => matches!(value, ProcessAttributeValue::Pid(_)),
            ProcessAttribute::Uid | ProcessAttribute::Vuid => {
                matches!(value, ProcessAttributeValue::Uid(_) | ProcessAttributeValue::UserName(_))
            }
            ProcessAttribute::Gid | ProcessAttribute::Vgid => {
                matches!(value, ProcessAttributeValue::Gid(_) | ProcessAttributeValue::GroupName(_))
            }
        }
    }

    /// Whether a domain can track it.
    pub fn is_for(self, domain: DomainType) -> bool {
        match domain {
            DomainType::Kernel => true,
            DomainType::Ust => self.is_virtual(),
            DomainType::Jul | DomainType::Log4j | DomainType::Python => false,
        }
    }
}

codes! {
    /// What a tracker lets through.
    pub enum TrackingPolicy: i32, "tracking_policy" {
        /// Every process.
        IncludeAll = 0,
        /// No process.
        ExcludeAll = 1,
        /// The processes whose attribute is in the inclusion set.
        IncludeSet = 2,
    }
}

/// A member of an inclusion set; names stay names.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ProcessAttributeValue {
    /// A process. Real daemons are sent negative ones too; they are invalid.
    Pid(i32),
    /// A user's number.
    Uid(u32),
    /// A user's name.
    UserName(String),
    /// A group's number.
    Gid(u32),
    /// A group's name.
    GroupName(String),
}

codes! {
    /// The kind of a [`ProcessAttributeValue`].
    pub enum ProcessAttributeValueType: i32, "process_attr.value_type" {
        /// A process.
        Pid = 0,
        /// A user's number.
        Uid = 1,
        /// A user's name.
        UserName = 2,
        /// A group's number.
        Gid = 3,
        /// A group's name.
        GroupName = 4,
    }
}

impl ProcessAttributeValue {
    /// Its kind.
    pub fn value_type(&self) -> ProcessAttributeValueType {
        match self {
            ProcessAttributeValue::Pid(_) => ProcessAttributeValueType::Pid,
            ProcessAttributeValue::Uid(_) => ProcessAttributeValueType::Uid,
            ProcessAttributeValue::UserName(_) => ProcessAttributeValueType::UserName,
            ProcessAttributeValue::Gid(_) => ProcessAttributeValueType::Gid,
            ProcessAttributeValue::GroupName(_) => ProcessAttributeValueType::GroupName,
        }
    }

    /// The name, if it is one.
    pub fn name(&self) -> Option<&str> {
        match self {
            ProcessAttributeValue::UserName(name) | ProcessAttributeValue::GroupName(name) => Some(name),
            _ => None,
        }
    }

    /// The 8 bytes that hold a number.
    pub(crate) fn integral(&self) -> u64 {
        match self {
            ProcessAttributeValue::Pid(pid) => i64::from(*pid) as u64,
            ProcessAttributeValue::Uid(id) | ProcessAttributeValue::Gid(id) => u64::from(*id),
            ProcessAttributeValue::UserName(_) | ProcessAttributeValue::GroupName(_) => 0,
        }
    }

    /// The value of a kind that is a number.
    pub(crate) fn from_integral(kind: ProcessAttributeValueType, bits: u64) -> Result<Self, WireError> {
        let out_of_range = |value: i128| WireError::BadValue { field: "process_attr.value", value };
        match kind {
            ProcessAttributeValueType::Pid => {
                let pid = bits as i64;
                i32::try_from(pid).map(ProcessAttributeValue::Pid).map_err(|_| out_of_range(pid.into()))
            }
            ProcessAttributeValueType::Uid => {
                u32::try_from(bits).map(ProcessAttributeValue::Uid).map_err(|_| out_of_range(bits.into()))
            }
            ProcessAttributeValueType::Gid => {
                u32::try_from(bits).map(ProcessAttributeValue::Gid).map_err(|_| out_of_range(bits.into()))
            }
            ProcessAttributeValueType::UserName | ProcessAttributeValueType::GroupName => {
                Err(WireError::BadText { field: "process_attr.name", why: "missing" })
            }
        }
    }
}

impl Encode for ProcessAttributeValue {
    fn encode(&self, out: &mut Writer) {
        out.i32(self.value_type().code());
        match self.name() {
            None => out.u64(self.integral()),
            Some(name) => {
                out.u32(text::counted_len(name));
                out.zeros(4);
                text::put(out, name);
            }
        }
    }
}

impl Decode for ProcessAttributeValue {
    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        let field = "process_attr.value_type";
        let kind = ProcessAttributeValueType::from_code(input.i32(field)?)?;
        match kind {
            ProcessAttributeValueType::UserName | ProcessAttributeValueType::GroupName => {
                let len = input.u32("process_attr.name_len")?;
                input.skip(4)?;
                let name = text::counted_string(input, "process_attr.name", len, usize::MAX)?;
                Ok(if kind == ProcessAttributeValueType::UserName {
                    ProcessAttributeValue::UserName(name)
                } else {
                    ProcessAttributeValue::GroupName(name)
                })
            }
            _ => ProcessAttributeValue::from_integral(kind, input.u64("process_attr.value")?),
        }
    }
}

/// The inclusion set of a tracker, as replies carry it.
pub(crate) fn encode_set(values: &[ProcessAttributeValue], out: &mut Writer) {
    out.u32(values.len() as u32);
    for value in values {
        value.encode(out);
    }
}

/// Reads what [`encode_set`] writes.
pub(crate) fn decode_set(input: &mut Reader<'_>) -> Result<Vec<ProcessAttributeValue>, WireError> {
    let count = input.u32("process_attr.count")?;
    (0..count).map(|_| ProcessAttributeValue::decode(input)).collect()
}
