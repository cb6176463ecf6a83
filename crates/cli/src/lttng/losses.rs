//! What a session lost, over all its channels: the line that `stop` and `destroy` end with (`docs/spec/cli.md` §6.4).

use rttng_control::Client;
use rttng_wire::client::Session;

const ADVICE: &str = "please refer to the documentation on channel configuration.";

/// The line about the session of that name, if it lost anything.
pub(crate) fn of_session_named(client: &Client, name: &str) -> Option<String> {
    let sessions = client.list_sessions().ok()?;
    of_session(client, sessions.iter().find(|session| session.name == name)?)
}

/// The line about a session, if it lost anything. Snapshot sessions overwrite by design and say nothing.
pub(crate) fn of_session(client: &Client, session: &Session) -> Option<String> {
    if session.snapshot_mode {
        return None;
    }
    let mut discarded = 0u64;
    let mut lost = 0u64;
    for domain in client.list_domains(&session.name).ok()? {
        if domain.kind.is_agent() {
            continue;
        }
        for channel in client.list_channels(&session.name, domain).unwrap_or_default() {
            discarded = discarded.saturating_add(channel.discarded_events);
            lost = lost.saturating_add(channel.lost_packets);
        }
    }
    line(discarded, lost)
}

/// The prefix is part of the text: the line goes to standard output all the same.
fn line(discarded: u64, lost: u64) -> Option<String> {
    match (discarded, lost) {
        (0, 0) => None,
        (_, 0) => Some(format!("Warning: {discarded} events were discarded, {ADVICE}")),
        (0, _) => Some(format!("Warning: {lost} packets were lost, {ADVICE}")),
        _ => {
            Some(format!("Warning: {discarded} events were discarded and {lost} packets were lost, {ADVICE}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_said_when_nothing_was_lost() {
        assert_eq!(line(0, 0), None);
        assert!(line(3, 0).unwrap().starts_with("Warning: 3 events were discarded, please"));
        assert!(line(0, 2).unwrap().starts_with("Warning: 2 packets were lost, please"));
        assert!(
            line(3, 2)
                .unwrap()
                .starts_with("Warning: 3 events were discarded and 2 packets were lost, please")
        );
    }
}
