//! Metadata text to tokens. Keywords are plain identifiers here; what they mean depends on where they stand.

use std::fmt;
use std::ops::Range;

use winnow::ascii::digit1;
use winnow::combinator::{alt, delimited, fail, not, opt, preceded, repeat};
use winnow::error::EmptyError;
use winnow::prelude::*;
use winnow::token::{any, none_of, one_of, take_until, take_while};

use super::error::ParseError;

/// A word of TSDL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Token<'a> {
    /// An identifier or keyword.
    Word(&'a str),
    /// An integer constant without its sign.
    Integer(u64),
    /// A string constant, its escapes resolved.
    Text(String),
    /// A character constant.
    Character(char),
    /// Punctuation.
    Mark(&'static str),
    /// After the last token.
    End,
}

impl fmt::Display for Token<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Token::Word(word) => write!(f, "`{word}`"),
            Token::Integer(value) => write!(f, "{value}"),
            Token::Text(text) => write!(f, "\"{}\"", text.chars().take(40).collect::<String>()),
            Token::Character(c) => write!(f, "{c:?}"),
            Token::Mark(mark) => write!(f, "`{mark}`"),
            Token::End => f.write_str("the end of the text"),
        }
    }
}

/// A token and the bytes of the text that it is.
#[derive(Debug, Clone)]
pub(crate) struct Spanned<'a> {
    pub(crate) token: Token<'a>,
    pub(crate) span: Range<usize>,
}

/// All tokens of `text`, [`Token::End`] last.
pub(crate) fn tokens(text: &str) -> Result<Vec<Spanned<'_>>, ParseError> {
    let mut tokens = Vec::with_capacity(text.len() / 4 + 1);
    let mut rest = text;
    loop {
        let here = |rest: &str| text.len() - rest.len();
        if blank(&mut rest).is_err() {
            return Err(ParseError::at(text, here(rest)..text.len(), "this comment is not closed"));
        }
        let start = here(rest);
        if rest.is_empty() {
            tokens.push(Spanned { token: Token::End, span: start..start });
            return Ok(tokens);
        }
        let first = rest.chars().next();
        match token(&mut rest) {
            Ok(token) => tokens.push(Spanned { token, span: start..here(rest) }),
            Err(EmptyError) => {
                let cause = match first {
                    Some('"') => "this string is not closed, or has an escape that does not exist".to_owned(),
                    Some('\'') => "this is no character constant".to_owned(),
                    Some('0'..='9') => "this is no integer of at most 64 bits".to_owned(),
                    other => format!("the character {:?} has no meaning here", other.unwrap_or_default()),
                };
                let width = first.map_or(1, char::len_utf8);
                return Err(ParseError::at(text, start..start + width, cause));
            }
        }
    }
}

type Lexed<T> = Result<T, EmptyError>;

/// White space and comments. Fails on a comment that is not closed.
fn blank(input: &mut &str) -> Lexed<()> {
    loop {
        take_while(0.., |c: char| c.is_ascii_whitespace() || c == '\x0b').void().parse_next(input)?;
        if input.starts_with("/*") {
            let start = *input;
            let comment: Lexed<()> = ("/*", take_until(0.., "*/"), "*/").void().parse_next(input);
            // An error belongs to where the comment starts.
            comment.inspect_err(|_| *input = start)?;
        } else if input.starts_with("//") {
            take_while(0.., |c| c != '\n').void().parse_next(input)?;
        } else {
            return Ok(());
        }
    }
}

fn token<'a>(input: &mut &'a str) -> Lexed<Token<'a>> {
    alt((
        quoted.map(Token::Text),
        character.map(Token::Character),
        word.map(Token::Word),
        integer.map(Token::Integer),
        mark.map(Token::Mark),
    ))
    .parse_next(input)
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

fn word<'a>(input: &mut &'a str) -> Lexed<&'a str> {
    preceded(not(one_of('0'..='9')), take_while(1.., is_word)).parse_next(input)
}

/// Decimal, octal or hexadecimal, with the suffixes of C, which change nothing.
fn integer(input: &mut &str) -> Lexed<u64> {
    let radix = |radix| move |digits: &str| u64::from_str_radix(digits, radix);
    let value = alt((
        preceded(alt(("0x", "0X")), take_while(1.., |c: char| c.is_ascii_hexdigit())).try_map(radix(16)),
        preceded("0", take_while(1.., '0'..='7')).try_map(radix(8)),
        digit1.try_map(radix(10)),
    ))
    .parse_next(input)?;
    take_while(0..=3, ['u', 'U', 'l', 'L']).void().parse_next(input)?;
    not(one_of(is_word)).parse_next(input)?;
    Ok(value)
}

fn quoted(input: &mut &str) -> Lexed<String> {
    let pieces = repeat(0.., alt((escape, none_of(['"', '\\'])))).fold(String::new, |mut text, c| {
        text.push(c);
        text
    });
    delimited((opt('L'), '"'), pieces, '"').parse_next(input)
}

fn character(input: &mut &str) -> Lexed<char> {
    delimited((opt('L'), '\''), alt((escape, none_of(['\'', '\\', '\n']))), '\'').parse_next(input)
}

fn escape(input: &mut &str) -> Lexed<char> {
    '\\'.parse_next(input)?;
    let number = |radix| move |digits: &str| u32::from_str_radix(digits, radix).ok().and_then(char::from_u32);
    match any.parse_next(input)? {
        'a' => Ok('\x07'),
        'b' => Ok('\x08'),
        'f' => Ok('\x0c'),
        'n' => Ok('\n'),
        'r' => Ok('\r'),
        't' => Ok('\t'),
        'v' => Ok('\x0b'),
        c @ ('\\' | '\'' | '"' | '?') => Ok(c),
        'x' => take_while(1..=2, |c: char| c.is_ascii_hexdigit()).verify_map(number(16)).parse_next(input),
        c @ '0'..='7' => {
            let rest = take_while(0..=2, '0'..='7').parse_next(input)?;
            number(8)(&format!("{c}{rest}")).ok_or(EmptyError)
        }
        'u' => take_while(4..=4, |c: char| c.is_ascii_hexdigit()).verify_map(number(16)).parse_next(input),
        'U' => take_while(8..=8, |c: char| c.is_ascii_hexdigit()).verify_map(number(16)).parse_next(input),
        _ => fail.parse_next(input),
    }
}

fn mark(input: &mut &str) -> Lexed<&'static str> {
    const MARKS: [&str; 19] =
        ["...", ":=", "->", "{", "}", "(", ")", "[", "]", "<", ">", ";", ":", "=", ",", ".", "*", "-", "+"];
    for mark in MARKS {
        if let Some(rest) = input.strip_prefix(mark) {
            *input = rest;
            return Ok(mark);
        }
    }
    Err(EmptyError)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lex(text: &str) -> Vec<Token<'_>> {
        tokens(text).unwrap().into_iter().map(|spanned| spanned.token).collect()
    }

    #[test]
    fn words_numbers_and_marks() {
        use Token::*;
        assert_eq!(
            lex("enum : uint5_t { a = 0 ... 0x1F, b=037ULL } // end\n/* c */ -1"),
            [
                Word("enum"),
                Mark(":"),
                Word("uint5_t"),
                Mark("{"),
                Word("a"),
                Mark("="),
                Integer(0),
                Mark("..."),
                Integer(31),
                Mark(","),
                Word("b"),
                Mark("="),
                Integer(31),
                Mark("}"),
                Mark("-"),
                Integer(1),
                End
            ]
        );
    }

    #[test]
    fn strings_and_characters_with_escapes() {
        assert_eq!(
            lex(r#""a \"quoted\\ label" "?\x20\040?" '\n' L"w""#),
            [
                Token::Text("a \"quoted\\ label".to_owned()),
                Token::Text("?  ?".to_owned()),
                Token::Character('\n'),
                Token::Text("w".to_owned()),
                Token::End
            ]
        );
    }

    #[test]
    fn faults_have_a_place() {
        for (text, place, cause) in [
            ("trace {\n  major = 23452397856348975623897;", (2, 11), "64 bits"),
            ("name = \"abc", (1, 8), "not closed"),
            ("/* comment", (1, 1), "comment"),
            ("a = 12ab;", (1, 5), "integer"),
            ("a = §;", (1, 5), "no meaning"),
        ] {
            let error = tokens(text).unwrap_err();
            assert_eq!((error.line, error.column), place, "{text}");
            assert!(error.cause.contains(cause), "{error}");
        }
    }
}
