//! What events are called: so that rules with `*` select what a programmer would guess.

/// A name has at most so many bytes.
const LONGEST: usize = 255;

/// `<target>:<place>`, as `shop::orders:orders.rs:42`. The target stays as Rust writes it.
pub(crate) fn of_event(target: &str, name: &str, file: Option<&str>, line: Option<u32>) -> String {
    // What `tracing` makes up where nobody gave a name: `event src/orders.rs:42`.
    let made_up = name.starts_with("event ");
    let place = match (file, line) {
        (Some(file), Some(line)) if made_up => {
            let file = file.rsplit(['/', '\\']).next().unwrap_or(file);
            format!("{file}:{line}")
        }
        _ => name.to_owned(),
    };
    joined(target, &place, "")
}

/// `<target>:<span>:<what happens to it>`, as `shop::orders:checkout:enter`.
pub(crate) fn of_span(target: &str, name: &str, what: &str) -> String {
    joined(target, name, what)
}

/// The parts with what no rule could name replaced, and the middle cut off where it is too long.
fn joined(target: &str, place: &str, what: &str) -> String {
    let clean = |text: &str| -> String {
        let wrong = |character: char| {
            character.is_control() || character.is_whitespace() || "*\\,\"".contains(character)
        };
        text.chars().map(|character| if wrong(character) { '_' } else { character }).collect()
    };
    let or_unknown = |text: String| if text.is_empty() { "unknown".to_owned() } else { text };
    let mut name = format!(
        "{}:{}",
        or_unknown(clean(target).trim_start_matches(':').to_owned()),
        or_unknown(clean(place))
    );
    let behind = if what.is_empty() { String::new() } else { format!(":{what}") };
    let mut room = LONGEST - behind.len();
    while !name.is_char_boundary(room.min(name.len())) {
        room -= 1;
    }
    name.truncate(room);
    name + &behind
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_as_a_programmer_knows_them() {
        let of = |target, name, file| of_event(target, name, file, Some(42));
        assert_eq!(
            of("shop::orders", "event src/orders.rs:42", Some("src/orders.rs")),
            "shop::orders:orders.rs:42"
        );
        assert_eq!(of("shop", "order_placed", Some("src/orders.rs")), "shop:order_placed");
        assert_eq!(of("a b,*", "x", None), "a_b__:x");
        assert_eq!(of("", "x", None), "unknown:x");
        assert_eq!(of_span("shop::orders", "check out", "enter"), "shop::orders:check_out:enter");
    }

    #[test]
    fn long_names_are_cut_and_keep_their_end() {
        let name = of_span(&"ä".repeat(200), "span", "enter");
        assert!(name.len() <= 255 && name.ends_with(":enter"), "{name}");
    }
}
