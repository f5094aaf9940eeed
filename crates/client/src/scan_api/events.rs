//! A scan's live events: server-sent events, read on across connections that end.

use super::Client;
use crate::error::Error;
use crate::request::Request;
use crate::stream::Items;
use futures::StreamExt;
use http::HeaderValue;
use http::header::{ACCEPT, CONTENT_TYPE};
use scanyard_contract::scan::ScanEvent;
use scanyard_contract::{Contract, Kind, ScanType};
use std::time::Duration;
use uuid::Uuid;

/// The server sends a comment every 15 s: after so long without a byte nobody is there any more.
const SILENCE: Duration = Duration::from_secs(50);
/// Before the stream is opened again, when the server has not said how long.
const PAUSE: Duration = Duration::from_secs(2);
/// The longest pause that a server can ask for.
const MAX_PAUSE: Duration = Duration::from_secs(60);
/// The longest event, in bytes.
const MAX_EVENT: usize = 64 * 1024;
/// So many connections without one event are no stream.
const MAX_EMPTY: u32 = 20;

/// Where the stream stands.
struct Watch {
    client: Client,
    request: Request,
    open: Option<reqwest::Response>,
    buffer: Vec<u8>,
    pause: Duration,
    /// Connections since the last event.
    empty: u32,
    is_over: bool,
}

/// What stands between two empty lines.
#[derive(Debug, Default, PartialEq, Eq)]
struct Block {
    id: Option<String>,
    data: String,
    retry_ms: Option<u64>,
}

impl Client {
    /// `GET /scans/{id}/events`: what happens to a scan, as it happens, until it is over. A connection that ends is opened
    /// again behind the last event; progress in between may be skipped, the end never is.
    pub fn events(&self, id: Uuid, scan_type: ScanType) -> Items<ScanEvent> {
        let mut request = Request::get(format!("scans/{id}/events")).with("scanType", scan_type);
        request.headers.insert(ACCEPT, HeaderValue::from_static("text/event-stream"));
        let watch = Watch {
            client: self.clone(),
            request: request.binary(),
            open: None,
            buffer: Vec::new(),
            pause: PAUSE,
            empty: 0,
            is_over: false,
        };
        futures::stream::try_unfold(
            watch,
            |mut watch| async move { Ok(watch.next().await?.map(|event| (event, watch))) },
        )
        .boxed()
    }
}

impl Watch {
    async fn next(&mut self) -> Result<Option<ScanEvent>, Error> {
        while !self.is_over {
            if let Some(block) = block(&mut self.buffer) {
                if let Some(event) = self.read(block)? {
                    return Ok(Some(event));
                }
                continue;
            }
            if self.buffer.len() > MAX_EVENT {
                return Err(self.wrong(format!("an event is larger than {MAX_EVENT} bytes")));
            }
            self.receive().await?;
        }
        Ok(None)
    }

    /// The event of a block, when it has one; remembers where the stream goes on.
    fn read(&mut self, block: Block) -> Result<Option<ScanEvent>, Error> {
        if let Some(milliseconds) = block.retry_ms {
            self.pause = Duration::from_millis(milliseconds).min(MAX_PAUSE);
        }
        if let Some(id) = block.id.and_then(|id| HeaderValue::from_str(&id).ok()) {
            self.request.headers.insert("last-event-id", id);
        }
        if block.data.is_empty() {
            return Ok(None);
        }
        let event: ScanEvent = serde_json::from_str(&block.data)
            .map_err(|error| self.wrong(format!("an event is not what it should be: {error}")))?;
        self.empty = 0;
        self.is_over = event.is_final;
        Ok(Some(event))
    }

    /// Some more bytes, from a new connection where the last one has ended.
    async fn receive(&mut self) -> Result<(), Error> {
        let Some(response) = &mut self.open else { return self.connect().await };
        match tokio::time::timeout(SILENCE, response.chunk()).await {
            Ok(Ok(Some(piece))) => self.buffer.extend_from_slice(&piece),
            // However it ended: what follows is told behind the last event.
            Ok(Ok(None) | Err(_)) | Err(_) => {
                self.open = None;
                self.buffer.clear();
                tokio::time::sleep(self.pause).await;
            }
        }
        Ok(())
    }

    async fn connect(&mut self) -> Result<(), Error> {
        self.empty += 1;
        if self.empty > MAX_EMPTY {
            return Err(self.wrong(format!("{MAX_EMPTY} connections without one event")));
        }
        let response = self.client.transport.open(&self.client.base, &self.request).await?;
        if response.status() == http::StatusCode::NO_CONTENT {
            self.is_over = true;
            return Ok(());
        }
        let kind = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if !kind.starts_with("text/event-stream") {
            return Err(self.wrong("the answer is no stream of events"));
        }
        self.open = Some(response);
        Ok(())
    }

    fn wrong(&self, message: impl Into<String>) -> Error {
        Error::here(Contract::ScanApi, Kind::Decode, message)
    }
}

/// Takes the first whole block out of the buffer.
fn block(buffer: &mut Vec<u8>) -> Option<Block> {
    let end = buffer.windows(2).position(|pair| pair == b"\n\n")?;
    let rest = buffer.split_off(end + 2);
    let text = std::mem::replace(buffer, rest);
    let mut block = Block::default();
    for line in String::from_utf8_lossy(&text).lines() {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "id" => block.id = Some(value.to_string()),
            "data" if block.data.is_empty() => block.data.push_str(value),
            "data" => {
                block.data.push('\n');
                block.data.push_str(value);
            }
            "retry" => block.retry_ms = value.parse().ok(),
            // A comment has no name; the data say themselves what kind of event it is.
            _ => {}
        }
    }
    Some(block)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_block_ends_with_an_empty_line_and_a_comment_is_none() {
        let mut buffer =
            b"retry: 2000\n\n: nothing new\n\nid: 3\nevent: progress\ndata: {\"a\":\ndata: 1}\n\nid: 4\nda".to_vec();
        let some = |id: Option<&str>, data: &str, retry_ms| {
            Some(Block { id: id.map(str::to_string), data: data.to_string(), retry_ms })
        };
        assert_eq!(block(&mut buffer), some(None, "", Some(2000)));
        assert_eq!(block(&mut buffer), some(None, "", None));
        assert_eq!(block(&mut buffer), some(Some("3"), "{\"a\":\n1}", None));
        assert_eq!((block(&mut buffer), buffer.as_slice()), (None, &b"id: 4\nda"[..]));
    }

    proptest! {
        #[test]
        fn any_bytes_can_be_read_and_every_block_is_taken(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut buffer = bytes;
            while block(&mut buffer).is_some() {}
            prop_assert!(!buffer.windows(2).any(|pair| pair == b"\n\n"));
        }
    }
}
