//! `disable-channel NAME[,NAME]...`.

use rttng_wire::client::Domain;

use crate::lttng::domains::{self, Chosen};
use crate::lttng::exit::{Exit, Step};
use crate::lttng::names;
use crate::lttng::program::Program;
use crate::lttng::table::CommandSpec;
use crate::lttng::values::name_list;

pub(crate) fn run(program: &mut Program, command: &'static CommandSpec, words: &[String]) -> Step<Exit> {
    let out = program.out;
    let mut parser = program.parse(command, words);
    let mut domains = Chosen::default();
    let mut session = None;
    while let Some(option) = parser.next()? {
        if !domains.take(option.long) {
            session = option.value;
        }
    }
    let domain = Domain::for_query(domains.only(out, domains::WITH_CHANNELS)?);
    let Some(channels) = parser.at_most_one()? else {
        out.error("Missing channel name(s).");
        return Ok(Exit::ERROR);
    };
    let session = program.session_or_current(session)?;
    program.mi.begin(command.name);
    program.mi.open("channels");
    let mut exit = Exit::SUCCESS;
    for name in name_list(&channels) {
        let disabled = program.client.disable_channel(&session, domain, name);
        program.mi.element("channel", |mi| {
            mi.text("name", name);
            mi.boolean("enabled", disabled.is_err());
            mi.boolean("success", disabled.is_ok());
        });
        match disabled {
            Ok(()) => {
                let kind = names::domain(domain.kind);
                out.say(format_args!("{kind} channel {name} disabled for session {session}"));
            }
            Err(error) => {
                out.error(format_args!("Channel {name}: {} (session {session})", error.text()));
                exit = Exit::WARNING;
            }
        }
    }
    program.mi.end(exit.is_success());
    Ok(exit)
}
