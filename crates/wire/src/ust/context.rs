//! What is recorded beside each event of a channel (`docs/spec/ust-protocol.md` 5.5, 10).

use super::{SYMBOL_NAME_LEN, symbol};
use crate::{Reader, WireError, Writer, text};

const PERF_THREAD_COUNTER: i32 = 5;
const APP_CONTEXT: i32 = 7;

codes! {
    /// A context that needs nothing more said than what it is.
    pub enum PlainContext: i32, "context type" {
        /// Thread id in the thread's own pid namespace.
        Vtid = 0,
        /// Process id in the process's own pid namespace.
        Vpid = 1,
        /// What `pthread_self` returns.
        PthreadId = 2,
        /// Name of the thread.
        Procname = 3,
        /// Address of the tracepoint call.
        Ip = 4,
        /// CPU; the `lttng` command never asks for it.
        CpuId = 6,
        /// Inode of the cgroup namespace.
        CgroupNs = 8,
        /// Inode of the IPC namespace.
        IpcNs = 9,
        /// Inode of the mount namespace.
        MntNs = 10,
        /// Inode of the network namespace.
        NetNs = 11,
        /// Inode of the pid namespace.
        PidNs = 12,
        /// Inode of the user namespace.
        UserNs = 13,
        /// Inode of the UTS namespace.
        UtsNs = 14,
        /// Real user.
        Vuid = 15,
        /// Effective user.
        Veuid = 16,
        /// Saved user.
        Vsuid = 17,
        /// Real group.
        Vgid = 18,
        /// Effective group.
        Vegid = 19,
        /// Saved group.
        Vsgid = 20,
        /// Inode of the time namespace.
        TimeNs = 21,
    }
}

impl PlainContext {
    /// The field's name in descriptions and traces.
    pub fn field_name(self) -> &'static str {
        match self {
            PlainContext::Vtid => "vtid",
            PlainContext::Vpid => "vpid",
            PlainContext::PthreadId => "pthread_id",
            PlainContext::Procname => "procname",
            PlainContext::Ip => "ip",
            PlainContext::CpuId => "cpu_id",
            PlainContext::CgroupNs => "cgroup_ns",
            PlainContext::IpcNs => "ipc_ns",
            PlainContext::MntNs => "mnt_ns",
            PlainContext::NetNs => "net_ns",
            PlainContext::PidNs => "pid_ns",
            PlainContext::UserNs => "user_ns",
            PlainContext::UtsNs => "uts_ns",
            PlainContext::Vuid => "vuid",
            PlainContext::Veuid => "veuid",
            PlainContext::Vsuid => "vsuid",
            PlainContext::Vgid => "vgid",
            PlainContext::Vegid => "vegid",
            PlainContext::Vsgid => "vsgid",
            PlainContext::TimeNs => "time_ns",
        }
    }
}

/// The CONTEXT argument: a context to record with each event of a channel.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Context {
    /// One that needs nothing more said.
    Plain(PlainContext),
    /// A hardware or software counter of each thread.
    PerfThreadCounter {
        /// `perf_event_attr.type`, passed to the kernel as it is.
        kind: u32,
        /// `perf_event_attr.config`, passed to the kernel as it is.
        config: u64,
        /// The field's name, `perf_thread_...`.
        name: String,
    },
    /// A value that the application provides, `$app.provider:name`.
    App {
        /// Without `$app.`.
        provider: String,
        /// The context of that provider.
        name: String,
    },
}

impl Context {
    /// The field's name in descriptions.
    pub fn field_name(&self) -> String {
        match self {
            Context::Plain(plain) => plain.field_name().to_owned(),
            Context::PerfThreadCounter { name, .. } => name.clone(),
            Context::App { provider, name } => format!("$app.{provider}:{name}"),
        }
    }

    pub(super) fn code(&self) -> i32 {
        match self {
            Context::Plain(plain) => plain.code(),
            Context::PerfThreadCounter { .. } => PERF_THREAD_COUNTER,
            Context::App { .. } => APP_CONTEXT,
        }
    }

    pub(super) fn encode_union(&self, out: &mut Writer) {
        out.i32(self.code());
        out.zeros(16);
        match self {
            Context::Plain(_) => {}
            Context::PerfThreadCounter { kind, config, name } => {
                out.u32(*kind);
                out.u64(*config);
                out.fixed_string(name, SYMBOL_NAME_LEN);
            }
            Context::App { provider, name } => {
                out.u32(text_len(provider));
                out.u32(text_len(name));
            }
        }
    }

    /// The names that follow the record of an application context.
    pub(super) fn encode_data(&self, out: &mut Writer) {
        if let Context::App { provider, name } = self {
            for text in [provider, name] {
                out.bytes(&text::to_bytes(text));
                out.u8(0);
            }
        }
    }

    pub(super) fn decode_union(input: &mut Reader<'_>) -> Result<ContextHead, WireError> {
        let code = input.i32("context type")?;
        input.skip(16)?;
        match code {
            PERF_THREAD_COUNTER => {
                let (kind, config) = (input.u32("perf counter type")?, input.u64("perf counter config")?);
                let name = symbol(input, "perf counter name")?;
                Ok(ContextHead::Whole(Context::PerfThreadCounter { kind, config, name }))
            }
            APP_CONTEXT => {
                let provider_len = name_len(input, "context provider name length")?;
                let name_len = name_len(input, "context name length")?;
                Ok(ContextHead::App { provider_len, name_len })
            }
            plain => PlainContext::from_code(plain).map(|plain| ContextHead::Whole(Context::Plain(plain))),
        }
    }
}

/// What the record of a CONTEXT command says; application contexts are named in the data behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ContextHead {
    Whole(Context),
    App { provider_len: usize, name_len: usize },
}

impl ContextHead {
    pub(super) fn decode_app(
        provider_len: usize,
        name_len: usize,
        data: &[u8],
    ) -> Result<Context, WireError> {
        let mut input = Reader::new(data);
        let provider = input.fixed_string("context provider name", provider_len)?;
        let name = input.fixed_string("context name", name_len)?;
        input.finish()?;
        Ok(Context::App { provider, name })
    }
}

fn text_len(text: &str) -> u32 {
    u32::try_from(text::to_bytes(text).len() + 1).unwrap_or(u32::MAX)
}

fn name_len(input: &mut Reader<'_>, field: &'static str) -> Result<usize, WireError> {
    match input.u32(field)? {
        0 => Err(WireError::BadValue { field, value: 0 }),
        len if len as usize <= SYMBOL_NAME_LEN => Ok(len as usize),
        len => Err(WireError::TooLarge { field, value: u64::from(len), limit: SYMBOL_NAME_LEN as u64 }),
    }
}
