//! The XML document that `--mi xml` writes to standard output instead of messages (`docs/spec/mi.md` §1).

use super::output::to_stdout;

const HEAD: &str = concat!(
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n",
    "<command xmlns=\"https://lttng.org/xml/ns/lttng-mi\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" ",
    "xsi:schemaLocation=\"https://lttng.org/xml/ns/lttng-mi ",
    "https://lttng.org/xml/schemas/lttng-mi/4/lttng-mi-4.1.xsd\" schemaVersion=\"4.1\">",
);

/// The document of one command. When the machine interface is off every call does nothing, so commands write their
/// elements without asking.
#[derive(Debug, Default)]
pub(crate) struct Document {
    enabled: bool,
    text: String,
    /// Elements that are open, outermost first.
    open: Vec<&'static str>,
    /// The innermost element has no content yet, and its start tag no `>`.
    empty: bool,
}

impl Document {
    pub(crate) fn new(enabled: bool) -> Self {
        Document { enabled, ..Document::default() }
    }

    /// Opens the document of `command`, up to its `output` element.
    pub(crate) fn begin(&mut self, command: &str) {
        if !self.enabled {
            return;
        }
        self.text.push_str(HEAD);
        self.open.push("command");
        self.text("name", command);
        self.open("output");
    }

    /// Closes `output` and says whether the command succeeded.
    pub(crate) fn end(&mut self, success: bool) {
        if self.open.is_empty() {
            return;
        }
        while self.open.len() > 1 {
            self.close();
        }
        self.boolean("success", success);
    }

    /// Opens an element; its children follow until [`close`](Self::close).
    pub(crate) fn open(&mut self, name: &'static str) {
        if self.open.is_empty() {
            return;
        }
        self.leave_start_tag();
        self.text.push_str(&format!("<{name}"));
        self.open.push(name);
        self.empty = true;
    }

    /// Closes the innermost element.
    pub(crate) fn close(&mut self) {
        let Some(name) = self.open.pop() else { return };
        if std::mem::take(&mut self.empty) {
            self.text.push_str("/>");
        } else {
            self.text.push_str(&format!("</{name}>"));
        }
    }

    /// An element around what `children` writes.
    pub(crate) fn element(&mut self, name: &'static str, children: impl FnOnce(&mut Self)) {
        self.open(name);
        children(self);
        self.close();
    }

    /// An element that holds text. An empty text is written as start and end tag, as LTTng does.
    pub(crate) fn text(&mut self, name: &'static str, text: &str) {
        if self.open.is_empty() {
            return;
        }
        self.leave_start_tag();
        self.text.push_str(&format!("<{name}>{}</{name}>", escaped(text)));
    }

    /// An element that holds a number.
    pub(crate) fn number(&mut self, name: &'static str, number: impl Into<i128>) {
        self.text(name, &number.into().to_string());
    }

    /// An element that holds a truth value.
    pub(crate) fn boolean(&mut self, name: &'static str, value: bool) {
        self.text(name, if value { "true" } else { "false" });
    }

    /// Closes whatever is still open and writes the document out.
    pub(crate) fn finish(&mut self) {
        if self.open.is_empty() {
            return;
        }
        while !self.open.is_empty() {
            self.close();
        }
        to_stdout(format_args!("{}\n", std::mem::take(&mut self.text)));
    }

    fn leave_start_tag(&mut self) {
        if std::mem::take(&mut self.empty) {
            self.text.push('>');
        }
    }
}

/// Text as XML content. Characters that XML 1.0 cannot hold at all become U+FFFD.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\r' => out.push_str("&#13;"),
            '\t' | '\n' => out.push(c),
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(write: impl FnOnce(&mut Document)) -> String {
        let mut document = Document::new(true);
        document.begin("x");
        write(&mut document);
        document.text.strip_prefix(HEAD).unwrap().to_owned()
    }

    #[test]
    fn an_element_without_content_is_a_single_tag_and_an_empty_text_two() {
        let text = body(|mi| {
            mi.element("sessions", |_| ());
            mi.text("path", "");
            mi.end(false);
        });
        assert_eq!(text, "<name>x</name><output><sessions/><path></path></output><success>false</success>");
    }

    #[test]
    fn text_is_escaped() {
        assert_eq!(escaped("a<b>&\"'\u{1}"), "a&lt;b&gt;&amp;&quot;'\u{fffd}");
    }

    #[test]
    fn nothing_is_written_when_the_interface_is_off() {
        let mut document = Document::new(false);
        document.begin("x");
        document.text("a", "b");
        document.end(true);
        assert_eq!(document.text, "");
    }
}
