//! What is wrong with a filter expression, where in its text, and what the reference `lttng` says and returns for it.
//! Nothing here parses.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

/// LTTng's error code of an empty expression.
pub const ERROR_INVALID: u32 = 97;
/// LTTng's error code of every other refused expression.
pub const ERROR_FILTER_INVALID: u32 = 106;

/// A filter or capture expression that is refused (`docs/spec/filter.md`, sections 2 to 4).
///
/// `Display` is one line that names the column; [`FilterError::render`] shows the text with the place marked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind} (column {})", span.start + 1)]
pub struct FilterError {
    /// What is wrong.
    pub kind: FilterErrorKind,
    /// Where: bytes of the expression text. Empty at the place where something is missing.
    pub span: Range<usize>,
}

/// The reasons for which an expression is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FilterErrorKind {
    /// No text at all.
    #[error("the filter expression is empty")]
    Empty,
    /// More text than LTTng's client can send.
    #[error("the filter expression has {length} bytes; {limit} is the most")]
    TextTooLong {
        /// Bytes of the text.
        length: usize,
        /// The bound, in bytes.
        limit: usize,
    },
    /// A zero byte, which would end the text early on its way.
    #[error("the filter expression contains a NUL byte")]
    NulByte,
    /// A token that cannot stand here.
    #[error("expected {expected}, found {found}")]
    Unexpected {
        /// What could stand here.
        expected: &'static str,
        /// What stands here.
        found: String,
    },
    /// A byte that starts no token.
    #[error("{found} has no meaning in a filter expression{}", hint_for(found))]
    Stray {
        /// The byte or character, for reading.
        found: String,
    },
    /// A literal whose closing quote is missing.
    #[error("the string has no closing {quote}")]
    UnterminatedString {
        /// The quote that opened it.
        quote: char,
    },
    /// `''`.
    #[error("a character constant may not be empty; write \"\" for the empty string")]
    EmptyCharacterConstant,
    /// `0u`, `0L`, and so on.
    #[error("zero takes no suffix; write 0")]
    ZeroWithSuffix,
    /// `0X1F`.
    #[error("hexadecimal constants start with a lower-case 0x")]
    UpperCaseHexadecimal,
    /// The letters that LTTng's lexer keeps for itself.
    #[error("LTTng refuses strings that contain the letters ESCSEQ")]
    ReservedLetters,
    /// Nesting beyond what is safe to follow.
    #[error("the expression is nested deeper than {limit} levels")]
    TooDeep {
        /// The bound.
        limit: usize,
    },
    /// The whole filter is a string.
    #[error("a string alone decides nothing; compare it, as in name == \"text\"")]
    StringRoot,
    /// The whole filter is a floating-point constant.
    #[error("a floating-point constant alone decides nothing; compare it with a field")]
    FloatRoot,
    /// `-"text"`.
    #[error("operator {operator} cannot be applied to a string")]
    UnaryOnString {
        /// As written.
        operator: &'static str,
    },
    /// `"text" == 1`.
    #[error("operator {operator} cannot compare a string with a number")]
    TypeMismatch {
        /// As written.
        operator: &'static str,
    },
    /// `"text" && x`.
    #[error("operator {operator} cannot have a string operand; compare the string first")]
    LogicalString {
        /// As written.
        operator: &'static str,
    },
    /// `"text" & 1`.
    #[error("operator {operator} cannot have a string operand")]
    BitwiseString {
        /// As written.
        operator: &'static str,
    },
    /// `1.5 & 1`.
    #[error("operator {operator} cannot have a floating-point operand")]
    BitwiseFloat {
        /// As written.
        operator: &'static str,
    },
    /// `a + 1`.
    #[error("filters have no arithmetic: operator {operator} is not supported")]
    Arithmetic {
        /// As written.
        operator: &'static str,
    },
    /// `$ctx` or `$app` alone.
    #[error("expected a name after {root}, as in {root}.{example}")]
    ContextWithoutName {
        /// `$ctx` or `$app`.
        root: &'static str,
        /// A name that could follow.
        example: &'static str,
    },
    /// `$other`.
    #[error("unknown {name}: only $ctx.NAME and $app.PROVIDER:NAME start with a dollar sign")]
    UnknownGlobal {
        /// As written, dollar sign included.
        name: String,
    },
    /// `a[b]`, `a[-1]`.
    #[error("an index must be an integer constant that is not negative")]
    IndexNotConstant,
    /// A backslash before something else than a backslash or star.
    #[error("a backslash in a string must be followed by * or another backslash")]
    UnsupportedEscape,
    /// `"a*b" == "c*"`.
    #[error("two patterns cannot be compared with each other")]
    TwoPatterns,
    /// `s < "a*b"`.
    #[error("a pattern can only be compared with == and !=, not with {operator}")]
    PatternOrdering {
        /// As written.
        operator: &'static str,
    },
    /// The code grew beyond what LTTng's generator can hold.
    #[error(
        "the expression compiles to more than {limit} bytes of bytecode; split it into several event rules"
    )]
    CodeTooLong {
        /// The bound, in bytes.
        limit: usize,
    },
    /// The code fits the generator, but not the message that carries it.
    #[error(
        "the expression compiles to {length} bytes of bytecode; {limit} can be sent; split it into several event rules"
    )]
    DataTooLong {
        /// Bytes of code and relocation table.
        length: usize,
        /// The bound, in bytes.
        limit: usize,
    },
    /// The code would overflow the tracer's evaluation stack, which ends applications.
    #[error(
        "evaluating this needs {needed} intermediate values at once; the tracer has room for {limit}. \
         Regroup it from left to right: (a | b) | c instead of a | (b | c)"
    )]
    StackTooDeep {
        /// Stack entries that the code needs.
        needed: usize,
        /// The bound.
        limit: usize,
    },
    /// Something that a filter may have but a capture expression may not.
    #[error(
        "{what} are not allowed in capture expressions: write NAME, $ctx.NAME or $app.PROVIDER:NAME, with at most one [INDEX]"
    )]
    NotACapture {
        /// As the reference command names it: `Binary operators`, `Unary operators`, …
        what: &'static str,
    },
    /// `$app.x` without a colon, or with nothing on one side of it.
    #[error("an application context is written $app.PROVIDER:NAME")]
    AppContextName,
    /// An index that the trigger's description cannot hold.
    #[error("the index of a capture must be below 4294967296")]
    CaptureIndex,
}

fn hint_for(found: &str) -> &'static str {
    match found {
        "`?`" => " (there is no conditional operator)",
        "`#`" | "`@`" => " (fields are written by their plain name, contexts as $ctx.NAME)",
        _ => "",
    }
}

impl FilterErrorKind {
    /// Whether it is about a constant that has the right form but no value.
    pub(crate) fn is_bad_constant(&self) -> bool {
        matches!(self, Self::ZeroWithSuffix | Self::UpperCaseHexadecimal | Self::ReservedLetters)
    }
}

impl FilterError {
    pub(crate) fn new(kind: FilterErrorKind, span: Range<usize>) -> Self {
        Self { kind, span }
    }

    /// LTTng's error code, which is the exit status of `lttng enable-event`: [`ERROR_INVALID`] or
    /// [`ERROR_FILTER_INVALID`].
    pub fn lttng_code(&self) -> u32 {
        match self.kind {
            FilterErrorKind::Empty => ERROR_INVALID,
            _ => ERROR_FILTER_INVALID,
        }
    }

    /// What `lttng` 2.13.9 writes on its standard error for this, before the line of the command itself.
    /// Empty where it says nothing; for what only this compiler refuses, the nearest thing it could have said.
    pub fn lttng_text(&self) -> String {
        use FilterErrorKind as K;
        let typing = |text: String| format!("[error] {text}\nGenerate IR error\n");
        match &self.kind {
            K::Empty | K::TextTooLong { .. } | K::NulByte | K::DataTooLong { .. } => String::new(),
            K::Unexpected { .. }
            | K::Stray { .. }
            | K::UnterminatedString { .. }
            | K::EmptyCharacterConstant => "error syntax error\nParse error\n".into(),
            K::TooDeep { .. } => "error memory exhausted\nParse error\n".into(),
            K::ZeroWithSuffix => "error parse error: cannot scanf octal constant\n\nParse error\n".into(),
            K::UpperCaseHexadecimal => {
                "error parse error: cannot scanf hexadecimal constant\n\nParse error\n".into()
            }
            K::ReservedLetters => {
                "error parse error: escape sequences not supported yet\n\nParse error\n".into()
            }
            K::StringRoot => typing("String cannot be root data type".into()),
            K::FloatRoot => typing("Unknown root child data type".into()),
            K::UnaryOnString { operator } => {
                typing(format!("unary operation '{operator}' not allowed on string literal"))
            }
            K::TypeMismatch { operator } => {
                typing(format!("binary operation '{operator}' operand type mismatch"))
            }
            K::LogicalString { operator } => {
                typing(format!("logical binary operation '{operator}' cannot have string operand"))
            }
            K::BitwiseString { operator } => {
                typing(format!("bitwise binary operation '{operator}' cannot have string operand"))
            }
            K::BitwiseFloat { operator } => {
                typing(format!("bitwise binary operation '{operator}' cannot have floating point operand"))
            }
            K::Arithmetic { operator } => {
                typing(format!("make_op: binary operation '{operator}' not supported"))
            }
            K::ContextWithoutName { root, .. } => typing(format!("Expecting identifier after '{root}'")),
            K::UnknownGlobal { name } => typing(format!("Unexpected identifier '{name}'")),
            K::IndexNotConstant => typing("Expecting constant index in array expression".into()),
            K::UnsupportedEscape => "Unsupported escape character detected.\n".into(),
            K::TwoPatterns => "[error] Cannot compare two globbing patterns\n".into(),
            K::PatternOrdering { .. } => {
                "[error] Only the `==` and `!=` operators are allowed with a globbing pattern\n".into()
            }
            K::CodeTooLong { .. } | K::StackTooDeep { .. } => "Generate bytecode error\n".into(),
            K::NotACapture { what: "Subfields" } => "Capturing subfields is not supported.\n".into(),
            K::NotACapture { what } => format!("{what} are not allowed in capture expressions.\n"),
            K::AppContextName | K::CaptureIndex => format!("{}.\n", self.kind),
        }
    }

    /// The message with the line of the expression it is about and a mark under the place, for a terminal.
    /// No colours, ends without a newline.
    pub fn render(&self, expression: &str) -> String {
        let boundary = |at: usize| expression.is_char_boundary(at);
        let start = (0..=self.span.start.min(expression.len())).rev().find(|&at| boundary(at)).unwrap_or(0);
        let end =
            (self.span.end.max(start)..expression.len()).find(|&at| boundary(at)).unwrap_or(expression.len());
        let message = self.kind.to_string();
        let snippet =
            Snippet::source(expression).fold(true).annotation(AnnotationKind::Primary.span(start..end));
        Renderer::plain().render(&[Level::ERROR.primary_title(message.as_str()).element(snippet)])
    }
}
