//! Services that let everybody in, and the same ones with a lock: small fakes that talk as the real ones do.

use crate::common::{answering, conversing, job, ports, rules_of, run};
use serde_json::json;
use std::net::SocketAddr;

async fn rules_at(address: SocketAddr) -> Vec<String> {
    let report = run(job("127.0.0.1", json!({"ports": ports(&[address])}))).await;
    rules_of(&report.findings, address)
}

fn line(text: &str) -> Option<Vec<u8>> {
    Some(format!("{text}\r\n").into_bytes())
}

#[tokio::test]
async fn memcached_without_a_login_is_found() {
    let address =
        answering(
            |request| {
                if request == b"version\r\n" { b"VERSION 1.6.18\r\n".to_vec() } else { b"ERROR\r\n".to_vec() }
            },
        )
        .await;
    let report = run(job("127.0.0.1", json!({"ports": ports(&[address])}))).await;
    assert_eq!(rules_of(&report.findings, address), ["memcached-no-auth", "open-port"]);
}

#[tokio::test]
async fn ftp_that_lets_anybody_in_is_found() {
    let address = conversing(b"220 FTP ready\r\n", |request| match request {
        b"USER anonymous\r\n" => line("331-Guest login.\r\n331 Send your mail address as password."),
        request if request.starts_with(b"PASS ") => line("230 Welcome."),
        _ => line("221 Bye."),
    })
    .await;
    assert_eq!(rules_at(address).await, ["ftp-anonymous", "open-port"]);
    let address = conversing(b"220 FTP ready\r\n", |request| match request {
        b"USER anonymous\r\n" => line("331 Password required."),
        _ => line("530 Login incorrect."),
    })
    .await;
    assert_eq!(rules_at(address).await, ["open-port"]);
}

#[tokio::test]
async fn smtp_that_tells_names_apart_and_does_not_encrypt_is_found() {
    let address = conversing(b"220 mail.example.test ESMTP\r\n", |request| match request {
        request if request.starts_with(b"EHLO ") => line("250-mail.example.test\r\n250 PIPELINING"),
        b"VRFY postmaster\r\n" => line("250 postmaster@example.test"),
        request if request.starts_with(b"VRFY ") => line("550 No such user"),
        _ => line("221 Bye"),
    })
    .await;
    assert_eq!(rules_at(address).await, ["open-port", "smtp-no-starttls", "smtp-vrfy"]);
    let address = conversing(b"220 mail.example.test ESMTP\r\n", |request| match request {
        request if request.starts_with(b"EHLO ") => line("250-mail.example.test\r\n250 STARTTLS"),
        request if request.starts_with(b"VRFY ") => line("252 Cannot verify"),
        _ => line("221 Bye"),
    })
    .await;
    assert_eq!(rules_at(address).await, ["open-port"]);
}

#[tokio::test]
async fn rsync_modules_are_found_and_tried() {
    let address = conversing(b"@RSYNCD: 31.0\n", |request| {
        let request = String::from_utf8_lossy(request);
        match request.lines().nth(1) {
            Some("#list") => Some(b"backup\tnightly\nclosed\t\n@RSYNCD: EXIT\n".to_vec()),
            Some("backup") => Some(b"@RSYNCD: OK\n".to_vec()),
            Some(_) => Some(b"@RSYNCD: AUTHREQD abc\n".to_vec()),
            None => None,
        }
    })
    .await;
    let report = run(job("127.0.0.1", json!({"ports": ports(&[address])}))).await;
    assert_eq!(rules_of(&report.findings, address), ["open-port", "rsync-modules-listed", "rsync-no-auth"]);
    let open = report.findings.iter().find(|finding| finding.rule_id == "rsync-no-auth").unwrap();
    assert_eq!(open.evidence.as_deref(), Some("backup"));
}

#[tokio::test]
async fn telnet_is_found_by_its_options_and_by_its_prompt() {
    for greeting in [&b"\xff\xfd\x18\xff\xfd\x20"[..], b"host login: "] {
        let address = conversing(greeting, |_| None).await;
        assert_eq!(rules_at(address).await, ["open-port", "telnet-open"]);
    }
}

/// A message of LDAP: all lengths are short.
fn ldap(id: u8, kind: u8, body: &[u8]) -> Vec<u8> {
    let operation = [&[kind, body.len() as u8][..], body].concat();
    let content = [&[2, 1, id][..], &operation].concat();
    [&[0x30, content.len() as u8][..], &content].concat()
}

/// The kind of the operation and the id of an LDAP request.
fn ldap_request(request: &[u8]) -> Option<(u8, u8)> {
    match request {
        [0x30, _, 2, 1, id, kind, ..] => Some((*kind, *id)),
        _ => None,
    }
}

const LDAP_DONE: &[u8] = &[0x0a, 1, 0, 4, 0, 4, 0];

#[tokio::test]
async fn ldap_that_shows_an_entry_to_nobody_is_found() {
    let roots = b"\x04\x00\x30\x1c\x30\x1a\x04\x0enamingContexts\x31\x08\x04\x06dc=abc";
    let address = conversing(b"", |request| match ldap_request(request)? {
        (0x60, id) => Some(ldap(id, 0x61, LDAP_DONE)),
        (0x63, 2) => Some([ldap(2, 0x64, roots), ldap(2, 0x65, LDAP_DONE)].concat()),
        (0x63, id) => Some([ldap(id, 0x64, b"\x04\x06dc=abc\x30\x00"), ldap(id, 0x65, LDAP_DONE)].concat()),
        _ => None,
    })
    .await;
    assert_eq!(rules_at(address).await, ["ldap-anonymous-search", "open-port"]);
    let careful = conversing(b"", |request| match ldap_request(request)? {
        (0x60, id) => Some(ldap(id, 0x61, LDAP_DONE)),
        (0x63, 2) => Some([ldap(2, 0x64, roots), ldap(2, 0x65, LDAP_DONE)].concat()),
        // insufficientAccessRights
        (0x63, id) => Some(ldap(id, 0x65, &[0x0a, 1, 50, 4, 0, 4, 0])),
        _ => None,
    })
    .await;
    assert_eq!(rules_at(careful).await, ["open-port"]);
}

/// An OP_MSG of MongoDB with one document.
fn mongo(document: &[u8]) -> Vec<u8> {
    let length = (document.len() as u32 + 5).to_le_bytes();
    let document = [&length[..], document, &[0]].concat();
    let mut message = (21 + document.len() as u32).to_le_bytes().to_vec();
    message.extend([9, 0, 0, 0, 1, 0, 0, 0, 0xdd, 7, 0, 0, 0, 0, 0, 0, 0]);
    message.extend(document);
    message
}

fn is_mongo(request: &[u8]) -> bool {
    request.get(12..16) == Some(&[0xdd, 7, 0, 0])
}

#[tokio::test]
async fn mongodb_that_names_its_databases_is_found() {
    let one = b"\x02name\0\x06\0\0\0admin\0";
    let one = [&(one.len() as u32 + 5).to_le_bytes()[..], one, &[0]].concat();
    let list = [&b"\x030\0"[..], &one].concat();
    let list = [&(list.len() as u32 + 5).to_le_bytes()[..], &list, &[0]].concat();
    let ok = [&b"\x01ok\0"[..], &1f64.to_le_bytes()].concat();
    let answer = mongo(&[&b"\x04databases\0"[..], &list, &ok].concat());
    let browser = b"HTTP/1.0 200 OK\r\nContent-Length: 85\r\n\r\n\
        It looks like you are trying to access MongoDB over HTTP on the native driver port.\r\n";
    let address =
        conversing(b"", move |request| Some(if is_mongo(request) { answer.clone() } else { browser.to_vec() })).await;
    let report = run(job("127.0.0.1", json!({"ports": ports(&[address])}))).await;
    assert_eq!(rules_of(&report.findings, address), ["mongodb-no-auth", "open-port"]);
    let found = report.findings.iter().find(|finding| finding.rule_id == "mongodb-no-auth").unwrap();
    assert_eq!(found.evidence.as_deref(), Some("listDatabases named 1: admin"));
    let locked = mongo(&[&b"\x01ok\0"[..], &0f64.to_le_bytes(), b"\x10code\0\x0d\0\0\0"].concat());
    let address = conversing(b"", move |request| is_mongo(request).then(|| locked.clone())).await;
    assert_eq!(rules_at(address).await, ["open-port"]);
}
