//! The one program: every command, and every daemon by its own name.

fn main() {}
