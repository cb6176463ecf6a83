//! The environment variables that the tracer obeys (`docs/spec/ust-protocol.md`, section 15), read once.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use rttng_ring::{BlockingTimeout, TraceClock};

/// What the environment says.
#[derive(Debug)]
pub(crate) struct Environment {
    /// How long the program's start may wait for session daemons; `None` for ever. Also the limit of connecting and of
    /// answers.
    pub(crate) register_timeout: Option<Duration>,
    allows_blocking: bool,
    /// Whether the state dump tells what is mapped where.
    pub(crate) dumps_addresses: bool,
    /// Where per-user daemons have their sockets.
    pub(crate) home: Option<PathBuf>,
    /// The one place to look for a daemon, instead of the global and the user's.
    pub(crate) app_path: Option<PathBuf>,
    /// The home of a per-user daemon that wants events to count in the processor's time-stamp counter, as the one of
    /// `rttng record --clock tsc` does; not LTTng's.
    tsc_home: Option<PathBuf>,
}

const REGISTER_TIMEOUT: Duration = Duration::from_secs(3);
/// Shortest limit of connecting and answers.
const MIN_LIMIT: Duration = Duration::from_millis(10);

impl Environment {
    fn read() -> Self {
        let is_secure = rustix::process::getuid() != rustix::process::geteuid()
            || rustix::process::getgid() != rustix::process::getegid();
        let insecure = |name: &str| std::env::var_os(name);
        let secure = |name: &str| if is_secure { None } else { insecure(name) };
        let register_timeout = match insecure("LTTNG_UST_REGISTER_TIMEOUT") {
            None => Some(REGISTER_TIMEOUT),
            Some(text) => register_timeout(&text),
        };
        let app_path = secure("LTTNG_UST_APP_PATH").and_then(|value| {
            let first = value.to_string_lossy().split(':').next().unwrap_or_default().to_owned();
            (!first.is_empty()).then(|| PathBuf::from(first))
        });
        Environment {
            register_timeout,
            allows_blocking: secure("LTTNG_UST_ALLOW_BLOCKING").is_some(),
            dumps_addresses: insecure("LTTNG_UST_WITHOUT_BADDR_STATEDUMP").is_none(),
            home: secure("LTTNG_HOME").or_else(|| secure("HOME")).map(PathBuf::from),
            app_path,
            tsc_home: secure("RTTNG_TSC_HOME").map(PathBuf::from),
        }
    }

    /// What the daemon in that home wants events to count in. Other daemons of the same program have LTTng's clock.
    pub(crate) fn clock_of(&self, home: &Path) -> TraceClock {
        let wants_tsc = cfg!(target_arch = "x86_64") && self.tsc_home.as_deref() == Some(home);
        if wants_tsc { TraceClock::Tsc } else { TraceClock::Monotonic }
    }

    /// The limit of sending, connecting and of answers.
    pub(crate) fn limit(&self) -> Option<Duration> {
        self.register_timeout.map(|timeout| timeout.max(MIN_LIMIT))
    }
}

/// Milliseconds, negative for ever; what is no number counts as 0, as for C's `atoi`.
fn register_timeout(text: &OsString) -> Option<Duration> {
    let milliseconds: i64 = text.to_string_lossy().trim().parse().unwrap_or(0);
    u64::try_from(milliseconds).ok().map(Duration::from_millis)
}

/// What the environment says.
pub(crate) fn get() -> &'static Environment {
    static ENVIRONMENT: OnceLock<Environment> = OnceLock::new();
    ENVIRONMENT.get_or_init(Environment::read)
}

/// How long a record may wait for room: only if the program's environment allows it.
pub(crate) fn blocking(asked: BlockingTimeout) -> BlockingTimeout {
    if get().allows_blocking { asked } else { BlockingTimeout::None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_are_milliseconds() {
        assert_eq!(register_timeout(&"500".into()), Some(Duration::from_millis(500)));
        assert_eq!(register_timeout(&"0".into()), Some(Duration::ZERO));
        assert_eq!(register_timeout(&"-1".into()), None);
        assert_eq!(register_timeout(&"soon".into()), Some(Duration::ZERO));
    }
}
