//! File names for the names of events, which may be any text.

use std::collections::HashSet;

/// Longest name of a file before its number and suffix, in bytes.
const MAX_BYTES: usize = 180;

/// Gives each table a file name of its own, also on file systems that do not tell `a` from `A`.
#[derive(Debug, Default)]
pub(super) struct FileNames(HashSet<String>);

impl FileNames {
    /// A name for the events of that name: letters, digits, `_`, `-`, `.` as they are, `.` for `:`, `_` for everything
    /// else; a number behind it if it is taken.
    pub(super) fn take(&mut self, event: &str) -> String {
        let mut name: String = event
            .chars()
            .map(|c| match c {
                ':' => '.',
                c if c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.') => c,
                _ => '_',
            })
            .take(MAX_BYTES)
            .collect();
        if !name.starts_with(|c: char| c.is_ascii_alphanumeric()) {
            name.insert(0, 'e');
        }
        let mut tried = name.clone();
        let mut number = 2u64;
        while !self.0.insert(tried.to_lowercase()) {
            tried = format!("{name}-{number}");
            number += 1;
        }
        format!("{tried}.parquet")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_stay_readable() {
        let mut names = FileNames::default();
        assert_eq!(names.take("my_app:request"), "my_app.request.parquet");
        assert_eq!(names.take("my_app.request"), "my_app.request-2.parquet");
        assert_eq!(names.take("MY_APP:Request"), "MY_APP.Request-3.parquet");
        assert_eq!(names.take("../../etc/passwd"), "e.._.._etc_passwd.parquet");
        assert_eq!(names.take(""), "e.parquet");
        assert_eq!(names.take("größe"), "gr__e.parquet");
    }

    proptest! {
        #[test]
        fn any_name_gives_a_file_of_its_own_in_the_folder(events in prop::collection::vec(".{0,300}", 1..20)) {
            let mut names = FileNames::default();
            let mut seen = HashSet::new();
            for event in events {
                let name = names.take(&event);
                prop_assert!(name.len() <= 250 && !name.contains('/') && !name.starts_with(['.', '-', '_']));
                prop_assert!(seen.insert(name.to_lowercase()));
            }
        }
    }
}
