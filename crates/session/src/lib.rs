//! The session daemon: serves clients, applications and consumer daemons from one model.
