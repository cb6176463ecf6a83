//! The tracer's threads are made with the C library, not with the standard library's: a thread of that one begins by
//! registering what is to happen at its end, for which it needs the loader's lock; and where a library with the tracer
//! is opened at run time, the thread that opens it holds that lock, and waits for ours.

use std::ffi::{CStr, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::signals::Blocked;

/// `pthread_attr_t` of glibc and musl, with room to spare.
#[repr(C)]
struct Attributes([u64; 16]);

/// As the standard library gives its threads; musl's own are 128 kB.
const STACK_SIZE: usize = 2 << 20;
const DETACHED: i32 = 1;
const PR_SET_NAME: i32 = 15;

unsafe extern "C" {
    fn pthread_attr_init(attributes: *mut Attributes) -> i32;
    fn pthread_attr_setdetachstate(attributes: *mut Attributes, state: i32) -> i32;
    fn pthread_attr_setstacksize(attributes: *mut Attributes, bytes: usize) -> i32;
    fn pthread_attr_destroy(attributes: *mut Attributes) -> i32;
    fn pthread_create(
        thread: *mut usize,
        attributes: *const Attributes,
        main: extern "C" fn(*mut c_void) -> *mut c_void,
        argument: *mut c_void,
    ) -> i32;
    fn prctl(option: i32, ...) -> i32;
}

/// What a thread does, and the name that it gives itself.
struct Start {
    name: Box<CStr>,
    main: Box<dyn FnOnce() + Send>,
}

extern "C" fn run(start: *mut c_void) -> *mut c_void {
    // SAFETY: what `spawn` made, given to this thread alone.
    let start = unsafe { Box::from_raw(start.cast::<Start>()) };
    // SAFETY: the text ends with a NUL; the kernel copies it.
    unsafe { prctl(PR_SET_NAME, start.name.as_ptr()) };
    // Whatever goes wrong in there ends this thread, and nothing else.
    let _ = catch_unwind(AssertUnwindSafe(start.main));
    std::ptr::null_mut()
}

/// Makes a thread that takes no signals and that nobody waits for; `false` if there can be none.
pub(crate) fn spawn(name: Box<CStr>, main: impl FnOnce() + Send + 'static) -> bool {
    let start = Box::into_raw(Box::new(Start { name, main: Box::new(main) }));
    let mut attributes = Attributes([0; 16]);
    let mut thread = 0;
    // Threads take over what is blocked; ours must not take signals that are the program's.
    let _blocked = Blocked::all();
    // SAFETY: the attributes have room for the C library's; `run` takes what it is given, which nobody else has.
    unsafe {
        if pthread_attr_init(&mut attributes) != 0 {
            drop(Box::from_raw(start));
            return false;
        }
        pthread_attr_setdetachstate(&mut attributes, DETACHED);
        pthread_attr_setstacksize(&mut attributes, STACK_SIZE);
        let is_made = pthread_create(&mut thread, &attributes, run, start.cast()) == 0;
        pthread_attr_destroy(&mut attributes);
        if !is_made {
            drop(Box::from_raw(start));
        }
        is_made
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    #[test]
    fn a_thread_has_its_name_and_its_panics_end_with_it() {
        let (sender, receiver) = channel();
        let main = move || {
            sender.send(rustix::thread::name().unwrap()).unwrap();
            std::panic::resume_unwind(Box::new(()));
        };
        assert!(spawn(c"a-test-ust".into(), main));
        assert_eq!(receiver.recv().unwrap().as_c_str(), c"a-test-ust");
        // It is gone, and so is its sender; the process is not.
        assert!(receiver.recv().is_err());
    }
}
