//! Services that say too much, or nothing.

use std::io;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// The longest line that the Redis-like port reads.
const MAX_LINE: u64 = 4096;

/// Answers PING and INFO, inline or as RESP arrays, and asks nobody for a password.
pub async fn redis(stream: TcpStream) -> io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut read = BufReader::new(read);
    let mut line = Vec::new();
    loop {
        line.clear();
        if (&mut read).take(MAX_LINE).read_until(b'\n', &mut line).await? == 0 {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&line).trim().to_ascii_uppercase();
        let info = "# Server\r\nredis_version:7.0.15\r\nredis_mode:standalone\r\n";
        match text.split_whitespace().next().unwrap_or_default() {
            "PING" => write.write_all(b"+PONG\r\n").await?,
            "INFO" => write.write_all(format!("${}\r\n{info}\r\n", info.len()).as_bytes()).await?,
            // The frame around the words of a RESP array, and their lengths.
            word if word.is_empty() || word.starts_with(['*', '$']) => {}
            word => write.write_all(format!("-ERR unknown command '{word}'\r\n").as_bytes()).await?,
        }
    }
}

/// Says which SSH server it is and then nothing.
pub async fn ssh_banner(mut stream: TcpStream) -> io::Result<()> {
    stream.write_all(b"SSH-2.0-OpenSSH_7.2p2\r\n").await?;
    let mut rest = [0; 256];
    while stream.read(&mut rest).await? > 0 {}
    Ok(())
}

/// Never answers: every client needs a time limit of its own.
pub async fn tarpit(_stream: TcpStream) -> io::Result<()> {
    tokio::time::sleep(Duration::from_secs(600)).await;
    Ok(())
}
