//! The agent protocol against captured messages (`tests/vectors/agents/README.md`), its own other end, and strangers.

mod feed;

use std::path::Path;

use feed::{feed, mutate};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use rttng_wire::agent::*;
use rttng_wire::client::{DomainType, LogLevelSelection};
use rttng_wire::{Action, Decode, Encode, Exchange};

fn vector(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/agents").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn enable(name: &str, log_level: LogLevelSelection, filter: Option<&str>) -> Command {
    Command::Enable(EnableLogger { name: name.into(), log_level, filter: filter.map(str::to_owned) })
}

#[test]
fn commands_are_as_captured() {
    let python = LogLevelSelection::all(DomainType::Python);
    let jul = LogLevelSelection::all(DomainType::Jul);
    let filter = "((lineno > 10) && (logger_name == \"lg.b\")) && (int_loglevel >= 30)";
    let context = || AppContext { provider: "myp".into(), name: "myc".into() };
    for (file, command) in [
        ("reg-done", Command::RegistrationDone),
        ("list", Command::List),
        ("enable-name", enable("lg.a", python, Some("logger_name == \"lg.a\""))),
        ("enable-level-filter", enable("lg.b", LogLevelSelection::range(30), Some(filter))),
        ("enable-all", enable("*", python, None)),
        ("enable-jul", enable("jl.a", jul, Some("logger_name == \"jl.a\""))),
        ("disable", Command::Disable { name: "jl.a".into() }),
        ("app-ctx-enable", Command::AppContextEnable(context())),
        ("app-ctx-disable", Command::AppContextDisable(context())),
    ] {
        let bytes = vector(&format!("{file}.sessiond.bin"));
        assert_eq!(command.to_bytes(), bytes, "{file}");
        let (received, _) = feed(CommandReceipt::new(), &bytes);
        assert_eq!(received, Some(ReceivedCommand::Command(command)), "{file}");
    }
}

#[test]
fn registrations_are_as_captured() {
    let bytes = vector("register-python.agent.bin");
    let registration = AgentRegistration { domain: DomainType::Python, pid: 4242 };
    assert_eq!(AgentRegistration::from_bytes(&bytes), Ok(registration));
    assert_eq!(registration.to_bytes(), bytes);
    for (at, value) in [(3, 2), (3, 9), (11, 3), (15, 1)] {
        let mut other = bytes.clone();
        other[at] = value;
        assert!(AgentRegistration::from_bytes(&other).is_err(), "byte {at} as {value}");
    }
}

fn answer(command: &Command, reply: &[u8]) -> Option<Result<Answer, Refusal>> {
    feed(CommandExchange::new(command), reply).0
}

#[test]
fn replies_are_as_captured() {
    let loggers = || ["lg.a", "lg", "lg.b"].map(str::to_owned).to_vec();
    let reply = vector("list-reply-python.agent.bin");
    assert_eq!(Reply::Loggers(loggers()).to_bytes(), reply);
    assert_eq!(answer(&Command::List, &reply), Some(Ok(Answer::Loggers(loggers()))));
    let disable = Command::Disable { name: "x".into() };
    let success = vector("reply-success.agent.bin");
    assert_eq!(Reply::Code(ReplyCode::Success).to_bytes(), success);
    assert_eq!(answer(&disable, &success), Some(Ok(Answer::Done)));
    let unknown = vector("reply-unknown-name.agent.bin");
    assert_eq!(Reply::Code(ReplyCode::UnknownName).to_bytes(), unknown);
    let refusal = Refusal::Code { command: CommandCode::Disable, code: ReplyCode::UnknownName };
    assert_eq!(answer(&disable, &unknown), Some(Err(refusal)));
}

#[test]
fn an_empty_list_has_a_count_too() {
    let reply = Reply::Loggers(Vec::new()).to_bytes();
    assert_eq!(reply, [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(answer(&Command::List, &reply), Some(Ok(Answer::Loggers(Vec::new()))));
}

#[test]
fn a_list_that_failed_is_a_refusal() {
    let refused = answer(&Command::List, &[0, 0, 0, 2, 0, 0, 0, 0]);
    let code = ReplyCode::InvalidCommand;
    assert_eq!(refused, Some(Err(Refusal::Code { command: CommandCode::List, code })));
    let miscounted = answer(&Command::List, b"\0\0\0\x01\0\0\0\x02\0\0\0\x02a\0");
    assert!(matches!(miscounted, Some(Err(Refusal::Malformed(_)))));
    assert_eq!(answer(&Command::List, b"\0\0\0\x01\xff\xff\xff\xff\0\0\0\x02a\0"), None);
}

#[test]
fn the_end_of_registration_has_no_reply() {
    let mut exchange = CommandExchange::new(&Command::RegistrationDone);
    assert_eq!(exchange.next(), Action::Send(vector("reg-done.sessiond.bin")));
    assert_eq!(exchange.next(), Action::Done(Ok(Answer::Done)));
}

#[test]
fn header_and_payload_are_sent_apart() {
    let mut exchange = CommandExchange::new(&Command::Disable { name: "jl.a".into() });
    let whole = vector("disable.sessiond.bin");
    assert_eq!(exchange.next(), Action::Send(whole[..16].to_vec()));
    assert_eq!(exchange.next(), Action::Send(whole[16..].to_vec()));
    assert_eq!(exchange.next(), Action::Receive(4));
}

#[test]
fn unknown_and_malformed_commands_keep_the_stream_in_step() {
    let unknown = b"\0\0\0\0\0\0\0\x03\0\0\0\x07\0\0\0\0abc";
    assert_eq!(feed(CommandReceipt::new(), unknown).0, Some(ReceivedCommand::Unknown(7)));
    let cut = b"\0\0\0\0\0\0\0\x03\0\0\0\x03\0\0\0\0abc";
    let received = feed(CommandReceipt::new(), cut).0;
    assert!(matches!(received, Some(ReceivedCommand::Malformed { code: CommandCode::Disable, .. })));
}

fn command() -> impl Strategy<Value = Command> {
    let text = || "[a-zé.:*$]{0,40}";
    let context = (text(), text()).prop_map(|(provider, name)| AppContext { provider, name });
    let level = (select(&[0, 1, 2][..]), any::<i32>()).prop_map(|(kind, level)| match kind {
        0 => LogLevelSelection { level, ..LogLevelSelection::all(DomainType::Jul) },
        1 => LogLevelSelection::range(level),
        _ => LogLevelSelection::single(level),
    });
    prop_oneof![
        Just(Command::List),
        Just(Command::RegistrationDone),
        text().prop_map(|name| Command::Disable { name }),
        context.clone().prop_map(Command::AppContextEnable),
        context.prop_map(Command::AppContextDisable),
        (text(), level, proptest::option::of(text()))
            .prop_map(|(name, log_level, filter)| Command::Enable(EnableLogger { name, log_level, filter })),
    ]
}

proptest! {
    #[test]
    fn an_agent_reads_what_the_session_daemon_sends(value in command()) {
        let sent = value.to_bytes();
        let (received, _) = feed(CommandReceipt::new(), &sent);
        prop_assert_eq!(received, Some(ReceivedCommand::Command(value)));
    }

    #[test]
    fn lists_round_trip(names in vec("[a-zé. ]{1,40}", 0..20)) {
        let reply = Reply::Loggers(names.clone()).to_bytes();
        prop_assert_eq!(answer(&Command::List, &reply), Some(Ok(Answer::Loggers(names))));
    }

    #[test]
    fn changed_commands_are_values_or_errors(
        value in command(),
        changes in vec((any::<Index>(), any::<u8>()), 1..8),
    ) {
        let mut bytes = value.to_bytes();
        mutate(&mut bytes, &changes);
        if let Some(ReceivedCommand::Command(received)) = feed(CommandReceipt::new(), &bytes).0 {
            let again = feed(CommandReceipt::new(), &received.to_bytes()).0;
            prop_assert_eq!(again, Some(ReceivedCommand::Command(received)));
        }
    }

    #[test]
    fn any_reply_is_an_answer_or_an_error(
        value in command(),
        good in any::<bool>(),
        reply in vec(any::<u8>(), 0..200),
    ) {
        let start: &[u8] = if good { &[0, 0, 0, 1, 0, 0, 0] } else { &[] };
        feed(CommandExchange::new(&value), &[start, &reply].concat());
    }

    #[test]
    fn random_bytes_never_panic(bytes in vec(any::<u8>(), 0..600)) {
        let _ = AgentRegistration::from_bytes(&bytes);
        feed(CommandReceipt::new(), &bytes);
    }
}
