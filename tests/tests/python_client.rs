//! A program on liblttng-ctl, the Python binding of lttng-tools, drives our session daemon from create to destroy.

use rttng_tests::Make::Ours;
use rttng_tests::{Need, World, apps, events_by_name};

/// `list_sessions` is left out: in the packaged binding it ends the interpreter, with any daemon.
const SCRIPT: &str = r#"
import lttng, subprocess, sys
trace, demo = sys.argv[1:]
def must(what, code):
    assert code == 0, (what, code, lttng.strerror(code))
must("create", lttng.create("python", trace))
domain = lttng.Domain()
domain.type = lttng.DOMAIN_UST
domain.buf_type = lttng.BUFFER_PER_UID
handle = lttng.Handle("python", domain)
channel = lttng.Channel()
channel.name = "c"
channel.attr.overwrite = 0
channel.attr.subbuf_size = 65536
channel.attr.num_subbuf = 4
channel.attr.output = lttng.EVENT_MMAP
must("channel", lttng.enable_channel(handle, channel))
event = lttng.Event()
event.name = "demo:tick"
event.type = lttng.EVENT_TRACEPOINT
event.loglevel_type = lttng.EVENT_LOGLEVEL_ALL
must("event", lttng.enable_event(handle, event, "c"))
must("start", lttng.start("python"))
subprocess.run([demo, "500"], check=True)
must("stop", lttng.stop("python"))
must("destroy", lttng.destroy("python"))
"#;

#[test]
fn the_python_binding_records_with_our_daemons() {
    let Some(world) = World::open(&[Need::RealLttng, Need::Babeltrace2, Need::UstHeaders]) else { return };
    let _daemon = world.sessiond(Ours, Ours);
    let trace = world.open_dir().join("trace");
    // Debian's own interpreter: the binding is built for it.
    let python = world.program("/usr/bin/python3").args(["-c", SCRIPT]).arg(&trace).arg(apps::built("demo"));
    python.run().ok();
    let events = world.babeltrace2(&trace);
    assert_eq!(events_by_name(&events).get("demo:tick"), Some(&500));
}
