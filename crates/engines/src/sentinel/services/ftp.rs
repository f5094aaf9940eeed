//! FTP without an account.

use super::{ANSWER_BYTES, Login, reply_code};
use crate::sentinel::net;
use crate::text;
use std::net::SocketAddr;
use std::time::Duration;

/// What is kept of the server's answer.
const EVIDENCE: usize = 512;

/// Logs in as `anonymous`, and out again: no folder is listed and no file is read.
pub async fn ask(address: SocketAddr, within: Duration) -> Login {
    let Ok(mut stream) = net::connect(address, within).await else { return Login::Other };
    let is_reply = |bytes: &[u8]| reply_code(bytes).is_some();
    let greeting = net::ask(&mut stream, b"", ANSWER_BYTES, within, is_reply).await.bytes;
    if reply_code(&greeting) != Some(220) {
        return Login::Other;
    }
    let mut answer = net::ask(&mut stream, b"USER anonymous\r\n", ANSWER_BYTES, within, is_reply).await.bytes;
    if reply_code(&answer) == Some(331) {
        let password = b"PASS scanyard@example.test\r\n";
        answer = net::ask(&mut stream, password, ANSWER_BYTES, within, is_reply).await.bytes;
    }
    let login = match reply_code(&answer) {
        Some(230) => Login::NotRequired(format!("USER anonymous: {}", text::clean(&answer, EVIDENCE).trim())),
        Some(_) => Login::Required,
        None => Login::Other,
    };
    net::ask(&mut stream, b"QUIT\r\n", ANSWER_BYTES, within, is_reply).await;
    login
}
