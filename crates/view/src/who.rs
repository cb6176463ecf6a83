//! Who an event is of: CPU, process and thread, as far as the trace tells.
//!
//! The CPU stands in the packet's context, process and thread in the contexts of events (`vpid`, `procname`, `vtid` in
//! user space, `pid`, `tid` in the kernel) or, with buffers per process, in the trace's environment.

use rttng_ctf::EnvValue;
use rttng_ctf::decode::{NodeId, Visit};
use rttng_ctf::read::{Event, ReadError, Reader, Trace};
use rttng_ctf::types::Scope;

/// Longer names of processes are cut; LTTng's have at most 17 bytes.
const MAX_NAME_BYTES: usize = 64;

/// What one event tells of itself.
#[derive(Debug, Default)]
pub(crate) struct Glance {
    /// Process.
    pub(crate) process: Option<i64>,
    /// Its name; empty if it is not known.
    pub(crate) name: Vec<u8>,
    pub(crate) thread: Option<i64>,
    /// Hash of the field that was asked for.
    pub(crate) key: Option<u64>,
    nodes: ContextNodes,
    key_node: Option<NodeId>,
    scope: Option<Scope>,
}

/// Where process and thread stand among the contexts of a stream class.
#[derive(Debug, Default, Clone, Copy)]
struct ContextNodes {
    process: Option<NodeId>,
    name: Option<NodeId>,
    thread: Option<NodeId>,
}

/// What is known of all events of a trace.
#[derive(Debug)]
struct TraceWho {
    process: Option<i64>,
    name: Vec<u8>,
    /// By stream class.
    nodes: Vec<ContextNodes>,
}

/// Tells whom events are of.
#[derive(Debug)]
pub(crate) struct Who {
    traces: Vec<TraceWho>,
    /// By stream: its packet when the CPU was looked up, and the CPU.
    cpus: Vec<(usize, Option<u64>)>,
    pub(crate) glance: Glance,
}

impl Who {
    pub(crate) fn new(reader: &Reader) -> Who {
        Who {
            traces: reader.traces().iter().map(TraceWho::new).collect(),
            cpus: vec![(usize::MAX, None); reader.stream_count()],
            glance: Glance::default(),
        }
    }

    /// Whether threads of a stream class's events are known.
    pub(crate) fn knows_threads(&self, trace: usize, stream: usize) -> bool {
        self.traces[trace].nodes[stream].thread.is_some()
    }

    /// Whether processes of a stream class's events are known.
    pub(crate) fn knows_processes(&self, trace: usize, stream: usize) -> bool {
        let trace = &self.traces[trace];
        trace.process.is_some() || trace.nodes[stream].process.is_some()
    }

    /// The CPU that an event was recorded on.
    #[inline]
    pub(crate) fn cpu(&mut self, event: &mut Event<'_>) -> Result<Option<u64>, ReadError> {
        let (packet, cpu) = &mut self.cpus[event.stream()];
        if *packet != event.packet() {
            *packet = event.packet();
            *cpu = cpu_of(event)?;
        }
        Ok(*cpu)
    }

    /// Looks at an event, and at the field `key` of its payload.
    #[inline]
    pub(crate) fn look(&mut self, event: &mut Event<'_>, key: Option<NodeId>) -> Result<(), ReadError> {
        let trace = &self.traces[event.trace_number()];
        let glance = &mut self.glance;
        glance.nodes = trace.nodes[event.stream_class_number()];
        (glance.process, glance.thread, glance.key, glance.key_node) = (trace.process, None, None, key);
        glance.name.clear();
        glance.name.extend_from_slice(&trace.name);
        let ContextNodes { process, name, thread } = glance.nodes;
        if process.is_some() || name.is_some() || thread.is_some() || key.is_some() {
            event.show(glance)?;
        }
        Ok(())
    }
}

impl TraceWho {
    fn new(trace: &Trace) -> TraceWho {
        let environment = &trace.class().environment;
        let process = environment.entries.iter().find_map(|(key, value)| match value {
            EnvValue::Integer(value) if key == "vpid" => Some(*value),
            _ => None,
        });
        let name = environment.text("procname").unwrap_or_default().as_bytes().to_vec();
        let nodes = |stream: usize| {
            let layout = trace.layout(stream, 0, Scope::StreamEventContext);
            let find = |names: &[&str]| names.iter().find_map(|name| layout?.field(name));
            ContextNodes {
                process: find(&["vpid", "pid"]),
                name: find(&["procname", "comm"]),
                thread: find(&["vtid", "tid", "pthread_id"]),
            }
        };
        TraceWho { process, name, nodes: (0..trace.class().streams.len()).map(nodes).collect() }
    }
}

impl Glance {
    fn integer(&mut self, node: NodeId, value: i64) {
        match self.scope {
            Some(Scope::StreamEventContext) => {
                if self.nodes.process == Some(node) {
                    self.process = Some(value);
                } else if self.nodes.thread == Some(node) {
                    self.thread = Some(value);
                }
            }
            Some(Scope::EventFields) if self.key_node == Some(node) => self.key = Some(value as u64),
            _ => {}
        }
    }
}

impl Visit for Glance {
    fn scope(&mut self, scope: Scope) {
        self.scope = Some(scope);
    }

    fn unsigned(&mut self, node: NodeId, value: u64) {
        self.integer(node, value as i64);
    }

    fn signed(&mut self, node: NodeId, value: i64) {
        self.integer(node, value);
    }

    fn float(&mut self, node: NodeId, value: f64) {
        self.integer(node, value.to_bits() as i64);
    }

    fn text(&mut self, node: NodeId, text: &[u8]) {
        match self.scope {
            Some(Scope::StreamEventContext) if self.nodes.name == Some(node) => {
                self.name.clear();
                self.name.extend_from_slice(&text[..text.len().min(MAX_NAME_BYTES)]);
            }
            Some(Scope::EventFields) if self.key_node == Some(node) => {
                use std::hash::{DefaultHasher, Hash, Hasher};
                let mut hasher = DefaultHasher::new();
                text.hash(&mut hasher);
                self.key = Some(hasher.finish());
            }
            _ => {}
        }
    }

    fn begin(&mut self, _: NodeId) {}

    fn end(&mut self, _: NodeId) {}

    fn element(&mut self, _: NodeId, _: u64) {}
}

/// The CPU in the context of an event's packet.
fn cpu_of(event: &mut Event<'_>) -> Result<Option<u64>, ReadError> {
    struct Cpu(NodeId, Option<u64>);
    impl Visit for Cpu {
        fn scope(&mut self, _: Scope) {}
        fn unsigned(&mut self, node: NodeId, value: u64) {
            if node == self.0 {
                self.1 = Some(value);
            }
        }
        fn signed(&mut self, node: NodeId, value: i64) {
            self.unsigned(node, value as u64);
        }
        fn float(&mut self, _: NodeId, _: f64) {}
        fn text(&mut self, _: NodeId, _: &[u8]) {}
        fn begin(&mut self, _: NodeId) {}
        fn end(&mut self, _: NodeId) {}
        fn element(&mut self, _: NodeId, _: u64) {}
    }
    let layout = event.trace().layout(event.stream_class_number(), 0, Scope::PacketContext);
    let Some(node) = layout.and_then(|layout| layout.field("cpu_id")) else { return Ok(None) };
    let mut cpu = Cpu(node, None);
    event.show_packet_context(&mut cpu)?;
    Ok(cpu.1)
}
