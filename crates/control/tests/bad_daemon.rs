//! The client beside daemons that hang, lie, close early or answer before they have read everything: each call ends within its
//! bound and says what happened.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::thread;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use rttng_control::{Client, ControlError, Endpoint};
use rttng_wire::client::{Domain, DomainType, ErrorCode, Event, EventKind};

/// What a test allows a daemon that is to be given up.
const BOUND: Duration = Duration::from_millis(300);
/// What it allows one that answers: a busy machine may let the client wait for its turn.
const PATIENCE: Duration = Duration::from_secs(60);
const REQUEST_SIZE: usize = 13_156;

/// A daemon that handles each connection with `serve`, and a client of it that waits so long for an answer.
fn beside(bound: Duration, serve: impl Fn(UnixStream) + Send + 'static) -> (Client, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let socket = folder.path().join("client-lttng-sessiond");
    let listener = UnixListener::bind(&socket).expect("a socket can be bound");
    thread::spawn(move || listener.incoming().flatten().for_each(&serve));
    (Client::new(Endpoint::at(socket)).with_bounds(bound, bound), folder)
}

fn read_request(stream: &mut UnixStream) {
    let mut request = vec![0; REQUEST_SIZE];
    let _ = stream.read_exact(&mut request);
}

fn header(code: u32, command_header: u32, data: u32) -> Vec<u8> {
    [13u32, code, 0, command_header, data, 0].iter().flat_map(|field| field.to_ne_bytes()).collect()
}

#[test]
fn one_that_never_answers_costs_the_bound_and_no_more() {
    let (client, _folder) = beside(BOUND, |_stream| {
        loop {
            thread::park();
        }
    });
    let start = Instant::now();
    let error = client.list_sessions().unwrap_err();
    assert!(matches!(error, ControlError::TimedOut(_)), "{error:?}");
    assert!(start.elapsed() >= BOUND);
    assert!(error.text().contains("did not answer"), "{}", error.text());
}

#[test]
fn one_that_dribbles_is_given_up_as_well() {
    let (client, _folder) = beside(BOUND, |mut stream| {
        read_request(&mut stream);
        // All of it would take seven minutes.
        for byte in header(10, 0, 4385).into_iter().chain([0; 4385]) {
            thread::sleep(Duration::from_millis(100));
            if stream.write_all(&[byte]).is_err() {
                return;
            }
        }
    });
    let start = Instant::now();
    assert!(matches!(client.list_sessions().unwrap_err(), ControlError::TimedOut(_)));
    assert!(start.elapsed() < PATIENCE);
}

#[test]
fn one_that_closes_is_no_daemon() {
    let (client, _folder) = beside(PATIENCE, drop);
    let error = client.start("s").unwrap_err();
    assert!(matches!(error, ControlError::Disconnected(_)), "{error:?}");
    assert_eq!(error.code(), ErrorCode::NoSessiond);
}

#[test]
fn an_answer_before_the_payload_was_read_is_heard() {
    let (client, _folder) = beside(PATIENCE, |mut stream| {
        let mut first = [0; 4];
        let _ = stream.read_exact(&mut first);
        let _ = stream.write_all(&header(23, 0, 0));
    });
    for _ in 0..50 {
        let event = Event::new("x".repeat(255), EventKind::Tracepoint);
        let domain = Domain::with_default_buffers(DomainType::Ust);
        let error = client.enable_event("nosuch", domain, "", event, None).unwrap_err();
        assert_eq!(error.code(), ErrorCode::SessNotFound, "{error:?}");
    }
}

#[test]
fn an_answer_of_impossible_size_is_refused() {
    let (client, _folder) = beside(PATIENCE, |mut stream| {
        read_request(&mut stream);
        let _ = stream.write_all(&header(10, 0, u32::MAX));
        thread::sleep(Duration::from_secs(2));
    });
    let error = client.list_sessions().unwrap_err();
    assert!(matches!(error, ControlError::Nonsense(_)), "{error:?}");
}

#[test]
fn a_name_that_does_not_fit_is_never_sent() {
    let (client, _folder) = beside(PATIENCE, |mut stream| read_request(&mut stream));
    for name in ["x".repeat(255), "x".repeat(100_000), "a\0b".to_owned()] {
        let error = client.start(&name).unwrap_err();
        assert!(matches!(error, ControlError::Invalid { code: ErrorCode::Invalid, .. }), "{error:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Whatever comes back, every call returns.
    #[test]
    fn random_answers_never_panic(answer in proptest::collection::vec(any::<u8>(), 0..200), honest in any::<bool>()) {
        let (client, _folder) = beside(BOUND, move |mut stream| {
            read_request(&mut stream);
            let mut bytes = if honest { header(10, 4, answer.len() as u32 + 4) } else { Vec::new() };
            bytes.extend_from_slice(&answer);
            let _ = stream.write_all(&bytes);
        });
        let domain = Domain::for_query(DomainType::Ust);
        let _ = client.list_sessions();
        let _ = client.list_channels("s", domain);
        let _ = client.list_events("s", domain, "c");
        let _ = client.list_triggers();
        let _ = client.rotation_schedules("s");
        let _ = client.destroy_session("s", || ());
    }
}
