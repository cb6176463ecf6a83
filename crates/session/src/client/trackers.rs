//! Process attribute trackers (`docs/spec/client-protocol.md`, section 7.17; `docs/spec/client-objects.md`,
//! section 19).

use rttng_wire::client::{
    Answer, Domain, DomainType, ErrorCode, ProcessAttribute, ProcessAttributeValue, TrackingPolicy,
};
use rttng_world::accounts;

use super::{Clients, Outcome};
use crate::model::{Session, SessionId, TrackedValue, Tracker, TrackerPolicy, Trackers};

/// Which of the three trackers of user space.
#[derive(Debug, Clone, Copy)]
enum Which {
    Vpid,
    Vuid,
    Vgid,
}

impl Which {
    fn of(attribute: ProcessAttribute) -> Option<Which> {
        match attribute {
            ProcessAttribute::Vpid => Some(Which::Vpid),
            ProcessAttribute::Vuid => Some(Which::Vuid),
            ProcessAttribute::Vgid => Some(Which::Vgid),
            ProcessAttribute::Pid | ProcessAttribute::Uid | ProcessAttribute::Gid => None,
        }
    }

    fn in_trackers(self, trackers: &Trackers) -> &Tracker {
        match self {
            Which::Vpid => &trackers.vpid,
            Which::Vuid => &trackers.vuid,
            Which::Vgid => &trackers.vgid,
        }
    }

    fn in_trackers_mut(self, trackers: &mut Trackers) -> &mut Tracker {
        match self {
            Which::Vpid => &mut trackers.vpid,
            Which::Vuid => &mut trackers.vuid,
            Which::Vgid => &mut trackers.vgid,
        }
    }
}

fn see_domain(domain: Option<Domain>) -> Result<(), ErrorCode> {
    match domain.map(|domain| domain.kind) {
        Some(DomainType::Ust) => Ok(()),
        _ => Err(ErrorCode::UnsupportedDomain),
    }
}

impl Clients {
    fn read_tracker<T>(
        &self,
        id: SessionId,
        which: Which,
        look: impl FnOnce(&Tracker) -> T,
    ) -> Result<T, ErrorCode> {
        self.model.read(|model| {
            let ust = model.session(id).and_then(|session| session.ust.as_ref()).ok_or(ErrorCode::Invalid)?;
            Ok(look(which.in_trackers(&ust.trackers)))
        })
    }

    async fn edit_tracker(
        &self,
        id: SessionId,
        which: Which,
        edit: impl FnOnce(&mut Tracker) -> Result<(), ErrorCode>,
    ) -> Outcome {
        self.model.edit(|model| {
            let session: &mut Session = model.session_mut(id).ok_or(ErrorCode::SessNotFound)?;
            let ust = session.ust.as_mut().ok_or(ErrorCode::Invalid)?;
            edit(which.in_trackers_mut(&mut ust.trackers))
        })?;
        self.engine.settle().await;
        Ok(Answer::Done)
    }

    pub(super) async fn track(
        &self,
        id: SessionId,
        domain: Option<Domain>,
        attribute: ProcessAttribute,
        value: ProcessAttributeValue,
    ) -> Outcome {
        see_domain(domain)?;
        let which = Which::of(attribute).ok_or(ErrorCode::UnsupportedDomain)?;
        if !attribute.accepts(&value) {
            return Err(ErrorCode::Invalid);
        }
        let tracked = resolve(&value)?;
        self.edit_tracker(id, which, |tracker| {
            if tracker.policy != TrackerPolicy::IncludeSet {
                return Err(ErrorCode::ProcessAttrTrackerInvalidTrackingPolicy);
            }
            if tracker.values.iter().any(|there| there.number() == tracked.number()) {
                return Err(ErrorCode::ProcessAttrExists);
            }
            tracker.values.push(tracked);
            Ok(())
        })
        .await
    }

    pub(super) async fn untrack(
        &self,
        id: SessionId,
        domain: Option<Domain>,
        attribute: ProcessAttribute,
        value: &ProcessAttributeValue,
    ) -> Outcome {
        see_domain(domain)?;
        let which = Which::of(attribute).ok_or(ErrorCode::UnsupportedDomain)?;
        if !attribute.accepts(value) {
            return Err(ErrorCode::Invalid);
        }
        let tracked = resolve(value)?;
        self.edit_tracker(id, which, |tracker| {
            if tracker.policy != TrackerPolicy::IncludeSet {
                return Err(ErrorCode::ProcessAttrTrackerInvalidTrackingPolicy);
            }
            let at = tracker.values.iter().position(|there| there.number() == tracked.number());
            tracker.values.remove(at.ok_or(ErrorCode::ProcessAttrMissing)?);
            Ok(())
        })
        .await
    }

    pub(super) fn tracking_policy(
        &self,
        id: SessionId,
        domain: Option<Domain>,
        attribute: ProcessAttribute,
    ) -> Outcome {
        see_domain(domain)?;
        let which = Which::of(attribute).ok_or(ErrorCode::Invalid)?;
        let policy = self.read_tracker(id, which, |tracker| tracker.policy)?;
        Ok(Answer::TrackingPolicy(match policy {
            TrackerPolicy::IncludeAll => TrackingPolicy::IncludeAll,
            TrackerPolicy::ExcludeAll => TrackingPolicy::ExcludeAll,
            TrackerPolicy::IncludeSet => TrackingPolicy::IncludeSet,
        }))
    }

    pub(super) async fn set_tracking_policy(
        &self,
        id: SessionId,
        domain: Option<Domain>,
        attribute: ProcessAttribute,
        policy: TrackingPolicy,
    ) -> Outcome {
        see_domain(domain)?;
        let which = Which::of(attribute).ok_or(ErrorCode::Invalid)?;
        let policy = match policy {
            TrackingPolicy::IncludeAll => TrackerPolicy::IncludeAll,
            TrackingPolicy::ExcludeAll => TrackerPolicy::ExcludeAll,
            TrackingPolicy::IncludeSet => TrackerPolicy::IncludeSet,
        };
        self.edit_tracker(id, which, |tracker| {
            tracker.set_policy(policy);
            Ok(())
        })
        .await
    }

    pub(super) fn inclusion_set(
        &self,
        id: SessionId,
        domain: Option<Domain>,
        attribute: ProcessAttribute,
    ) -> Outcome {
        see_domain(domain)?;
        let which = Which::of(attribute).ok_or(ErrorCode::Invalid)?;
        self.read_tracker(id, which, |tracker| match tracker.policy {
            TrackerPolicy::IncludeSet => {
                Ok(Answer::InclusionSet(tracker.values.iter().map(|value| to_wire(which, value)).collect()))
            }
            _ => Err(ErrorCode::ProcessAttrTrackerInvalidTrackingPolicy),
        })?
    }
}

fn to_wire(which: Which, value: &TrackedValue) -> ProcessAttributeValue {
    match (which, value) {
        (Which::Vuid, TrackedValue::Named { name, .. }) => ProcessAttributeValue::UserName(name.clone()),
        (Which::Vgid, TrackedValue::Named { name, .. }) => ProcessAttributeValue::GroupName(name.clone()),
        // Numbers came from 32-bit values, so they go back into them.
        (Which::Vuid, value) => ProcessAttributeValue::Uid(value.number() as u32),
        (Which::Vgid, value) => ProcessAttributeValue::Gid(value.number() as u32),
        (Which::Vpid, value) => ProcessAttributeValue::Pid(value.number() as i32),
    }
}

fn resolve(value: &ProcessAttributeValue) -> Result<TrackedValue, ErrorCode> {
    Ok(match value {
        ProcessAttributeValue::Pid(pid) if *pid < 0 => return Err(ErrorCode::Invalid),
        ProcessAttributeValue::Pid(pid) => TrackedValue::Number((*pid).into()),
        ProcessAttributeValue::Uid(id) | ProcessAttributeValue::Gid(id) => TrackedValue::Number((*id).into()),
        ProcessAttributeValue::UserName(name) => TrackedValue::Named {
            name: name.clone(),
            number: accounts::user_id(name).ok_or(ErrorCode::UserNotFound)?,
        },
        ProcessAttributeValue::GroupName(name) => TrackedValue::Named {
            name: name.clone(),
            number: accounts::group_id(name).ok_or(ErrorCode::GroupNotFound)?,
        },
    })
}
