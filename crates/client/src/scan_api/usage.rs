//! Usage: counts of calls, the quota, the log of calls.

use super::{Client, PAGE_LIMIT};
use crate::error::Error;
use crate::request::Request;
use crate::stream::{Items, Page as Part, pages};
use scanyard_contract::Contract;
use scanyard_contract::usage::{
    Granularity, LoggedCall, UsageByEndpoint, UsageByKey, UsageByScanType, UsagePeriodName, UsagePoint, UsageQuota,
    UsageSummary,
};
use scanyard_contract::wire::Page;
use serde::de::DeserializeOwned;

impl Client {
    /// `GET /usage/summary`.
    pub async fn usage(&self, period: Option<UsagePeriodName>) -> Result<UsageSummary, Error> {
        self.data(Request::get("usage/summary").with_some("period", period)).await
    }

    /// `GET /usage/history`.
    pub async fn usage_history(
        &self,
        period: Option<UsagePeriodName>,
        granularity: Option<Granularity>,
    ) -> Result<Vec<UsagePoint>, Error> {
        let request = Request::get("usage/history").with_some("period", period);
        self.data(request.with_some("granularity", granularity)).await
    }

    /// `GET /usage/by-key`, every page of it.
    pub fn usage_by_key(&self, period: Option<UsagePeriodName>) -> Items<UsageByKey> {
        self.numbered(Request::get("usage/by-key").with_some("period", period))
    }

    /// `GET /usage/by-scan-type`, every page of it.
    pub fn usage_by_scan_type(&self, period: Option<UsagePeriodName>) -> Items<UsageByScanType> {
        self.numbered(Request::get("usage/by-scan-type").with_some("period", period))
    }

    /// `GET /usage/by-endpoint`, every page of it.
    pub fn usage_by_endpoint(&self, period: Option<UsagePeriodName>) -> Items<UsageByEndpoint> {
        self.numbered(Request::get("usage/by-endpoint").with_some("period", period))
    }

    /// `GET /usage/quota`.
    pub async fn quota(&self) -> Result<UsageQuota, Error> {
        self.data(Request::get("usage/quota")).await
    }

    /// `GET /usage/logs`, every page of it. The filters are those of the API, such as `("status", "4xx")`.
    pub fn usage_logs(&self, filters: &[(&str, &str)]) -> Items<LoggedCall> {
        self.items(filters.iter().fold(Request::get("usage/logs"), |request, (name, value)| request.with(name, value)))
    }

    /// A list that is paged by number alone.
    fn numbered<T: DeserializeOwned + Send + 'static>(&self, request: Request) -> Items<T> {
        let client = self.clone();
        pages(Contract::ScanApi, 1u64, move |number| {
            let (client, request) = (client.clone(), request.clone().with("page", number).with("limit", PAGE_LIMIT));
            async move {
                let page: Page<T> = client.fetch(request).await?;
                let is_last = number >= page.pagination.total_pages;
                Ok(Part { items: page.data, next: (!is_last).then_some(number + 1) })
            }
        })
    }
}
