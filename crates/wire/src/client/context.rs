//! Context fields that can be recorded with every event (`docs/spec/client-protocol.md`, 8.4).

use super::text;
use crate::{Decode, Encode, Reader, WireError, Writer};

codes! {
    /// A context field that needs no more than its name.
    pub enum ContextType: u32, "context.type" {
        /// Process identifier as the kernel sees it.
        Pid = 0,
        /// Process name.
        Procname = 2,
        /// Priority.
        Prio = 3,
        /// Nice value.
        Nice = 4,
        /// Process identifier in the process's own namespace.
        Vpid = 5,
        /// Thread identifier as the kernel sees it.
        Tid = 6,
        /// Thread identifier in the process's own namespace.
        Vtid = 7,
        /// Parent's process identifier.
        Ppid = 8,
        /// Parent's process identifier in the namespace.
        Vppid = 9,
        /// POSIX thread identifier.
        PthreadId = 10,
        /// Host name.
        Hostname = 11,
        /// Instruction pointer.
        Ip = 12,
        /// Whether the event interrupted interruptible code.
        Interruptible = 16,
        /// Whether the event interrupted preemptible code.
        Preemptible = 17,
        /// Whether a reschedule was due.
        NeedReschedule = 18,
        /// Whether the thread could migrate.
        Migratable = 19,
        /// Kernel call stack.
        CallstackKernel = 20,
        /// User call stack.
        CallstackUser = 21,
        /// Control group namespace.
        CgroupNs = 22,
        /// IPC namespace.
        IpcNs = 23,
        /// Mount namespace.
        MntNs = 24,
        /// Network namespace.
        NetNs = 25,
        /// PID namespace.
        PidNs = 26,
        /// User namespace.
        UserNs = 27,
        /// UTS namespace.
        UtsNs = 28,
        /// Real user.
        Uid = 29,
        /// Effective user.
        Euid = 30,
        /// Saved user.
        Suid = 31,
        /// Real group.
        Gid = 32,
        /// Effective group.
        Egid = 33,
        /// Saved group.
        Sgid = 34,
        /// Real user in the namespace.
        Vuid = 35,
        /// Effective user in the namespace.
        Veuid = 36,
        /// Saved user in the namespace.
        Vsuid = 37,
        /// Real group in the namespace.
        Vgid = 38,
        /// Effective group in the namespace.
        Vegid = 39,
        /// Saved group in the namespace.
        Vsgid = 40,
        /// Time namespace.
        TimeNs = 41,
    }
}

codes! {
    /// What a performance counter counts along with.
    pub enum PerfScope: u32, "context.type" {
        /// The number of LTTng before 2.6; counts per CPU or per thread, whichever the domain has.
        Legacy = 1,
        /// One counter per CPU (kernel).
        Cpu = 13,
        /// One counter per thread (user space).
        Thread = 14,
    }
}

/// A performance counter of `perf_event_open()`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PerfCounter {
    /// What it counts along with.
    pub scope: PerfScope,
    /// `perf_event_attr.type`: 0 hardware, 1 software, 3 hardware cache, 4 raw, others by the machine.
    pub perf_type: u32,
    /// `perf_event_attr.config`.
    pub config: u64,
    /// The name of the field in the trace, for example `perf_thread_cpu_cycles`.
    pub name: String,
}

/// A context field.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Context {
    /// One of the built-in fields.
    Builtin(ContextType),
    /// A performance counter.
    Perf(PerfCounter),
    /// A field that the application provides: `$app.PROVIDER:NAME`.
    App {
        /// The provider.
        provider: String,
        /// The field.
        name: String,
    },
}

const APP: u32 = 15;

impl Context {
    /// The number of the context's type.
    pub(crate) fn type_number(&self) -> u32 {
        match self {
            Context::Builtin(kind) => kind.code(),
            Context::Perf(counter) => counter.scope.code(),
            Context::App { .. } => APP,
        }
    }

    /// Whether a number is that of some context type.
    pub(crate) fn is_known(number: u32) -> bool {
        number == APP
            || ContextType::from_code(number).ok().is_some()
            || PerfScope::from_code(number).ok().is_some()
    }
}

impl Encode for Context {
    fn encode(&self, out: &mut Writer) {
        out.u32(self.type_number());
        match self {
            Context::Builtin(_) => {}
            Context::Perf(counter) => {
                out.u32(counter.perf_type);
                out.u64(counter.config);
                text::put_counted(out, &counter.name);
            }
            Context::App { provider, name } => {
                out.u32(text::counted_len(provider));
                out.u32(text::counted_len(name));
                text::put(out, provider);
                text::put(out, name);
            }
        }
    }
}

impl Decode for Context {
    fn decode(input: &mut Reader<'_>) -> Result<Self, WireError> {
        const NAME_MAX: usize = 256;
        let number = input.u32("context.type")?;
        if let Ok(scope) = PerfScope::from_code(number) {
            let perf_type = input.u32("context.perf.type")?;
            let config = input.u64("context.perf.config")?;
            let name_len = input.u32("context.perf.name_len")?;
            let name = text::counted_string(input, "context.perf.name", name_len, NAME_MAX)?;
            return Ok(Context::Perf(PerfCounter { scope, perf_type, config, name }));
        }
        if number == APP {
            let provider_len = input.u32("context.app.provider_name_len")?;
            let name_len = input.u32("context.app.ctx_name_len")?;
            let provider = text::counted_name(input, "context.app.provider_name", provider_len, usize::MAX)?;
            let name = text::counted_name(input, "context.app.ctx_name", name_len, usize::MAX)?;
            return Ok(Context::App { provider, name });
        }
        ContextType::from_code(number).map(Context::Builtin)
    }
}
