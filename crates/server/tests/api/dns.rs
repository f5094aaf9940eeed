//! A DNS server on loopback that knows a few names.

use std::net::{Ipv4Addr, SocketAddr};
use tokio::net::UdpSocket;

/// Answers A questions: `loopback.example.test` is 127.0.0.1, `metadata.example.test` a metadata service,
/// `public.example.test` a public address, `mixed.example.test` that and 127.0.0.1, `silent.example.test` gets no answer,
/// every other name does not exist.
pub async fn serve() -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut packet = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut packet).await {
            let question = &packet[..length];
            if let Some(answer) = answer(question) {
                let _ = socket.send_to(&answer, from).await;
            }
        }
    });
    address
}

fn answer(question: &[u8]) -> Option<Vec<u8>> {
    let (name, end) = name(question)?;
    let is_a = question.get(end..end + 2) == Some(&[0, 1]);
    let public = Ipv4Addr::new(93, 184, 215, 14);
    let addresses = match name.as_str() {
        "loopback.example.test" => vec![Ipv4Addr::LOCALHOST],
        "metadata.example.test" => vec![Ipv4Addr::new(169, 254, 169, 254)],
        "public.example.test" => vec![public],
        "mixed.example.test" => vec![public, Ipv4Addr::LOCALHOST],
        "silent.example.test" => return None,
        _ => Vec::new(),
    };
    let answers = if is_a { addresses.len() as u8 } else { 0 };
    let code = if addresses.is_empty() { 3 } else { 0 };
    let mut out = question[..2].to_vec();
    out.extend([0x81, 0x80 | code, 0, 1, 0, answers, 0, 0, 0, 0]);
    out.extend(&question[12..end + 4]);
    for address in addresses.into_iter().take(answers.into()) {
        out.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
        out.extend(address.octets());
    }
    Some(out)
}

/// The name in the question and where it ends.
fn name(question: &[u8]) -> Option<(String, usize)> {
    let (mut labels, mut at) = (Vec::new(), 12);
    loop {
        let length = usize::from(*question.get(at)?);
        if length == 0 {
            return Some((labels.join("."), at + 1));
        }
        labels.push(String::from_utf8_lossy(question.get(at + 1..at + 1 + length)?).to_lowercase());
        at += 1 + length;
    }
}
