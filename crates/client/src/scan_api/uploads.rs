//! Uploads: files to scan.

use super::{Client, segment};
use crate::error::Error;
use crate::file::FileBody;
use crate::request::Request;
use crate::stream::all;
use scanyard_contract::Upload;
use scanyard_contract::wire::Deleted;

impl Client {
    /// `POST /uploads`.
    pub async fn create_upload(&self, name: &str, file: FileBody) -> Result<Upload, Error> {
        self.data(Request::post("uploads").with("name", name).file(file)).await
    }

    /// `GET /uploads`, every page of it.
    pub async fn uploads(&self) -> Result<Vec<Upload>, Error> {
        all(self.items(Request::get("uploads"))).await
    }

    /// `DELETE /uploads/{id}`.
    pub async fn delete_upload(&self, id: &str) -> Result<Deleted, Error> {
        self.data(Request::delete(format!("uploads/{}", segment(id)))).await
    }
}
