//! Metadata text to a [`TraceClass`]: the tokens, the values, and the blocks that a trace is declared with.
//!
//! Types are built as they are read. That needs the byte order of the trace first, which may be declared after types
//! that depend on it, so it is looked for beforehand.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use super::attributes::{Attribute, Value};
use super::error::{ParseError, Warning, place};
use super::lex::{Spanned, Token, tokens};
use super::scope::Scopes;
use super::times::map_times;
use crate::class::{Clock, EnvValue, Environment, EventClass, StreamClass, TraceClass, Uuid};
use crate::types::{ByteOrder, Structure, Type};

/// Warnings beyond this number are not kept.
const MAX_WARNINGS: usize = 100;

pub(super) type Parsed<T> = Result<T, ParseError>;

/// A trace as its metadata text declares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata {
    /// What was declared.
    pub trace: TraceClass,
    /// What was passed over.
    pub warnings: Vec<Warning>,
}

/// Reads metadata text, without packet headers.
pub fn parse(text: &str) -> Result<Metadata, ParseError> {
    let tokens = tokens(text)?;
    let native = trace_byte_order(&tokens);
    let mut parser = Parser {
        text,
        tokens,
        at: 0,
        native: native.unwrap_or(ByteOrder::NATIVE),
        scopes: Scopes::new(),
        nesting: 0,
        warnings: Vec::new(),
    };
    let trace = parser.document()?;
    Ok(Metadata { trace, warnings: parser.warnings })
}

/// Looks for `trace { … byte_order = X; … }`.
fn trace_byte_order(tokens: &[Spanned<'_>]) -> Option<ByteOrder> {
    let mut depth = 0usize;
    let mut in_trace = false;
    for window in tokens.windows(3) {
        match [&window[0].token, &window[1].token, &window[2].token] {
            [Token::Word("trace"), Token::Mark("{"), _] if depth == 0 => in_trace = true,
            [Token::Word("byte_order"), Token::Mark("="), Token::Word(order)] if in_trace && depth == 1 => {
                return Value::Path(vec![(*order).to_owned()]).byte_order(ByteOrder::NATIVE);
            }
            [Token::Mark("{"), ..] => depth += 1,
            [Token::Mark("}"), ..] => {
                depth = depth.saturating_sub(1);
                in_trace &= depth > 0;
            }
            _ => {}
        }
    }
    None
}

/// Goes through the tokens, front to back.
pub(super) struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Spanned<'a>>,
    at: usize,
    pub(super) native: ByteOrder,
    pub(super) scopes: Scopes,
    pub(super) nesting: usize,
    warnings: Vec<Warning>,
}

/// A declared event, and the stream that it names.
struct Event {
    class: EventClass,
    stream: Option<u64>,
    span: Range<usize>,
}

/// One entry of a block: an attribute, or a structure under a name.
enum Entry {
    Attribute(Attribute),
    Structure { key: String, structure: Structure },
}

impl<'a> Parser<'a> {
    fn document(&mut self) -> Parsed<TraceClass> {
        let mut trace: Option<TraceClass> = None;
        let mut environment = Environment::default();
        let mut clocks: Vec<Clock> = Vec::new();
        let mut streams: Vec<StreamClass> = Vec::new();
        let mut events = Vec::new();
        let (mut clock_names, mut stream_ids) = (HashSet::new(), HashSet::new());
        loop {
            let span = self.span_here();
            match self.peek() {
                Token::End => break,
                Token::Word("trace") if self.next_is_mark("{") => {
                    let block = self.trace_block()?;
                    if trace.replace(block).is_some() {
                        return Err(self.fault_at(span, "a second `trace` block".to_owned()));
                    }
                }
                Token::Word("env") if self.next_is_mark("{") => self.env_block(&mut environment)?,
                Token::Word("clock") if self.next_is_mark("{") => {
                    let clock = self.clock_block()?;
                    if !clock_names.insert(clock.name.clone()) {
                        return Err(self.fault_at(span, format!("a second clock named `{}`", clock.name)));
                    }
                    clocks.push(clock);
                }
                Token::Word("stream") if self.next_is_mark("{") => {
                    let mut stream = self.stream_block()?;
                    if !stream_ids.insert(stream.id) {
                        return Err(self.fault_at(span, format!("a second stream with id {}", stream.id)));
                    }
                    let clocks_before = clocks.len();
                    map_times(&mut stream, &mut clocks).map_err(|cause| self.fault_at(span, cause))?;
                    clock_names.extend(clocks[clocks_before..].iter().map(|clock| clock.name.clone()));
                    streams.push(stream);
                }
                Token::Word("event") if self.next_is_mark("{") => events.push(self.event_block()?),
                Token::Word("callsite") if self.next_is_mark("{") => {
                    self.block("callsite")?;
                }
                Token::Mark(";") => self.advance(),
                _ => self.root_type()?,
            }
        }
        let Some(mut trace) = trace else {
            return Err(self.fault_here("the metadata ends without a `trace` block".to_owned()));
        };
        self.place_events(&mut streams, events)?;
        trace.environment = environment;
        trace.clocks = clocks;
        trace.streams = streams;
        Ok(trace)
    }

    /// A type declared at the root.
    fn root_type(&mut self) -> Parsed<()> {
        if self.type_declaration()? {
            return Ok(());
        }
        match self.peek_word() {
            Some("struct" | "variant" | "enum") => self.named_type(),
            _ => {
                Err(self
                    .fault_expected("a declaration (`trace`, `env`, `clock`, `stream`, `event` or a type)"))
            }
        }
    }

    /// Gives each event its stream; streams that are nowhere declared have the id 0.
    fn place_events(&mut self, streams: &mut Vec<StreamClass>, events: Vec<Event>) -> Parsed<()> {
        let mut ids = HashSet::new();
        let mut places: HashMap<u64, usize> =
            streams.iter().enumerate().map(|(at, stream)| (stream.id, at)).collect();
        for Event { class, stream, span } in events {
            let stream = match (stream, streams.as_slice()) {
                (Some(id), _) => id,
                (None, []) => 0,
                (None, [only]) => only.id,
                (None, _) => {
                    let cause =
                        format!("event \"{}\" lacks its stream_id; there are several streams", class.name);
                    return Err(self.fault_at(span, cause));
                }
            };
            if !ids.insert((stream, class.id)) {
                let cause =
                    format!("a second event with id {} in stream {stream}: \"{}\"", class.id, class.name);
                return Err(self.fault_at(span, cause));
            }
            // Metadata of a running trace may hold events before their stream.
            let place = *places.entry(stream).or_insert_with(|| {
                streams.push(StreamClass { id: stream, ..StreamClass::default() });
                streams.len() - 1
            });
            streams[place].events.push(class);
        }
        Ok(())
    }

    fn trace_block(&mut self) -> Parsed<TraceClass> {
        let start = self.span_here();
        let mut trace = TraceClass::new(self.native);
        let (mut major, mut minor, mut byte_order) = (None, None, None);
        for entry in self.block("trace")? {
            match entry {
                Entry::Structure { key, structure } if key == "packet.header" => {
                    trace.packet_header = Some(structure)
                }
                Entry::Structure { key, .. } => self.warn_unknown(&key, "the trace", &start),
                Entry::Attribute(Attribute { key, value, span }) => {
                    let known = match key.as_str() {
                        "major" => value.integer::<u64>().map(|v| major = Some((v, span.clone()))),
                        "minor" => value.integer::<u64>().map(|v| minor = Some((v, span.clone()))),
                        "uuid" => uuid(&value).map(|v| trace.uuid = Some(v)),
                        "byte_order" => value.byte_order(self.native).map(|v| byte_order = Some(v)),
                        _ => self.pass_over(&key, "the trace", &span),
                    };
                    if known.is_none() {
                        return Err(self.fault_attribute(&key, "the trace", span));
                    }
                }
            }
        }
        for (name, found, wanted) in [("major", major, 1), ("minor", minor, 8)] {
            match found {
                Some((version, _)) if version == wanted => {}
                Some((version, span)) => {
                    let cause =
                        format!("the trace's {name} version is {version}, this program reads CTF 1.8");
                    return Err(self.fault_at(span, cause));
                }
                None => return Err(self.fault_at(start, format!("the trace lacks its {name} version"))),
            }
        }
        if byte_order.is_none() {
            return Err(self.fault_at(start, "the trace lacks its byte_order".to_owned()));
        }
        Ok(trace)
    }

    fn env_block(&mut self, environment: &mut Environment) -> Parsed<()> {
        for entry in self.block("env")? {
            if let Entry::Attribute(Attribute { key, value, span }) = entry {
                let value = match value {
                    Value::Integer(value) => i64::try_from(value).ok().map(EnvValue::Integer),
                    other => other.text().map(|text| EnvValue::Text(text.to_owned())),
                };
                match value {
                    Some(value) => environment.entries.push((key, value)),
                    None => return Err(self.fault_attribute(&key, "the environment", span)),
                }
            }
        }
        Ok(())
    }

    fn clock_block(&mut self) -> Parsed<Clock> {
        let start = self.span_here();
        let mut clock =
            Clock { name: String::new(), uuid: None, description: None, ..Clock::monotonic(None, 0) };
        for entry in self.block("clock")? {
            let Entry::Attribute(Attribute { key, value, span }) = entry else { continue };
            let known = match key.as_str() {
                "name" => value.text().map(|v| clock.name = v.to_owned()),
                "uuid" => uuid(&value).map(|v| clock.uuid = Some(v)),
                "description" => value.text().map(|v| clock.description = Some(v.to_owned())),
                "freq" => value.integer::<u64>().filter(|freq| *freq != 0).map(|v| clock.frequency = v),
                "precision" => value.integer().map(|v| clock.precision = v),
                "offset_s" => value.integer().map(|v| clock.offset_seconds = v),
                "offset" => value.integer().map(|v| clock.offset = v),
                "absolute" => value.boolean().map(|v| clock.absolute = v),
                _ => self.pass_over(&key, "a clock", &span),
            };
            if known.is_none() {
                return Err(self.fault_attribute(&key, "a clock", span));
            }
        }
        if clock.name.is_empty() {
            return Err(self.fault_at(start, "this clock lacks its name".to_owned()));
        }
        Ok(clock)
    }

    fn stream_block(&mut self) -> Parsed<StreamClass> {
        let mut stream = StreamClass::default();
        for entry in self.block("stream")? {
            match entry {
                Entry::Structure { key, structure } => match key.as_str() {
                    "packet.context" => stream.packet_context = Some(structure),
                    "event.header" => stream.event_header = Some(structure),
                    "event.context" => stream.event_context = Some(structure),
                    _ => self.warn_unknown(&key, "a stream", &self.span_before()),
                },
                Entry::Attribute(Attribute { key, value, span }) => match (key.as_str(), value.integer()) {
                    ("id", Some(id)) => stream.id = id,
                    ("id", None) => return Err(self.fault_attribute(&key, "a stream", span)),
                    _ => self.warn_unknown(&key, "a stream", &span),
                },
            }
        }
        Ok(stream)
    }

    fn event_block(&mut self) -> Parsed<Event> {
        let start = self.span_here();
        let mut stream = None;
        let mut class = EventClass {
            id: 0,
            name: String::new(),
            log_level: None,
            emf_uri: None,
            context: None,
            fields: None,
        };
        for entry in self.block("event")? {
            match entry {
                Entry::Structure { key, structure } => match key.as_str() {
                    "context" => class.context = Some(structure),
                    "fields" => class.fields = Some(structure),
                    _ => self.warn_unknown(&key, "an event", &self.span_before()),
                },
                Entry::Attribute(Attribute { key, value, span }) => {
                    let known = match key.as_str() {
                        "name" => event_name(&value).map(|v| class.name = v),
                        "id" => value.integer().map(|v| class.id = v),
                        "stream_id" => value.integer().map(|v| stream = Some(v)),
                        "loglevel" => value.integer().map(|v| class.log_level = Some(v)),
                        "model.emf.uri" => value.text().map(|v| class.emf_uri = Some(v.to_owned())),
                        _ => self.pass_over(&key, "an event", &span),
                    };
                    if known.is_none() {
                        return Err(self.fault_attribute(&key, "an event", span));
                    }
                }
            }
        }
        Ok(Event { class, stream, span: start })
    }

    /// `WORD { … };` with types declared between the entries.
    fn block(&mut self, what: &str) -> Parsed<Vec<Entry>> {
        self.advance();
        self.expect_mark("{", "at the start of the block")?;
        self.scopes.enter();
        let mut entries = Vec::new();
        let mut keys = HashSet::new();
        while !self.take_mark("}") {
            if self.take_mark(";") || self.type_declaration()? {
                continue;
            }
            if let Some("struct" | "variant" | "enum") = self.peek_word() {
                self.named_type()?;
                continue;
            }
            let (path, key_span) = self.key()?;
            let key = path.join(".");
            if self.take_mark("=") {
                let (value, span) = self.value()?;
                // Environments may repeat a key, and then the last one counts for most readers; elsewhere it is a slip.
                if what != "env" && !keys.insert(key.clone()) {
                    return Err(self.fault_at(key_span, format!("`{key}` is set a second time")));
                }
                entries.push(Entry::Attribute(Attribute { key, value, span }));
            } else if self.take_mark(":=") {
                match self.whole_type()? {
                    Type::Structure(structure) if keys.insert(key.clone()) => {
                        entries.push(Entry::Structure { key, structure });
                    }
                    Type::Structure(_) => {
                        return Err(self.fault_at(key_span, format!("`{key}` is set a second time")));
                    }
                    other => {
                        return Err(self.fault_at(
                            key_span,
                            format!("`{key}` must be a struct, not a {}", other.kind()),
                        ));
                    }
                }
            } else {
                return Err(self.fault_expected("`=` or `:=`"));
            }
            self.expect_mark(";", "after the entry")?;
        }
        self.scopes.leave();
        if *self.peek() != Token::End {
            self.expect_mark(";", "after the block")?;
        }
        Ok(entries)
    }

    /// `struct NAME { … };` and the like, outside of structures.
    fn named_type(&mut self) -> Parsed<()> {
        self.specifier_start()?;
        self.expect_mark(";", "after the type")
    }

    /// `{ KEY = VALUE; … }` after `integer` and the like. The last semicolon may be missing.
    pub(super) fn attributes(&mut self, what: &str) -> Parsed<Vec<Attribute>> {
        self.expect_mark("{", &format!("after `{what}`"))?;
        let mut attributes = Vec::new();
        let mut keys = HashSet::new();
        while !self.take_mark("}") {
            let (path, key_span) = self.key()?;
            let key = path.join(".");
            if !keys.insert(key.clone()) {
                return Err(self.fault_at(key_span, format!("`{key}` is set a second time")));
            }
            self.expect_mark("=", "after the attribute's name")?;
            let (value, span) = self.value()?;
            attributes.push(Attribute { key, value, span });
            if !self.take_mark(";") {
                self.expect_mark("}", "after the last attribute")?;
                break;
            }
        }
        Ok(attributes)
    }

    /// The left side of an assignment: words with dots, or, in environments, a string.
    fn key(&mut self) -> Parsed<(Vec<String>, Range<usize>)> {
        if let Token::Text(text) = self.peek() {
            let text = text.clone();
            let span = self.span_here();
            self.advance();
            return Ok((vec![text], span));
        }
        self.path()
    }

    /// Words with dots (or arrows) between.
    pub(super) fn path(&mut self) -> Parsed<(Vec<String>, Range<usize>)> {
        let start = self.span_here().start;
        let mut path = Vec::new();
        loop {
            let Some(word) = self.peek_word() else { return Err(self.fault_expected("a name")) };
            path.push(word.to_owned());
            self.advance();
            if !(self.take_mark(".") || self.take_mark("->")) {
                return Ok((path, start..self.span_before().end));
            }
        }
    }

    /// The right side of an assignment.
    pub(super) fn value(&mut self) -> Parsed<(Value, Range<usize>)> {
        let span = self.span_here();
        let mut negative = false;
        while matches!(self.peek(), Token::Mark("-" | "+")) {
            negative ^= *self.peek() == Token::Mark("-");
            self.advance();
        }
        let value = match self.peek().clone() {
            Token::Integer(value) if negative => Value::Integer(-i128::from(value)),
            Token::Integer(value) => Value::Integer(i128::from(value)),
            Token::Character(c) => Value::Integer(i128::from(u32::from(c))),
            Token::Text(text) => Value::Text(text),
            Token::Word(_) => return self.path().map(|(path, span)| (Value::Path(path), span)),
            _ => return Err(self.fault_expected("a value")),
        };
        self.advance();
        Ok((value, span.start..self.span_before().end))
    }

    pub(super) fn peek(&self) -> &Token<'a> {
        // The last token is `End`, and nothing advances past it.
        &self.tokens[self.at].token
    }

    pub(super) fn peek_word(&self) -> Option<&'a str> {
        match self.peek() {
            Token::Word(word) => Some(word),
            _ => None,
        }
    }

    pub(super) fn peek_mark(&self, mark: &str) -> bool {
        matches!(self.peek(), Token::Mark(found) if *found == mark)
    }

    fn next_is_mark(&self, mark: &str) -> bool {
        matches!(self.tokens.get(self.at + 1), Some(Spanned { token: Token::Mark(found), .. }) if *found == mark)
    }

    pub(super) fn advance(&mut self) {
        self.at = (self.at + 1).min(self.tokens.len() - 1);
    }

    pub(super) fn take_mark(&mut self, mark: &str) -> bool {
        let found = self.peek_mark(mark);
        if found {
            self.advance();
        }
        found
    }

    pub(super) fn take_word(&mut self, word: &str) -> bool {
        let found = self.peek_word() == Some(word);
        if found {
            self.advance();
        }
        found
    }

    /// The name of a structure, variant or enumeration, if one stands here.
    pub(super) fn take_name(&mut self) -> Option<&'a str> {
        let name = self.peek_word()?;
        self.advance();
        Some(name)
    }

    pub(super) fn expect_mark(&mut self, mark: &str, why: &str) -> Parsed<()> {
        if self.take_mark(mark) { Ok(()) } else { Err(self.fault_expected(&format!("`{mark}` {why}"))) }
    }

    fn span_here(&self) -> Range<usize> {
        self.tokens[self.at].span.clone()
    }

    pub(super) fn span_before(&self) -> Range<usize> {
        self.tokens[self.at.saturating_sub(1)].span.clone()
    }

    pub(super) fn fault_at(&self, span: Range<usize>, cause: String) -> ParseError {
        ParseError::at(self.text, span, cause)
    }

    pub(super) fn fault_here(&self, cause: String) -> ParseError {
        self.fault_at(self.span_here(), cause)
    }

    /// For what became wrong with the token that was just taken.
    pub(super) fn fault_before(&self, cause: String) -> ParseError {
        self.fault_at(self.span_before(), cause)
    }

    pub(super) fn fault_expected(&self, expected: &str) -> ParseError {
        self.fault_here(format!("expected {expected}, found {}", self.peek()))
    }

    pub(super) fn fault_attribute(&self, key: &str, what: &str, span: Range<usize>) -> ParseError {
        self.fault_at(span, format!("this cannot be `{key}` of {what}"))
    }

    /// [`Parser::warn_unknown`] where an attribute's value must be taken or refused.
    pub(super) fn pass_over(&mut self, key: &str, what: &str, span: &Range<usize>) -> Option<()> {
        self.warn_unknown(key, what, span);
        Some(())
    }

    pub(super) fn warn_unknown(&mut self, key: &str, what: &str, span: &Range<usize>) {
        if self.warnings.len() == MAX_WARNINGS {
            return;
        }
        let (line, _) = place(self.text, span.start);
        self.warnings
            .push(Warning { line, message: format!("unknown attribute `{key}` of {what} passed over") });
    }
}

fn uuid(value: &Value) -> Option<Uuid> {
    value.text()?.parse().ok()
}

/// A string, or words with dots.
fn event_name(value: &Value) -> Option<String> {
    match value {
        Value::Text(text) => Some(text.clone()),
        Value::Path(path) => Some(path.join(".")),
        Value::Integer(_) => None,
    }
}
