//! Triggers: when something happens, do something (`docs/spec/client-objects.md`, section 3).

use super::action::Action;
use super::condition::Condition;
use super::text;
use crate::{Decode, Encode, Reader, WireError, Writer};

/// A trigger. It has no number: the whole object is its identity (see [`Trigger::same_as`]).
#[derive(Debug, Clone, PartialEq)]
pub struct Trigger {
    /// The name; `None` before the daemon chose one, and for good in anonymous triggers.
    pub name: Option<String>,
    /// The user to whom it belongs.
    pub owner_uid: u32,
    /// The daemon made it for itself; it is not listed.
    pub is_hidden: bool,
    /// When it fires.
    pub condition: Condition,
    /// What it does.
    pub action: Action,
}

impl Trigger {
    /// Descriptors that travel with it.
    pub fn fds(&self) -> u32 {
        self.condition.fds()
    }

    /// Whether two are the same for LTTng: what "already registered", "unregister" and error queries go by.
    pub fn same_as(&self, other: &Self) -> bool {
        self.name == other.name
            && self.owner_uid == other.owner_uid
            && self.is_hidden == other.is_hidden
            && self.condition.same_as(&other.condition)
            && self.action.same_as(&other.action)
    }
}

const HEADER_SIZE: usize = 17;

impl Encode for Trigger {
    fn encode(&self, out: &mut Writer) {
        out.u64(self.owner_uid.into());
        let length_at = out.len();
        out.u32(0);
        out.u32(self.name.as_deref().map_or(0, text::counted_len));
        out.u8(self.is_hidden.into());
        let body_at = out.len();
        if let Some(name) = &self.name {
            text::put(out, name);
        }
        self.condition.encode(out);
        self.action.encode(out);
        out.patch_u32(length_at, (out.len() - body_at) as u32);
    }
}

impl Decode for Trigger {
    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        let uid = input.u64("trigger.uid")?;
        let owner_uid = u32::try_from(uid)
            .map_err(|_| WireError::BadValue { field: "trigger.uid", value: uid.into() })?;
        let length = input.u32("trigger.length")?;
        let name_len = input.u32("trigger.name_length")?;
        let is_hidden = input.bool8("trigger.is_hidden")?;
        let mut body = Reader::new(input.bytes("trigger", length as usize)?);
        let name = match name_len {
            0 => None,
            len => Some(text::counted_string(&mut body, "trigger.name", len, usize::MAX)?),
        };
        let condition = Condition::decode(&mut body)?;
        let action = Action::decode(&mut body)?;
        body.finish()?;
        Ok(Trigger { name, owner_uid, is_hidden, condition, action })
    }
}

/// Writes a list of triggers as the listing command's reply carries it.
pub(crate) fn encode_list(triggers: &[Trigger], out: &mut Writer) {
    out.u32(triggers.len() as u32);
    let length_at = out.len();
    out.u32(0);
    for trigger in triggers {
        trigger.encode(out);
    }
    out.patch_u32(length_at, (out.len() - length_at - 4) as u32);
}

/// Reads what [`encode_list`] writes.
pub(crate) fn decode_list(input: &mut Reader<'_>) -> Result<Vec<Trigger>, WireError> {
    let count = input.u32("triggers.count")?;
    let length = input.u32("triggers.length")? as usize;
    let mut list = Reader::new(input.bytes("triggers", length)?);
    if count as usize > length / HEADER_SIZE {
        return Err(WireError::TooLarge {
            field: "triggers.count",
            value: count.into(),
            limit: (length / HEADER_SIZE) as u64,
        });
    }
    let triggers = (0..count).map(|_| Trigger::decode(&mut list)).collect::<Result<_, _>>()?;
    list.finish()?;
    Ok(triggers)
}
