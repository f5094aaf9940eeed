//! A vendor of a few lines: an HTTP server whose answers are a function of the request and of what came before.

use serde_json::Value;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Asked {
    pub method: String,
    /// Without the query.
    pub path: String,
    pub query: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: String,
    pub at: Instant,
}

impl Asked {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// `METHOD path`.
    pub fn line(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

/// What to answer.
#[derive(Debug, Clone)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Promise more than is sent, and hang up.
    pub is_cut: bool,
    pub delay_ms: u64,
}

pub fn json(status: u16, body: Value) -> Reply {
    text(status, "application/json", &body.to_string())
}

pub fn text(status: u16, content_type: &str, body: &str) -> Reply {
    let headers = vec![("content-type".to_string(), content_type.to_string())];
    Reply { status, headers, body: body.as_bytes().to_vec(), is_cut: false, delay_ms: 0 }
}

pub fn empty(status: u16) -> Reply {
    Reply { status, headers: Vec::new(), body: Vec::new(), is_cut: false, delay_ms: 0 }
}

impl Reply {
    pub fn with(mut self, name: &str, value: &str) -> Reply {
        self.headers.push((name.to_string(), value.to_string()));
        self
    }

    pub fn cut(mut self) -> Reply {
        self.is_cut = true;
        self
    }

    pub fn after(mut self, milliseconds: u64) -> Reply {
        self.delay_ms = milliseconds;
        self
    }
}

/// A running fake.
pub struct Fake {
    pub url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Fake {
    /// Answers by `answer`, which gets each request with all before it.
    pub async fn start(answer: impl Fn(&Asked, &[Asked]) -> Reply + Send + Sync + 'static) -> Fake {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::<Asked>::new()));
        let (seen, answer) = (asked.clone(), Arc::new(answer));
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (seen, answer) = (seen.clone(), answer.clone());
                tokio::spawn(async move {
                    let _ = serve(stream, &seen, &*answer).await;
                });
            }
        });
        Fake { url, asked }
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// `METHOD path` of each request.
    pub fn lines(&self) -> Vec<String> {
        self.asked().iter().map(Asked::line).collect()
    }

    /// How often this was asked.
    pub fn count(&self, line: &str) -> usize {
        self.lines().iter().filter(|asked| *asked == line).count()
    }
}

async fn serve(
    mut stream: TcpStream,
    seen: &Mutex<Vec<Asked>>,
    answer: &(dyn Fn(&Asked, &[Asked]) -> Reply + Send + Sync),
) -> std::io::Result<()> {
    let (mut request, mut buffer) = (Vec::new(), [0; 16 * 1024]);
    let asked = loop {
        let read = stream.read(&mut buffer).await?;
        request.extend_from_slice(&buffer[..read]);
        if let Some(asked) = whole(&request) {
            break asked;
        }
        if read == 0 {
            return Ok(());
        }
    };
    let reply = {
        let mut seen = seen.lock().unwrap();
        let reply = answer(&asked, &seen);
        seen.push(asked);
        reply
    };
    tokio::time::sleep(std::time::Duration::from_millis(reply.delay_ms)).await;
    let length = if reply.is_cut { reply.body.len() + 100 } else { reply.body.len() };
    let mut head = format!("HTTP/1.1 {} X\r\nconnection: close\r\ncontent-length: {length}\r\n", reply.status);
    for (name, value) in &reply.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    stream.write_all(format!("{head}\r\n").as_bytes()).await?;
    stream.write_all(&reply.body).await?;
    stream.shutdown().await
}

fn whole(bytes: &[u8]) -> Option<Asked> {
    let text = String::from_utf8_lossy(bytes);
    let (head, body) = text.split_once("\r\n\r\n")?;
    let mut lines = head.lines();
    let mut first = lines.next()?.split(' ');
    let (method, target) = (first.next()?.to_string(), first.next()?.to_string());
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_string()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length: usize = length.map_or(0, |(_, length)| length.parse().unwrap());
    if body.len() < length {
        return None;
    }
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let (path, query) = (path.to_string(), query.to_string());
    Some(Asked { method, path, query, headers, body: body.to_string(), at: Instant::now() })
}
