//! The wait page: one shared memory page that tells applications whether a session daemon accepts registrations
//! (`docs/spec/ust-protocol.md`, section 2.3).
//!
//! Applications ([`WaitWord`]) sleep on its first word as a futex. Anyone who may write the page may also cut it short, so the word
//! is written through the descriptor, never through the mapping: a page that was cut short grows again instead of
//! killing the daemon. The mapping only gives the futex an address; nothing here reads or writes through it.

use std::io;
use std::os::fd::OwnedFd;
use std::ptr::NonNull;
use std::sync::atomic::AtomicU32;

use rustix::fs::{FlockOperation, Gid, Mode, Uid};
use rustix::io::Errno;
use rustix::mm::{MapFlags, ProtFlags};
use rustix::shm::OFlags;
use rustix::thread::futex;

/// Whose page it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitPageScope {
    /// The machine's: every user's applications look at it.
    Global,
    /// One user's.
    PerUser,
}

/// The session daemon's end of the wait page.
#[derive(Debug)]
pub struct WaitPage {
    file: OwnedFd,
    map: NonNull<AtomicU32>,
    len: usize,
}

impl WaitPage {
    /// Creates or opens the page of that POSIX shared memory name (`/lttng-ust-wait-8`, `/lttng-ust-wait-8-1000`) and
    /// takes it over: size, owner and mode become what applications expect.
    ///
    /// # Errors
    /// Those of opening, sizing, owning and mapping it.
    pub fn open(name: &str, scope: WaitPageScope) -> io::Result<WaitPage> {
        let mode = match scope {
            WaitPageScope::Global => Mode::from_raw_mode(0o666),
            WaitPageScope::PerUser => Mode::from_raw_mode(0o660),
        };
        let file = match rustix::shm::open(name, OFlags::RDWR | OFlags::CREATE, mode) {
            // fs.protected_regular refuses O_CREAT on another user's file in a sticky directory, even to root.
            Err(Errno::ACCESS) => rustix::shm::open(name, OFlags::RDWR, mode)?,
            other => other?,
        };
        let len = rustix::param::page_size();
        rustix::fs::ftruncate(&file, len as u64)?;
        let uid = rustix::process::geteuid();
        let gid = rustix::process::getegid();
        if uid.is_root() {
            rustix::fs::fchown(&file, Some(Uid::ROOT), Some(Gid::ROOT))?;
            rustix::fs::fchmod(&file, Mode::from_raw_mode(0o664))?;
        } else {
            rustix::fs::fchown(&file, Some(uid), Some(gid))?;
        }
        // SAFETY: a fresh shared mapping at an address of the kernel's choice aliases nothing of ours; it is unmapped
        // once, in `drop`.
        let map = unsafe {
            rustix::mm::mmap(
                std::ptr::null_mut(),
                len,
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::SHARED,
                &file,
                0,
            )?
        };
        let map = NonNull::new(map.cast()).ok_or_else(|| io::Error::other("the kernel mapped page 0"))?;
        // Several daemons of one user may share the page (`rttng record` starts one each): the lock counts them. It is
        // advice among ourselves, so a page that cannot be locked is used as it is.
        let _ = rustix::fs::flock(&file, FlockOperation::NonBlockingLockShared);
        Ok(WaitPage { file, map, len })
    }

    /// Tells applications that registrations are accepted, and wakes those that wait.
    ///
    /// # Errors
    /// Those of writing the word and of waking.
    pub fn announce(&self) -> io::Result<()> {
        self.write(1)?;
        // SAFETY: the mapping lives as long as `self` and is aligned to a page. The reference is only handed to the
        // kernel as an address; neither side of this process loads or stores through it.
        let word = unsafe { self.map.as_ref() };
        futex::wake(word, futex::Flags::empty(), i32::MAX as u32)?;
        Ok(())
    }

    /// Tells applications that no registration is accepted any more, unless another daemon that has the page open still
    /// accepts them.
    ///
    /// # Errors
    /// Those of writing the word.
    pub fn withdraw(&self) -> io::Result<()> {
        match rustix::fs::flock(&self.file, FlockOperation::NonBlockingLockExclusive) {
            Err(Errno::WOULDBLOCK) => Ok(()),
            _ => self.write(0),
        }
    }

    fn write(&self, value: i32) -> io::Result<()> {
        match rustix::io::pwrite(&self.file, &value.to_ne_bytes(), 0)? {
            4 => Ok(()),
            _ => Err(io::Error::new(io::ErrorKind::WriteZero, "the wait page takes no data")),
        }
    }
}

impl Drop for WaitPage {
    fn drop(&mut self) {
        // SAFETY: mapped in `open` with this length, unmapped only here; no reference to it outlives `self`.
        let _ = unsafe { rustix::mm::munmap(self.map.as_ptr().cast(), self.len) };
    }
}

/// An application's end of the wait page: it sleeps on the word until a daemon accepts registrations.
#[derive(Debug)]
pub struct WaitWord {
    map: NonNull<AtomicU32>,
    len: usize,
}

// SAFETY: the mapping belongs to this value until it is dropped, and is only ever named to the kernel.
unsafe impl Send for WaitWord {}
// SAFETY: as above.
unsafe impl Sync for WaitWord {}

impl WaitWord {
    /// Opens the page of that POSIX shared memory name, and makes it if there is none.
    ///
    /// # Errors
    /// Those of opening, making and mapping it; `PermissionDenied` if a user's page belongs to somebody else.
    pub fn open(name: &str, scope: WaitPageScope) -> io::Result<WaitWord> {
        let open = || rustix::shm::open(name, OFlags::RDONLY, Mode::empty());
        let file = match open() {
            Ok(file) if is_long_enough(&file) => file,
            _ => {
                let mode = match scope {
                    WaitPageScope::Global => Mode::from_raw_mode(0o666),
                    WaitPageScope::PerUser => Mode::from_raw_mode(0o640),
                };
                let made = rustix::shm::open(name, OFlags::RDWR | OFlags::CREATE, mode)?;
                rustix::fs::ftruncate(&made, rustix::param::page_size() as u64)?;
                // Whatever the umask is; a page that somebody else made keeps its mode.
                let _ = rustix::fs::fchmod(&made, mode);
                open()?
            }
        };
        if scope == WaitPageScope::PerUser
            && rustix::fs::fstat(&file)?.st_uid != rustix::process::getuid().as_raw()
        {
            return Err(io::Error::new(
                io::ErrorKind::PermissionDenied,
                "the wait page belongs to somebody else",
            ));
        }
        WaitWord::map(&file)
    }

    /// Opens a page that is a plain file (`LTTNG_UST_APP_PATH`).
    ///
    /// # Errors
    /// Those of opening and mapping it.
    pub fn open_file(path: &std::path::Path) -> io::Result<WaitWord> {
        let flags = rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::CLOEXEC;
        WaitWord::map(&rustix::fs::open(path, flags, Mode::empty())?)
    }

    fn map(file: &OwnedFd) -> io::Result<WaitWord> {
        let len = rustix::param::page_size();
        // SAFETY: a fresh shared mapping at an address of the kernel's choice aliases nothing of ours; it is unmapped
        // once, in `drop`.
        let map = unsafe {
            rustix::mm::mmap(std::ptr::null_mut(), len, ProtFlags::READ, MapFlags::SHARED, file, 0)?
        };
        let map = NonNull::new(map.cast()).ok_or_else(|| io::Error::other("the kernel mapped page 0"))?;
        Ok(WaitWord { map, len })
    }

    /// Sleeps until a daemon accepts registrations.
    ///
    /// # Errors
    /// If the page was cut short: nobody can be waited for then.
    pub fn wait(&self) -> io::Result<()> {
        loop {
            // SAFETY: the mapping lives as long as `self` and is aligned to a page. The reference is only handed to the
            // kernel as an address, which copes with a page that is gone; nothing here loads through it.
            let word = unsafe { self.map.as_ref() };
            match futex::wait(word, futex::Flags::empty(), 0, None) {
                // Woken: look again. The kernel says AGAIN when the word is not 0.
                Ok(()) | Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Ok(()),
                Err(errno) => return Err(errno.into()),
            }
        }
    }
}

impl Drop for WaitWord {
    fn drop(&mut self) {
        // SAFETY: mapped in `map` with this length, unmapped only here; no reference to it outlives `self`.
        let _ = unsafe { rustix::mm::munmap(self.map.as_ptr().cast(), self.len) };
    }
}

fn is_long_enough(file: &OwnedFd) -> bool {
    rustix::fs::fstat(file).is_ok_and(|of| of.st_size >= 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Named(String);

    impl Drop for Named {
        fn drop(&mut self) {
            let _ = rustix::shm::unlink(&self.0);
        }
    }

    fn word(name: &str) -> i32 {
        let file = rustix::shm::open(name, OFlags::RDONLY, Mode::empty()).unwrap();
        let mut bytes = [0; 4];
        rustix::io::pread(&file, &mut bytes, 0).unwrap();
        i32::from_ne_bytes(bytes)
    }

    #[test]
    fn the_word_follows_the_daemon() {
        let name = Named(format!("/rttng-wait-test-{}", std::process::id()));
        let page = WaitPage::open(&name.0, WaitPageScope::PerUser).unwrap();
        assert_eq!(word(&name.0), 0);
        page.announce().unwrap();
        assert_eq!(word(&name.0), 1);
        page.withdraw().unwrap();
        assert_eq!(word(&name.0), 0);
    }

    #[test]
    fn the_last_of_several_daemons_withdraws() {
        let name = Named(format!("/rttng-wait-several-{}", std::process::id()));
        let first = WaitPage::open(&name.0, WaitPageScope::PerUser).unwrap();
        let second = WaitPage::open(&name.0, WaitPageScope::PerUser).unwrap();
        first.announce().unwrap();
        second.announce().unwrap();
        first.withdraw().unwrap();
        drop(first);
        assert_eq!(word(&name.0), 1, "the second daemon is still there");
        second.withdraw().unwrap();
        assert_eq!(word(&name.0), 0);
    }

    #[test]
    fn a_page_that_is_cut_short_kills_nobody() {
        let name = Named(format!("/rttng-wait-cut-{}", std::process::id()));
        let page = WaitPage::open(&name.0, WaitPageScope::PerUser).unwrap();
        let file = rustix::shm::open(&name.0, OFlags::RDWR, Mode::empty()).unwrap();
        rustix::fs::ftruncate(&file, 0).unwrap();
        page.announce().unwrap();
        assert_eq!(word(&name.0), 1);
        page.withdraw().unwrap();
    }

    #[test]
    fn an_application_waits_for_a_daemon_that_comes_later() {
        let name = Named(format!("/rttng-wait-app-{}", std::process::id()));
        let word = WaitWord::open(&name.0, WaitPageScope::PerUser).unwrap();
        std::thread::scope(|scope| {
            let waiter = scope.spawn(|| word.wait());
            let page = WaitPage::open(&name.0, WaitPageScope::PerUser).unwrap();
            page.announce().unwrap();
            waiter.join().unwrap().unwrap();
        });
        // And one that finds it there already does not sleep.
        WaitWord::open(&name.0, WaitPageScope::PerUser).unwrap().wait().unwrap();
    }

    #[test]
    fn a_page_that_is_cut_short_is_an_error_and_no_signal() {
        let name = Named(format!("/rttng-wait-app-cut-{}", std::process::id()));
        let word = WaitWord::open(&name.0, WaitPageScope::PerUser).unwrap();
        let file = rustix::shm::open(&name.0, OFlags::RDWR, Mode::empty()).unwrap();
        rustix::fs::ftruncate(&file, 0).unwrap();
        assert!(word.wait().is_err());
    }

    #[test]
    fn waiters_are_woken() {
        let name = Named(format!("/rttng-wait-wake-{}", std::process::id()));
        let page = WaitPage::open(&name.0, WaitPageScope::PerUser).unwrap();
        let shared = name.0.clone();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                let waiter_page = WaitPage::open(&shared, WaitPageScope::PerUser).unwrap();
                // SAFETY: `waiter_page` keeps the mapping alive for the whole closure.
                let address = unsafe { waiter_page.map.as_ref() };
                while word(&shared) == 0 {
                    let _ = futex::wait(address, futex::Flags::empty(), 0, None);
                }
            });
            std::thread::sleep(std::time::Duration::from_millis(20));
            page.announce().unwrap();
        });
    }
}
