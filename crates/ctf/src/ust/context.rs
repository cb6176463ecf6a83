//! The contexts of user space, and the fields by which an application announces each
//! (`docs/spec/trace-output.md`, 13; `docs/spec/ust-protocol.md`, 10).

use super::Abi;
use crate::types::{
    Encoding, Enumeration, Field, FieldRef, Float, Mapping, Structure, Type, Variant, recorded_identifier,
};

/// A context: something that each event of a channel records besides its own fields.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Context {
    /// Thread id in its own pid namespace.
    Vtid,
    /// Process id in its own pid namespace.
    Vpid,
    /// `pthread_self`.
    PthreadId,
    /// Name of the thread.
    Procname,
    /// Address of the tracepoint call.
    Ip,
    /// CPU number; known to the tracer, not selectable with the command line.
    CpuId,
    /// Inode of the cgroup namespace.
    CgroupNs,
    /// Inode of the IPC namespace.
    IpcNs,
    /// Inode of the mount namespace.
    MntNs,
    /// Inode of the network namespace.
    NetNs,
    /// Inode of the pid namespace.
    PidNs,
    /// Inode of the user namespace.
    UserNs,
    /// Inode of the UTS namespace.
    UtsNs,
    /// Inode of the time namespace.
    TimeNs,
    /// Real user id.
    Vuid,
    /// Effective user id.
    Veuid,
    /// Saved set-user id.
    Vsuid,
    /// Real group id.
    Vgid,
    /// Effective group id.
    Vegid,
    /// Saved set-group id.
    Vsgid,
    /// A perf counter of the thread, by the name that `lttng add-context --type=perf:thread:NAME` takes.
    PerfThread(String),
    /// `$app.PROVIDER:NAME`: a value that the application provides.
    App {
        /// The provider, without `$app.`.
        provider: String,
        /// The context's name in the provider.
        name: String,
    },
}

impl Context {
    /// The fields that it adds to each event: one, or a tag and a variant for [`Context::App`].
    pub fn fields(&self, abi: &Abi) -> Vec<Field> {
        let (name, ty): (&str, Type) = match self {
            Context::Vtid => ("vtid", abi.signed(32).into()),
            Context::Vpid => ("vpid", abi.signed(32).into()),
            Context::PthreadId => ("pthread_id", abi.long().into()),
            Context::Procname => ("procname", Type::array(abi.signed(8).with_encoding(Encoding::Utf8), 17)),
            Context::Ip => ("ip", abi.long().into()),
            Context::CpuId => ("cpu_id", abi.signed(32).into()),
            Context::CgroupNs => ("cgroup_ns", abi.unsigned(64).into()),
            Context::IpcNs => ("ipc_ns", abi.unsigned(64).into()),
            Context::MntNs => ("mnt_ns", abi.unsigned(64).into()),
            Context::NetNs => ("net_ns", abi.unsigned(64).into()),
            Context::PidNs => ("pid_ns", abi.unsigned(64).into()),
            Context::UserNs => ("user_ns", abi.unsigned(64).into()),
            Context::UtsNs => ("uts_ns", abi.unsigned(64).into()),
            Context::TimeNs => ("time_ns", abi.unsigned(64).into()),
            Context::Vuid => ("vuid", abi.unsigned(32).into()),
            Context::Veuid => ("veuid", abi.unsigned(32).into()),
            Context::Vsuid => ("vsuid", abi.unsigned(32).into()),
            Context::Vgid => ("vgid", abi.unsigned(32).into()),
            Context::Vegid => ("vegid", abi.unsigned(32).into()),
            Context::Vsgid => ("vsgid", abi.unsigned(32).into()),
            Context::PerfThread(counter) => {
                return vec![Field::recorded(&format!("perf_thread_{counter}"), abi.unsigned(64))];
            }
            Context::App { provider, name } => {
                return dynamic_fields(&format!("$app.{provider}:{name}"), abi);
            }
        };
        vec![Field::recorded(name, ty)]
    }
}

/// The pair of fields of a value whose type is known only when it is recorded: the tag, then the variant.
fn dynamic_fields(name: &str, abi: &Abi) -> Vec<Field> {
    let options: [(&str, Type); 12] = [
        ("none", Structure::default().into()),
        ("int8", abi.signed(8).into()),
        ("int16", abi.signed(16).into()),
        ("int32", abi.signed(32).into()),
        ("int64", abi.signed(64).into()),
        ("uint8", abi.unsigned(8).into()),
        ("uint16", abi.unsigned(16).into()),
        ("uint32", abi.unsigned(32).into()),
        ("uint64", abi.unsigned(64).into()),
        ("float", Float::single(abi.alignments.u32, abi.byte_order).into()),
        ("double", Float::double(abi.alignments.u64, abi.byte_order).into()),
        ("string", Type::String(Encoding::Utf8)),
    ];
    // Labels are given with their underscore, since the names of the options get one and both must be equal.
    let mappings =
        (0i128..).zip(&options).map(|(tag, (option, _))| Mapping::value(recorded_identifier(option), tag));
    let tag_name = format!("{name}_tag");
    let tag = Enumeration { container: abi.signed(8), mappings: mappings.collect() };
    let variant = Variant {
        tag: FieldRef::recorded(&tag_name),
        options: options.into_iter().map(|(option, ty)| Field::recorded(option, ty)).collect(),
        min_alignment_bits: 0,
    };
    vec![Field::recorded(&tag_name, tag), Field::recorded(name, variant)]
}
