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

/// Sockets whose last connect was refused, one per family: Linux connects them again, and twice as many ports are
/// asked in the same time as with a new socket each (measured).
#[derive(Debug, Default)]
pub struct Spare {
    v4: Option<Socket>,
    v6: Option<Socket>,
}

impl Spare {
    fn of(&mut self, peer: SocketAddr) -> &mut Option<Socket> {
        if peer.is_ipv4() { &mut self.v4 } else { &mut self.v6 }
    }
}

/// Opens a socket, or takes a spare one, and sends the connect.
pub fn begin(mut attempt: Attempt, spare: &mut Spare) -> (Attempt, Answer) {
    attempt.socket = spare.of(attempt.peer).take();
    if attempt.socket.is_none() {
        let domain = Domain::for_address(attempt.peer);
        match Socket::new(domain, Type::STREAM.nonblocking(), Some(Protocol::TCP)) {
            Ok(socket) => attempt.socket = Some(socket),
            Err(error) => return (attempt, Answer::Shortage(error)),
        }
    }
    let answer = match attempt.answer() {
        // On loopback the answer is there as soon as the connect returns.
        Answer::Pending => attempt.answer(),
        answer => answer,
    };
    if matches!(answer, Answer::Refused) {
        *spare.of(attempt.peer) = attempt.socket.take();
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn socket() -> Socket {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP)).unwrap();
        socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
        socket
    }

    fn attempt(peer: SocketAddr, socket: Option<Socket>) -> Attempt {
        Attempt { pair: 0, tries: 1, began: Instant::now(), peer, socket }
    }

    #[test]
    fn a_free_port_that_connects_to_itself_is_not_open() {
        let socket = socket();
        let own = socket.local_addr().unwrap().as_socket().unwrap();
        let answer = attempt(own, Some(socket)).answer();
        assert!(matches!(answer, Answer::Itself), "{answer:?}");
    }

    #[test]
    fn a_listener_is_open_and_a_bound_port_refuses() {
        let socket = socket();
        let peer = socket.local_addr().unwrap().as_socket().unwrap();
        let mut spare = Spare::default();
        assert!(matches!(begin(attempt(peer, None), &mut spare).1, Answer::Refused));
        assert!(matches!(begin(attempt(peer, None), &mut spare).1, Answer::Refused), "with the socket of the first");
        socket.listen(8).unwrap();
        assert!(matches!(begin(attempt(peer, None), &mut spare).1, Answer::Open));
        assert!(matches!(begin(attempt(peer, None), &mut spare).1, Answer::Open), "with a new socket");
    }
}
