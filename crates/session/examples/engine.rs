//! The engine alone: records a program through it, with the consumer daemon that is named.
//!
//! ```text
//! cargo run -p rttng-session --example engine -- CONSUMER RUN_DIRECTORY OUTPUT uid|pid RULES PROGRAM ARGS…
//! ```
//!
//! The run directory must be the one that applications look at (`/var/run/lttng` as root, `~/.lttng` otherwise). RULES
//! is a comma-separated list of event rules; `none=1000` stands for a thousand rules that match nothing. The program
//! runs before `start` and is given some seconds to register (`SETTLE`, 1), unless RULES begins with `late,`. With
//! `COUNT` in the environment it runs so many times, with `SHM` the ring buffers lie in files there.

use std::path::PathBuf;
use std::rc::Rc;
use std::time::Instant;

use rttng_ring::wait_page::{WaitPage, WaitPageScope};
use rttng_session::consumer::spawn::{ProcessSpawner, Verbosity};
use rttng_session::engine::Engine;
use rttng_session::model::{
    BufferOwnership, Channel, ChannelAttributes, ChannelId, ChannelMode, EventRule, LogLevelRule, Output,
    RuleId, RuleOrigin, Session, SessionKind, SharedModel, UstDomain,
};
use rttng_session::world::{Bounds, RealClock, RealFiles, World, boot_id, host_name};
use rttng_world::run_as::Identity;

fn main() {
    let level = std::env::var("LEVEL").unwrap_or_else(|_| "debug".to_owned());
    tracing_subscriber::fmt().with_env_filter(level).with_writer(std::io::stderr).init();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    tokio::task::LocalSet::new().block_on(&runtime, record());
}

async fn record() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [consumer, run_directory, output, buffers, rules, program, rest @ ..] = args.as_slice() else {
        panic!("usage: engine CONSUMER RUN_DIRECTORY OUTPUT uid|pid RULES PROGRAM ARGS...");
    };
    let run_directory = PathBuf::from(run_directory);
    let directory = run_directory.join("ustconsumerd64");
    std::fs::create_dir_all(&directory).expect("the consumer's directory");
    let spawner = ProcessSpawner {
        program: consumer.into(),
        library_directory: None,
        command_socket: directory.join("command"),
        error_socket: directory.join("error"),
        group: "tracing".to_owned(),
        verbosity: Verbosity::Normal,
        tsc_frequency: None,
    };
    let model = SharedModel::default();
    let engine = Engine::new(
        model.clone(),
        World {
            clock: Rc::new(RealClock),
            files: Rc::new(RealFiles),
            consumers: Rc::new(spawner),
            bounds: Bounds::default(),
            host_name: host_name(),
            boot_id: boot_id(),
        },
    );
    let socket = run_directory.join("lttng-ust-sock-8");
    let _ = std::fs::remove_file(&socket);
    let listener = tokio::net::UnixListener::bind(&socket).expect("the applications' socket");
    let root = rustix::process::geteuid().is_root();
    let (name, scope) = match root {
        true => ("/lttng-ust-wait-8".to_owned(), WaitPageScope::Global),
        false => {
            (format!("/lttng-ust-wait-8-{}", rustix::process::geteuid().as_raw()), WaitPageScope::PerUser)
        }
    };
    let page = WaitPage::open(&name, scope).expect("the wait page");
    tokio::task::spawn_local({
        let engine = engine.clone();
        async move { engine.accept_applications(listener).await }
    });
    page.announce().expect("the wait page takes a word");

    let ownership = if buffers == "pid" { BufferOwnership::PerProcess } else { BufferOwnership::PerUser };
    let rules: Vec<&str> = rules.split(',').collect();
    let rules: Vec<String> = rules
        .into_iter()
        .flat_map(|rule| match rule.strip_prefix("none=").and_then(|count| count.parse::<u32>().ok()) {
            Some(count) => (0..count).map(|at| format!("none:rule{at}")).collect(),
            None => vec![rule.to_owned()],
        })
        .collect();
    let rules: Vec<&str> = rules.iter().map(String::as_str).collect();
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    let (count, seconds): (u64, u64) = (number("COUNT"), number("SETTLE"));
    let (late, rules) = match rules.as_slice() {
        ["late", rest @ ..] => (true, rest.to_vec()),
        all => (false, all.to_vec()),
    };
    let id = model.edit(|model| {
        let rules = rules
            .iter()
            .map(|name| EventRule {
                id: RuleId(model.fresh_object()),
                name: (*name).to_owned(),
                log_level: LogLevelRule::Any,
                filter: None,
                exclusions: Vec::new(),
                enabled: true,
                origin: RuleOrigin::Client,
            })
            .collect();
        let channel = Channel {
            id: ChannelId(model.fresh_object()),
            name: "channel0".to_owned(),
            enabled: true,
            attributes: ChannelAttributes::defaults(ownership, ChannelMode::Discard, 4096),
            contexts: Vec::new(),
            rules,
            agent: false,
        };
        model.add_session(|id| Session {
            id,
            name: "demo".to_owned(),
            name_is_generated: false,
            owner: Identity::own(),
            created: std::time::SystemTime::now(),
            kind: SessionKind::Regular,
            output: Output::Local(output.into()),
            shm_path: std::env::var_os("SHM").map(PathBuf::from),
            active: false,
            started_once: false,
            destroying: false,
            ust: Some(UstDomain {
                buffers: ownership,
                buffers_are_fixed: true,
                channels: vec![channel],
                ..UstDomain::default()
            }),
        })
    });
    let mut children = Vec::new();
    let spawn = || tokio::process::Command::new(program).args(rest).spawn().expect("the program starts");
    if !late {
        children.extend((0..count).map(|_| spawn()));
        tokio::time::sleep(std::time::Duration::from_secs(seconds)).await;
        println!("{} applications", engine.applications().len());
    }
    step("ensure consumer", engine.ensure_consumer()).await;
    step("start", engine.start(id)).await;
    if late {
        children.extend((0..count).map(|_| spawn()));
    }
    let tracepoints = step("list", async { Ok::<_, ()>(engine.list_tracepoints().await) }).await;
    println!("{} tracepoints", tracepoints.map_or(0, |list| list.len()));
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    println!("{}", status.lines().find(|line| line.starts_with("VmRSS")).unwrap_or_default());
    if std::env::var_os("KEEP").is_none() {
        for child in &mut children {
            child.wait().await.expect("the program can be waited for");
        }
    }
    step("stop", engine.stop(id)).await;
    while step("data pending", engine.data_pending(id)).await == Some(true) {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    step("destroy", engine.destroy(id)).await;
    page.withdraw().expect("the wait page takes a word");
    engine.shut_down(std::time::Duration::from_secs(5)).await;
}

async fn step<T: std::fmt::Debug, E: std::fmt::Debug>(
    name: &str,
    work: impl Future<Output = Result<T, E>>,
) -> Option<T> {
    let begun = Instant::now();
    let outcome = work.await;
    println!("{name}: {} in {:?}", if outcome.is_ok() { "ok" } else { "FAILED" }, begun.elapsed());
    outcome.map_err(|error| println!("{error:?}")).ok()
}
