//! Users and groups, as far as finding a session daemon needs them: `/etc/passwd` and `/etc/group` are read directly,
//! so that a statically linked program needs no name service.

use std::path::PathBuf;

/// The home directory of a user in the password file.
pub(crate) fn home_of(uid: u32) -> Option<PathBuf> {
    home_in(&std::fs::read_to_string("/etc/passwd").ok()?, uid)
}

/// The number of a group.
pub(crate) fn group_id(name: &str) -> Option<u32> {
    group_in(&std::fs::read_to_string("/etc/group").ok()?, name)
}

fn home_in(passwd: &str, uid: u32) -> Option<PathBuf> {
    passwd.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        (fields.len() >= 7 && fields[2].parse() == Ok(uid) && !fields[5].is_empty()).then(|| fields[5].into())
    })
}

fn group_in(groups: &str, name: &str) -> Option<u32> {
    groups.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next() == Some(name)).then(|| fields.nth(1)?.parse().ok()).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_and_groups_are_found_by_their_lines() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\nbroken\nann:x:1000:1000:,,,:/home/ann:/bin/sh\n";
        assert_eq!(home_in(passwd, 1000), Some("/home/ann".into()));
        assert_eq!(home_in(passwd, 7), None);
        let groups = "root:x:0:\ntracing:x:113:ann,bob\n";
        assert_eq!(group_in(groups, "tracing"), Some(113));
        assert_eq!(group_in(groups, "x"), None);
    }
}
