//! Names that were meant, perhaps, where one was given that nothing has.

/// How many names are suggested.
pub(crate) const MOST_SUGGESTIONS: usize = 3;

/// Names that are spelled nearly like the pattern, the nearest first.
pub(crate) fn near_names<'a>(pattern: &str, names: impl Iterator<Item = &'a String>) -> Vec<&'a str> {
    let wanted = pattern.trim_end_matches('*').to_lowercase();
    let mut near: Vec<(usize, &str)> = names
        .map(|name| {
            let compared = match pattern.ends_with('*') {
                true => name.chars().take(wanted.chars().count().max(1)).collect(),
                false => name.clone(),
            };
            (strsim::damerau_levenshtein(&wanted, &compared.to_lowercase()), name.as_str())
        })
        .filter(|(distance, _)| *distance <= 1 + wanted.chars().count() / 4)
        .collect();
    near.sort();
    near.into_iter().take(MOST_SUGGESTIONS).map(|(_, name)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_spelled_alike_is_near() {
        let names = ["demo:tick".to_owned(), "demo:tock".to_owned()];
        assert_eq!(near_names("demo:tikc", names.iter()), ["demo:tick", "demo:tock"]);
        assert!(near_names("dmeo:*", names.iter()).contains(&"demo:tick"));
        assert!(near_names("other:thing", names.iter()).is_empty());
    }
}
