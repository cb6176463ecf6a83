//! The INI dialect of `lttng.conf` (`docs/spec/cli.md`, section 10.2).

/// One `name = value` of a configuration file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Setting {
    pub(super) section: String,
    pub(super) name: String,
    pub(super) value: String,
}

/// Longest physical line; what is over is read as further lines.
const LONGEST_LINE: usize = 199;
/// Longest section or name; what is over is cut off.
const LONGEST_NAME: usize = 49;

/// Reads all settings of a file; malformed lines are passed over.
pub(super) fn settings(text: &[u8]) -> Vec<Setting> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let mut found: Vec<Setting> = Vec::new();
    let mut section = String::new();
    let mut previous: Option<String> = None;
    for line in text.split(|&byte| byte == b'\n').flat_map(|line| line.chunks(LONGEST_LINE)) {
        let line = String::from_utf8_lossy(line);
        let continues = line.starts_with([' ', '\t']);
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with([';', '#']) {
            continue;
        }
        if let (true, Some(name)) = (continues, &previous) {
            let value = without_comment(trimmed).to_owned();
            found.push(Setting { section: section.clone(), name: name.clone(), value });
        } else if let Some(inside) = trimmed.strip_prefix('[') {
            if let Some((name, _)) = inside.split_once(']') {
                section = cut(name);
                previous = None;
            }
        } else if let Some(at) = trimmed.find(['=', ':']) {
            let name = cut(trimmed[..at].trim_end());
            let value = without_comment(trimmed[at + 1..].trim_start()).to_owned();
            previous = Some(name.clone());
            found.push(Setting { section: section.clone(), name, value });
        }
    }
    found
}

fn cut(name: &str) -> String {
    name.chars().take(LONGEST_NAME).collect()
}

/// An inline comment is a `;` behind white space.
fn without_comment(value: &str) -> &str {
    let mut after_blank = true;
    for (at, character) in value.char_indices() {
        if character == ';' && after_blank {
            return value[..at].trim_end();
        }
        after_blank = character.is_whitespace();
    }
    value
}

/// What a flag's value means, if it means anything.
pub(super) fn truth(value: &str) -> Option<bool> {
    match value.to_ascii_lowercase().as_str() {
        "yes" | "true" | "on" => Some(true),
        "no" | "false" | "off" => Some(false),
        number => number.parse::<i64>().ok().map(|number| number != 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(String, String, String)> {
        settings(text.as_bytes()).into_iter().map(|s| (s.section, s.name, s.value)).collect()
    }

    fn one(section: &str, name: &str, value: &str) -> (String, String, String) {
        (section.into(), name.into(), value.into())
    }

    #[test]
    fn the_dialect_is_read_as_the_reference_reads_it() {
        let text =
            "\u{feff}[sessiond]\n; comment\n# comment\ngroup = a b ; inline\nlink: x;y\nbroken line\n\n";
        assert_eq!(read(text), vec![one("sessiond", "group", "a b"), one("sessiond", "link", "x;y")]);
    }

    #[test]
    fn an_indented_line_is_another_value_of_the_key_before() {
        assert_eq!(
            read("[s]\nname = 1\n  other = 2\n"),
            vec![one("s", "name", "1"), one("s", "name", "other = 2")]
        );
    }

    #[test]
    fn flags_are_numbers_or_words() {
        for (text, meaning) in [
            ("YES", Some(true)),
            ("2", Some(true)),
            ("0", Some(false)),
            ("off", Some(false)),
            ("maybe", None),
        ] {
            assert_eq!(truth(text), meaning, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_without_harm(bytes: Vec<u8>) {
            for setting in settings(&bytes) {
                proptest::prop_assert!(setting.name.chars().count() <= LONGEST_NAME);
            }
        }
    }
}
