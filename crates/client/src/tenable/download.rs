//! Files, read piece by piece.

use super::Client;
use crate::error::Error;
use crate::request::Request;
use bytes::Bytes;

/// An open file. What has been read is not read again: when it breaks off, open it anew.
#[derive(Debug)]
pub struct Download {
    client: Client,
    request: Request,
    response: reqwest::Response,
}

impl Client {
    /// Opens a file; repeated like every request until its first byte comes.
    pub async fn download(&self, request: Request) -> Result<Download, Error> {
        let request = self.as_whom(&request).binary();
        let response = self.transport.open(&self.base, &request).await?;
        Ok(Download { client: self.clone(), request, response })
    }
}

impl Download {
    /// How long the file is, where Tenable says so.
    pub fn len(&self) -> Option<u64> {
        self.response.content_length()
    }

    /// Whether the file is known to have nothing in it.
    pub fn is_empty(&self) -> bool {
        self.len() == Some(0)
    }

    /// The next piece; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        let Download { client, request, response } = self;
        response.chunk().await.map_err(|error| client.transport.broken(&client.base, request, error))
    }
}
