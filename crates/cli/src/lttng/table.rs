//! Every command of LTTng's command line with its options, in the order in which `--list-commands` and
//! `--list-options` print them (`docs/spec/cli.md` §6). Help texts, man pages and completion come from here.

use super::commands;
use super::exit::{Exit, Step};
use super::options::{OptionSpec, flag, maybe_valued, valued};
use super::program::Program;

/// One command.
pub(crate) struct CommandSpec {
    pub(crate) name: &'static str,
    pub(crate) summary: &'static str,
    /// The positional words, for help texts.
    pub(crate) operands: &'static str,
    pub(crate) options: &'static [OptionSpec],
    /// Words that select a sub-command.
    pub(crate) actions: &'static [&'static str],
    pub(crate) run: fn(&mut Program, &'static CommandSpec, &[String]) -> Step<Exit>,
}

const HELP: OptionSpec = flag("help", Some('h'), "Show the help of this command");
const LIST_OPTIONS: OptionSpec = flag("list-options", None, "List the options of this command");
const LIST_COMMANDS: OptionSpec = flag("list-commands", None, "List the actions of this command");
const SESSION: OptionSpec =
    valued("session", Some('s'), "SESSION", "Use SESSION instead of the current session");
const CHANNEL: OptionSpec = valued("channel", Some('c'), "CHANNEL", "Use CHANNEL");
const KERNEL: OptionSpec = flag("kernel", Some('k'), "Linux kernel domain");
const USERSPACE: OptionSpec = flag("userspace", Some('u'), "User space domain");
const JUL: OptionSpec = flag("jul", Some('j'), "java.util.logging domain");
const LOG4J: OptionSpec = flag("log4j", Some('l'), "Apache log4j domain");
const PYTHON: OptionSpec = flag("python", Some('p'), "Python logging domain");
const CTRL_URL: OptionSpec =
    valued("ctrl-url", Some('C'), "URL", "Control URL of a relay daemon (with --data-url)");
const DATA_URL: OptionSpec =
    valued("data-url", Some('D'), "URL", "Data URL of a relay daemon (with --ctrl-url)");
const NO_WAIT: OptionSpec = flag("no-wait", Some('n'), "Do not wait for the operation to complete");
const OWNER_UID: OptionSpec = valued("owner-uid", None, "UID", "Owner of the trigger (root only)");

/// The options before the command.
pub(crate) const GLOBAL_OPTIONS: &[OptionSpec] = &[
    flag("version", Some('V'), "Show the version"),
    flag("help", Some('h'), "Show the help of the program"),
    valued(
        "group",
        Some('g'),
        "GROUP",
        "Tracing group that may control the root session daemon (default: tracing)",
    ),
    flag("verbose", Some('v'), "Say more; three times at most"),
    flag("quiet", Some('q'), "Say nothing at all, not even errors"),
    valued("mi", Some('m'), "TYPE", "Machine interface; TYPE is xml"),
    flag("no-sessiond", Some('n'), "Do not start a session daemon"),
    valued("sessiond-path", None, "PATH", "Session daemon that `create` starts"),
    valued("relayd-path", None, "PATH", "Relay daemon that `create --live` starts"),
    flag("list-options", None, "List the options before the command"),
    flag("list-commands", None, "List the commands"),
];

/// The commands under the headings of the usage text.
pub(crate) const GROUPS: &[(&str, &[&str])] = &[
    ("Recording sessions", &["create", "clear", "destroy", "load", "regenerate", "save", "set-session"]),
    ("Channels", &["add-context", "disable-channel", "enable-channel"]),
    ("Recording event rules", &["disable-event", "enable-event"]),
    ("Status", &["list", "status"]),
    ("Control", &["snapshot", "start", "stop"]),
    ("Recording session rotation", &["disable-rotation", "enable-rotation", "rotate"]),
    ("Resource tracking", &["track", "untrack"]),
    ("Triggers", &["add-trigger", "remove-trigger", "list-triggers"]),
    ("Miscellaneous", &["help", "version", "view"]),
];

const TRACK_OPTIONS: &[OptionSpec] = &[
    HELP,
    SESSION,
    KERNEL,
    USERSPACE,
    maybe_valued("pid", Some('p'), "PID[,PID]...", "Process IDs (virtual ones in the user space domain)"),
    maybe_valued("vpid", None, "VPID[,VPID]...", "Virtual process IDs"),
    maybe_valued("uid", None, "UID[,UID]...", "User IDs or names"),
    maybe_valued("vuid", None, "VUID[,VUID]...", "Virtual user IDs or names"),
    maybe_valued("gid", None, "GID[,GID]...", "Group IDs or names"),
    maybe_valued("vgid", None, "VGID[,VGID]...", "Virtual group IDs or names"),
    flag("all", Some('a'), "All values of the given attribute"),
    LIST_OPTIONS,
];

/// The commands.
pub(crate) const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "add-context",
        summary: "Add context fields to be recorded",
        operands: "",
        options: &[
            HELP,
            SESSION,
            CHANNEL,
            KERNEL,
            USERSPACE,
            JUL,
            LOG4J,
            valued("type", Some('t'), "TYPE", "Context field type; may be given several times"),
            flag("list", None, "List the context field types"),
            LIST_OPTIONS,
        ],
        actions: &[],
        run: commands::add_context::run,
    },
    CommandSpec {
        name: "add-trigger",
        summary: "Add a trigger",
        operands: "",
        options: &[
            HELP,
            LIST_OPTIONS,
            valued("condition", None, "CONDITION", "Condition, followed by its own options"),
            valued(
                "action",
                None,
                "ACTION",
                "Action, followed by its own options; may be given several times",
            ),
            valued("name", None, "NAME", "Name of the trigger"),
            OWNER_UID,
        ],
        actions: &[],
        run: commands::add_trigger::run,
    },
    CommandSpec {
        name: "create",
        summary: "Create a recording session",
        operands: "[SESSION]",
        options: &[
            HELP,
            valued("output", Some('o'), "PATH", "Write traces to the local directory PATH"),
            LIST_OPTIONS,
            valued("set-url", Some('U'), "URL", "Write traces to URL (file://... or net://...)"),
            CTRL_URL,
            DATA_URL,
            flag("no-output", None, "Do not output any trace data"),
            flag("no-consumer", None, "Obsolete; use --no-output"),
            flag("snapshot", None, "Create a snapshot session"),
            maybe_valued("live", None, "TIME", "Create a live session; TIME is the live timer's period"),
            valued("shm-path", None, "DIR", "Create the ring buffer files in DIR"),
        ],
        actions: &[],
        run: commands::create::run,
    },
    CommandSpec {
        name: "clear",
        summary: "Clear a recording session",
        operands: "[SESSION]",
        options: &[HELP, flag("all", Some('a'), "Clear all sessions"), LIST_OPTIONS],
        actions: &[],
        run: commands::clear::run,
    },
    CommandSpec {
        name: "destroy",
        summary: "Destroy recording sessions",
        operands: "[SESSION]",
        options: &[HELP, flag("all", Some('a'), "Destroy all sessions"), LIST_OPTIONS, NO_WAIT],
        actions: &[],
        run: commands::destroy::run,
    },
    CommandSpec {
        name: "disable-channel",
        summary: "Disable channels",
        operands: "CHANNEL[,CHANNEL]...",
        options: &[HELP, SESSION, KERNEL, USERSPACE, LIST_OPTIONS],
        actions: &[],
        run: commands::disable_channel::run,
    },
    CommandSpec {
        name: "disable-event",
        summary: "Disable recording event rules",
        operands: "EVENT[,EVENT]...",
        options: &[
            HELP,
            SESSION,
            flag("all-events", Some('a'), "Disable all event rules"),
            CHANNEL,
            JUL,
            LOG4J,
            PYTHON,
            KERNEL,
            USERSPACE,
            flag("syscall", None, "Linux system call event rules"),
            flag("probe", None, "Linux kprobe event rules"),
            flag("tracepoint", None, "Tracepoint event rules"),
            flag("function", None, "Linux kretprobe event rules"),
            flag("all", None, "Event rules of all types"),
            LIST_OPTIONS,
        ],
        actions: &[],
        run: commands::disable_event::run,
    },
    CommandSpec {
        name: "enable-channel",
        summary: "Create or enable a channel",
        operands: "CHANNEL[,CHANNEL]...",
        options: &[
            HELP,
            SESSION,
            KERNEL,
            USERSPACE,
            flag("discard", None, "Discard event records when buffers are full (default)"),
            flag("overwrite", None, "Overwrite the oldest packets when buffers are full"),
            valued("subbuf-size", None, "SIZE", "Size of a sub-buffer"),
            valued("num-subbuf", None, "COUNT", "Sub-buffers in a ring buffer"),
            valued("switch-timer", None, "PERIOD", "Period of the switch timer"),
            valued("monitor-timer", None, "PERIOD", "Period of the monitor timer"),
            valued("read-timer", None, "PERIOD", "Period of the read timer"),
            LIST_OPTIONS,
            valued("output", None, "TYPE", "Output type: mmap or splice"),
            flag("buffers-uid", None, "One set of ring buffers per user (default of user space)"),
            flag("buffers-pid", None, "One set of ring buffers per process"),
            flag("buffers-global", None, "One set of ring buffers for the system (kernel)"),
            valued("tracefile-size", Some('C'), "SIZE", "Largest size of a trace file"),
            valued(
                "tracefile-count",
                Some('W'),
                "COUNT",
                "Trace files per stream; the oldest one is overwritten",
            ),
            valued("blocking-timeout", None, "TIMEOUT", "How long an application waits for room (or inf)"),
        ],
        actions: &[],
        run: commands::enable_channel::run,
    },
    CommandSpec {
        name: "enable-event",
        summary: "Create or enable recording event rules",
        operands: "EVENT[,EVENT]...",
        options: &[
            HELP,
            SESSION,
            flag("all", Some('a'), "All events"),
            CHANNEL,
            KERNEL,
            USERSPACE,
            JUL,
            LOG4J,
            PYTHON,
            flag("tracepoint", None, "Tracepoints (default)"),
            valued("probe", None, "LOCATION", "Linux kprobe at LOCATION"),
            valued("userspace-probe", None, "LOCATION", "Linux uprobe at LOCATION"),
            valued("function", None, "LOCATION", "Linux kretprobe at LOCATION"),
            flag("syscall", None, "Linux system calls"),
            valued("loglevel", None, "LEVEL", "Events at least as severe as LEVEL"),
            valued("loglevel-only", None, "LEVEL", "Events of exactly LEVEL"),
            LIST_OPTIONS,
            valued("filter", Some('f'), "EXPR", "Only events for which EXPR is true"),
            valued("exclude", Some('x'), "EVENT[,EVENT]...", "Events to exclude from the pattern"),
        ],
        actions: &[],
        run: commands::enable_event::run,
    },
    CommandSpec {
        name: "help",
        summary: "Show the help of a command",
        operands: "[COMMAND]",
        options: &[HELP, LIST_OPTIONS],
        actions: &[],
        run: commands::help::run,
    },
    CommandSpec {
        name: "list",
        summary: "List recording sessions and instrumentation points",
        operands: "[SESSION]",
        options: &[
            HELP,
            KERNEL,
            JUL,
            LOG4J,
            PYTHON,
            USERSPACE,
            valued("channel", Some('c'), "CHANNEL", "Only this channel of SESSION"),
            flag("domain", Some('d'), "Only the domains of SESSION"),
            flag("fields", Some('f'), "With the fields of the user space tracepoints"),
            flag("syscall", Some('S'), "Linux system calls (with --kernel)"),
            LIST_OPTIONS,
        ],
        actions: &[],
        run: commands::list::run,
    },
    CommandSpec {
        name: "list-triggers",
        summary: "List triggers",
        operands: "",
        options: &[HELP, LIST_OPTIONS],
        actions: &[],
        run: commands::list_triggers::run,
    },
    CommandSpec {
        name: "load",
        summary: "Load recording session configurations",
        operands: "[SESSION]",
        options: &[
            HELP,
            flag("all", Some('a'), "Load all sessions (default)"),
            valued("input-path", Some('i'), "PATH", "File or directory to load from"),
            flag("force", Some('f'), "Overwrite existing sessions"),
            valued("override-url", None, "URL", "Output of the loaded sessions"),
            valued("override-name", None, "NAME", "Name of the loaded session"),
            LIST_OPTIONS,
        ],
        actions: &[],
        run: commands::load::run,
    },
    CommandSpec {
        name: "metadata",
        summary: "Regenerate the metadata of a session (deprecated; use regenerate)",
        operands: "ACTION",
        options: &[HELP, SESSION, LIST_OPTIONS, LIST_COMMANDS],
        actions: &["regenerate"],
        run: commands::regenerate::run_metadata,
    },
    CommandSpec {
        name: "regenerate",
        summary: "Regenerate specific recording session data",
        operands: "OBJECT",
        options: &[HELP, SESSION, LIST_OPTIONS, LIST_COMMANDS],
        actions: &["metadata", "statedump"],
        run: commands::regenerate::run,
    },
    CommandSpec {
        name: "remove-trigger",
        summary: "Remove a trigger",
        operands: "NAME",
        options: &[HELP, LIST_OPTIONS, OWNER_UID],
        actions: &[],
        run: commands::remove_trigger::run,
    },
    CommandSpec {
        name: "rotate",
        summary: "Archive the current trace chunk of a recording session",
        operands: "[SESSION]",
        options: &[HELP, LIST_OPTIONS, NO_WAIT],
        actions: &[],
        run: commands::rotate::run,
    },
    CommandSpec {
        name: "enable-rotation",
        summary: "Set a recording session rotation schedule",
        operands: "",
        options: &[
            HELP,
            LIST_OPTIONS,
            SESSION,
            valued("timer", None, "PERIOD", "Rotate every PERIOD"),
            valued("size", None, "SIZE", "Rotate every SIZE bytes written"),
        ],
        actions: &[],
        run: commands::rotation_schedule::run_enable,
    },
    CommandSpec {
        name: "disable-rotation",
        summary: "Unset a recording session rotation schedule",
        operands: "",
        options: &[
            HELP,
            LIST_OPTIONS,
            SESSION,
            flag("timer", None, "Unset the periodic schedule"),
            flag("size", None, "Unset the size-based schedule"),
        ],
        actions: &[],
        run: commands::rotation_schedule::run_disable,
    },
    CommandSpec {
        name: "save",
        summary: "Save recording session configurations",
        operands: "[SESSION]",
        options: &[
            HELP,
            flag("all", Some('a'), "Save all sessions (default)"),
            valued("output-path", Some('o'), "PATH", "Directory to save to"),
            flag("force", Some('f'), "Overwrite existing files"),
            LIST_OPTIONS,
        ],
        actions: &[],
        run: commands::save::run,
    },
    CommandSpec {
        name: "set-session",
        summary: "Set the current recording session",
        operands: "SESSION",
        options: &[HELP, LIST_OPTIONS],
        actions: &[],
        run: commands::set_session::run,
    },
    CommandSpec {
        name: "snapshot",
        summary: "Take a recording session snapshot",
        operands: "ACTION [URL]",
        options: &[
            HELP,
            SESSION,
            CTRL_URL,
            DATA_URL,
            valued("name", Some('n'), "NAME", "Name of the snapshot output"),
            valued("max-size", Some('m'), "SIZE", "Largest size of a snapshot"),
            LIST_OPTIONS,
            LIST_COMMANDS,
        ],
        actions: &["add-output", "del-output", "list-output", "record"],
        run: commands::snapshot::run,
    },
    CommandSpec {
        name: "start",
        summary: "Start a recording session",
        operands: "[SESSION]",
        options: &[HELP, LIST_OPTIONS],
        actions: &[],
        run: commands::start::run,
    },
    CommandSpec {
        name: "status",
        summary: "Show the status of the current recording session",
        operands: "",
        options: &[HELP, LIST_OPTIONS],
        actions: &[],
        run: commands::list::run_status,
    },
    CommandSpec {
        name: "stop",
        summary: "Stop a recording session",
        operands: "[SESSION]",
        options: &[HELP, LIST_OPTIONS, NO_WAIT],
        actions: &[],
        run: commands::stop::run,
    },
    CommandSpec {
        name: "track",
        summary: "Allow specific processes to record events",
        operands: "",
        options: TRACK_OPTIONS,
        actions: &[],
        run: commands::track::run_track,
    },
    CommandSpec {
        name: "untrack",
        summary: "Disallow specific processes to record events",
        operands: "",
        options: TRACK_OPTIONS,
        actions: &[],
        run: commands::track::run_untrack,
    },
    CommandSpec {
        name: "version",
        summary: "Show LTTng-tools version information",
        operands: "",
        options: &[HELP, LIST_OPTIONS],
        actions: &[],
        run: commands::version::run,
    },
    CommandSpec {
        name: "view",
        summary: "Launch a trace reader",
        operands: "[SESSION]",
        options: &[
            HELP,
            LIST_OPTIONS,
            valued("viewer", Some('e'), "CMD", "Trace reader to launch instead of babeltrace2"),
            valued("trace-path", Some('t'), "PATH", "Trace to read instead of a session's"),
        ],
        actions: &[],
        run: commands::view::run,
    },
];

/// The command of that name.
pub(crate) fn command(name: &str) -> Option<&'static CommandSpec> {
    COMMANDS.iter().find(|command| command.name == name)
}

/// What the program prints when it is called without any argument.
pub(crate) fn usage() -> String {
    let mut text = String::from(
        "Usage: lttng [--group=GROUP] [--mi=TYPE] [--no-sessiond | --sessiond-path=PATH]\n             \
         [--quiet | -v | -vv | -vvv] COMMAND [COMMAND OPTIONS]\n\nAvailable commands:\n\n",
    );
    for (title, names) in GROUPS {
        text.push_str(&format!("{title}:\n"));
        for name in *names {
            let summary = command(name).map_or("", |command| command.summary);
            text.push_str(&format!("  {name:<18}{summary}\n"));
        }
        text.push('\n');
    }
    text.push_str(
        "Run `lttng help COMMAND` or `lttng COMMAND --help` to get help with\ncommand COMMAND.\n\n\
         See `man lttng` for more help with the lttng command.",
    );
    text
}
