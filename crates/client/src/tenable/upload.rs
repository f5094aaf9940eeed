//! Files for Tenable: reports to import, credentials and audit files to name in a scan.

use super::Client;
use crate::error::Error;
use crate::request::Request;
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use scanyard_contract::hidden::Hidden;
use scanyard_contract::{Contract, Kind};
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Duration;
use uuid::Uuid;

/// The largest file that is taken into memory, in bytes.
pub const MAX_FILE: usize = 256 * 1024 * 1024;
/// The longest name of a file, in bytes.
const NAME_BYTES: usize = 255;
/// [`MAX_FILE`] at a slow line's 128 KiB a second.
const TIMEOUT: Duration = Duration::from_secs(2048);

impl Client {
    /// `POST /file/upload`: answers the name that Tenable gave the file, to be used in other calls. `is_encrypted` says that
    /// the file is protected by a password, as an exported report can be.
    pub async fn upload(&self, name: &str, file: &[u8], is_encrypted: bool) -> Result<String, Error> {
        #[derive(Deserialize)]
        struct Uploaded {
            fileuploaded: String,
        }
        let request = self.form_of(name, file)?.with_some("no_enc", is_encrypted.then_some("1"));
        let uploaded: Uploaded = self.fetch(request).await?;
        match uploaded.fileuploaded.is_empty() {
            false => Ok(uploaded.fileuploaded),
            true => Err(Error::here(Contract::Tenable, Kind::Decode, "the uploaded file has no name")),
        }
    }

    /// `POST /scans/import`: makes a scan of an uploaded report. `password` is that of an encrypted one.
    pub async fn import_scan(&self, uploaded: &str, password: Option<&Hidden>) -> Result<Value, Error> {
        let mut body = json!({ "file": uploaded });
        let mut request = Request::post("scans/import");
        if let Some(password) = password {
            body["password"] = json!(password.reveal());
            request = request.hiding(password);
        }
        self.fetch(request.json(&body)).await
    }

    /// The file as the field `Filedata` of a form.
    fn form_of(&self, name: &str, file: &[u8]) -> Result<Request, Error> {
        let is_plain = |c: char| !c.is_control() && !matches!(c, '"' | '\\' | '/');
        if name.is_empty() || name.len() > NAME_BYTES || !name.chars().all(is_plain) {
            return Err(self.transport.refused(
                "name",
                name,
                "a file's name without quotes and slashes, up to 255 bytes",
            ));
        }
        if file.len() > MAX_FILE {
            return Err(self.transport.refused("file", format!("{} bytes", file.len()), "up to 256 MiB"));
        }
        // Random, so that no file can hold it on purpose.
        let boundary = format!("scanyard-{}", Uuid::new_v4().simple());
        let head = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"Filedata\"; filename=\"{name}\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n"
        );
        let body = [head.as_bytes(), file, format!("\r\n--{boundary}--\r\n").as_bytes()].concat();
        let mut request = Request::post("file/upload");
        let media_type = HeaderValue::from_str(&format!("multipart/form-data; boundary={boundary}"));
        request.headers.extend(media_type.map(|value| (CONTENT_TYPE, value)));
        request.body = Some(body);
        request.timeout = Some(TIMEOUT);
        Ok(request)
    }
}
