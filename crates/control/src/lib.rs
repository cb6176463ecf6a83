//! The client library: what a program uses to control tracing through a session daemon.
