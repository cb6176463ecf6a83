//! Every result code that the session daemon answers with, with LTTng's own name and text
//! (`docs/spec/client-protocol.md`, section 12).

macro_rules! error_codes {
    ($($variant:ident = $number:literal, $name:literal, $text:expr;)*) => {
        /// Why a command failed. On the wire it is the positive number; liblttng-ctl returns the negative one.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum ErrorCode {
            $(
                #[doc = concat!("`LTTNG_ERR_", $name, "`, number ", stringify!($number), ".")]
                $variant,
            )*
            /// A number that 2.13.9 does not know, as a newer daemon may send. Made by [`ErrorCode::from_number`] only.
            Unrecognised(u32),
        }

        impl ErrorCode {
            /// Every code of 2.13.9, by number.
            pub const ALL: &'static [ErrorCode] = &[$(ErrorCode::$variant),*];

            /// The number of the code on the wire.
            pub fn number(self) -> u32 {
                match self {
                    $(ErrorCode::$variant => $number,)*
                    ErrorCode::Unrecognised(number) => number,
                }
            }

            /// The code of a number; any number that is not success (10) is some error.
            pub fn from_number(number: u32) -> ErrorCode {
                match number {
                    $($number => ErrorCode::$variant,)*
                    other => ErrorCode::Unrecognised(other),
                }
            }

            /// LTTng's constant without `LTTNG_ERR_`, for example `SESS_NOT_FOUND`.
            pub fn name(self) -> Option<&'static str> {
                match self {
                    $(ErrorCode::$variant => Some($name),)*
                    ErrorCode::Unrecognised(_) => None,
                }
            }

            /// The text of `lttng_strerror()`. A few codes have none, as in 2.13.9.
            pub fn text(self) -> Option<&'static str> {
                match self {
                    $(ErrorCode::$variant => $text,)*
                    ErrorCode::Unrecognised(_) => Some("Unknown error code"),
                }
            }
        }
    };
}

/// The number that a reply carries when the command succeeded (`LTTNG_OK`).
pub const SUCCESS: u32 = 10;

/// The text of `lttng_strerror(-10)`.
pub const SUCCESS_TEXT: &str = "Success";

impl std::fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.text(), self.name()) {
            (Some(text), _) => f.write_str(text),
            (None, Some(name)) => f.write_str(name),
            (None, None) => write!(f, "error {}", self.number()),
        }
    }
}

impl std::error::Error for ErrorCode {}

error_codes! {
    Unk = 11, "UNK", Some("Unknown error");
    Und = 12, "UND", Some("Undefined command");
    SessionStarted = 13, "SESSION_STARTED", Some("Session is running");
    UnknownDomain = 14, "UNKNOWN_DOMAIN", Some("Unknown tracing domain");
    NotSupported = 15, "NOT_SUPPORTED", Some("Operation not supported");
    NoSession = 16, "NO_SESSION", Some("No session found");
    CreateDirFail = 17, "CREATE_DIR_FAIL", Some("Create directory failed");
    SessionFail = 18, "SESSION_FAIL", Some("Create session failed");
    NoSessiond = 19, "NO_SESSIOND", Some("No session daemon is available");
    SetUrl = 20, "SET_URL", Some("Error setting URL");
    UrlExist = 21, "URL_EXIST", Some("URL already exists");
    BufferNotSupported = 22, "BUFFER_NOT_SUPPORTED", Some("Buffer type not supported");
    SessNotFound = 23, "SESS_NOT_FOUND", Some("Session name not found");
    BufferTypeMismatch = 24, "BUFFER_TYPE_MISMATCH", Some("Buffer type mismatch for session");
    Fatal = 25, "FATAL", Some("Fatal error of the session daemon");
    Nomem = 26, "NOMEM", Some("Not enough memory");
    SelectSess = 27, "SELECT_SESS", Some("A session MUST be selected");
    ExistSess = 28, "EXIST_SESS", Some("Session name already exists");
    NoEvent = 29, "NO_EVENT", Some("Event not found");
    ConnectFail = 30, "CONNECT_FAIL", Some("Unable to connect to Unix socket");
    SnapshotOutputExist = 31, "SNAPSHOT_OUTPUT_EXIST", Some("Snapshot output already exists");
    Eperm = 32, "EPERM", Some("Permission denied");
    KernNa = 33, "KERN_NA", Some("Kernel tracer not available");
    KernVersion = 34, "KERN_VERSION", Some("Kernel tracer version is not compatible");
    KernEventExist = 35, "KERN_EVENT_EXIST", Some("Kernel event already exists");
    KernSessFail = 36, "KERN_SESS_FAIL", Some("Kernel create session failed");
    KernChanExist = 37, "KERN_CHAN_EXIST", Some("Kernel channel already exists");
    KernChanFail = 38, "KERN_CHAN_FAIL", Some("Kernel create channel failed");
    KernChanNotFound = 39, "KERN_CHAN_NOT_FOUND", Some("Kernel channel not found");
    KernChanDisableFail = 40, "KERN_CHAN_DISABLE_FAIL", Some("Disable kernel channel failed");
    KernChanEnableFail = 41, "KERN_CHAN_ENABLE_FAIL", Some("Enable kernel channel failed");
    KernContextFail = 42, "KERN_CONTEXT_FAIL", Some("Add kernel context failed");
    KernEnableFail = 43, "KERN_ENABLE_FAIL", Some("Enable kernel event failed");
    KernDisableFail = 44, "KERN_DISABLE_FAIL", Some("Disable kernel event failed");
    KernMetaFail = 45, "KERN_META_FAIL", Some("Opening metadata failed");
    KernStartFail = 46, "KERN_START_FAIL", Some("Starting kernel trace failed");
    KernStopFail = 47, "KERN_STOP_FAIL", Some("Stopping kernel trace failed");
    KernConsumerFail = 48, "KERN_CONSUMER_FAIL", Some("Kernel consumer start failed");
    KernStreamFail = 49, "KERN_STREAM_FAIL", Some("Kernel create stream failed");
    StartSessionOnce = 50, "START_SESSION_ONCE", Some("Session needs to be started once");
    SnapshotFail = 51, "SNAPSHOT_FAIL", Some("Snapshot record failed");
    NoStream = 52, "NO_STREAM", None;
    KernListFail = 53, "KERN_LIST_FAIL", Some("Listing kernel events failed");
    UstCalibrateFail = 54, "UST_CALIBRATE_FAIL", Some("UST calibration failed");
    UstEventEnabled = 55, "UST_EVENT_ENABLED", Some("UST event already enabled");
    UstSessFail = 56, "UST_SESS_FAIL", Some("UST create session failed");
    UstChanExist = 57, "UST_CHAN_EXIST", Some("UST channel already exist");
    UstChanFail = 58, "UST_CHAN_FAIL", Some("UST create channel failed");
    UstChanNotFound = 59, "UST_CHAN_NOT_FOUND", Some("UST channel not found");
    UstChanDisableFail = 60, "UST_CHAN_DISABLE_FAIL", Some("Disable UST channel failed");
    UstChanEnableFail = 61, "UST_CHAN_ENABLE_FAIL", Some("Enable UST channel failed");
    ChanExist = 62, "CHAN_EXIST", Some("Channel already exists");
    UstEnableFail = 63, "UST_ENABLE_FAIL", Some("Enable UST event failed");
    UstDisableFail = 64, "UST_DISABLE_FAIL", Some("Disable UST event failed");
    UstMetaFail = 65, "UST_META_FAIL", Some("Opening metadata failed");
    UstStartFail = 66, "UST_START_FAIL", Some("Starting UST trace failed");
    UstStopFail = 67, "UST_STOP_FAIL", Some("Stopping UST trace failed");
    UstConsumer64Fail = 68, "UST_CONSUMER64_FAIL", Some("64-bit UST consumer start failed");
    UstConsumer32Fail = 69, "UST_CONSUMER32_FAIL", Some("32-bit UST consumer start failed");
    UstStreamFail = 70, "UST_STREAM_FAIL", Some("UST create stream failed");
    SnapshotNodata = 71, "SNAPSHOT_NODATA", Some("No data available in snapshot");
    NoChannel = 72, "NO_CHANNEL", Some("No channel found in the session");
    SessionInvalidChar = 73, "SESSION_INVALID_CHAR", Some("Invalid character found in session name");
    UstListFail = 74, "UST_LIST_FAIL", Some("Listing UST events failed");
    UstEventExist = 75, "UST_EVENT_EXIST", Some("UST event already exist");
    UstEventNotFound = 76, "UST_EVENT_NOT_FOUND", Some("UST event not found");
    UstContextExist = 77, "UST_CONTEXT_EXIST", Some("UST context already exist");
    UstContextInval = 78, "UST_CONTEXT_INVAL", Some("UST invalid context");
    NeedRootSessiond = 79, "NEED_ROOT_SESSIOND", Some("Tracing the kernel requires a root lttng-sessiond daemon, as well as \"tracing\" group membership or root user ID for the lttng client");
    TraceAlreadyStarted = 80, "TRACE_ALREADY_STARTED", Some("Tracing has already been started once");
    TraceAlreadyStopped = 81, "TRACE_ALREADY_STOPPED", Some("Tracing has already been stopped");
    KernEventEnosys = 82, "KERN_EVENT_ENOSYS", Some("Kernel event type not supported");
    NeedChannelName = 83, "NEED_CHANNEL_NAME", Some("Non-default channel exists within session: channel name needs to be specified with '-c name'");
    NoUst = 84, "NO_UST", Some("LTTng-UST tracer is not supported. Please rebuild lttng-tools with lttng-ust support enabled");
    SaveFileExist = 85, "SAVE_FILE_EXIST", Some("Session file already exists");
    SaveIoFail = 86, "SAVE_IO_FAIL", Some("IO error while writing session configuration");
    LoadInvalidConfig = 87, "LOAD_INVALID_CONFIG", Some("Invalid session configuration");
    LoadIoFail = 88, "LOAD_IO_FAIL", Some("IO error while reading a session configuration");
    LoadSessionNoent = 89, "LOAD_SESSION_NOENT", Some("Session file not found");
    MaxSizeInvalid = 90, "MAX_SIZE_INVALID", Some("Snapshot max size is invalid");
    MiOutputType = 91, "MI_OUTPUT_TYPE", Some("Invalid MI output format");
    MiIoFail = 92, "MI_IO_FAIL", Some("IO error while writing MI output");
    MiNotImplemented = 93, "MI_NOT_IMPLEMENTED", Some("Mi feature not implemented");
    Invalid = 97, "INVALID", Some("Invalid parameter");
    NoUstconsumerd = 98, "NO_USTCONSUMERD", Some("No UST consumer detected");
    NoKernconsumerd = 99, "NO_KERNCONSUMERD", Some("No kernel consumer detected");
    EventExistLoglevel = 100, "EVENT_EXIST_LOGLEVEL", Some("Event already enabled with different loglevel");
    UrlDataMiss = 101, "URL_DATA_MISS", Some("Missing data path URL");
    UrlCtrlMiss = 102, "URL_CTRL_MISS", Some("Missing control path URL");
    EnableConsumerFail = 103, "ENABLE_CONSUMER_FAIL", Some("Enabling consumer failed");
    RelaydConnectFail = 104, "RELAYD_CONNECT_FAIL", Some("Unable to connect to lttng-relayd");
    RelaydVersionFail = 105, "RELAYD_VERSION_FAIL", Some("Relay daemon not compatible");
    FilterInval = 106, "FILTER_INVAL", Some("Invalid filter bytecode");
    FilterNomem = 107, "FILTER_NOMEM", Some("Not enough memory for filter bytecode");
    FilterExist = 108, "FILTER_EXIST", Some("Filter already exist");
    NoConsumer = 109, "NO_CONSUMER", Some("Consumer not found for recording session");
    ExclusionInval = 110, "EXCLUSION_INVAL", None;
    ExclusionNomem = 111, "EXCLUSION_NOMEM", None;
    InvalidEventName = 112, "INVALID_EVENT_NAME", Some("Invalid event name");
    InvalidChannelName = 113, "INVALID_CHANNEL_NAME", Some("Invalid channel name");
    ProcessAttrExists = 114, "PROCESS_ATTR_EXISTS", Some("Process attribute is already tracked");
    ProcessAttrMissing = 115, "PROCESS_ATTR_MISSING", Some("Process attribute was not tracked");
    InvalidChannelDomain = 116, "INVALID_CHANNEL_DOMAIN", Some("Invalid channel domain");
    Overflow = 117, "OVERFLOW", Some("Overflow occurred");
    SessionNotStarted = 118, "SESSION_NOT_STARTED", Some("Session not started");
    LiveSession = 119, "LIVE_SESSION", Some("Live sessions are not supported");
    PerPidSession = 120, "PER_PID_SESSION", Some("Per-PID recording sessions are not supported");
    KernContextUnavailable = 121, "KERN_CONTEXT_UNAVAILABLE", Some("Context unavailable on this kernel");
    RegenStatedumpFail = 122, "REGEN_STATEDUMP_FAIL", Some("Failed to regenerate the state dump");
    RegenStatedumpNomem = 123, "REGEN_STATEDUMP_NOMEM", Some("Failed to regenerate the state dump, not enough memory");
    NotSnapshotSession = 124, "NOT_SNAPSHOT_SESSION", Some("Snapshot command can't be applied to a non-snapshot session");
    InvalidTrigger = 125, "INVALID_TRIGGER", Some("Invalid trigger");
    TriggerExists = 126, "TRIGGER_EXISTS", Some("Trigger already registered");
    TriggerNotFound = 127, "TRIGGER_NOT_FOUND", Some("Trigger not found");
    CommandCancelled = 128, "COMMAND_CANCELLED", Some("Command cancelled");
    RotationPending = 129, "ROTATION_PENDING", Some("Rotation already pending for this session");
    RotationNotAvailable = 130, "ROTATION_NOT_AVAILABLE", Some("Rotation feature not available for this session's creation mode");
    RotationScheduleSet = 131, "ROTATION_SCHEDULE_SET", Some("A session rotation schedule of this type is already set on the session");
    RotationScheduleNotSet = 132, "ROTATION_SCHEDULE_NOT_SET", Some("No session rotation schedule of this type is set on the session");
    RotationMultipleAfterStop = 133, "ROTATION_MULTIPLE_AFTER_STOP", Some("Session was already rotated once since it became inactive");
    RotationWrongVersion = 134, "ROTATION_WRONG_VERSION", Some("Session rotation is not supported by this kernel tracer version");
    NoSessionOutput = 135, "NO_SESSION_OUTPUT", Some("Session has no output");
    RotationNotAvailableRelay = 136, "ROTATION_NOT_AVAILABLE_RELAY", Some("Rotation feature not available on the relay");
    AgentTracingDisabled = 137, "AGENT_TRACING_DISABLED", Some("Session daemon agent tracing is disabled");
    ProbeLocationInval = 138, "PROBE_LOCATION_INVAL", Some("Invalid userspace probe location");
    ElfParsing = 139, "ELF_PARSING", Some("ELF parsing error");
    SdtProbeSemaphore = 140, "SDT_PROBE_SEMAPHORE", Some("SDT probe guarded by a semaphore");
    RotationFailConsumer = 141, "ROTATION_FAIL_CONSUMER", Some("Rotation failure on consumer");
    RotateRenameFailConsumer = 142, "ROTATE_RENAME_FAIL_CONSUMER", Some("Rotation rename failure on consumer");
    RotationPendingLocalFailConsumer = 143, "ROTATION_PENDING_LOCAL_FAIL_CONSUMER", Some("Rotation pending check (local) failure on consumer");
    RotationPendingRelayFailConsumer = 144, "ROTATION_PENDING_RELAY_FAIL_CONSUMER", Some("Rotation pending check (relay) failure on consumer");
    MkdirFailConsumer = 145, "MKDIR_FAIL_CONSUMER", Some("Directory creation failure on consumer");
    ChanNotFound = 146, "CHAN_NOT_FOUND", Some("Channel not found");
    SnapshotUnsupported = 147, "SNAPSHOT_UNSUPPORTED", Some("Session configuration does not allow the use of snapshots");
    SessionNotExist = 148, "SESSION_NOT_EXIST", Some("Recording session does not exist");
    CreateTraceChunkFailConsumer = 149, "CREATE_TRACE_CHUNK_FAIL_CONSUMER", Some("Trace chunk creation failed on consumer");
    CloseTraceChunkFailConsumer = 150, "CLOSE_TRACE_CHUNK_FAIL_CONSUMER", Some("Trace chunk close failed on consumer");
    TraceChunkExistsFailConsumer = 151, "TRACE_CHUNK_EXISTS_FAIL_CONSUMER", Some("Failed to query consumer for trace chunk existence");
    InvalidProtocol = 152, "INVALID_PROTOCOL", Some("Protocol error occurred");
    FileCreationError = 153, "FILE_CREATION_ERROR", Some("Failed to create file");
    TimerStopError = 154, "TIMER_STOP_ERROR", Some("Failed to stop a timer");
    RotationNotAvailableKernel = 155, "ROTATION_NOT_AVAILABLE_KERNEL", Some("Rotation feature not supported by the kernel tracer");
    ClearRelayDisallowed = 156, "CLEAR_RELAY_DISALLOWED", Some("Relayd daemon peer does not allow sessions to be cleared");
    ClearNotAvailableRelay = 157, "CLEAR_NOT_AVAILABLE_RELAY", Some("Clearing a session is not supported by the relay daemon");
    ClearFailConsumer = 158, "CLEAR_FAIL_CONSUMER", Some("Consumer failed to clear the session");
    RotationAfterStopClear = 159, "ROTATION_AFTER_STOP_CLEAR", Some("Session was already cleared since it became inactive");
    UserNotFound = 160, "USER_NOT_FOUND", Some("User not found");
    GroupNotFound = 161, "GROUP_NOT_FOUND", Some("Group not found");
    UnsupportedDomain = 162, "UNSUPPORTED_DOMAIN", Some("Unsupported domain used");
    ProcessAttrTrackerInvalidTrackingPolicy = 163, "PROCESS_ATTR_TRACKER_INVALID_TRACKING_POLICY", Some("Operation does not apply to the process attribute tracker's tracking policy");
    EventNotifierGroupNotificationFd = 164, "EVENT_NOTIFIER_GROUP_NOTIFICATION_FD", Some("Failed to create an event notifier group notification file descriptor");
    InvalidCaptureExpression = 165, "INVALID_CAPTURE_EXPRESSION", Some("Invalid capture expression");
    EventNotifierRegistration = 166, "EVENT_NOTIFIER_REGISTRATION", Some("Failed to create event notifier");
    EventNotifierErrorAccounting = 167, "EVENT_NOTIFIER_ERROR_ACCOUNTING", Some("Failed to initialize event notifier error accounting");
    EventNotifierErrorAccountingFull = 168, "EVENT_NOTIFIER_ERROR_ACCOUNTING_FULL", Some("No index available in event notifier error accounting");
    InvalidErrorQueryTarget = 169, "INVALID_ERROR_QUERY_TARGET", None;
    BufferFlushFailed = 170, "BUFFER_FLUSH_FAILED", Some("Failed to flush stream buffer");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_codes_are_one_to_one() {
        for &code in ErrorCode::ALL {
            assert_eq!(ErrorCode::from_number(code.number()), code);
        }
        assert_eq!(ErrorCode::ALL.len(), 157);
        assert_eq!(ErrorCode::SessNotFound.number(), 23);
        assert_eq!(ErrorCode::SessNotFound.to_string(), "Session name not found");
        assert_eq!(ErrorCode::BufferFlushFailed.number(), 170);
        assert_eq!(ErrorCode::from_number(171).text(), Some("Unknown error code"));
        assert_eq!(ErrorCode::NoStream.text(), None);
    }
}
