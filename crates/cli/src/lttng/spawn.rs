//! Starting the daemons that `create` needs (`docs/spec/cli.md` §4).

use std::ffi::OsStr;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use rttng_wire::client::defaults::LIVE_PORT;

use super::exit::{Exit, Step};
use super::output::strerror;
use super::program::Program;
use crate::dispatch;

const SESSION_DAEMON: &str = "lttng-sessiond";
const RELAY_DAEMON: &str = "lttng-relayd";
const RELAY_CONNECT_BOUND: Duration = Duration::from_secs(2);

/// Starts a session daemon unless one is there, and waits until it is ready.
pub(crate) fn session_daemon(program: &Program) -> Step {
    if !program.may_spawn || program.client.is_alive() {
        return Ok(());
    }
    let path = program
        .sessiond_path
        .clone()
        .or_else(|| std::env::var_os("LTTNG_SESSIOND_PATH").map(PathBuf::from))
        .unwrap_or_else(|| own_or_installed(SESSION_DAEMON));
    launch_session_daemon(program, &path).inspect_err(|_| {
        program
            .out
            .error(format_args!("Problem occurred while launching session daemon ({})", path.display()));
    })
}

fn launch_session_daemon(program: &Program, path: &Path) -> Step {
    let out = program.out;
    if !is_executable(path) {
        out.error(format_args!("No such file or access denied: {}", path.display()));
        return Err(Exit::ERROR);
    }
    out.say("Spawning a session daemon");
    let mut daemon = Command::new(path);
    daemon.arg0(SESSION_DAEMON).arg("--daemonize");
    match daemon.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => {
            match status.signal() {
                Some(signal) => out.error(format_args!("Session daemon was killed by signal {signal}")),
                None => out.error(format_args!(
                    "Session daemon terminated with an error (exit status: {})",
                    status.code().unwrap_or_default()
                )),
            }
            Err(Exit::ERROR)
        }
        Err(error) => {
            out.error("No session daemon found. Use --sessiond-path.");
            out.debug(1, strerror(&error));
            Err(Exit::ERROR)
        }
    }
}

/// Starts a relay daemon on this machine unless one takes viewers. It is not waited for, and it does not keep our standard
/// streams: whoever reads them to their end must not wait for a daemon.
pub(crate) fn relay_daemon(program: &Program) -> Step {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, LIVE_PORT));
    if TcpStream::connect_timeout(&address, RELAY_CONNECT_BOUND).is_ok() {
        return Ok(());
    }
    let out = program.out;
    let path = program.relayd_path.clone().unwrap_or_else(|| own_or_installed(RELAY_DAEMON));
    if !is_executable(&path) {
        out.error(format_args!("No such file or access denied: {}", path.display()));
        return Err(Exit::ERROR);
    }
    out.say("Spawning a relayd daemon");
    let mut daemon = Command::new(&path);
    daemon.arg0(RELAY_DAEMON).args(["-L", &format!("tcp://localhost:{LIVE_PORT}")]);
    daemon.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    daemon.spawn().map(drop).map_err(|error| {
        out.error("No relayd found. Use --relayd-path.");
        out.debug(1, strerror(&error));
        Exit::ERROR
    })
}

/// This binary, if it is that daemon too; else where a distribution installs it.
fn own_or_installed(name: &str) -> PathBuf {
    let installed = Path::new("/usr/bin").join(name);
    if dispatch::answers_to(OsStr::new(name)) {
        std::env::current_exe().unwrap_or(installed)
    } else {
        installed
    }
}

fn is_executable(path: &Path) -> bool {
    path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}
