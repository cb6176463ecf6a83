//! An application that answers everything that the session daemon asks, and lies about what triggers wait for: into the
//! pipe of its notifications it writes triggers that there are not, values that are none, and at last bytes that are no
//! notification. Prints `done`, then goes on until the daemon hangs up.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rttng_wire::client::CapturePayload;
use rttng_wire::ust::{
    AbiVersion, Alignments, Command, CommandReceipt, Notification, ObjectHandle, ProcessName,
    ReceivedCommand, Registration, Reply, Request, SocketKind, Token,
};
use rttng_wire::{Action, Bitness, Encode, Exchange};
use rttng_world::fds;

const SOCKET: &str = "/run/lttng/lttng-ust-sock-8";

fn main() -> io::Result<()> {
    let command = connect(SocketKind::Command)?;
    let _notify = connect(SocketKind::Notify)?;
    let (mut pipe, mut token, mut objects) = (None, None, 0);
    loop {
        let (request, descriptors) = next_command(&command)?;
        objects += 1;
        match &request.command {
            Command::EventNotifierGroupCreate => {
                pipe = descriptors.into_iter().next().map(File::from);
            }
            Command::EventNotifierCreate(notifier) => token = Some(notifier.rule.token),
            _ => {}
        }
        let code = request.command.code();
        let reply = Reply::made(request.handle, code, ObjectHandle(objects));
        (&command).write_all(&reply.to_bytes())?;
        if let (Command::RegisterDone, Some(pipe), Some(token)) = (&request.command, &mut pipe, token) {
            lie(pipe, token)?;
            println!("done");
        }
    }
}

/// Makes one of the two connections of an application.
fn connect(kind: SocketKind) -> io::Result<UnixStream> {
    let mut socket = UnixStream::connect(SOCKET)?;
    let registration = Registration {
        version: AbiVersion { major: 9, minor: 0 },
        pid: std::process::id(),
        ppid: 1,
        uid: 0,
        gid: 0,
        bitness: Bitness::Bits64,
        alignments: Alignments::BYTES,
        socket: kind,
        name: ProcessName::new(b"rogue"),
    };
    socket.write_all(&registration.to_bytes())?;
    Ok(socket)
}

/// The next command that this side knows, with its descriptors.
fn next_command(socket: &UnixStream) -> io::Result<(Request, Vec<OwnedFd>)> {
    let mut receipt = CommandReceipt::new();
    let mut descriptors = Vec::new();
    loop {
        match receipt.next() {
            Action::Send(bytes) => (&mut &*socket).write_all(&bytes)?,
            Action::Receive(len) => {
                let mut bytes = vec![0; len];
                io::Read::read_exact(&mut &*socket, &mut bytes)?;
                receipt.received(&bytes).map_err(io::Error::other)?;
            }
            Action::ReceiveFds(_) => descriptors = fds::receive(socket.as_fd(), &mut [0])?.fds,
            Action::Done(ReceivedCommand::Request(request)) => return Ok((request, descriptors)),
            Action::Done(other) => return Err(io::Error::other(format!("{other:?}"))),
            Action::SendFds(_) => unreachable!("an application sends no descriptors"),
        }
    }
}

fn lie(pipe: &mut File, token: Token) -> io::Result<()> {
    let mut tell = |token: Token, captures: &[u8]| {
        pipe.write_all(&Notification { token, captures: CapturePayload::from_bytes(captures) }.to_bytes())
    };
    for number in [0, 1 << 20, u64::MAX] {
        tell(Token(number), &[0x91, 7])?;
    }
    // No array, an array of another length, one that ends too soon, one in one in one, a map that is no enumeration.
    let deep = [0x91; 500];
    for captures in
        [&[][..], &[7], &[0x92, 1, 2], &[0x91], &deep, &[0xdd, 0xff, 0xff, 0xff, 0xff], &[0x91, 0x80]]
    {
        tell(token, captures)?;
    }
    tell(token, &[0x91, 7])?;
    // A length that no notification has; what follows it is not read any more.
    pipe.write_all(&[0xff; 2000])?;
    for number in 0..20 {
        pipe.write_all(&[number; 100])?;
    }
    Ok(())
}
