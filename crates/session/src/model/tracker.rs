//! Process attribute trackers: which processes a session records.

/// A value to track: the number, or a name that the daemon resolves when a process is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrackedValue {
    /// A process, user or group id.
    Number(i64),
    /// A user or group name with the id that it had when it was added.
    Named {
        /// As the client gave it.
        name: String,
        /// What it stands for.
        number: u32,
    },
}

impl TrackedValue {
    /// The id that processes are compared with.
    pub fn number(&self) -> i64 {
        match self {
            TrackedValue::Number(number) => *number,
            TrackedValue::Named { number, .. } => i64::from(*number),
        }
    }
}

/// What a tracker lets through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TrackerPolicy {
    /// All processes.
    #[default]
    IncludeAll,
    /// None.
    ExcludeAll,
    /// Those in the set.
    IncludeSet,
}

/// One process attribute's tracker.
#[derive(Debug, Clone, Default)]
pub struct Tracker {
    /// What it lets through.
    pub policy: TrackerPolicy,
    /// The set, empty unless the policy is [`TrackerPolicy::IncludeSet`].
    pub values: Vec<TrackedValue>,
}

impl Tracker {
    /// Sets the policy; another policy than before empties the set.
    pub fn set_policy(&mut self, policy: TrackerPolicy) {
        if policy != self.policy {
            self.policy = policy;
            self.values.clear();
        }
    }

    /// Whether a process with that attribute is recorded.
    pub fn lets_through(&self, number: i64) -> bool {
        match self.policy {
            TrackerPolicy::IncludeAll => true,
            TrackerPolicy::ExcludeAll => false,
            TrackerPolicy::IncludeSet => self.values.iter().any(|value| value.number() == number),
        }
    }
}

/// The trackers of the user-space domain.
#[derive(Debug, Clone, Default)]
pub struct Trackers {
    /// By process id.
    pub vpid: Tracker,
    /// By user id.
    pub vuid: Tracker,
    /// By group id.
    pub vgid: Tracker,
}

/// A process as trackers see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProcessIdentity {
    /// Process id.
    pub pid: u32,
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
}

impl Trackers {
    /// Whether all three let the process through.
    pub fn let_through(&self, process: ProcessIdentity) -> bool {
        self.vpid.lets_through(process.pid.into())
            && self.vuid.lets_through(process.uid.into())
            && self.vgid.lets_through(process.gid.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_three_trackers_must_agree() {
        let process = ProcessIdentity { pid: 10, uid: 20, gid: 30 };
        let mut trackers = Trackers::default();
        assert!(trackers.let_through(process));
        trackers.vpid.set_policy(TrackerPolicy::IncludeSet);
        assert!(!trackers.let_through(process));
        trackers.vpid.values.push(TrackedValue::Number(10));
        assert!(trackers.let_through(process));
        trackers.vgid.set_policy(TrackerPolicy::ExcludeAll);
        assert!(!trackers.let_through(process));
    }

    #[test]
    fn another_policy_empties_the_set() {
        let mut tracker =
            Tracker { policy: TrackerPolicy::IncludeSet, values: vec![TrackedValue::Number(1)] };
        tracker.set_policy(TrackerPolicy::IncludeSet);
        assert_eq!(tracker.values.len(), 1);
        tracker.set_policy(TrackerPolicy::IncludeAll);
        assert!(tracker.values.is_empty());
    }
}
