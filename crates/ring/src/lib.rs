//! The shared-memory ring buffer of LTTng user space: its layout, its creation and its reading side
//! (`docs/spec/ring-buffer.md`).

pub mod wait_page;
