//! Lists as elements of the machine interface.

use rttng_wire::client::{Channel, Domain, DomainType, Event, EventField, Session, TrackingPolicy};

use super::Tracker;
use super::human::{ByProcess, command_name};
use crate::lttng::mi::Document;
use crate::lttng::{names, objects};

pub(super) fn sessions(mi: &mut Document, sessions: &[Session]) {
    mi.element("sessions", |mi| {
        for session in sessions {
            objects::session(mi, session);
        }
    });
}

/// Opens a session; its schedules and domains follow.
pub(super) fn open_session(mi: &mut Document, session: &Session) {
    mi.open("session");
    objects::session_fields(mi, session);
}

/// Opens a domain; what is in it follows.
pub(super) fn open_domain(mi: &mut Document, domain: Domain) {
    mi.open("domain");
    mi.text("type", names::domain_mi(domain.kind));
    mi.text("buffer_type", names::buffers_mi(domain.buffers));
}

pub(super) fn domains(mi: &mut Document, domains: &[Domain]) {
    for &domain in domains {
        open_domain(mi, domain);
        mi.close();
    }
}

pub(super) fn tracker(mi: &mut Document, tracker: &Tracker) {
    if tracker.policy == TrackingPolicy::IncludeAll {
        return;
    }
    mi.element(names::tracker_element(tracker.attribute), |mi| {
        mi.element("process_attr_values", |mi| {
            for value in &tracker.set {
                objects::tracker_value(mi, tracker.attribute, Some(value), None);
            }
        });
    });
}

pub(super) fn channel(mi: &mut Document, domain: DomainType, channel: &Channel, events: &[Event]) {
    mi.element("channel", |mi| {
        objects::channel_fields(mi, channel);
        event_list(mi, domain, events);
    });
}

pub(super) fn agent_events(mi: &mut Document, domain: DomainType, events: &[Event]) {
    event_list(mi, domain, events);
}

fn event_list(mi: &mut Document, domain: DomainType, events: &[Event]) {
    mi.element("events", |mi| {
        for event in events {
            mi.element("event", |mi| objects::event_fields(mi, event, domain));
        }
    });
}

pub(super) fn kernel_events(mi: &mut Document, events: &[Event]) {
    mi.open("domains");
    open_domain(mi, Domain::for_query(DomainType::Kernel));
    event_list(mi, DomainType::Kernel, events);
    mi.close();
    mi.close();
}

pub(super) fn syscalls(mi: &mut Document, calls: &[Event]) {
    event_list(mi, DomainType::Kernel, calls);
}

pub(super) fn tracepoints(mi: &mut Document, domain: DomainType, events: &[Event]) {
    processes(mi, domain, |mi| {
        for group in ByProcess::new(events, |event| event.pid) {
            process(mi, group[0].pid, |mi| {
                for event in group {
                    mi.element("event", |mi| objects::event_fields(mi, event, domain));
                }
            });
        }
    });
}

pub(super) fn tracepoint_fields(mi: &mut Document, fields: &[EventField]) {
    processes(mi, DomainType::Ust, |mi| {
        for group in ByProcess::new(fields, |field| field.event.pid) {
            process(mi, group[0].event.pid, |mi| {
                for fields in group.chunk_by(|a, b| a.event.name == b.event.name) {
                    mi.element("event", |mi| {
                        objects::event_fields(mi, &fields[0].event, DomainType::Ust);
                        mi.element("event_fields", |mi| {
                            for field in fields.iter().filter(|field| !field.name.is_empty()) {
                                objects::event_field(mi, field);
                            }
                        });
                    });
                }
            });
        }
    });
}

fn processes(mi: &mut Document, domain: DomainType, children: impl FnOnce(&mut Document)) {
    mi.open("domains");
    open_domain(mi, Domain::for_query(domain));
    mi.element("pids", children);
    mi.close();
    mi.close();
}

fn process(mi: &mut Document, pid: i32, events: impl FnOnce(&mut Document)) {
    mi.element("pid", |mi| {
        mi.number("id", pid);
        mi.text("name", &command_name(pid));
        mi.element("events", events);
    });
}
