//! A client in another pid namespace than the daemon, as beside a container that shares its run directory: the kernel can
//! give the daemon no process id for it, and it is served all the same.

use rttng_control::{Client, Endpoint};
use rttng_tests::Make::Ours;
use rttng_tests::{Need, World};

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
