//! `add-context -t TYPE`...: records context fields with every event.

use rttng_wire::client::{Context, Domain};

use crate::lttng::contexts;
use crate::lttng::domains::{self, Chosen};
use crate::lttng::exit::{Exit, Step};
use crate::lttng::names;
use crate::lttng::objects;
use crate::lttng::program::Program;
use crate::lttng::table::CommandSpec;

pub(crate) fn run(program: &mut Program, command: &'static CommandSpec, words: &[String]) -> Step<Exit> {
    let out = program.out;
    if words.is_empty() {
        // The reference says nothing; a person should know what is missing.
        out.error("Missing mandatory -t TYPE");
        return Ok(Exit::ERROR);
    }
    let mut parser = program.parse(command, words);
    let mut domains = Chosen::default();
    let (mut session, mut channel, mut list) = (None, None, false);
    let mut types: Vec<(String, Context)> = Vec::new();
    while let Some(option) = parser.next()? {
        match option.long {
            "session" => session = option.value,
            "channel" => channel = option.value,
            "list" => list = true,
            "type" => {
                let symbol = option.text();
                match contexts::parse(&symbol) {
                    Ok(context) => types.push((symbol, context)),
                    Err(why) => {
                        if let Some(why) = why {
                            out.error(why);
                        }
                        out.error(format_args!("Unknown context type {symbol}"));
                        return Ok(Exit::FATAL);
                    }
                }
            }
            other => drop(domains.take(other)),
        }
    }
    parser.at_most_one()?;
    if list {
        list_types(program, command);
        return Ok(Exit::SUCCESS);
    }
    let domain = Domain::with_default_buffers(domains.only(out, domains::ALL)?);
    if types.is_empty() {
        out.error("Missing mandatory -t TYPE");
        return Ok(Exit::ERROR);
    }
    let session = program.session_or_current(session)?;
    program.mi.begin(command.name);
    program.mi.open("contexts");
    let mut exit = Exit::SUCCESS;
    for (symbol, context) in types {
        let channel_name = channel.as_deref().unwrap_or_default();
        let added = program.client.add_context(&session, domain, channel_name, context.clone());
        program.mi.element("context", |mi| {
            objects::context_fields(mi, &context, &symbol);
            mi.boolean("success", added.is_ok());
        });
        let kind = names::domain(domain.kind);
        match (added, &channel) {
            (Ok(()), Some(channel)) => {
                out.say(format_args!("{kind} context {symbol} added to channel {channel}"))
            }
            (Ok(()), None) => out.say(format_args!("{kind} context {symbol} added to all channels")),
            (Err(error), _) => {
                out.error(format_args!("{symbol}: {}", error.text()));
                exit = Exit::WARNING;
            }
        }
    }
    program.mi.end(exit.is_success());
    Ok(exit)
}

fn list_types(program: &mut Program, command: &'static CommandSpec) {
    program.mi.begin(command.name);
    program.mi.element("contexts", |mi| {
        for (symbol, context) in contexts::visible() {
            mi.element("context", |mi| objects::context_fields(mi, &context, &symbol));
        }
    });
    for (symbol, _) in contexts::visible() {
        program.out.say(symbol);
    }
    program.mi.end(true);
}
