//! What a client has to work out before it enables an event: the filter's bytecode, and the filter that a rule for loggers
//! becomes.

use rttng_filter::{FilterError, LogLevelRule, compose_agent_filter};
use rttng_wire::client::event::FilterBytecode;
use rttng_wire::client::{DomainType, Filter, LogLevelSelection, LogLevelType};
use rttng_wire::text;

/// The filter to send with an event rule: `expression` compiled; in agent domains joined with the conditions on the
/// logger's name and level, which are part of the filter there. `None` if the rule needs no filter.
///
/// # Errors
/// When the expression does not compile.
pub fn event_filter(
    domain: DomainType,
    name: &str,
    expression: Option<&str>,
    level: LogLevelSelection,
) -> Result<Option<Filter>, FilterError> {
    let text = if domain.is_agent() {
        if let Some(expression) = expression {
            // Joined with other conditions a broken expression could become a valid one.
            rttng_filter::compile_bytes(&text::to_bytes(expression))?;
        }
        let rule = match level.kind {
            LogLevelType::All => LogLevelRule::Any,
            LogLevelType::Range => LogLevelRule::AtLeast(level.level),
            LogLevelType::Single => LogLevelRule::Exactly(level.level),
        };
        compose_agent_filter(name, expression, rule)
    } else {
        expression.map(str::to_owned)
    };
    let Some(expression) = text else { return Ok(None) };
    let code = rttng_filter::compile_bytes(&text::to_bytes(&expression))?;
    let bytecode = FilterBytecode {
        reloc_table_offset: code.relocation_offset(),
        seqnum: code.sequence(),
        data: code.data().to_vec(),
    };
    Ok(Some(Filter { expression, bytecode: Some(bytecode) }))
}
