//! Triggers as elements of the machine interface (`docs/spec/mi.md` §4).

use rttng_wire::client::{
    Action, BufferUsage, Condition, EmissionSite, ErrorQueryResult, EventExpression, EventRule,
    KernelProbeLocation, LogLevelRule, LoggingRule, RatePolicy, SnapshotAction, SnapshotOutput, Trigger,
    UsageThreshold, UserspaceProbeLocation,
};

use rttng_wire::text;

use super::TriggerErrors;
use crate::lttng::mi::Document;
use crate::lttng::names;

/// Writes a trigger; `errors` are known in lists only.
pub(crate) fn trigger(mi: &mut Document, trigger: &Trigger, errors: Option<&TriggerErrors>) {
    mi.element("trigger", |mi| {
        mi.text("name", trigger.name.as_deref().unwrap_or_default());
        mi.number("owner_uid", trigger.owner_uid);
        mi.element("condition", |mi| {
            condition(mi, &trigger.condition);
            results(mi, errors.map(|errors| errors.condition.as_slice()));
        });
        mi.element("action", |mi| actions(mi, &trigger.action, errors));
        results(mi, errors.map(|errors| errors.trigger.as_slice()));
    });
}

fn results(mi: &mut Document, results: Option<&[ErrorQueryResult]>) {
    let Some(results) = results else { return };
    mi.element("error_query_results", |mi| {
        for result in results {
            mi.element("error_query_result", |mi| {
                mi.text("name", &result.name);
                mi.text("description", &result.description);
                mi.element("error_query_result_counter", |mi| mi.number("value", result.value));
            });
        }
    });
}

fn condition(mi: &mut Document, condition: &Condition) {
    let session = |mi: &mut Document, name: &str| mi.text("session_name", name);
    match condition {
        Condition::EventRuleMatches(matches) => mi.element("condition_event_rule_matches", |mi| {
            mi.element("event_rule", |mi| event_rule(mi, &matches.rule));
            mi.element("capture_descriptors", |mi| {
                for capture in &matches.captures {
                    expression(mi, capture);
                }
            });
        }),
        Condition::BufferUsageHigh(usage) => {
            mi.element("condition_buffer_usage_high", |mi| buffer_usage(mi, usage));
        }
        Condition::BufferUsageLow(usage) => {
            mi.element("condition_buffer_usage_low", |mi| buffer_usage(mi, usage));
        }
        Condition::SessionConsumedSize { threshold, session: name } => {
            mi.element("condition_session_consumed_size", |mi| {
                session(mi, name);
                mi.number("threshold_bytes", *threshold);
            });
        }
        Condition::SessionRotationOngoing { session: name } => {
            mi.element("condition_session_rotation_ongoing", |mi| session(mi, name));
        }
        Condition::SessionRotationCompleted { session: name } => {
            mi.element("condition_session_rotation_completed", |mi| session(mi, name));
        }
    }
}

fn buffer_usage(mi: &mut Document, usage: &BufferUsage) {
    mi.text("session_name", &usage.session);
    mi.text("channel_name", &usage.channel);
    mi.text("domain", names::domain_mi(usage.domain));
    match usage.threshold {
        UsageThreshold::Bytes(bytes) => mi.number("threshold_bytes", bytes),
        UsageThreshold::Ratio(ratio) => mi.text("threshold_ratio", &format!("{ratio:.6}")),
    }
}

fn event_rule(mi: &mut Document, rule: &EventRule) {
    match rule {
        EventRule::UserTracepoint(rule) => mi.element("event_rule_user_tracepoint", |mi| {
            pattern_and_filter(mi, &rule.pattern, rule.filter.as_deref());
            log_level(mi, rule.log_level);
            if !rule.exclusions.is_empty() {
                mi.element("name_pattern_exclusions", |mi| {
                    for exclusion in &rule.exclusions {
                        mi.text("name_pattern_exclusion", exclusion);
                    }
                });
            }
        }),
        EventRule::JulLogging(rule) => mi.element("event_rule_jul_logging", |mi| logging(mi, rule)),
        EventRule::Log4jLogging(rule) => mi.element("event_rule_log4j_logging", |mi| logging(mi, rule)),
        EventRule::PythonLogging(rule) => mi.element("event_rule_python_logging", |mi| logging(mi, rule)),
        EventRule::KernelTracepoint { pattern, filter } => mi.element("event_rule_kernel_tracepoint", |mi| {
            pattern_and_filter(mi, pattern, filter.as_deref());
        }),
        EventRule::KernelSyscall { emission_site, pattern, filter } => {
            mi.element("event_rule_kernel_syscall", |mi| {
                mi.text(
                    "emission_site",
                    match emission_site {
                        EmissionSite::EntryExit => "entry+exit",
                        EmissionSite::Entry => "entry",
                        EmissionSite::Exit => "exit",
                    },
                );
                pattern_and_filter(mi, pattern, filter.as_deref());
            });
        }
        EventRule::KernelKprobe { name, location } => mi.element("event_rule_kernel_kprobe", |mi| {
            mi.text("event_name", name);
            mi.element("kernel_probe_location", |mi| match location {
                KernelProbeLocation::Address(address) => {
                    mi.element("kernel_probe_location_address", |mi| mi.number("address", *address));
                }
                KernelProbeLocation::Symbol { symbol, offset } => {
                    mi.element("kernel_probe_location_symbol_offset", |mi| {
                        mi.text("name", symbol);
                        mi.number("offset", *offset);
                    });
                }
            });
        }),
        EventRule::KernelUprobe { name, location } => mi.element("event_rule_kernel_uprobe", |mi| {
            mi.text("event_name", name);
            mi.element("userspace_probe_location", |mi| userspace_probe(mi, location));
        }),
    }
}

fn userspace_probe(mi: &mut Document, location: &UserspaceProbeLocation) {
    const LOOKUP: &str = "userspace_probe_location_lookup_method";
    match location {
        UserspaceProbeLocation::Function { function, binary } => {
            mi.element("userspace_probe_location_function", |mi| {
                mi.text("name", function);
                mi.text("binary_path", &text::from_path(binary));
                mi.text("instrumentation_type", "ENTRY");
                mi.element(LOOKUP, |mi| {
                    mi.element("userspace_probe_location_lookup_method_function_elf", |_| ());
                });
            });
        }
        UserspaceProbeLocation::Tracepoint { probe, provider, binary } => {
            mi.element("userspace_probe_location_tracepoint", |mi| {
                mi.text("probe_name", probe);
                mi.text("provider_name", provider);
                mi.text("binary_path", &text::from_path(binary));
                mi.element(LOOKUP, |mi| {
                    mi.element("userspace_probe_location_lookup_method_tracepoint_sdt", |_| ());
                });
            });
        }
    }
}

fn pattern_and_filter(mi: &mut Document, pattern: &str, filter: Option<&str>) {
    mi.text("name_pattern", pattern);
    if let Some(filter) = filter {
        mi.text("filter_expression", filter);
    }
}

fn logging(mi: &mut Document, rule: &LoggingRule) {
    pattern_and_filter(mi, &rule.pattern, rule.filter.as_deref());
    log_level(mi, rule.log_level);
}

fn log_level(mi: &mut Document, rule: Option<LogLevelRule>) {
    let Some(rule) = rule else { return };
    let kind = match rule {
        LogLevelRule::Exactly(_) => "log_level_rule_exactly",
        LogLevelRule::AtLeastAsSevereAs(_) => "log_level_rule_at_least_as_severe_as",
    };
    mi.element("log_level_rule", |mi| mi.element(kind, |mi| mi.number("level", rule.level())));
}

fn expression(mi: &mut Document, of: &EventExpression) {
    mi.element("event_expr", |mi| match of {
        EventExpression::PayloadField(name) => {
            mi.element("event_expr_payload_field", |mi| mi.text("name", name));
        }
        EventExpression::ContextField(name) => {
            mi.element("event_expr_channel_context_field", |mi| mi.text("name", name));
        }
        EventExpression::AppContextField { provider, name } => {
            mi.element("event_expr_app_specific_context_field", |mi| {
                mi.text("provider_name", provider);
                mi.text("type_name", name);
            });
        }
        EventExpression::ArrayElement { index, array } => {
            mi.element("event_expr_array_field_element", |mi| {
                mi.number("index", *index);
                expression(mi, array);
            })
        }
    });
}

fn actions(mi: &mut Document, action: &Action, errors: Option<&TriggerErrors>) {
    let errors_of = |index: usize| errors.and_then(|errors| errors.actions.get(index)).map(Vec::as_slice);
    match action {
        Action::List(list) => mi.element("action_list", |mi| {
            for (index, action) in list.iter().enumerate() {
                mi.element("action", |mi| {
                    single(mi, action);
                    results(mi, errors_of(index));
                });
            }
        }),
        action => {
            single(mi, action);
            results(mi, errors_of(0));
        }
    }
}

fn single(mi: &mut Document, action: &Action) {
    let about = |mi: &mut Document, element, session: &str, policy: RatePolicy| {
        mi.element(element, |mi| {
            mi.text("session_name", session);
            rate_policy(mi, policy);
        });
    };
    match action {
        Action::Notify { policy } => mi.element("action_notify", |mi| rate_policy(mi, *policy)),
        Action::StartSession { session, policy } => about(mi, "action_start_session", session, *policy),
        Action::StopSession { session, policy } => about(mi, "action_stop_session", session, *policy),
        Action::RotateSession { session, policy } => about(mi, "action_rotate_session", session, *policy),
        Action::SnapshotSession(SnapshotAction { session, output, policy }) => {
            mi.element("action_snapshot_session", |mi| {
                mi.text("session_name", session);
                if let Some(output) = output {
                    snapshot_output(mi, output);
                }
                rate_policy(mi, *policy);
            });
        }
        // A list inside a list does not pass the decoder.
        Action::List(_) => {}
    }
}

fn snapshot_output(mi: &mut Document, output: &SnapshotOutput) {
    mi.element("output", |mi| {
        if !output.name.is_empty() {
            mi.text("name", &output.name);
        }
        mi.text("ctrl_url", &output.ctrl_url);
        if !output.data_url.is_empty() {
            mi.text("data_url", &output.data_url);
        }
        if let Some(limit) = output.max_size.limit() {
            mi.number("max_size", limit);
        }
    });
}

fn rate_policy(mi: &mut Document, policy: RatePolicy) {
    mi.element("rate_policy", |mi| match policy {
        RatePolicy::EveryN(n) => {
            mi.element("rate_policy_every_n", |mi| mi.number("interval", n.get()));
        }
        RatePolicy::OnceAfterN(n) => {
            mi.element("rate_policy_once_after_n", |mi| mi.number("threshold", n.get()));
        }
    });
}
