//! Our command line where there is no session daemon to talk to, or another one than expected; and the options of every
//! command beside the real program's.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use rttng_tests::{Make, Need, World, eventually};

#[test]
fn a_dead_daemon_s_socket_is_recognised() {
    let Some(world) = World::open(&[Need::Namespaces, Need::RealLttng]) else { return };
    let mut daemon = world.real_sessiond();
    daemon.process.kill();
    // Its sockets are closed a moment before the process itself is gone.
    eventually("the killed daemon is gone", || world.our_lttng(["list"]).stderr.contains("is gone"));
    let ended = world.our_lttng(["list"]);
    assert_eq!(ended.code(), Some(1), "{ended}");
    assert_eq!(ended.stdout, "");
    let mut lines = ended.stderr.lines();
    assert_eq!(lines.next(), Some("Error: No session daemon is available"));
    let warning = lines.next().unwrap_or_default();
    assert!(warning.contains("client-lttng-sessiond is stale") && warning.contains("is gone"), "{ended}");
    // Scripts that go by the exit status see what they know.
    assert_eq!(world.our_lttng(["start", "s"]).code(), Some(19));
}

#[test]
fn create_starts_a_session_daemon_and_says_why_it_cannot() {
    let Some(world) = World::open(&[Need::Namespaces, Need::RealLttng]) else { return };
    let script = |name: &str, text: &str| {
        let path = world.file(name);
        fs::write(&path, text).expect("a script can be written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("and made executable");
        path.to_string_lossy().into_owned()
    };
    let create =
        |path: &str| world.made(Make::Ours, "lttng").args(["--sessiond-path", path, "create", "s"]).run();
    let failing = script("failing", "#!/bin/sh\nexit 3\n");
    let dying = script("dying", "#!/bin/sh\nkill -9 $$\n");
    for (path, cause) in [
        (failing.as_str(), "Session daemon terminated with an error (exit status: 3)"),
        (dying.as_str(), "Session daemon was killed by signal 9"),
        ("/nonexistent", "No such file or access denied: /nonexistent"),
    ] {
        let ended = create(path);
        assert_eq!(ended.code(), Some(1), "{ended}");
        let expected =
            format!("Error: {cause}\nError: Problem occurred while launching session daemon ({path})\n");
        assert_eq!(ended.stderr, expected);
    }
    let ended = create("/usr/bin/lttng-sessiond");
    assert!(ended.stdout.starts_with("Spawning a session daemon\nSession s created.\n"), "{ended}");
    assert_eq!(fs::read_to_string(world.home().join(".lttngrc")).expect("s is current"), "session=s\n");
}

#[test]
fn a_user_s_own_daemon_is_found_in_the_home_folder() {
    const USER: u32 = 4711;
    let Some(world) = World::open(&[Need::Namespaces, Need::RealLttng, Need::Root]) else { return };
    let home = world.open_dir();
    let as_user =
        |make: Make, name: &str| world.made(make, name).user(USER).env("HOME", &home).directory(&home);
    as_user(Make::Real, "lttng-sessiond").args(["--daemonize", "--no-kernel"]).run().ok();
    let lttng = |words: &[&str]| as_user(Make::Ours, "lttng").arg("--no-sessiond").args(words).run();
    assert!(lttng(&["create", "mine"]).ok().starts_with("Session mine created.\n"));
    assert!(lttng(&["list"]).ok().contains("  1) mine [inactive]\n"));
    // Root does not see it.
    assert_eq!(world.our_lttng(["list"]).code(), Some(1));
    // Who names another home has another daemon, or none.
    let elsewhere = as_user(Make::Ours, "lttng").env("LTTNG_HOME", world.home()).arg("list").run();
    assert_eq!(elsewhere.code(), Some(1), "{elsewhere}");
}

#[test]
fn every_command_has_the_options_of_the_real_one() {
    let Some(world) = World::open(&[Need::Namespaces, Need::RealLttng]) else { return };
    let both = |words: &[&str]| (world.real_lttng(words).ok(), world.our_lttng(words).ok());
    let (commands, ours) = both(&["--list-commands"]);
    assert_eq!(ours, commands);
    for command in commands.lines() {
        let (expected, found) = both(&[command, "--list-options"]);
        assert_eq!(found, expected, "{command}");
    }
    for command in ["snapshot", "metadata", "regenerate"] {
        let (expected, found) = both(&[command, "--list-commands"]);
        assert_eq!(found, expected, "{command}");
    }
    let (expected, found) = both(&["add-context", "--list"]);
    assert_eq!(found, expected);
}
