//! A server of a few lines: answers each request with the next line of its script and remembers what was asked.

use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A running fake; its address, and the requests it got.
pub struct Fake {
    pub url: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Fake {
    /// Answers with these raw HTTP answers, one per connection, in turn; then refuses.
    pub async fn start(script: Vec<String>) -> Fake {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/scan-api", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = requests.clone();
        tokio::spawn(async move {
            for answer in script {
                let (stream, _) = listener.accept().await.unwrap();
                let request = serve(stream, &answer).await;
                seen.lock().unwrap().push(request);
            }
        });
        Fake { url, requests }
    }

    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    /// The value of a header in each request.
    pub fn header(&self, name: &str) -> Vec<String> {
        let find = |request: String| {
            let line = request.lines().find(|line| line.to_lowercase().starts_with(&format!("{name}: ")));
            line.map_or(String::new(), |line| line[name.len() + 2..].to_string())
        };
        self.requests().into_iter().map(find).collect()
    }
}

async fn serve(mut stream: TcpStream, answer: &str) -> String {
    let (mut request, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let read = stream.read(&mut buffer).await.unwrap();
        request.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(&request).into_owned();
        let length = text.to_lowercase();
        let length = length.split("content-length: ").nth(1).and_then(|rest| rest.lines().next()?.parse().ok());
        let is_whole = text.split_once("\r\n\r\n").is_some_and(|(_, body)| body.len() >= length.unwrap_or(0));
        if read == 0 || is_whole {
            stream.write_all(answer.as_bytes()).await.unwrap();
            stream.shutdown().await.unwrap();
            return text;
        }
    }
}

/// An answer with a JSON body.
pub fn json(status: &str, headers: &str, body: serde_json::Value) -> String {
    raw(status, &format!("content-type: application/json\r\n{headers}"), &body.to_string())
}

pub fn raw(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n{headers}\r\n{body}", body.len())
}

/// A failure in the envelope.
pub fn failed(status: &str, headers: &str, code: &str) -> String {
    let body = serde_json::json!({"success": false, "error": "the text", "code": code, "requestId": "req-7",
        "retryable": false, "details": [{"field": "target", "reason": "is empty"}], "help": "/api/v1/errors/x"});
    json(status, headers, body)
}
