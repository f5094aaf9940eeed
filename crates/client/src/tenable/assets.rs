//! Assets.

use super::{Client, check};
use crate::error::Error;
use crate::request::Request;
use serde::Deserialize;
use serde_json::{Value, json};

impl Client {
    /// `GET /assets`: at most 5,000 of them; an export gives all.
    pub async fn assets(&self) -> Result<Vec<Value>, Error> {
        #[derive(Deserialize)]
        struct List {
            assets: Vec<Value>,
        }
        Ok(self.fetch::<List>(Request::get("assets")).await?.assets)
    }

    /// `GET /assets/{uuid}`.
    pub async fn asset(&self, uuid: &str) -> Result<Value, Error> {
        check::uuid("uuid", uuid)?;
        self.fetch(Request::get(format!("assets/{uuid}"))).await
    }

    /// `POST /import/assets`; answers the job's UUID.
    pub async fn import_assets(&self, source: &str, assets: &[Value]) -> Result<String, Error> {
        #[derive(Deserialize)]
        struct Started {
            asset_import_job_uuid: String,
        }
        let request = Request::post("import/assets").json(&json!({"source": source, "assets": assets}));
        Ok(self.fetch::<Started>(request).await?.asset_import_job_uuid)
    }

    /// `POST /tags/assets/assignments`: `add` or `remove` these tags; answers the job's UUID.
    pub async fn tag_assets(&self, action: &str, assets: &[String], tags: &[String]) -> Result<String, Error> {
        #[derive(Deserialize)]
        struct Started {
            job_uuid: String,
        }
        check::word("action", action, &["add", "remove"])?;
        assets.iter().try_for_each(|uuid| check::uuid("assets", uuid))?;
        tags.iter().try_for_each(|uuid| check::uuid("tags", uuid))?;
        let body = json!({"action": action, "assets": assets, "tags": tags});
        let request = Request::post("tags/assets/assignments").json(&body).idempotent();
        Ok(self.fetch::<Started>(request).await?.job_uuid)
    }
}
