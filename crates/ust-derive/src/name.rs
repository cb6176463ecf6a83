//! What names may be: of events (`provider:event`), of fields, of log levels. A wrong one is an error at its own place.

use proc_macro2::Ident;
use syn::ext::IdentExt as _;
use syn::{Error, LitStr};

/// With its terminating NUL, a name has 256 bytes in LTTng's messages.
const LONGEST: usize = 255;

/// The log levels as LTTng and as `rttng_ust::LogLevel` spell them, most severe first.
const LEVELS: [(&str, &str); 15] = [
    ("EMERG", "Emerg"),
    ("ALERT", "Alert"),
    ("CRIT", "Crit"),
    ("ERR", "Err"),
    ("WARNING", "Warning"),
    ("NOTICE", "Notice"),
    ("INFO", "Info"),
    ("DEBUG_SYSTEM", "DebugSystem"),
    ("DEBUG_PROGRAM", "DebugProgram"),
    ("DEBUG_PROCESS", "DebugProcess"),
    ("DEBUG_MODULE", "DebugModule"),
    ("DEBUG_UNIT", "DebugUnit"),
    ("DEBUG_FUNCTION", "DebugFunction"),
    ("DEBUG_LINE", "DebugLine"),
    ("DEBUG", "Debug"),
];

/// Checks the name of an event.
pub(crate) fn check_event(name: &LitStr) -> syn::Result<()> {
    let text = name.value();
    let fault = |why: &str| Err(Error::new(name.span(), why));
    let Some((provider, event)) = text.split_once(':') else {
        return fault("an event is named \"provider:event\", for example \"shop:order\"");
    };
    if provider.is_empty() || event.is_empty() {
        return fault("an event is named \"provider:event\": neither part may be empty");
    }
    if let Some(wrong) = text.chars().find(|&c| !c.is_ascii_graphic() || "*\\,\"".contains(c)) {
        return fault(&format!(
            "{wrong:?} cannot be in the name of an event: `lttng enable-event` could not name it"
        ));
    }
    if text.len() > LONGEST {
        return fault(&format!(
            "the name of an event has at most {LONGEST} bytes, this one has {}",
            text.len()
        ));
    }
    Ok(())
}

/// Checks the name of a field and gives it as traces show it.
pub(crate) fn check_field(name: &Ident) -> syn::Result<String> {
    let text = name.unraw().to_string();
    if !text.is_ascii() {
        return Err(Error::new(name.span(), "names of fields are ASCII: trace readers expect C identifiers"));
    }
    if text.len() > LONGEST {
        return Err(Error::new(name.span(), format!("the name of a field has at most {LONGEST} bytes")));
    }
    Ok(text)
}

/// The variant of `LogLevel` that a log level of LTTng is.
pub(crate) fn level(name: &Ident) -> syn::Result<&'static str> {
    let text = name.to_string();
    let plain = text.strip_prefix("TRACE_").unwrap_or(&text);
    if let Some((_, level)) = LEVELS.iter().find(|(known, _)| *known == plain) {
        return Ok(level);
    }
    let meant = match plain.to_ascii_uppercase().as_str() {
        "WARN" => Some("WARNING"),
        "ERROR" => Some("ERR"),
        "FATAL" | "CRITICAL" => Some("CRIT"),
        "TRACE" => Some("DEBUG"),
        other => LEVELS
            .iter()
            .find(|(known, variant)| *known == other || *variant == plain)
            .map(|(known, _)| *known),
    };
    let hint = match meant {
        Some(meant) => format!("; write {meant}"),
        None => format!(": it is one of {}", LEVELS.map(|(known, _)| known).join(", ")),
    };
    Err(Error::new(name.span(), format!("{text} is no log level of LTTng{hint}")))
}
