//! A small, deliberately weak target on loopback: what the demo scans and what the tests know the truth of.
//!
//! Plain HTTP without security headers, with careless cookies, a directory listing, a repository, a file of secrets and a
//! backup that can be fetched, error pages that tell its version, and a shop with an injectable and a reflected parameter;
//! the same over TLS with an expired self-signed certificate; a Redis-like port that asks nobody for a password; a banner; a
//! tarpit.

mod database;
mod http;
mod services;
mod shop;
mod tls;

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};

/// The running target; it stops when dropped.
#[derive(Debug)]
pub struct WeakTarget {
    pub http: SocketAddr,
    pub https: SocketAddr,
    pub redis: SocketAddr,
    /// Says `SSH-2.0-…` and no more.
    pub banner: SocketAddr,
    /// Accepts and never says anything.
    pub tarpit: SocketAddr,
    tasks: Vec<AbortHandle>,
}

/// One service of the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Service {
    pub port: u16,
    pub about: &'static str,
}

impl WeakTarget {
    /// Starts every service on a free port of 127.0.0.1.
    pub async fn start() -> io::Result<WeakTarget> {
        let mut tasks = Vec::new();
        let acceptor = tls::expired_acceptor()?;
        Ok(WeakTarget {
            http: serve(&mut tasks, http::plain).await?,
            https: serve(&mut tasks, move |stream| tls::over(acceptor.clone(), stream)).await?,
            redis: serve(&mut tasks, services::redis).await?,
            banner: serve(&mut tasks, services::ssh_banner).await?,
            tarpit: serve(&mut tasks, services::tarpit).await?,
            tasks,
        })
    }

    /// What a scan is worth pointing at; the tarpit is for tests of patience.
    pub fn services(&self) -> [Service; 4] {
        let service = |address: SocketAddr, about| Service { port: address.port(), about };
        [
            service(self.http, "plain HTTP: no security headers, careless cookies, a directory listing"),
            service(self.https, "TLS with an expired, self-signed certificate"),
            service(self.redis, "a Redis-like store that asks nobody for a password"),
            service(self.banner, "an SSH banner that tells its version"),
        ]
    }
}

impl Drop for WeakTarget {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

async fn serve<F>(
    tasks: &mut Vec<AbortHandle>,
    talk: impl Fn(TcpStream) -> F + Send + 'static,
) -> io::Result<SocketAddr>
where
    F: Future<Output = io::Result<()>> + Send + 'static,
{
    let listener = TcpListener::bind((IpAddr::V4(Ipv4Addr::LOCALHOST), 0)).await?;
    let address = listener.local_addr()?;
    let task = tokio::spawn(async move {
        // Conversations end with their service; one that fails ends nobody else's.
        let mut conversations = JoinSet::new();
        loop {
            tokio::select! {
                Ok((stream, _)) = listener.accept() => {
                    conversations.spawn(talk(stream));
                }
                Some(_) = conversations.join_next() => {}
            }
        }
    });
    tasks.push(task.abort_handle());
    Ok(address)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    async fn say(address: SocketAddr, words: &str) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(words.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn each_service_is_as_weak_as_it_says() {
        let target = WeakTarget::start().await.unwrap();
        let page = say(target.http, "GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
        assert!(page.starts_with("HTTP/1.1 200") && page.contains("Index of /") && page.contains("sid="), "{page}");
        assert!(say(target.http, "TRACE / HTTP/1.1\r\nX-A: b\r\n\r\n").await.contains("X-A: b"));
        assert!(say(target.redis, "*1\r\n$4\r\nPING\r\n").await.contains("+PONG"));
        assert!(say(target.redis, "INFO\r\n").await.contains("redis_version:7.0.15"));
        assert!(say(target.banner, "").await.starts_with("SSH-2.0-"));
    }
}
