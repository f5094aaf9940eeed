//! One connect of the port scan, without waiting.

use nix::errno::Errno;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// One connection that is being opened.
#[derive(Debug)]
pub struct Attempt {
    /// Number of the address-port pair.
    pub pair: usize,
    /// 1 for the first attempt.
    pub tries: u8,
    pub began: Instant,
    pub peer: SocketAddr,
    pub socket: Option<Socket>,
}

/// What came of it.
#[derive(Debug)]
pub enum Answer {
    Open,
    Refused,
    /// Neither; with what the network said instead, where it said something.
    Silent(Option<String>),
    /// The kernel connected us to ourselves: source and destination are the same free port.
    Itself,
    /// Our own descriptors, local ports or buffers ran out.
    Shortage(io::Error),
    Pending,
}

/// Opens the socket and sends the connect.
pub fn begin(mut attempt: Attempt) -> (Attempt, Answer) {
    let domain = Domain::for_address(attempt.peer);
    match Socket::new(domain, Type::STREAM.nonblocking(), Some(Protocol::TCP)) {
        Ok(socket) => attempt.socket = Some(socket),
        Err(error) => return (attempt, Answer::Shortage(error)),
    }
    let answer = match attempt.answer() {
        // On loopback the answer is there as soon as the connect returns.
        Answer::Pending => attempt.answer(),
        answer => answer,
    };
    (attempt, answer)
}

impl Attempt {
    /// Asks the socket how it stands; asking again is what connect(2) is for.
    pub fn answer(&self) -> Answer {
        let Some(socket) = &self.socket else { return Answer::Silent(None) };
        let Err(error) = socket.connect(&SockAddr::from(self.peer)) else { return self.opened(socket) };
        match Errno::from_raw(error.raw_os_error().unwrap_or_default()) {
            Errno::EISCONN => self.opened(socket),
            Errno::EINPROGRESS | Errno::EALREADY | Errno::EINTR => Answer::Pending,
            Errno::ECONNREFUSED | Errno::ECONNRESET | Errno::ECONNABORTED => Answer::Refused,
            Errno::EADDRNOTAVAIL | Errno::EAGAIN | Errno::ENOBUFS | Errno::ENOMEM | Errno::EADDRINUSE => {
                Answer::Shortage(error)
            }
            Errno::ETIMEDOUT => Answer::Silent(None),
            errno => Answer::Silent(Some(errno.desc().to_string())),
        }
    }

    fn opened(&self, socket: &Socket) -> Answer {
        if socket.local_addr().ok().and_then(|local| local.as_socket()) == Some(self.peer) {
            return Answer::Itself;
        }
        // A reset instead of a farewell: nothing stays in TIME_WAIT.
        let _ = socket.set_linger(Some(Duration::ZERO));
        Answer::Open
    }
}
