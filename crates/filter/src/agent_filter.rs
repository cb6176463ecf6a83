//! The filter that a rule for loggers becomes (`docs/spec/agents.md`, 7.1): agents select nothing themselves, so name and
//! level are part of the expression.

use crate::log_level::LogLevelRule;

/// The composed filter text, or `None` if the rule selects everything. `name` is the logger's name or pattern, `filter`
/// the expression of the user. Spacing matters: daemons compare the text.
pub fn compose_agent_filter(name: &str, filter: Option<&str>, level: LogLevelRule) -> Option<String> {
    let text = match (name, filter) {
        ("*", filter) => filter.map(str::to_owned),
        (name, None) => Some(format!("logger_name == \"{name}\"")),
        (name, Some(filter)) => Some(format!("({filter}) && (logger_name == \"{name}\")")),
    };
    let level = match level {
        LogLevelRule::Any => return text,
        LogLevelRule::AtLeast(value) => format!("int_loglevel >= {value}"),
        LogLevelRule::Exactly(value) => format!("int_loglevel == {value}"),
    };
    Some(match text {
        Some(text) => format!("({text}) && ({level})"),
        None => level,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As sent by `lttng` 2.13.9 (`docs/spec/agents.md`, 7.1).
    #[test]
    fn composes_the_texts_of_the_reference() {
        let compose = |name, filter, level| compose_agent_filter(name, filter, level);
        assert_eq!(
            compose("lg.b", None, LogLevelRule::AtLeast(30)).unwrap(),
            "(logger_name == \"lg.b\") && (int_loglevel >= 30)"
        );
        assert_eq!(
            compose("lg.d", Some("lineno > 10"), LogLevelRule::AtLeast(20)).unwrap(),
            "((lineno > 10) && (logger_name == \"lg.d\")) && (int_loglevel >= 20)"
        );
        assert_eq!(compose("*", None, LogLevelRule::AtLeast(10)).unwrap(), "int_loglevel >= 10");
        assert_eq!(compose("lg.*", None, LogLevelRule::Any).unwrap(), "logger_name == \"lg.*\"");
        assert_eq!(compose("*", Some("x"), LogLevelRule::Exactly(5)).unwrap(), "(x) && (int_loglevel == 5)");
        assert_eq!(compose("*", None, LogLevelRule::Any), None);
    }
}
