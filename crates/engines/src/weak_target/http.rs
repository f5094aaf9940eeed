//! An HTTP server with everything forgotten.

use super::shop;
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

/// The longest request head that is read.
const MAX_HEAD: usize = 16 * 1024;

/// Plain HTTP.
pub async fn plain(stream: TcpStream) -> io::Result<()> {
    talk(stream).await
}

/// Answers one request and closes.
pub async fn talk(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<()> {
    let mut head = Vec::new();
    while !head.windows(4).any(|window| window == b"\r\n\r\n") {
        if head.len() > MAX_HEAD || stream.read_buf(&mut head).await? == 0 {
            return Ok(());
        }
    }
    let text = String::from_utf8_lossy(&head);
    let mut words = text.split_whitespace();
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let answer = match (method, path) {
        ("TRACE", _) => with("message/http", "", &text),
        ("OPTIONS", _) => with("text/plain", "Allow: GET, HEAD, OPTIONS, TRACE, PUT, DELETE\r\n", ""),
        ("GET" | "HEAD", "/") => with("text/html", COOKIES, LISTING),
        ("GET" | "HEAD", "/.git/HEAD") => with("text/plain", "", "ref: refs/heads/main\n"),
        ("GET" | "HEAD", "/.env") => with("text/plain", "", "APP_ENV=production\nDB_PASSWORD=0123456789abcdef\n"),
        ("GET" | "HEAD", "/backup.sql") => {
            with("application/sql", "", "-- MySQL dump 10.13\nCREATE TABLE users (id INT);\n")
        }
        ("GET" | "HEAD", "/old") => {
            "HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_string()
        }
        ("GET" | "HEAD", path) if path.starts_with(shop::ROOT) => shop::answer(path, &text).unwrap_or_else(not_found),
        ("GET" | "HEAD", _) => not_found(),
        _ => "HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_string(),
    };
    let body_at = answer.find("\r\n\r\n").map_or(answer.len(), |at| at + 4);
    let sent = if method == "HEAD" { &answer[..body_at] } else { &answer[..] };
    stream.write_all(sent.as_bytes()).await?;
    stream.shutdown().await
}

fn not_found() -> String {
    NOT_FOUND.replace("LENGTH", &NOT_FOUND_PAGE.len().to_string()) + NOT_FOUND_PAGE
}

const COOKIES: &str =
    "Set-Cookie: sid=0123456789abcdef; Path=/\r\nSet-Cookie: theme=dark; Path=/; HttpOnly; SameSite=Lax\r\n";

const LISTING: &str = "<html><head><title>Index of /</title></head><body><h1>Index of /</h1><hr><pre><a href=\"../\">../</a>\n\
     <a href=\"backup.sql\">backup.sql</a>   01-Mar-2026 10:00   48211\n\
     <a href=\"shop/\">shop/</a>        01-Mar-2026 10:00       -\n\
     <a href=\"config.old\">config.old</a>   01-Mar-2026 10:00     512\n</pre><hr></body></html>\n";

const NOT_FOUND: &str =
    "HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\nContent-Length: LENGTH\r\nConnection: close\r\n\r\n";

/// As the server of that age signs its error pages.
const NOT_FOUND_PAGE: &str =
    "<html><body><h1>Not Found</h1><hr><address>Apache/2.2.14 (Unix) Server at localhost</address></body></html>\n";

/// A page with a header section of the careless server's.
pub(super) fn with(media_type: &str, headers: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nServer: Apache/2.2.14 (Unix) PHP/5.3.1\r\nX-Powered-By: PHP/5.3.1\r\nContent-Type: {media_type}\r\n\
         {headers}Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}
