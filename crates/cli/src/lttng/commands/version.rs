//! `version`: what this program is. Scripts read the first line only, which has LTTng's shape and the version that we
//! are compatible with.

use crate::lttng::exit::{Exit, Step};
use crate::lttng::program::Program;
use crate::lttng::table::CommandSpec;

/// The version of LTTng-tools whose behaviour this is.
const COMPATIBLE: &str = "2.13.9";
const PARTS: (u8, u8, u8) = (2, 13, 9);
const NAME: &str = concat!("rttng ", env!("CARGO_PKG_VERSION"));
const DESCRIPTION: &str = "rttng is LTTng, made again in Rust: one program that speaks LTTng's protocols and can stand beside, or in place of, each of its parts.";
const WEB_SITE: &str = "https://lttng.org";
const LICENCE: &str = "rttng is free software under the MIT licence or the Apache licence 2.0, as you like";

/// `2.13.9 - rttng 0.1.0`.
pub(crate) fn banner() -> String {
    format!("{COMPATIBLE} - {NAME}")
}

pub(crate) fn run(program: &mut Program, command: &'static CommandSpec, words: &[String]) -> Step<Exit> {
    let mut parser = program.parse(command, words);
    while parser.next()?.is_some() {}
    let mi = &mut program.mi;
    mi.begin(command.name);
    mi.element("version", |mi| {
        mi.text("string", COMPATIBLE);
        mi.number("major", PARTS.0);
        mi.number("minor", PARTS.1);
        mi.text("commit", "");
        mi.number("patchLevel", PARTS.2);
        mi.text("name", NAME);
        mi.text("description", DESCRIPTION);
        mi.text("url", WEB_SITE);
        mi.text("license", LICENCE);
    });
    program.out.say(format_args!(
        "lttng version {}\n\n{DESCRIPTION}\n\nWeb site: {WEB_SITE}\n\n{LICENCE}",
        banner()
    ));
    Ok(Exit::SUCCESS)
}
