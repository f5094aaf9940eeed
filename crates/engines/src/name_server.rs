//! A name server on loopback for one run: it knows the target's name and the addresses that were checked, and nothing
//! else. An engine that looks its target up again asks here, so the name cannot be pointed elsewhere meanwhile, and
//! nobody else hears of it.

use hickory_resolver::proto::op::{Message, MessageType, OpCode, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, AAAA};
use hickory_resolver::proto::rr::{RData, Record, RecordType};
use std::io;
use std::net::{IpAddr, SocketAddr};
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

/// Answers as long as it is kept.
#[derive(Debug)]
pub struct NameServer {
    address: SocketAddr,
    task: JoinHandle<()>,
}

/// The largest question that is read.
const MAX_QUESTION: usize = 1024;
/// Seconds that an answer holds: longer than any run.
const TTL: u32 = 86_400;
/// Addresses in one answer: more may not fit a datagram.
const MAX_ADDRESSES: usize = 16;

impl NameServer {
    /// Begins to answer; `name` is none for a target that is an address.
    pub async fn start(name: Option<&str>, addresses: &[IpAddr]) -> io::Result<NameServer> {
        let socket = UdpSocket::bind("127.0.0.1:0").await?;
        let address = socket.local_addr()?;
        let (name, addresses) = (name.map(str::to_string), addresses.to_vec());
        let task = tokio::spawn(async move {
            let mut buffer = [0; MAX_QUESTION];
            loop {
                let Ok((length, from)) = socket.recv_from(&mut buffer).await else { continue };
                if let Some(answer) = answer(&buffer[..length], name.as_deref(), &addresses) {
                    // A lost answer is asked for again.
                    let _ = socket.send_to(&answer, from).await;
                }
            }
        });
        Ok(NameServer { address, task })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The answer to a question; none to what is no question.
fn answer(question: &[u8], name: Option<&str>, addresses: &[IpAddr]) -> Option<Vec<u8>> {
    let asked = Message::from_vec(question).ok()?;
    let query = asked.queries.first()?;
    if asked.metadata.message_type != MessageType::Query {
        return None;
    }
    let mut answer = Message::response(asked.metadata.id, OpCode::Query);
    answer.metadata.recursion_desired = asked.metadata.recursion_desired;
    answer.metadata.recursion_available = true;
    answer.add_query(query.clone());
    let is_ours = name.is_some_and(|name| query.name().to_ascii().trim_end_matches('.').eq_ignore_ascii_case(name));
    if !is_ours {
        answer.metadata.response_code = ResponseCode::NXDomain;
    }
    let data = |ip: &IpAddr| match (ip, query.query_type()) {
        (IpAddr::V4(ip), RecordType::A) => Some(RData::A(A(*ip))),
        (IpAddr::V6(ip), RecordType::AAAA) => Some(RData::AAAA(AAAA(*ip))),
        (IpAddr::V4(_) | IpAddr::V6(_), _) => None,
    };
    for data in addresses.iter().filter(|_| is_ours).filter_map(data).take(MAX_ADDRESSES) {
        answer.add_answer(Record::from_rdata(query.name().clone(), TTL, data));
    }
    answer.to_vec().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resolve::{ResolveFault, Resolver};
    use proptest::prelude::*;
    use std::time::Duration;

    const BUDGET: Duration = Duration::from_secs(5);

    #[tokio::test]
    async fn it_knows_the_target_and_nothing_else() {
        let addresses = ["127.0.0.7".parse().unwrap(), "::7".parse().unwrap()];
        let server = NameServer::start(Some("app.example.test"), &addresses).await.unwrap();
        let resolver = Resolver::new(&[server.address()]).unwrap();
        let found = resolver.lookup("APP.example.test", BUDGET).await.unwrap();
        assert!(!found.is_empty() && found.iter().all(|found| addresses.contains(found)), "{found:?}");
        for other in ["example.test", "www.app.example.test", "telemetry.example.com"] {
            assert_eq!(resolver.lookup(other, BUDGET).await, Err(ResolveFault::NotFound(other.to_string())));
        }
    }

    #[tokio::test]
    async fn a_target_that_is_an_address_makes_every_name_unknown() {
        let server = NameServer::start(None, &["127.0.0.1".parse().unwrap()]).await.unwrap();
        let resolver = Resolver::new(&[server.address()]).unwrap();
        assert!(resolver.lookup("app.example.test", BUDGET).await.is_err());
    }

    proptest! {
        #[test]
        fn no_question_ends_it(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            answer(&bytes, Some("a.example.test"), &["127.0.0.1".parse().unwrap()]);
        }
    }
}
