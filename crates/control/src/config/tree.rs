//! XML text to a tree of elements. Attributes, namespaces and entities beyond XML's own are refused: session configurations
//! have none.

use quick_xml::Reader;
use quick_xml::escape::resolve_xml_entity;
use quick_xml::events::{BytesStart, Event};

use super::ConfigError;

/// Largest document, in bytes.
const SIZE_MAX: usize = 64 << 20;
/// Deepest nesting; the deepest known element is at 9.
const DEPTH_MAX: usize = 24;

/// An element with its text or its children.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Element {
    pub(super) name: String,
    pub(super) text: String,
    pub(super) children: Vec<Element>,
}

/// Reads a whole document.
pub(super) fn parse(text: &str) -> Result<Element, ConfigError> {
    if text.len() > SIZE_MAX {
        return Err(not_xml(format!("larger than {SIZE_MAX} bytes")));
    }
    let mut reader = Reader::from_str(text);
    let mut open: Vec<Element> = Vec::new();
    let mut root: Option<Element> = None;
    loop {
        match reader.read_event().map_err(not_xml)? {
            Event::Start(tag) => {
                if open.len() >= DEPTH_MAX {
                    return Err(not_xml("nested too deeply"));
                }
                open.push(element(&tag)?);
            }
            Event::Empty(tag) => attach(element(&tag)?, &mut open, &mut root)?,
            Event::End(_) => {
                let closed = open.pop().ok_or_else(|| not_xml("an end without a start"))?;
                attach(closed, &mut open, &mut root)?;
            }
            Event::Text(piece) => add_text(&piece.xml10_content(), &mut open)?,
            Event::CData(piece) => add_text(&piece.xml10_content(), &mut open)?,
            Event::GeneralRef(reference) => {
                let resolved = match reference.resolve_char_ref().map_err(not_xml)? {
                    Some(character) => character.to_string(),
                    None => resolve_xml_entity(&reference)
                        .ok_or_else(|| not_xml(format!("unknown entity {}", &*reference)))?
                        .to_owned(),
                };
                add_text(&resolved, &mut open)?;
            }
            Event::Decl(_) | Event::Comment(_) | Event::PI(_) => {}
            Event::DocType(_) => return Err(not_xml("a document type is not expected")),
            Event::Eof => break,
        }
    }
    if !open.is_empty() {
        return Err(not_xml("the document ends inside an element"));
    }
    root.ok_or_else(|| not_xml("there is no element"))
}

fn not_xml(why: impl ToString) -> ConfigError {
    ConfigError::NotXml(why.to_string())
}

fn element(tag: &BytesStart<'_>) -> Result<Element, ConfigError> {
    let name = tag.name().as_ref().to_owned();
    if tag.attributes().next().is_some() {
        return Err(ConfigError::Invalid { element: name, why: "has an attribute".to_owned() });
    }
    Ok(Element { name, text: String::new(), children: Vec::new() })
}

fn attach(closed: Element, open: &mut [Element], root: &mut Option<Element>) -> Result<(), ConfigError> {
    match open.last_mut() {
        Some(parent) => parent.children.push(closed),
        None if root.is_none() => *root = Some(closed),
        None => return Err(not_xml("there is a second document behind the first")),
    }
    Ok(())
}

fn add_text(piece: &str, open: &mut [Element]) -> Result<(), ConfigError> {
    match open.last_mut() {
        Some(element) => element.text.push_str(piece),
        None if piece.trim().is_empty() => {}
        None => return Err(not_xml("text outside of the document")),
    }
    Ok(())
}
