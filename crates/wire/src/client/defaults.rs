//! LTTng's defaults and limits (`docs/spec/client-protocol.md`, section 13; `docs/spec/client-objects.md`, section 1).

use std::time::Duration;

use super::channel::{BlockingTimeout, ChannelAttributes, OutputType, OverwriteMode};
use super::domain::{BufferType, DomainType};

/// Longest session or snapshot output name, in bytes without the NUL.
pub const SESSION_NAME_MAX: usize = 254;
/// Longest channel name, in bytes without the NUL.
pub const CHANNEL_NAME_MAX: usize = 254;
/// Longest event, exclusion, symbol, probe or function name, in bytes without the NUL.
pub const SYMBOL_NAME_MAX: usize = 255;
/// Longest path or URL, in bytes without the NUL.
pub const PATH_MAX: usize = 4095;
/// Longest host name, in bytes without the NUL.
pub const HOST_NAME_MAX: usize = 255;
/// Largest user or group name with its NUL (`LOGIN_NAME_MAX`) in a tracker command.
pub const LOGIN_NAME_SIZE_MAX: usize = 256;
/// Largest serialised session descriptor, in bytes.
pub const SESSION_DESCRIPTOR_SIZE_MAX: usize = 65_536;
/// Longest filter expression, in bytes with its NUL.
pub const FILTER_SIZE_MAX: usize = 65_536;
/// Largest filter bytecode with its header, in bytes.
pub const BYTECODE_SIZE_MAX: usize = 65_536;
/// Most descriptors that one message carries (`SCM_RIGHTS`).
pub const FDS_MAX: u32 = 253;
/// Largest payload of a notification channel message, in bytes.
pub const NOTIFICATION_PAYLOAD_MAX: usize = 65_536;
/// Largest archive location in the reply to a destroy command, in bytes.
pub const LOCATION_SIZE_MAX: usize = 65_536;
/// Largest capture payload of one event notification, in bytes.
pub const CAPTURE_PAYLOAD_MAX: usize = 4_096;

/// Largest variable payload that this implementation reads for one request, in bytes. The reference daemon has no limit
/// but the 32 bits of the length.
pub const REQUEST_PAYLOAD_MAX: usize = 4 << 20;
/// Largest payload that this implementation reads for one reply, in bytes.
pub const REPLY_PAYLOAD_MAX: usize = 1 << 30;
/// Deepest nesting of array elements in a capture descriptor that this implementation accepts.
pub const EXPRESSION_DEPTH_MAX: usize = 32;
/// Deepest nesting of arrays and maps in a captured value that this implementation accepts.
pub const CAPTURE_DEPTH_MAX: usize = 32;

/// The channel that is made when none is named.
pub const CHANNEL_NAME: &str = "channel0";
/// The channel whose attributes are those of the metadata stream; never listed.
pub const METADATA_CHANNEL_NAME: &str = "metadata";
/// Start of a session name that the daemon chooses: `auto-YYYYmmdd-HHMMSS`.
pub const AUTO_SESSION_NAME: &str = "auto";
/// Folder below the home folder that holds the traces.
pub const TRACES_FOLDER: &str = "lttng-traces";
/// Start of a snapshot output's name that the daemon chooses: `snapshot-ID`.
pub const SNAPSHOT_NAME: &str = "snapshot";
/// Start of a trigger's name that the daemon chooses: `triggerN`.
pub const TRIGGER_NAME: &str = "trigger";

/// Port of a relay daemon's control connection.
pub const CONTROL_PORT: u16 = 5342;
/// Port of a relay daemon's data connection.
pub const DATA_PORT: u16 = 5343;
/// Port of a relay daemon's live viewers.
pub const LIVE_PORT: u16 = 5344;
/// Port on which the session daemon awaits agents.
pub const AGENT_PORT: u16 = 5345;

/// The live timer that the command line takes for `--live` without a value.
pub const LIVE_TIMER: Duration = Duration::from_secs(1);
/// How often a client asks whether data is pending.
pub const DATA_PENDING_POLL: Duration = Duration::from_millis(200);
/// How often the daemon looks whether a rotation has ended.
pub const ROTATION_POLL: Duration = Duration::from_millis(500);
/// How long the daemon waits for an application.
pub const APPLICATION_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a thread may stand still before it is in bad health.
pub const HEALTH_WINDOW: Duration = Duration::from_secs(20);

/// The attributes of a channel that is made without any, for a machine with pages of `page_size` bytes.
pub fn channel_attributes(domain: DomainType, buffers: BufferType, page_size: u64) -> ChannelAttributes {
    let kernel = domain == DomainType::Kernel;
    let subbuf_size = match (kernel, buffers) {
        (true, _) => 1 << 20,
        (false, BufferType::PerPid) => 16 << 10,
        (false, _) => 512 << 10,
    };
    ChannelAttributes {
        overwrite: OverwriteMode::SessionDefault,
        subbuf_size: page_size.max(subbuf_size),
        num_subbuf: 4,
        switch_timer: Duration::ZERO,
        read_timer: if kernel { Duration::from_millis(200) } else { Duration::ZERO },
        live_timer: Duration::ZERO,
        monitor_timer: Duration::from_secs(1),
        output: if kernel { OutputType::Splice } else { OutputType::Mmap },
        tracefile_size: 0,
        tracefile_count: 0,
        blocking_timeout: BlockingTimeout::None,
    }
}
