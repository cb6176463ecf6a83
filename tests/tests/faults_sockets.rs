//! Whoever may connect to a socket may say anything on it. While that is done, an application that behaves is recorded
//! without a loss, and clients are answered at once.

use std::time::{Duration, Instant};

use rttng_tests::Make::Ours;
use rttng_tests::{Cast, Need, Recording, Running, apps, eventually};

/// How soon a client is answered, whatever others do. The machine may be busy with other tests; what others do would hold
/// a client up for half a minute, or for ever.
const ANSWER: Duration = Duration::from_secs(25);

/// A recording, and an application in it that behaves until it is told to end.
struct Scene {
    recording: Recording,
    application: Running,
}

impl Scene {
    fn open() -> Option<Scene> {
        let recording = Recording::create(Cast::OURS, &[Need::UstHeaders])?;
        // Room for minutes of ticks.
        recording.lttng(["enable-channel", "-u", "main", "--subbuf-size=64k", "--num-subbuf=64"]);
        recording.lttng(["enable-event", "-u", "-c", "main", "rttng_mortal:tick"]);
        recording.lttng(["start"]);
        let until = recording.world.file("until").display().to_string();
        let program = recording.traced(apps::built("mortal")).args(["--pace", "1000", "--until", &until]);
        let application = program.spawn();
        eventually("the application is recorded", || {
            recording.world.lttng(Ours, ["list", "-u"]).stdout.contains("rttng_mortal:tick")
        });
        Some(Scene { recording, application })
    }

    /// Starts an abuser of a socket below the run directory.
    fn vandal(&self, how: &str, socket: &str, count: u32) -> Running {
        let socket = format!("/run/lttng/{socket}");
        let program = self.recording.world.program(apps::built("vandal"));
        // It must not be an application itself beside what it plays.
        let program = program.env("LTTNG_HOME", "/nowhere").env("LTTNG_UST_REGISTER_TIMEOUT", "0");
        program.args([how, &socket, "7", &count.to_string()]).spawn()
    }

    /// Has clients ask until the abusers have ended (those that hold connections never do); each is answered in time.
    #[track_caller]
    fn answers_while(&self, mut vandals: Vec<Running>) {
        let mut asked = 0;
        while asked < 3
            || vandals.iter_mut().any(|vandal| !vandal.is_over() && !vandal.stdout().contains("ready"))
        {
            for command in
                [["list", "recording"].as_slice(), &["add-context", "-u", "-t", "vpid"], &["status"]]
            {
                let asked_at = Instant::now();
                let ended = self.recording.world.lttng(Ours, command);
                let took = asked_at.elapsed();
                assert!(took < ANSWER, "{command:?} took {took:?}");
                // A context comes too late for a session that has started, and is told so.
                assert_eq!(ended.code() == Some(0), command[0] != "add-context", "{ended}");
            }
            asked += 1;
        }
        for vandal in &mut vandals {
            if !vandal.stdout().contains("ready") {
                let ended = vandal.ends();
                assert_eq!(ended.code(), Some(0), "{ended}");
            }
        }
    }

    /// Ends the application and the session: everything is there.
    #[track_caller]
    fn finish(mut self) {
        std::fs::write(self.recording.world.file("until"), "").expect("the world's folder has room");
        let ended = self.application.ends();
        let fired: usize =
            ended.ok().trim().strip_prefix("done ").and_then(|count| count.parse().ok()).expect("a count");
        assert!(fired > 0);
        let events = self.recording.finish();
        assert_eq!(events.len(), fired, "nothing is lost");
        assert!(events.iter().enumerate().all(|(at, event)| event.int("seq") == Some(at as i64)));
    }
}

#[test]
fn abuse_of_the_applications_socket_harms_nobody_else() {
    let Some(scene) = Scene::open() else { return };
    let socket = "lttng-ust-sock-8";
    let held = vec![scene.vandal("silent", socket, 300), scene.vandal("partial", socket, 300)];
    scene.answers_while(held);
    let vandals =
        [("garbage", 500), ("huge", 20), ("register", 60), ("liar", 30), ("notify", 30), ("fds", 20)];
    scene.answers_while(vandals.map(|(how, count)| scene.vandal(how, socket, count)).into());
    scene.finish();
}

/// The descriptors that a process has open.
fn open_files(process: &mut Running) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", process.pid().as_raw_nonzero())).map_or(0, Iterator::count)
}

#[test]
fn thousands_of_idle_connections_leave_room_for_applications() {
    let Some(mut scene) = Scene::open() else { return };
    let before = open_files(&mut scene.recording.daemon.process);
    let program = |how: &str, socket: &str| {
        let program = scene.recording.world.program(apps::built("vandal"));
        let program = program.env("LTTNG_HOME", "/nowhere").env("LTTNG_UST_REGISTER_TIMEOUT", "0");
        program.args([how, &format!("/run/lttng/{socket}"), "7", "3000"])
    };
    // An ordinary user may reach one of the sockets only.
    let mut held = [
        program("silent", "lttng-ust-sock-8").user(1234).spawn(),
        program("partial", "lttng-ust-sock-8").user(1234).spawn(),
        program("silent", "sessiond-health").spawn(),
        program("silent", "ustconsumerd64/health").spawn(),
    ];
    held.iter_mut().for_each(|vandal| vandal.wait_for_output("ready"));
    // As many as may be undecided, and a few for clients.
    eventually("those that are too many are closed", || {
        open_files(&mut scene.recording.daemon.process) < before + 1024 + 16 + 50
    });
    let begun = Instant::now();
    let newcomer = scene.recording.traced(apps::built("mortal")).args(["--events", "0"]);
    newcomer.run().ok();
    assert!(begun.elapsed() < ANSWER, "an application took {:?} to register", begun.elapsed());
    scene.answers_while(Vec::new());
    scene.finish();
}

#[test]
fn abuse_of_the_clients_socket_harms_nobody_else() {
    let Some(scene) = Scene::open() else { return };
    let socket = "client-lttng-sessiond";
    // More than are served at once.
    let mut held = scene.vandal("silent", socket, 600);
    held.wait_for_output("ready");
    scene.answers_while(Vec::new());
    let vandals = [("garbage", 500), ("huge", 20), ("request", 540), ("fds", 20), ("partial", 100)];
    scene.answers_while(vandals.map(|(how, count)| scene.vandal(how, socket, count)).into());
    scene.finish();
}

#[test]
fn abuse_of_the_health_sockets_harms_nobody_else() {
    let Some(scene) = Scene::open() else { return };
    for socket in ["sessiond-health", "ustconsumerd64/health"] {
        let vandals = [("garbage", 300), ("huge", 10), ("fds", 20), ("partial", 100), ("silent", 100)];
        scene.answers_while(vandals.map(|(how, count)| scene.vandal(how, socket, count)).into());
    }
    scene.finish();
}

#[test]
fn nobody_else_can_reach_the_consumer_daemon() {
    let Some(scene) = Scene::open() else { return };
    for socket in ["ustconsumerd64/command", "ustconsumerd64/error"] {
        let refused = scene.vandal("garbage", socket, 1).wait(2 * ANSWER).expect("it is refused at once");
        assert_eq!(refused.code(), Some(1), "{refused}");
    }
    scene.answers_while(Vec::new());
    scene.finish();
}
