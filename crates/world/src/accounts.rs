//! Users and groups: `/etc/passwd` and `/etc/group` are read directly, so that a statically linked program needs no name
//! service. Whoever is in neither file (LDAP and the like) is known by number only.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

const USERS: &str = "/etc/passwd";
const GROUPS: &str = "/etc/group";

/// The number of the user of that name.
pub fn user_id(name: &str) -> Option<u32> {
    id_in(&read(USERS), name)
}

/// The number of the group of that name.
pub fn group_id(name: &str) -> Option<u32> {
    id_in(&read(GROUPS), name)
}

/// The home directory of the user of that number.
pub fn home_of(uid: u32) -> Option<PathBuf> {
    home_in(&read(USERS), uid)
}

/// A file that cannot be read has nobody in it.
fn read(file: &str) -> Vec<u8> {
    std::fs::read(Path::new(file)).unwrap_or_default()
}

/// The fields of each line. Names may be in any encoding.
fn lines(table: &[u8]) -> impl Iterator<Item = Vec<&[u8]>> {
    table.split(|&byte| byte == b'\n').map(|line| line.split(|&byte| byte == b':').collect())
}

/// The third field of the line of that name, which is the number in both files.
fn id_in(table: &[u8], name: &str) -> Option<u32> {
    lines(table).filter(|fields| fields[0] == name.as_bytes()).find_map(|fields| number(fields.get(2)?))
}

fn home_in(users: &[u8], uid: u32) -> Option<PathBuf> {
    let line = lines(users)
        .find(|fields| fields.len() >= 7 && number(fields[2]) == Some(uid) && !fields[5].is_empty())?;
    Some(OsStr::from_bytes(line[5]).into())
}

fn number(field: &[u8]) -> Option<u32> {
    std::str::from_utf8(field).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &[u8] = b"root:x:0:0:root:/root:/bin/sh\nbroken\n\nhomeless:x:8:8::\n\
        j\xfcrgen:x:7:7:J\xfcrgen:/home/j\xfcrgen:/bin/sh\nann:x:1000:1000:,,,:/home/ann:/bin/sh\nbad:x:-1:0::/:/\n";
    const GROUP: &[u8] = b"root:x:0:\ntracing:x:113:ann,bob\ncut:x\n";

    #[test]
    fn users_and_groups_are_found_by_their_lines() {
        assert_eq!(home_in(PASSWD, 1000), Some("/home/ann".into()));
        assert_eq!(home_in(PASSWD, 7), Some(OsStr::from_bytes(b"/home/j\xfcrgen").into()));
        assert_eq!(home_in(PASSWD, 8), None);
        assert_eq!(id_in(PASSWD, "ann"), Some(1000));
        assert_eq!(id_in(PASSWD, "homeless"), Some(8));
        assert_eq!(id_in(GROUP, "tracing"), Some(113));
    }

    #[test]
    fn who_is_not_there_and_broken_lines_are_nobody() {
        for name in ["x", "", "broken", "bad", "cut", "ann,bob"] {
            assert_eq!(id_in(PASSWD, name).or(id_in(GROUP, name)), None, "{name:?}");
        }
        assert_eq!(id_in(b"", "root"), None);
        assert_eq!(home_in(b"", 0), None);
    }

    #[test]
    fn this_machine_has_a_superuser() {
        assert_eq!((user_id("root"), group_id("root")), (Some(0), Some(0)));
        assert!(home_of(0).is_some());
        assert_eq!(group_id("no such group"), None);
    }
}
