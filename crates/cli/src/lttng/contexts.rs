//! Context field types as the command line spells them (`docs/spec/cli.md` §6.7).

use rttng_wire::client::context::PerfScope;
use rttng_wire::client::{Context, ContextType, PerfCounter};

/// The static types, in the order of `--list`.
const STATIC: &[(&str, ContextType)] = &[
    ("pid", ContextType::Pid),
    ("procname", ContextType::Procname),
    ("prio", ContextType::Prio),
    ("nice", ContextType::Nice),
    ("vpid", ContextType::Vpid),
    ("tid", ContextType::Tid),
    ("pthread_id", ContextType::PthreadId),
    ("vtid", ContextType::Vtid),
    ("ppid", ContextType::Ppid),
    ("vppid", ContextType::Vppid),
    ("hostname", ContextType::Hostname),
    ("ip", ContextType::Ip),
    ("interruptible", ContextType::Interruptible),
    ("preemptible", ContextType::Preemptible),
    ("need_reschedule", ContextType::NeedReschedule),
    ("migratable", ContextType::Migratable),
    ("callstack-kernel", ContextType::CallstackKernel),
    ("callstack-user", ContextType::CallstackUser),
    ("cgroup_ns", ContextType::CgroupNs),
    ("ipc_ns", ContextType::IpcNs),
    ("mnt_ns", ContextType::MntNs),
    ("net_ns", ContextType::NetNs),
    ("pid_ns", ContextType::PidNs),
    ("time_ns", ContextType::TimeNs),
    ("user_ns", ContextType::UserNs),
    ("uts_ns", ContextType::UtsNs),
    ("uid", ContextType::Uid),
    ("euid", ContextType::Euid),
    ("suid", ContextType::Suid),
    ("gid", ContextType::Gid),
    ("egid", ContextType::Egid),
    ("sgid", ContextType::Sgid),
    ("vuid", ContextType::Vuid),
    ("veuid", ContextType::Veuid),
    ("vsuid", ContextType::Vsuid),
    ("vgid", ContextType::Vgid),
    ("vegid", ContextType::Vegid),
    ("vsgid", ContextType::Vsgid),
];

const HARDWARE: u32 = 0;
const SOFTWARE: u32 = 1;
const CACHE: u32 = 3;
const RAW: u32 = 4;

const HARDWARE_COUNTERS: &[(&str, u64)] = &[
    ("cpu-cycles", 0),
    ("cycles", 0),
    ("stalled-cycles-frontend", 7),
    ("idle-cycles-frontend", 7),
    ("stalled-cycles-backend", 8),
    ("idle-cycles-backend", 8),
    ("instructions", 1),
    ("cache-references", 2),
    ("cache-misses", 3),
    ("branch-instructions", 4),
    ("branches", 4),
    ("branch-misses", 5),
    ("bus-cycles", 6),
];

const SOFTWARE_COUNTERS: &[(&str, u64)] = &[
    ("cpu-clock", 0),
    ("task-clock", 1),
    ("page-fault", 2),
    ("faults", 2),
    ("major-faults", 6),
    ("minor-faults", 5),
    ("context-switches", 3),
    ("cs", 3),
    ("cpu-migrations", 4),
    ("migrations", 4),
    ("alignment-faults", 7),
    ("emulation-faults", 8),
];

/// Caches with their number, and whether they have all six counters or the two of loads only.
const CACHES: &[(&str, u64, bool)] = &[
    ("L1-dcache", 0, true),
    ("L1-icache", 1, true),
    ("LLC", 2, true),
    ("dTLB", 3, true),
    ("iTLB", 4, false),
    ("branch", 5, false),
];

/// What is counted of a cache, with the bits of operation (256 each) and result (65536 for a miss).
const CACHE_COUNTERS: &[(&str, u64)] = &[
    ("loads", 0),
    ("load-misses", 65_536),
    ("stores", 256),
    ("store-misses", 256 + 65_536),
    ("prefetches", 512),
    ("prefetch-misses", 512 + 65_536),
];

/// Every counter with its type and configuration, in the order of `--list`.
fn counters() -> impl Iterator<Item = (String, u32, u64)> {
    let hardware = HARDWARE_COUNTERS.iter().map(|&(name, config)| (name.to_owned(), HARDWARE, config));
    let caches = CACHES.iter().flat_map(|&(cache, id, all)| {
        let count = if all { CACHE_COUNTERS.len() } else { 2 };
        CACHE_COUNTERS[..count].iter().map(move |&(what, bits)| (format!("{cache}-{what}"), CACHE, id + bits))
    });
    let software = SOFTWARE_COUNTERS.iter().map(|&(name, config)| (name.to_owned(), SOFTWARE, config));
    hardware.chain(caches).chain(software)
}

/// Every type that `--list` shows, with how it is spelled.
pub(crate) fn visible() -> Vec<(String, Context)> {
    let mut all: Vec<(String, Context)> =
        STATIC.iter().map(|&(name, kind)| (name.to_owned(), Context::Builtin(kind))).collect();
    for (word, scope) in [("cpu", PerfScope::Cpu), ("thread", PerfScope::Thread)] {
        for (name, perf_type, config) in counters() {
            let symbol = format!("perf:{word}:{name}");
            let context = perf(&symbol, scope, perf_type, config);
            all.push((symbol, context));
        }
    }
    all
}

/// The field's name in the trace is the spelling with `_` for what no identifier may hold.
fn perf(symbol: &str, scope: PerfScope, perf_type: u32, config: u64) -> Context {
    Context::Perf(PerfCounter { scope, perf_type, config, name: symbol.replace(['-', ':'], "_") })
}

/// Reads a type. The error is the line to print before the one that names the type, if there is one.
pub(crate) fn parse(symbol: &str) -> Result<Context, Option<&'static str>> {
    if let Some(&(_, kind)) = STATIC.iter().find(|(name, _)| *name == symbol) {
        return Ok(Context::Builtin(kind));
    }
    if let Some(application) = symbol.strip_prefix("$app.") {
        return match application.split_once(':') {
            Some((provider, name)) if !provider.is_empty() && !name.is_empty() => {
                Ok(Context::App { provider: provider.to_owned(), name: name.to_owned() })
            }
            _ => Err(Some("Invalid application context provided: no provider or context name provided.")),
        };
    }
    let Some(counter) = symbol.strip_prefix("perf:") else { return Err(None) };
    let (scope, counter) = if let Some(counter) = counter.strip_prefix("cpu:") {
        (PerfScope::Cpu, counter)
    } else if let Some(counter) = counter.strip_prefix("thread:") {
        (PerfScope::Thread, counter)
    } else {
        (PerfScope::Legacy, counter)
    };
    if let Some(raw) = counter.strip_prefix("raw:").filter(|_| scope != PerfScope::Legacy) {
        let config = raw_mask(raw).map_err(Some)?;
        return Ok(perf(symbol, scope, RAW, config));
    }
    let known = counters().find(|(name, ..)| name == counter);
    known.map(|(_, perf_type, config)| perf(symbol, scope, perf_type, config)).ok_or(None)
}

/// The mask of `rHEX:NAME`.
fn raw_mask(text: &str) -> Result<u64, &'static str> {
    let (mask, name) = text.split_once(':').ok_or(
        "Invalid perf counter specifier, expected a specifier of the form perf:cpu:raw:rNNN:<name> or perf:thread:raw:rNNN:<name>",
    )?;
    if name.contains(':') {
        return Err("Too many ':' in perf raw format");
    }
    let digits =
        mask.strip_prefix('r').filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
    digits
        .and_then(|digits| u64::from_str_radix(digits, 16).ok())
        .ok_or("Wrong perf raw mask format: expected rNNN")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_visible_type_is_read_back() {
        let all = visible();
        assert_eq!(all.len(), 38 + 2 * (13 + 28 + 12));
        for (symbol, context) in all {
            assert_eq!(parse(&symbol), Ok(context), "{symbol}");
        }
    }

    #[test]
    fn counters_raw_and_of_applications() {
        let Ok(Context::Perf(raw)) = parse("perf:thread:raw:r110:foo") else { panic!("no counter") };
        assert_eq!((raw.perf_type, raw.config, raw.name.as_str()), (RAW, 272, "perf_thread_raw_r110_foo"));
        assert_eq!(parse("perf:cpu:raw:x110:foo"), Err(Some("Wrong perf raw mask format: expected rNNN")));
        assert_eq!(parse("perf:cpu:raw:r1:foo:bar"), Err(Some("Too many ':' in perf raw format")));
        assert!(parse("perf:cycles").is_ok());
        // The reference refuses providers of one character.
        assert_eq!(parse("$app.a:b"), Ok(Context::App { provider: "a".into(), name: "b".into() }));
        assert!(matches!(parse("$app.ab"), Err(Some(_))));
        assert_eq!(parse("bogus"), Err(None));
    }
}
