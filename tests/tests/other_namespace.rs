//! Peers in another pid namespace than the daemon, as beside a container that shares its run directory: the kernel can
//! give the daemon no process id for them. A client is served all the same; an application, which is known by its process
//! id, is refused as by the real daemon, and the log says so.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use rttng_control::{Client, Endpoint};
use rttng_tests::Make::{Ours, Real};
use rttng_tests::{Need, World, apps, eventually};

#[test]
fn a_client_of_another_pid_namespace_is_served() {
    let Some(world) = World::open(&[Need::Namespaces]) else { return };
    let _daemon = world.sessiond(Ours, Ours);
    world.our_lttng(["create", "seen", "--no-output"]).ok();
    // This test runs outside of the world, so the daemon inside cannot see its process.
    let socket = world.outside("/run/lttng/client-lttng-sessiond");
    let sessions = Client::new(Endpoint::at(socket)).list_sessions().expect("the daemon answers");
    assert_eq!(sessions.iter().map(|session| session.name.as_str()).collect::<Vec<_>>(), ["seen"]);
}

#[test]
fn an_application_of_another_pid_namespace_is_refused() {
    let Some(world) = World::open(&[Need::RealLttng, Need::UstHeaders]) else { return };
    for make in [Ours, Real] {
        let daemon = world.sessiond(make, make);
        // This test runs outside of the world, so the daemon inside cannot see its process.
        let socket = world.outside("/run/lttng/lttng-ust-sock-8");
        let mut application = UnixStream::connect(socket).expect("the daemon accepts");
        application.set_read_timeout(Some(Duration::from_secs(60))).expect("a socket may have a timeout");
        // A registration (docs/spec/ust-protocol.md, section 3.2) on the command connection.
        let numbers = [0xC57C_57C5_u32, 9, 0, 4711, 1, 0, 0, 64, 8, 8, 8, 8, 8, 0];
        let mut record: Vec<u8> = numbers.iter().flat_map(|number| number.to_ne_bytes()).collect();
        record.resize(136, 0);
        // The daemon may have closed already.
        let _ = application.write_all(&record);
        let mut said = Vec::new();
        let ended = application.read_to_end(&mut said);
        assert!(said.is_empty(), "it is closed without a word ({make:?})");
        let timed_out = ended.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock);
        assert!(!timed_out, "it is closed at once ({make:?})");
        if make == Ours {
            let told = || daemon.process.stderr().contains("a foreign process id namespace is refused");
            eventually("the log says so", told);
        }
        // Those that can be seen are served.
        world.program(apps::built("demo")).arg("1").run().ok();
        assert_eq!(daemon.terminate().code(), Some(0));
    }
}
