//! What is written before the fields of an event: its name, `level = …`, `uri = …`.

use proc_macro2::{Ident, Span};
use syn::parse::ParseStream;
use syn::{Error, LitStr, Token};

use crate::name;

/// What a tracepoint without a log level has.
const DEFAULT_LEVEL: &str = "DebugLine";

/// An event but for its fields.
pub(crate) struct Description {
    pub(crate) name: LitStr,
    pub(crate) level: &'static str,
    pub(crate) uri: Option<LitStr>,
    has_level: bool,
}

impl Description {
    /// Reads the name, which comes first.
    pub(crate) fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        if input.is_empty() {
            return Err(Error::new(
                Span::call_site(),
                "an event has a name: event!(\"provider:event\", field: u64 = value)",
            ));
        }
        let name: LitStr = input.parse()?;
        name::check_event(&name)?;
        Ok(Description { name, level: DEFAULT_LEVEL, uri: None, has_level: false })
    }

    /// Reads `level = …` or `uri = …` if that is next.
    pub(crate) fn parse_option(&mut self, input: ParseStream<'_>) -> syn::Result<bool> {
        if !(input.peek(syn::Ident) && input.peek2(Token![=])) {
            return Ok(false);
        }
        let option: Ident = input.parse()?;
        input.parse::<Token![=]>()?;
        let again = || Err(Error::new(option.span(), format!("{option} is given twice")));
        match option.to_string().as_str() {
            "level" if self.has_level => return again(),
            "level" => {
                self.level = name::level(&input.parse()?)?;
                self.has_level = true;
            }
            "uri" if self.uri.is_some() => return again(),
            "uri" => self.uri = Some(input.parse()?),
            other => {
                return Err(Error::new(
                    option.span(),
                    format!("a field has a type: {other}: TYPE = …  (or is level = …, uri = … meant?)"),
                ));
            }
        }
        Ok(true)
    }
}
