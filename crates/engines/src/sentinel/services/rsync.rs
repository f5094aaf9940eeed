//! rsync's own daemon: which modules it names, and which of them ask for no login. No file list is asked for.

use super::ANSWER_BYTES;
use crate::sentinel::net;
use crate::text;
use std::net::SocketAddr;
use std::time::Duration;

/// Modules that are kept, and that are tried.
const MAX_MODULES: usize = 50;
const MAX_TRIED: usize = 4;
/// The version that we say we speak; servers talk to older clients.
const HELLO: &str = "@RSYNCD: 31.0\n";
const END: &[u8] = b"@RSYNCD: EXIT\n";

/// What an rsync daemon told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Modules {
    pub names: Vec<String>,
    /// Those of the first few that let everybody in.
    pub open: Vec<String>,
}

/// Asks for the list of modules, and whether the first few let everybody in.
pub async fn ask(address: SocketAddr, within: Duration) -> Modules {
    let is_over = |bytes: &[u8]| bytes.ends_with(END);
    let list = say(address, "#list", within, is_over).await;
    let mut modules = Modules { names: names(&list), open: Vec::new() };
    for name in modules.names.iter().take(MAX_TRIED) {
        let answer = say(address, name, within, has_verdict).await;
        if answers(&answer).any(|line| line == "@RSYNCD: OK") {
            modules.open.push(name.clone());
        }
    }
    modules
}

/// Greets, says one line, and takes what comes after the greeting.
async fn say(address: SocketAddr, line: &str, within: Duration, is_over: impl Fn(&[u8]) -> bool) -> Vec<u8> {
    let Ok(mut stream) = net::connect(address, within).await else { return Vec::new() };
    let greeting = net::ask(&mut stream, b"", ANSWER_BYTES, within, |bytes| bytes.contains(&b'\n')).await.bytes;
    if !greeting.starts_with(b"@RSYNCD:") {
        return Vec::new();
    }
    net::ask(&mut stream, format!("{HELLO}{line}\n").as_bytes(), ANSWER_BYTES, within, is_over).await.bytes
}

fn answers(bytes: &[u8]) -> impl Iterator<Item = String> {
    bytes.split(|byte| *byte == b'\n').map(|line| text::clean(line, 256))
}

fn has_verdict(bytes: &[u8]) -> bool {
    answers(bytes)
        .any(|line| line == "@RSYNCD: OK" || line.starts_with("@RSYNCD: AUTHREQD") || line.starts_with("@ERROR"))
}

/// The names in a list: what stands before the tab. A line that begins with the daemon's own mark is none.
fn names(list: &[u8]) -> Vec<String> {
    let names = answers(list).filter(|line| !line.starts_with('@')).filter_map(|line| {
        let (name, _) = line.split_once('\t')?;
        Some(name.trim().to_string()).filter(|name| !name.is_empty())
    });
    names.take(MAX_MODULES).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn modules_stand_before_a_tab() {
        let list = b"Welcome to all\nbackup         \tnightly copies\npub\t\n@RSYNCD: EXIT\n";
        assert_eq!(names(list), ["backup", "pub"]);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = (names(&bytes), has_verdict(&bytes));
        }
    }
}
