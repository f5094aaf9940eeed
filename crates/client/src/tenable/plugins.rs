//! Plugins: what Tenable checks for.

use super::{Client, check};
use crate::error::Error;
use crate::request::Request;
use crate::stream::{Items, Page, pages};
use scanyard_contract::Contract;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A family of plugins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Family {
    pub id: u64,
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub count: u64,
}

impl Client {
    /// `GET /plugins/families`.
    pub async fn plugin_families(&self) -> Result<Vec<Family>, Error> {
        #[derive(Deserialize)]
        struct List {
            families: Vec<Family>,
        }
        Ok(self.fetch::<List>(Request::get("plugins/families")).await?.families)
    }

    /// `GET /plugins/families/{id}`: the family with its plugins.
    pub async fn plugin_family(&self, id: u64) -> Result<Value, Error> {
        self.fetch(Request::get(format!("plugins/families/{id}"))).await
    }

    /// `GET /plugins/plugin/{id}`.
    pub async fn plugin(&self, id: u64) -> Result<Value, Error> {
        self.fetch(Request::get(format!("plugins/plugin/{id}"))).await
    }

    /// `GET /plugins/plugin`, every page of it: plugins that changed since a day such as `2026-01-31`. Pages of 1 to 10,000.
    pub fn plugins(&self, last_updated: Option<&str>, size: u64) -> Result<Items<Value>, Error> {
        #[derive(Deserialize)]
        struct Listed {
            data: Data,
            total_count: u64,
        }
        #[derive(Deserialize)]
        struct Data {
            plugin_details: Vec<Value>,
        }
        let size = check::number("size", size, 1..=10_000)?;
        let request = Request::get("plugins/plugin").with_some("last_updated", last_updated).with("size", size);
        let client = self.clone();
        Ok(pages(Contract::Tenable, (1u64, 0u64), move |(page, read)| {
            let (client, request) = (client.clone(), request.clone().with("page", page));
            async move {
                let Listed { data, total_count } = client.fetch(request).await?;
                let read = read + data.plugin_details.len() as u64;
                let is_last = data.plugin_details.is_empty() || read >= total_count;
                Ok(Page { items: data.plugin_details, next: (!is_last).then_some((page + 1, read)) })
            }
        }))
    }
}
