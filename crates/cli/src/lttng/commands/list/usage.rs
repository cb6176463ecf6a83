//! What `rttng status` says beyond LTTng's `status`: how full the buffers of each channel ever were, and all that was
//! lost in them. Under the name `lttng` nothing is added, and nothing to `--mi`.

use rttng_wire::client::ChannelUsage;

use crate::lttng::help::Help;
use crate::lttng::program::Program;

/// Says it, if this is our own program's name and the daemon is ours too.
pub(super) fn say(program: &Program, session: &str) {
    if program.help != Help::Text {
        return;
    }
    // LTTng's daemon does not know the question; then there is nothing more to say.
    let Ok(channels) = program.client.list_channel_usage(session) else { return };
    if channels.is_empty() {
        return;
    }
    program.out.say("Buffers:\n-------------");
    for channel in &channels {
        program.out.say(line(channel));
    }
    program.out.say("");
}

fn line(channel: &ChannelUsage) -> String {
    let percent = match channel.buffer_size {
        0 => 0,
        size => u128::from(channel.fullest).saturating_mul(100).div_ceil(size.into()),
    };
    let filled = match (channel.fullest, percent) {
        (0, _) => "empty until now".to_owned(),
        (_, 100..) => "were full".to_owned(),
        _ => format!("never more than {percent} % full"),
    };
    let counted = |count: u64, one: &str, more: &str| match count {
        0 => None,
        1 => Some(format!("1 {one}")),
        _ => Some(format!("{count} {more}")),
    };
    let lost: Vec<String> = [
        counted(channel.discarded_events, "event discarded", "events discarded"),
        counted(channel.lost_packets, "packet lost", "packets lost"),
        counted(
            channel.dead_producers,
            "packet cut short by an application that died in the middle of an event",
            "packets cut short by applications that died in the middle of an event",
        ),
    ]
    .into_iter()
    .flatten()
    .collect();
    let lost = if lost.is_empty() { "nothing lost".to_owned() } else { format!("LOST: {}", lost.join(", ")) };
    format!("- {}: {filled}; {lost}", channel.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_for_a_person() {
        let channel =
            ChannelUsage { name: "web".into(), buffer_size: 1000, fullest: 121, ..Default::default() };
        assert_eq!(line(&channel), "- web: never more than 13 % full; nothing lost");
        let lossy = ChannelUsage {
            fullest: 1000,
            discarded_events: 5,
            lost_packets: 1,
            dead_producers: 1,
            ..channel.clone()
        };
        assert_eq!(
            line(&lossy),
            "- web: were full; LOST: 5 events discarded, 1 packet lost, 1 packet cut short by an application that \
             died in the middle of an event"
        );
        assert_eq!(line(&ChannelUsage { fullest: 0, ..channel }), "- web: empty until now; nothing lost");
    }
}
