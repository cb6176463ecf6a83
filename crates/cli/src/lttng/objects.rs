//! LTTng's objects as elements of the machine interface (`docs/spec/mi.md` §2).

use rttng_wire::client::{
    BlockingTimeout, Channel, ChannelAttributes, Context, DomainType, Event, EventField, EventKind,
    FieldType, LogLevelType, OverwriteMode, ProcessAttribute, ProcessAttributeValue, RotationSchedules,
    Session, TraceArchiveLocation, UserspaceProbeLocation,
};

use rttng_wire::text;

use super::mi::Document;
use super::names;
use super::values::micros;

/// The children of a `session` element that describe it.
pub(crate) fn session_fields(mi: &mut Document, session: &Session) {
    mi.text("name", &session.name);
    mi.text("path", &session.path);
    mi.boolean("enabled", session.active);
    mi.number("snapshot_mode", u8::from(session.snapshot_mode));
    mi.number("live_timer_interval", session.live_timer.map_or(0, micros));
}

/// A whole `session` element.
pub(crate) fn session(mi: &mut Document, session: &Session) {
    mi.element("session", |mi| session_fields(mi, session));
}

/// A `session` element with a name alone.
pub(crate) fn session_name(mi: &mut Document, name: &str) {
    mi.element("session", |mi| mi.text("name", name));
}

/// A `rotation_schedules` element; nothing if there is no schedule.
pub(crate) fn rotation_schedules(mi: &mut Document, schedules: &RotationSchedules) {
    if *schedules == RotationSchedules::default() {
        return;
    }
    mi.element("rotation_schedules", |mi| {
        if let Some(period) = schedules.periodic {
            mi.element("periodic", |mi| mi.number("time_us", micros(period)));
        }
        if let Some(size) = schedules.size {
            mi.element("size_threshold", |mi| mi.number("bytes", size));
        }
    });
}

/// The children of a `channel` element up to its attributes.
pub(crate) fn channel_fields(mi: &mut Document, channel: &Channel) {
    mi.text("name", &channel.name);
    mi.boolean("enabled", channel.enabled);
    mi.element("attributes", |mi| channel_attributes(mi, &channel.attributes, channel));
}

fn channel_attributes(mi: &mut Document, attributes: &ChannelAttributes, channel: &Channel) {
    // Whatever is not discard reads as overwrite, also the session's default in the reply to enable-channel.
    let overwrites = attributes.overwrite != OverwriteMode::Discard;
    mi.text("overwrite_mode", if overwrites { "OVERWRITE" } else { "DISCARD" });
    mi.number("subbuffer_size", attributes.subbuf_size);
    mi.number("subbuffer_count", attributes.num_subbuf);
    mi.number("switch_timer_interval", micros(attributes.switch_timer));
    mi.number("read_timer_interval", micros(attributes.read_timer));
    mi.number("monitor_timer_interval", micros(attributes.monitor_timer));
    match attributes.blocking_timeout {
        BlockingTimeout::None => mi.number("blocking_timeout", 0),
        BlockingTimeout::After(time) => mi.number("blocking_timeout", micros(time)),
        BlockingTimeout::Infinite => mi.number("blocking_timeout", -1),
    }
    mi.text("output_type", names::output_mi(attributes.output));
    mi.number("tracefile_size", attributes.tracefile_size);
    mi.number("tracefile_count", attributes.tracefile_count);
    mi.number("live_timer_interval", micros(attributes.live_timer));
    mi.number("discarded_events", channel.discarded_events);
    mi.number("lost_packets", channel.lost_packets);
}

/// The children of an `event` element.
pub(crate) fn event_fields(mi: &mut Document, event: &Event, domain: DomainType) {
    mi.text("name", &event.name);
    mi.text("type", names::event_type_mi(event.kind.event_type()));
    mi.boolean("enabled", event.enabled != Some(false));
    if let Some(filter) = &event.filter {
        mi.text("filter_expression", &filter.expression);
    }
    event_kind(mi, event, domain);
}

fn event_kind(mi: &mut Document, event: &Event, domain: DomainType) {
    match &event.kind {
        EventKind::Tracepoint => {
            let no_level = event.log_level.kind == LogLevelType::All && domain.is_agent();
            if event.log_level.level != -1 && !no_level {
                mi.text("loglevel", &names::level(domain, event.log_level.level));
                mi.text("loglevel_type", names::level_type_mi(event.log_level));
            }
            mi.element("exclusions", |mi| {
                for exclusion in &event.exclusions {
                    mi.text("exclusion", exclusion);
                }
            });
        }
        EventKind::Probe(probe) | EventKind::Function(probe) => mi.element("attributes", |mi| {
            mi.element("probe_attributes", |mi| {
                if probe.address != 0 {
                    mi.text("address", &format!("{:#x}", probe.address));
                } else {
                    mi.text("offset", &format!("{:#x}", probe.offset));
                    mi.text("symbol_name", &probe.symbol);
                }
            });
        }),
        EventKind::FunctionEntry { symbol } => mi.element("attributes", |mi| {
            mi.element("probe_attributes", |mi| mi.text("symbol_name", symbol));
        }),
        EventKind::UserspaceProbe(location) => mi.element("attributes", |mi| {
            mi.element("userspace_probe_function_attributes", |mi| match location {
                UserspaceProbeLocation::Function { function, binary } => {
                    mi.text("lookup_method", "ELF");
                    mi.text("binary_path", &text::from_path(binary));
                    mi.text("function_name", function);
                }
                UserspaceProbeLocation::Tracepoint { probe, provider, binary } => {
                    mi.text("lookup_method", "SDT");
                    mi.text("binary_path", &text::from_path(binary));
                    mi.text("provider_name", provider);
                    mi.text("probe_name", probe);
                }
            });
        }),
        EventKind::Syscall | EventKind::All | EventKind::Noop => {}
    }
}

/// An `event_field` element.
pub(crate) fn event_field(mi: &mut Document, field: &EventField) {
    mi.element("event_field", |mi| {
        mi.text("name", &field.name);
        mi.text(
            "type",
            match field.field_type {
                FieldType::Other => "OTHER",
                FieldType::Integer => "INTEGER",
                FieldType::Enum => "ENUM",
                FieldType::Float => "FLOAT",
                FieldType::String => "STRING",
            },
        );
        mi.number("nowrite", u8::from(field.nowrite));
    });
}

/// The children of a `context` element; `symbol` is how the command line spells it.
pub(crate) fn context_fields(mi: &mut Document, context: &Context, symbol: &str) {
    match context {
        Context::Builtin(_) => mi.text("type", &symbol.to_uppercase().replace('-', "_")),
        Context::Perf(counter) => mi.element("perf", |mi| {
            mi.number("type", counter.perf_type);
            mi.number("config", counter.config);
            mi.text("name", &counter.name);
        }),
        Context::App { provider, name } => mi.element("app", |mi| {
            mi.text("provider_name", provider);
            mi.text("ctx_name", name);
        }),
    }
    mi.text("symbol", symbol);
}

/// One value of a tracker: an element named after the attribute. `None` is every value.
pub(crate) fn tracker_value(
    mi: &mut Document,
    attribute: ProcessAttribute,
    value: Option<&ProcessAttributeValue>,
    success: Option<bool>,
) {
    mi.element(names::attribute_id(attribute), |mi| {
        mi.element("type", |mi| match value {
            None => mi.boolean("all", true),
            Some(ProcessAttributeValue::Pid(pid)) => mi.number("id", *pid),
            Some(ProcessAttributeValue::Uid(id) | ProcessAttributeValue::Gid(id)) => mi.number("id", *id),
            Some(ProcessAttributeValue::UserName(name) | ProcessAttributeValue::GroupName(name)) => {
                mi.text("name", name);
            }
        });
        if let Some(success) = success {
            mi.boolean("success", success);
        }
    });
}

/// A `location` element.
pub(crate) fn location(mi: &mut Document, location: &TraceArchiveLocation) {
    mi.element("location", |mi| match location {
        TraceArchiveLocation::Local { path } => mi.element("local", |mi| {
            mi.text("absolute_path", &text::from_path(path));
        }),
        TraceArchiveLocation::Relay { host, protocol: _, control_port, data_port, path } => {
            mi.element("relay", |mi| {
                mi.text("host", host);
                mi.number("control_port", *control_port);
                mi.number("data_port", *data_port);
                mi.text("protocol", "TCP");
                mi.text("relative_path", &text::from_path(path));
            });
        }
    });
}
