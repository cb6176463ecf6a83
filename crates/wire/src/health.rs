//! The health protocol: a peer asks a daemon which of its threads are in bad health
//! (`docs/spec/client-protocol.md`, section 15).
//!
//! The client sends 4 bytes, the daemon answers 8 and closes. There are no credentials, and one question a connection.

use crate::{Decode, Encode, Reader, WireError, Writer};

/// Asks a daemon for its health. There is no other question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct HealthCheck;

impl HealthCheck {
    /// Size of the question.
    pub const SIZE: usize = 4;
}

const CHECK: u32 = 0;

impl Encode for HealthCheck {
    fn encode(&self, out: &mut Writer) {
        out.u32(CHECK);
    }
}

impl Decode for HealthCheck {
    /// Any other number is an error; the connection is then to be closed.
    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        match input.u32("health.cmd")? {
            CHECK => Ok(HealthCheck),
            other => Err(WireError::BadValue { field: "health.cmd", value: other.into() }),
        }
    }
}

/// A kind of thread of a daemon that answers health checks; its number is its bit in the answer.
pub trait HealthThread: Copy + 'static {
    /// Every kind of the daemon.
    const ALL: &'static [Self];

    /// The bit that stands for it.
    fn bit(self) -> u32;
}

macro_rules! health_threads {
    ($(#[$meta:meta])* $name:ident { $($(#[$variant_meta:meta])* $variant:ident = $bit:literal),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$variant_meta])* $variant,)*
        }

        impl HealthThread for $name {
            const ALL: &'static [Self] = &[$($name::$variant),*];

            fn bit(self) -> u32 {
                match self {
                    $($name::$variant => $bit,)*
                }
            }
        }
    };
}

health_threads! {
    /// The threads of a session daemon.
    SessiondThread {
        /// Executes client commands.
        Command = 0,
        /// Watches the applications' command sockets.
        AppManager = 1,
        /// Takes registrations of applications.
        AppRegistration = 2,
        /// Watches the kernel tracer.
        Kernel = 3,
        /// Watches a consumer daemon.
        ConsumerManager = 4,
        /// Cleans up tables.
        TableCleanup = 5,
        /// Watches the applications' notify sockets.
        AppNotifyManager = 6,
        /// Hands registrations on.
        RegistrationDispatcher = 7,
        /// Serves the notification channel.
        Notification = 8,
        /// Watches rotations.
        Rotation = 9,
        /// Serves timers.
        Timer = 10,
        /// Executes the actions of triggers.
        ActionExecutor = 11,
    }
}

health_threads! {
    /// The threads of a consumer daemon.
    ConsumerdThread {
        /// Watches channels.
        Channel = 0,
        /// Writes metadata.
        Metadata = 1,
        /// Writes data.
        Data = 2,
        /// Executes the session daemon's commands.
        Sessiond = 3,
        /// Serves the metadata timers.
        MetadataTimer = 4,
    }
}

health_threads! {
    /// The threads of a relay daemon.
    RelaydThread {
        /// Hands connections on.
        Dispatcher = 0,
        /// Serves connections.
        Worker = 1,
        /// Takes connections.
        Listener = 2,
        /// Hands connections of viewers on.
        LiveDispatcher = 3,
        /// Serves viewers.
        LiveWorker = 4,
        /// Takes connections of viewers.
        LiveListener = 5,
    }
}

/// A daemon's answer: which of its threads are in bad health.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct HealthState {
    bad: u64,
}

impl HealthState {
    /// Size of the answer.
    pub const SIZE: usize = 8;

    /// All is well.
    pub fn good() -> Self {
        HealthState::default()
    }

    /// The same, with a thread in bad health.
    pub fn with_bad(self, thread: impl HealthThread) -> Self {
        HealthState { bad: self.bad | (1 << thread.bit()) }
    }

    /// Whether a thread is in bad health.
    pub fn is_bad(self, thread: impl HealthThread) -> bool {
        self.bad & (1 << thread.bit()) != 0
    }

    /// Whether all is well.
    pub fn is_good(self) -> bool {
        self.bad == 0
    }

    /// The threads in bad health, of those that this version knows.
    pub fn bad_threads<T: HealthThread>(self) -> impl Iterator<Item = T> {
        T::ALL.iter().copied().filter(move |thread| self.is_bad(*thread))
    }
}

impl Encode for HealthState {
    fn encode(&self, out: &mut Writer) {
        out.u64(self.bad);
    }
}

impl Decode for HealthState {
    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(HealthState { bad: input.u64("health.state")? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bad_thread_has_its_bit() {
        let state =
            HealthState::good().with_bad(SessiondThread::Command).with_bad(SessiondThread::ActionExecutor);
        assert_eq!(state.to_bytes(), 0x801_u64.to_ne_bytes());
        let read = HealthState::from_bytes(&state.to_bytes()).unwrap();
        let bad: Vec<SessiondThread> = read.bad_threads().collect();
        assert_eq!(bad, [SessiondThread::Command, SessiondThread::ActionExecutor]);
        assert!(!read.is_good() && !read.is_bad(SessiondThread::Kernel));
    }

    #[test]
    fn only_the_one_question_is_understood() {
        assert_eq!(HealthCheck::from_bytes(&HealthCheck.to_bytes()), Ok(HealthCheck));
        assert!(HealthCheck::from_bytes(&7_u32.to_ne_bytes()).is_err());
    }
}
