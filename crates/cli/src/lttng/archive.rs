//! Where an archived trace chunk lies, as a line to read (`docs/spec/cli.md` §6.9).

use rttng_wire::client::TraceArchiveLocation;

/// The line that `rotate` and `destroy` end a rotation with.
pub(crate) fn now_readable(session: &str, location: Option<&TraceArchiveLocation>) -> String {
    let place = match location {
        None => "at an unknown location".to_owned(),
        Some(TraceArchiveLocation::Local { path }) => format!("at {}", rttng_wire::text::from_path(path)),
        Some(TraceArchiveLocation::Relay { host, protocol: _, control_port, data_port, path }) => {
            let path = rttng_wire::text::from_path(path);
            format!("on relay tcp://{host}/{path} [control port {control_port}, data port {data_port}]")
        }
    };
    format!("Trace chunk archive for session {session} is now readable {place}")
}
