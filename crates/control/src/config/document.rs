//! A tree of elements to saved sessions, with the checks of LTTng's schema (`docs/spec/session-config.md` §3 to §5).

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use rttng_wire::client::context::PerfScope;
use rttng_wire::client::defaults::channel_attributes;
use rttng_wire::client::event::ProbeAttributes;
use rttng_wire::client::{
    BlockingTimeout, BufferType, Channel, Context, ContextType, DomainType, Event, EventKind, Filter,
    LogLevelSelection, OutputType, OverwriteMode, PerfCounter, ProcessAttribute, ProcessAttributeValue,
    RotationSchedules, SnapshotMaxSize, SnapshotOutput, UserspaceProbeLocation,
};

use super::tree::{self, Element};
use super::{
    ConfigError, SavedChannel, SavedDestination, SavedDomain, SavedEvent, SavedKind, SavedSession,
    SavedTracker,
};

type Parsed<T> = Result<T, ConfigError>;

/// Longest name, in characters.
const NAME_MAX: usize = 255;
const BLOCKING_TIMEOUTS: RangeInclusive<i64> = -1..=2_147_483_648_000;

impl SavedSession {
    /// Reads the sessions of a document.
    ///
    /// # Errors
    /// When it is no XML document, or not one that LTTng's schema allows.
    pub fn read_all(text: &str) -> Result<Vec<SavedSession>, ConfigError> {
        let root = tree::parse(text)?;
        if root.name != "sessions" {
            return Err(invalid(&root, "is not `sessions`"));
        }
        let sessions = list(&root, "session")?.iter().map(session).collect::<Parsed<Vec<_>>>()?;
        if sessions.is_empty() { Err(invalid(&root, "has no session")) } else { Ok(sessions) }
    }
}

fn invalid(element: &Element, why: impl Into<String>) -> ConfigError {
    ConfigError::Invalid { element: element.name.clone(), why: why.into() }
}

/// The children of an element that holds one child of each name at most, and no others.
struct Fields<'a> {
    of: &'a Element,
}

impl<'a> Fields<'a> {
    fn of(element: &'a Element, allowed: &[&str]) -> Parsed<Self> {
        if !element.text.trim().is_empty() {
            return Err(invalid(element, "holds text"));
        }
        for (index, child) in element.children.iter().enumerate() {
            if !allowed.contains(&child.name.as_str()) {
                return Err(invalid(element, format!("`{}` is not expected", child.name)));
            }
            if element.children[..index].iter().any(|other| other.name == child.name) {
                return Err(invalid(element, format!("`{}` is there twice", child.name)));
            }
        }
        Ok(Fields { of: element })
    }

    fn get(&self, name: &str) -> Option<&'a Element> {
        self.of.children.iter().find(|child| child.name == name)
    }

    fn need(&self, name: &str) -> Parsed<&'a Element> {
        self.get(name).ok_or_else(|| invalid(self.of, format!("`{name}` is missing")))
    }

    fn text(&self, name: &str) -> Parsed<Option<&'a str>> {
        self.get(name).map(leaf).transpose()
    }

    fn name(&self, name: &str) -> Parsed<Option<String>> {
        let Some(element) = self.get(name) else { return Ok(None) };
        let text = leaf(element)?;
        if text.chars().count() > NAME_MAX {
            return Err(invalid(element, "is longer than 255 characters"));
        }
        Ok(Some(text.to_owned()))
    }

    fn needed_name(&self, name: &str) -> Parsed<String> {
        self.need(name)?;
        Ok(self.name(name)?.unwrap_or_default())
    }

    fn number<T: FromStr>(&self, name: &str) -> Parsed<Option<T>> {
        let Some(element) = self.get(name) else { return Ok(None) };
        leaf(element)?.trim().parse().map(Some).map_err(|_| invalid(element, "is not a number in range"))
    }

    fn needed_number<T: FromStr>(&self, name: &str) -> Parsed<T> {
        let element = self.need(name)?;
        self.number(name)?.ok_or_else(|| invalid(element, "is not a number in range"))
    }

    fn micros(&self, name: &str) -> Parsed<Option<Duration>> {
        Ok(self.number::<u64>(name)?.map(Duration::from_micros))
    }

    fn micros32(&self, name: &str) -> Parsed<Option<Duration>> {
        Ok(self.number::<u32>(name)?.map(|us| Duration::from_micros(us.into())))
    }

    fn boolean(&self, name: &str) -> Parsed<Option<bool>> {
        let Some(element) = self.get(name) else { return Ok(None) };
        match leaf(element)?.trim() {
            "true" | "1" => Ok(Some(true)),
            "false" | "0" => Ok(Some(false)),
            _ => Err(invalid(element, "is neither true nor false")),
        }
    }
}

/// The text of an element without children.
fn leaf(element: &Element) -> Parsed<&str> {
    if element.children.is_empty() { Ok(&element.text) } else { Err(invalid(element, "holds elements")) }
}

/// The children of an element that holds any number of one kind.
fn list<'a>(element: &'a Element, item: &str) -> Parsed<&'a [Element]> {
    match element.children.iter().find(|child| child.name != item) {
        Some(other) => Err(invalid(element, format!("`{}` is not expected", other.name))),
        None if !element.text.trim().is_empty() => Err(invalid(element, "holds text")),
        None => Ok(&element.children),
    }
}

fn session(element: &Element) -> Parsed<SavedSession> {
    let fields =
        Fields::of(element, &["name", "shared_memory_path", "domains", "started", "attributes", "output"])?;
    let name = fields.needed_name("name")?;
    let mut domains: Vec<SavedDomain> = Vec::new();
    if let Some(element) = fields.get("domains") {
        for item in list(element, "domain")? {
            let domain = domain(item)?;
            if domains.iter().any(|other| other.kind == domain.kind) {
                return Err(invalid(element, "has two domains of one type"));
            }
            domains.push(domain);
        }
    }
    let (mut snapshot, mut live, mut schedules) = (false, None, RotationSchedules::default());
    if let Some(element) = fields.get("attributes") {
        let attributes =
            Fields::of(element, &["snapshot_mode", "live_timer_interval", "rotation_schedules"])?;
        snapshot = attributes.boolean("snapshot_mode")?.unwrap_or(false);
        live = attributes.micros32("live_timer_interval")?.filter(|timer| !timer.is_zero());
        if let Some(element) = attributes.get("rotation_schedules") {
            schedules = rotation_schedules(element)?;
        }
    }
    let output = fields.get("output");
    let kind = match (snapshot, live) {
        (true, _) => SavedKind::Snapshot(output.map(snapshot_outputs).transpose()?.unwrap_or_default()),
        (false, Some(timer)) => SavedKind::Live { timer, output: output.map(consumer_output).transpose()? },
        (false, None) => SavedKind::Regular(output.map(consumer_output).transpose()?),
    };
    let shared_memory_path =
        fields.text("shared_memory_path")?.filter(|path| !path.is_empty()).map(PathBuf::from);
    let started = fields.boolean("started")?.unwrap_or(true);
    Ok(SavedSession { name, kind, shared_memory_path, domains, schedules, started })
}

fn rotation_schedules(element: &Element) -> Parsed<RotationSchedules> {
    let fields = Fields::of(element, &["periodic", "size_threshold"])?;
    let mut schedules = RotationSchedules::default();
    if let Some(element) = fields.get("periodic") {
        schedules.periodic = Fields::of(element, &["time_us"])?.micros("time_us")?;
    }
    if let Some(element) = fields.get("size_threshold") {
        schedules.size = Fields::of(element, &["bytes"])?.number("bytes")?;
    }
    Ok(schedules)
}

fn consumer_output(output: &Element) -> Parsed<SavedDestination> {
    let fields = Fields::of(output, &["consumer_output"])?;
    destination(fields.need("consumer_output")?)
}

fn destination(consumer_output: &Element) -> Parsed<SavedDestination> {
    let fields = Fields::of(consumer_output, &["enabled", "destination"])?;
    fields.need("enabled")?;
    fields.boolean("enabled")?;
    let element = fields.need("destination")?;
    let destination = Fields::of(element, &["path", "net_output"])?;
    if let Some(path) = destination.text("path")? {
        return Ok(SavedDestination::Path(PathBuf::from(path)));
    }
    let network = Fields::of(destination.need("net_output")?, &["control_uri", "data_uri"])?;
    let control = leaf(network.need("control_uri")?)?.to_owned();
    let data = leaf(network.need("data_uri")?)?.to_owned();
    Ok(SavedDestination::Network { control, data })
}

fn snapshot_outputs(output: &Element) -> Parsed<Vec<SnapshotOutput>> {
    let fields = Fields::of(output, &["snapshot_outputs"])?;
    let outputs = list(fields.need("snapshot_outputs")?, "output")?;
    outputs
        .iter()
        .map(|element| {
            let fields = Fields::of(element, &["name", "max_size", "consumer_output"])?;
            let mut output = SnapshotOutput::unset();
            output.name = fields.needed_name("name")?;
            output.max_size = match fields.needed_number::<u64>("max_size")? {
                0 => SnapshotMaxSize::Unlimited,
                bytes => SnapshotMaxSize::Bytes(bytes),
            };
            match destination(fields.need("consumer_output")?)? {
                SavedDestination::Path(path) => output.ctrl_url = path.to_string_lossy().into_owned(),
                SavedDestination::Network { control, data } => {
                    output.ctrl_url = control;
                    output.data_url = data;
                }
            }
            Ok(output)
        })
        .collect()
}

fn domain(element: &Element) -> Parsed<SavedDomain> {
    let fields =
        Fields::of(element, &["type", "buffer_type", "channels", "process_attr_trackers", "trackers"])?;
    let kind = match leaf(fields.need("type")?)? {
        "KERNEL" => DomainType::Kernel,
        "UST" => DomainType::Ust,
        "JUL" => DomainType::Jul,
        "LOG4J" => DomainType::Log4j,
        "PYTHON" => DomainType::Python,
        _ => return Err(invalid(element, "is of no known type")),
    };
    let buffers = match leaf(fields.need("buffer_type")?)? {
        "PER_PID" => BufferType::PerPid,
        "PER_UID" => BufferType::PerUid,
        "GLOBAL" => BufferType::Global,
        _ => return Err(invalid(element, "has no known buffer type")),
    };
    let Some(channels) = fields.get("channels") else {
        // Without channels the reference passes over the whole domain, trackers and all.
        return Ok(SavedDomain { kind, buffers, channels: Vec::new(), trackers: Vec::new() });
    };
    let channels =
        list(channels, "channel")?.iter().map(|item| channel(item, kind, buffers)).collect::<Parsed<_>>()?;
    let trackers = match (fields.get("process_attr_trackers"), fields.get("trackers")) {
        (Some(element), _) => trackers(element)?,
        (None, Some(element)) => legacy_trackers(element, kind)?,
        (None, None) => Vec::new(),
    };
    Ok(SavedDomain { kind, buffers, channels, trackers })
}

fn channel(element: &Element, domain: DomainType, buffers: BufferType) -> Parsed<SavedChannel> {
    let fields = Fields::of(
        element,
        &[
            "name",
            "enabled",
            "overwrite_mode",
            "subbuffer_size",
            "subbuffer_count",
            "switch_timer_interval",
            "read_timer_interval",
            "output_type",
            "blocking_timeout",
            "monitor_timer_interval",
            "tracefile_size",
            "tracefile_count",
            "live_timer_interval",
            "events",
            "contexts",
        ],
    )?;
    fields.need("read_timer_interval")?;
    let mut attributes = channel_attributes(domain, buffers, rustix::param::page_size() as u64);
    attributes.output = match leaf(fields.need("output_type")?)? {
        "MMAP" => OutputType::Mmap,
        "SPLICE" => OutputType::Splice,
        _ => return Err(invalid(element, "has no known output type")),
    };
    if let Some(mode) = fields.text("overwrite_mode")? {
        attributes.overwrite = match mode {
            "DISCARD" => OverwriteMode::Discard,
            "OVERWRITE" => OverwriteMode::Overwrite,
            _ => return Err(invalid(element, "has no known overwrite mode")),
        };
    }
    attributes.subbuf_size = fields.number("subbuffer_size")?.unwrap_or(attributes.subbuf_size);
    attributes.num_subbuf = fields.number("subbuffer_count")?.unwrap_or(attributes.num_subbuf);
    attributes.switch_timer = fields.micros32("switch_timer_interval")?.unwrap_or(attributes.switch_timer);
    attributes.read_timer = fields.micros32("read_timer_interval")?.unwrap_or(attributes.read_timer);
    attributes.monitor_timer = fields.micros("monitor_timer_interval")?.unwrap_or(attributes.monitor_timer);
    attributes.tracefile_size = fields.number("tracefile_size")?.unwrap_or(attributes.tracefile_size);
    attributes.tracefile_count = fields.number("tracefile_count")?.unwrap_or(attributes.tracefile_count);
    attributes.live_timer = fields.micros32("live_timer_interval")?.unwrap_or(attributes.live_timer);
    if let Some(timeout) = fields.number::<i64>("blocking_timeout")? {
        attributes.blocking_timeout = match timeout {
            _ if !BLOCKING_TIMEOUTS.contains(&timeout) => {
                return Err(invalid(element, "has a blocking timeout out of range"));
            }
            -1 => BlockingTimeout::Infinite,
            0 => BlockingTimeout::None,
            us => BlockingTimeout::After(Duration::from_micros(us.unsigned_abs())),
        };
    }
    let mut channel = Channel::new(fields.needed_name("name")?, attributes);
    channel.enabled = fields.boolean("enabled")?.unwrap_or(true);
    let of =
        |name: &str, item: &'static str| fields.get(name).map_or(Ok(&[][..]), |element| list(element, item));
    Ok(SavedChannel {
        channel,
        events: of("events", "event")?.iter().map(|item| event(item, domain)).collect::<Parsed<_>>()?,
        contexts: of("contexts", "context")?
            .iter()
            .map(|item| context(item, domain))
            .collect::<Parsed<_>>()?,
    })
}

fn event(element: &Element, domain: DomainType) -> Parsed<SavedEvent> {
    let fields = Fields::of(
        element,
        &["name", "enabled", "type", "loglevel_type", "loglevel", "filter", "exclusions", "attributes"],
    )?;
    let attributes = fields.get("attributes");
    let probe = || attributes.map(probe_attributes).transpose().map(Option::unwrap_or_default);
    let kind = match fields.text("type")?.unwrap_or("TRACEPOINT") {
        "TRACEPOINT" => EventKind::Tracepoint,
        "SYSCALL" => EventKind::Syscall,
        "ALL" => EventKind::All,
        "NOOP" => EventKind::Noop,
        "PROBE" => EventKind::Probe(probe()?),
        "FUNCTION" => EventKind::Function(probe()?),
        "FUNCTION_ENTRY" => EventKind::FunctionEntry { symbol: probe()?.symbol },
        "USERSPACE_PROBE" => {
            let attributes = attributes.ok_or_else(|| invalid(element, "`attributes` is missing"))?;
            EventKind::UserspaceProbe(userspace_probe(attributes)?)
        }
        _ => return Err(invalid(element, "is of no known type")),
    };
    let mut event = Event::new(fields.name("name")?.unwrap_or_else(|| "*".to_owned()), kind);
    let level: Option<i32> = fields.number("loglevel")?;
    let level_type = fields.text("loglevel_type")?.unwrap_or("ALL");
    event.log_level = match (level_type, level) {
        ("ALL", _) => LogLevelSelection::all(domain),
        ("RANGE", Some(level)) => LogLevelSelection::range(level),
        ("SINGLE", Some(level)) => LogLevelSelection::single(level),
        ("RANGE" | "SINGLE", None) => return Err(invalid(element, "`loglevel` is missing")),
        _ => return Err(invalid(element, "has no known log level type")),
    };
    let filter = fields.text("filter")?.filter(|filter| !filter.is_empty());
    event.filter = filter.map(|expression| Filter { expression: expression.to_owned(), bytecode: None });
    if let Some(element) = fields.get("exclusions") {
        let exclusions = list(element, "exclusion")?.iter().map(|item| leaf(item).map(str::to_owned));
        event.exclusions = exclusions.collect::<Parsed<_>>()?;
    }
    // Unlike everything else, a rule that does not say so is disabled.
    let enabled = fields.boolean("enabled")?.unwrap_or(false);
    Ok(SavedEvent { event, enabled })
}

fn probe_attributes(attributes: &Element) -> Parsed<ProbeAttributes> {
    let fields = Fields::of(attributes, &["probe_attributes", "function_attributes"])?;
    if let Some(element) = fields.get("function_attributes") {
        // The reference writes `name` where its own schema wants `symbol_name`.
        let fields = Fields::of(element, &["name", "symbol_name"])?;
        let symbol = fields.name("symbol_name")?.or(fields.name("name")?).unwrap_or_default();
        return Ok(ProbeAttributes { symbol, ..ProbeAttributes::default() });
    }
    let fields = Fields::of(fields.need("probe_attributes")?, &["address", "symbol_name", "offset"])?;
    Ok(ProbeAttributes {
        address: fields.number("address")?.unwrap_or(0),
        offset: fields.number("offset")?.unwrap_or(0),
        symbol: fields.name("symbol_name")?.unwrap_or_default(),
    })
}

fn userspace_probe(attributes: &Element) -> Parsed<UserspaceProbeLocation> {
    const FUNCTION: &str = "userspace_probe_function_attributes";
    const TRACEPOINT: &str = "userspace_probe_tracepoint_attributes";
    let fields = Fields::of(attributes, &[FUNCTION, TRACEPOINT])?;
    if let Some(element) = fields.get(TRACEPOINT) {
        let fields = Fields::of(element, &["lookup_method", "binary_path", "provider_name", "probe_name"])?;
        return Ok(UserspaceProbeLocation::Tracepoint {
            probe: fields.needed_name("probe_name")?,
            provider: fields.needed_name("provider_name")?,
            binary: leaf(fields.need("binary_path")?)?.into(),
        });
    }
    let fields = Fields::of(fields.need(FUNCTION)?, &["lookup_method", "binary_path", "function_name"])?;
    Ok(UserspaceProbeLocation::Function {
        function: fields.needed_name("function_name")?,
        binary: leaf(fields.need("binary_path")?)?.into(),
    })
}

/// Names in the order of the enumeration are those of the command line in capitals.
const CONTEXT_NAMES: &[(&str, ContextType)] = &[
    ("PID", ContextType::Pid),
    ("PROCNAME", ContextType::Procname),
    ("PRIO", ContextType::Prio),
    ("NICE", ContextType::Nice),
    ("VPID", ContextType::Vpid),
    ("TID", ContextType::Tid),
    ("VTID", ContextType::Vtid),
    ("PPID", ContextType::Ppid),
    ("VPPID", ContextType::Vppid),
    ("PTHREAD_ID", ContextType::PthreadId),
    ("HOSTNAME", ContextType::Hostname),
    ("IP", ContextType::Ip),
    ("INTERRUPTIBLE", ContextType::Interruptible),
    ("PREEMPTIBLE", ContextType::Preemptible),
    ("NEED_RESCHEDULE", ContextType::NeedReschedule),
    ("MIGRATABLE", ContextType::Migratable),
    ("CALLSTACK_USER", ContextType::CallstackUser),
    ("CALLSTACK_KERNEL", ContextType::CallstackKernel),
    // `save` writes the rest too, although the reference's schema has forgotten them.
    ("CGROUP_NS", ContextType::CgroupNs),
    ("IPC_NS", ContextType::IpcNs),
    ("MNT_NS", ContextType::MntNs),
    ("NET_NS", ContextType::NetNs),
    ("PID_NS", ContextType::PidNs),
    ("TIME_NS", ContextType::TimeNs),
    ("USER_NS", ContextType::UserNs),
    ("UTS_NS", ContextType::UtsNs),
    ("UID", ContextType::Uid),
    ("EUID", ContextType::Euid),
    ("SUID", ContextType::Suid),
    ("GID", ContextType::Gid),
    ("EGID", ContextType::Egid),
    ("SGID", ContextType::Sgid),
    ("VUID", ContextType::Vuid),
    ("VEUID", ContextType::Veuid),
    ("VSUID", ContextType::Vsuid),
    ("VGID", ContextType::Vgid),
    ("VEGID", ContextType::Vegid),
    ("VSGID", ContextType::Vsgid),
];

fn context(element: &Element, domain: DomainType) -> Parsed<Context> {
    let fields = Fields::of(element, &["type", "perf", "app"])?;
    if let Some(name) = fields.text("type")? {
        let known = CONTEXT_NAMES.iter().find(|(known, _)| *known == name);
        return known
            .map(|(_, kind)| Context::Builtin(*kind))
            .ok_or_else(|| invalid(element, "is of no known type"));
    }
    if let Some(perf) = fields.get("perf") {
        let fields = Fields::of(perf, &["type", "config", "name"])?;
        let scope = if domain == DomainType::Kernel { PerfScope::Cpu } else { PerfScope::Thread };
        return Ok(Context::Perf(PerfCounter {
            scope,
            perf_type: fields.needed_number("type")?,
            config: fields.needed_number("config")?,
            name: fields.needed_name("name")?,
        }));
    }
    let fields = Fields::of(fields.need("app")?, &["provider_name", "ctx_name"])?;
    Ok(Context::App { provider: fields.needed_name("provider_name")?, name: fields.needed_name("ctx_name")? })
}

const TRACKERS: &[(&str, &str, ProcessAttribute)] = &[
    ("pid_process_attr_tracker", "pid", ProcessAttribute::Pid),
    ("vpid_process_attr_tracker", "vpid", ProcessAttribute::Vpid),
    ("uid_process_attr_tracker", "uid", ProcessAttribute::Uid),
    ("vuid_process_attr_tracker", "vuid", ProcessAttribute::Vuid),
    ("gid_process_attr_tracker", "gid", ProcessAttribute::Gid),
    ("vgid_process_attr_tracker", "vgid", ProcessAttribute::Vgid),
];

fn trackers(element: &Element) -> Parsed<Vec<SavedTracker>> {
    let names: Vec<&str> = TRACKERS.iter().map(|(name, ..)| *name).collect();
    let fields = Fields::of(element, &names)?;
    let mut trackers = Vec::new();
    for &(name, item, attribute) in TRACKERS {
        let Some(element) = fields.get(name) else { continue };
        let values = Fields::of(element, &["process_attr_values"])?.need("process_attr_values")?;
        let values =
            list(values, item)?.iter().map(|value| tracked(value, attribute)).collect::<Parsed<_>>()?;
        trackers.push(SavedTracker { attribute, values });
    }
    Ok(trackers)
}

fn tracked(element: &Element, attribute: ProcessAttribute) -> Parsed<ProcessAttributeValue> {
    let fields = Fields::of(element, &["id", "name"])?;
    match attribute {
        ProcessAttribute::Pid | ProcessAttribute::Vpid => {
            fields.needed_number("id").map(ProcessAttributeValue::Pid)
        }
        ProcessAttribute::Uid | ProcessAttribute::Vuid => match fields.name("name")? {
            Some(name) => Ok(ProcessAttributeValue::UserName(name)),
            None => fields.needed_number("id").map(ProcessAttributeValue::Uid),
        },
        ProcessAttribute::Gid | ProcessAttribute::Vgid => match fields.name("name")? {
            Some(name) => Ok(ProcessAttributeValue::GroupName(name)),
            None => fields.needed_number("id").map(ProcessAttributeValue::Gid),
        },
    }
}

/// Trackers as LTTng before 2.12 wrote them: process identifiers only.
fn legacy_trackers(element: &Element, domain: DomainType) -> Parsed<Vec<SavedTracker>> {
    let fields = Fields::of(element, &["pid_tracker"])?;
    let Some(element) = fields.get("pid_tracker") else { return Ok(Vec::new()) };
    let targets = Fields::of(element, &["targets"])?.need("targets")?;
    let values = list(targets, "pid_target")?
        .iter()
        .map(|target| Fields::of(target, &["pid"])?.needed_number("pid").map(ProcessAttributeValue::Pid))
        .collect::<Parsed<_>>()?;
    let attribute = if domain == DomainType::Kernel { ProcessAttribute::Pid } else { ProcessAttribute::Vpid };
    Ok(vec![SavedTracker { attribute, values }])
}
