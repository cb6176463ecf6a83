//! Text to tokens (`docs/spec/filter.md`, 3.1). What cannot be a token becomes a faulty one, so that the parser reports
//! whatever comes first in the text.

use std::ops::Range;

use winnow::ascii::{digit0, digit1, hex_digit0, hex_digit1};
use winnow::combinator::{alt, opt, preceded, repeat};
use winnow::error::EmptyError;
use winnow::stream::Location;
use winnow::token::{literal, one_of, rest, take_until, take_while};
use winnow::{LocatingSlice, Parser};

use crate::error::FilterErrorKind;
use crate::number;

/// A token and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Token {
    pub(crate) kind: TokenKind,
    pub(crate) span: Range<usize>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum TokenKind {
    Identifier(String),
    /// Dollar sign included.
    Global(String),
    Integer(u64),
    Float(f64),
    Text(Vec<u8>),
    Punctuation(&'static str),
    /// Refused wherever it stands.
    Faulty(FilterErrorKind),
}

type Input<'i> = LocatingSlice<&'i [u8]>;
type Lexed<T> = Result<T, EmptyError>;

/// Longest first: `...` is one token although `.` is one too.
const PUNCTUATION: &[&str] = &[
    "...", "->", ">>", "<<", "==", "!=", ">=", "<=", "&&", "||", ":=", "[", "]", "(", ")", "{", "}", "*",
    "+", "-", "%", "/", "<", ">", "!", ";", ".", "=", ",", "^", "&", "|", "~",
];

/// All tokens of the text, up to the first faulty one.
pub(crate) fn tokens(text: &[u8]) -> Vec<Token> {
    let mut input = LocatingSlice::new(text);
    let mut tokens = Vec::new();
    loop {
        // The only failure is that there is no space left to skip.
        let Ok(()) = space(&mut input) else { return tokens };
        if input.is_empty() {
            return tokens;
        }
        let start = input.current_token_start();
        let Ok(kind) = token(&mut input) else {
            let (found, length) = first_character(&text[start..]);
            let kind = TokenKind::Faulty(FilterErrorKind::Stray { found });
            tokens.push(Token { kind, span: start..start + length });
            return tokens;
        };
        let faulty = matches!(kind, TokenKind::Faulty(_));
        tokens.push(Token { kind, span: start..input.current_token_start() });
        if faulty {
            return tokens;
        }
    }
}

/// The character at the start of `text` for a message, and its length in bytes.
fn first_character(text: &[u8]) -> (String, usize) {
    let head = &text[..text.len().min(4)];
    let valid = match std::str::from_utf8(head) {
        Ok(valid) => valid,
        Err(error) => std::str::from_utf8(&head[..error.valid_up_to()]).unwrap_or_default(),
    };
    match valid.chars().next() {
        Some(control) if control.is_control() => {
            (format!("the character {:#04x}", control as u32), control.len_utf8())
        }
        Some(character) => (format!("`{character}`"), character.len_utf8()),
        None => (format!("the byte {:#04x}", text[0]), 1),
    }
}

/// White space and comments. Both kinds of comment may end with the text.
fn space(input: &mut Input<'_>) -> Lexed<()> {
    repeat(
        0..,
        alt((
            take_while(1.., b" \t\n").void(),
            (literal("/*"), alt(((take_until(0.., "*/"), literal("*/")).void(), rest.void()))).void(),
            (literal("//"), take_while(0.., |byte| byte != b'\n')).void(),
        )),
    )
    .parse_next(input)
}

fn token(input: &mut Input<'_>) -> Lexed<TokenKind> {
    // Literals before identifiers: L"x" is one token. Numbers before punctuation: .5 is one token.
    let name = identifier.map(|name| match name.as_str() {
        // A colon alone is punctuation that no rule of the grammar uses.
        ":" => TokenKind::Punctuation(":"),
        _ => TokenKind::Identifier(name),
    });
    alt((text, number, name, global, punctuation)).parse_next(input)
}

fn punctuation(input: &mut Input<'_>) -> Lexed<TokenKind> {
    let found = PUNCTUATION.iter().find(|symbol| input.starts_with(symbol.as_bytes())).ok_or(EmptyError)?;
    literal(*found).value(TokenKind::Punctuation(found)).parse_next(input)
}

fn identifier(input: &mut Input<'_>) -> Lexed<String> {
    // A universal character name is kept as written.
    let universal = || {
        alt((
            (literal("\\u"), take_while(4..=4, |byte: u8| byte.is_ascii_hexdigit())).void(),
            (literal("\\U"), take_while(8..=8, |byte: u8| byte.is_ascii_hexdigit())).void(),
        ))
    };
    let letter = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_' || byte == b':';
    let first = alt((one_of(letter).void(), universal()));
    let further = repeat::<_, _, (), _, _>(
        0..,
        alt((one_of(move |byte: u8| letter(byte) || byte.is_ascii_digit()).void(), universal())),
    );
    // A colon alone is punctuation that no rule of the grammar uses.
    (first, further).take().map(|bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned()).parse_next(input)
}

fn global(input: &mut Input<'_>) -> Lexed<TokenKind> {
    preceded(b'$', identifier).map(|name| TokenKind::Global(format!("${name}"))).parse_next(input)
}

/// `"…"`, `L"…"`, `'…'`, `L'…'`.
fn text(input: &mut Input<'_>) -> Lexed<TokenKind> {
    let quote = preceded(opt(b'L'), one_of(b"\"'")).parse_next(input)?;
    let bytes = take_while(0.., move |byte| byte != quote).parse_next(input)?;
    let closed = opt(one_of(quote)).parse_next(input)?.is_some();
    Ok(if !closed {
        TokenKind::Faulty(FilterErrorKind::UnterminatedString { quote: quote.into() })
    } else if bytes.is_empty() && quote == b'\'' {
        TokenKind::Faulty(FilterErrorKind::EmptyCharacterConstant)
    } else if bytes.windows(6).any(|letters| letters == b"ESCSEQ") {
        TokenKind::Faulty(FilterErrorKind::ReservedLetters)
    } else {
        TokenKind::Text(bytes.iter().copied().filter(|&byte| byte != b'\n').collect())
    })
}

fn number(input: &mut Input<'_>) -> Lexed<TokenKind> {
    // Longest match: a float starts like an integer.
    alt((hexadecimal_float, hexadecimal, float, octal, decimal)).parse_next(input)
}

fn integer_suffix(input: &mut Input<'_>) -> Lexed<()> {
    let unsigned = || one_of(b"uU").void();
    let long = || alt((literal("ll").void(), literal("LL").void(), one_of(b"lL").void()));
    opt(alt(((unsigned(), opt(long())).void(), (long(), opt(unsigned())).void()))).void().parse_next(input)
}

fn float_suffix(input: &mut Input<'_>) -> Lexed<()> {
    opt(one_of(b"fFlL")).void().parse_next(input)
}

fn decimal(input: &mut Input<'_>) -> Lexed<TokenKind> {
    let digits = (one_of(b'1'..=b'9'), digit0).take().parse_next(input)?;
    integer_suffix(input)?;
    Ok(TokenKind::Integer(number::decimal(digits)))
}

fn octal(input: &mut Input<'_>) -> Lexed<TokenKind> {
    let digits = preceded(b'0', take_while(0.., b'0'..=b'7')).parse_next(input)?;
    let suffixed = !integer_suffix.take().parse_next(input)?.is_empty();
    Ok(if digits.is_empty() && suffixed {
        TokenKind::Faulty(FilterErrorKind::ZeroWithSuffix)
    } else {
        TokenKind::Integer(number::octal(digits))
    })
}

fn hexadecimal(input: &mut Input<'_>) -> Lexed<TokenKind> {
    let (_, marker, digits) = (b'0', one_of(b"xX"), hex_digit1).parse_next(input)?;
    integer_suffix(input)?;
    Ok(if marker == b'X' {
        TokenKind::Faulty(FilterErrorKind::UpperCaseHexadecimal)
    } else {
        TokenKind::Integer(number::hexadecimal(digits))
    })
}

fn float(input: &mut Input<'_>) -> Lexed<TokenKind> {
    let exponent = || (one_of(b"eE"), opt(one_of(b"+-")), digit1).void();
    let text = alt((
        (alt(((digit0, b'.', digit1).void(), (digit1, b'.').void())), opt(exponent())).void(),
        (digit1, exponent()).void(),
    ))
    .take()
    .parse_next(input)?;
    float_suffix(input)?;
    number::float(text).map(TokenKind::Float).ok_or(EmptyError)
}

fn hexadecimal_float(input: &mut Input<'_>) -> Lexed<TokenKind> {
    let (_, _, digits) = (b'0', one_of(b"xX"), hex_digit0).parse_next(input)?;
    let fraction = opt(preceded(b'.', hex_digit0)).parse_next(input)?;
    if digits.is_empty() && fraction.is_none_or(<[u8]>::is_empty) {
        return Err(EmptyError);
    }
    let mut exponent = preceded(one_of(b"pP"), (opt(one_of(b"+-")), digit1).take());
    let exponent = match fraction {
        Some(_) => opt(exponent).parse_next(input)?.unwrap_or_default(),
        // Without a point it is the exponent that makes it a float.
        None => exponent.parse_next(input)?,
    };
    float_suffix(input)?;
    Ok(TokenKind::Float(number::hexadecimal_float(digits, fraction.unwrap_or_default(), exponent)))
}
