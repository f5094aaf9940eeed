//! What a program branches on: the kind of an answer, whether to repeat the request, and the group it is listed under.

use crate::scan::words;
use serde::{Deserialize, Serialize};

words! {
    /// The vendor-neutral class of an answer.
    Kind {
        Ok = "ok",
        Created = "created",
        /// Not finished: poll.
        Accepted = "accepted",
        NoContent = "no_content",
        BadRequest = "bad_request",
        Unauthenticated = "unauthenticated",
        Permission = "permission",
        Impersonation = "impersonation",
        NotFound = "not_found",
        Method = "method",
        Accept = "accept",
        Conflict = "conflict",
        EditLock = "edit_lock",
        Maintenance = "maintenance",
        TooLarge = "too_large",
        MediaType = "media_type",
        RateLimited = "rate_limited",
        Quota = "quota",
        Timeout = "timeout",
        NotImplemented = "not_implemented",
        Unavailable = "unavailable",
        Server = "server",
        FeatureMissing = "feature_missing",
        PasswordComplexity = "password_complexity",
        Connection = "connection",
        RetriesExhausted = "retries_exhausted",
        ExportFailed = "export_failed",
        ExportTimedOut = "export_timed_out",
        UnexpectedValue = "unexpected_value",
        Unsupported = "unsupported",
        Decode = "decode",
        Unknown = "unknown",
    }
}

words! {
    /// When the same request may be sent again.
    Retry {
        /// Not as it is: something else has to change first, such as the request, the key or the state of the scan.
        Never = "never",
        /// After the wait that the answer states, whatever the method: the request was not carried out.
        AfterWait = "after_wait",
        /// With backoff, when the request is idempotent: the first try may have taken effect.
        Idempotent = "idempotent",
        /// Once, with a fresh token.
        FreshToken = "fresh_token",
        /// With the backoff of an edit lock.
        EditLock = "edit_lock",
    }
}

impl Retry {
    /// Whether a program may send the same request again by itself.
    pub fn is_retryable(self) -> bool {
        match self {
            Retry::Never => false,
            Retry::AfterWait | Retry::Idempotent | Retry::FreshToken | Retry::EditLock => true,
        }
    }

    /// The rule for people.
    pub fn advice(self) -> &'static str {
        match self {
            Retry::Never => "No. The same request gets the same answer until something else has changed.",
            Retry::AfterWait => {
                "Yes, whatever the method, after the seconds in `Retry-After`: the request was not carried out."
            }
            Retry::Idempotent => {
                "Yes, with growing pauses, when it does no harm if the first try took effect: a GET, or a POST with its \
                 `Idempotency-Key`."
            }
            Retry::FreshToken => "Once, with a fresh access token.",
            Retry::EditLock => "Yes, with growing pauses, until the other change is finished.",
        }
    }
}

words! {
    /// Where a fact of the catalogue stands.
    Source {
        /// In the contract's own error reference.
        Reference = "reference",
        /// Elsewhere in the vendor's documentation.
        Documentation = "documentation",
        /// In recorded answers and public reports of users.
        Observation = "observation",
        /// In the code of the vendor's client libraries.
        Library = "library",
        /// Nowhere else: Scanyard's own addition.
        Scanyard = "scanyard",
    }
}

words! {
    /// The group under which a contract's own page lists a failure.
    Category {
        Authentication = "authentication",
        Authorization = "authorization",
        Scan = "scan",
        Template = "template",
        Upload = "upload",
        Webhook = "webhook",
        Tenant = "tenant",
        ApiKey = "api-key",
        User = "user",
        RateLimit = "rate-limit",
        Validation = "validation",
        /// Faults of the HTTP request itself: route, method, media type, size.
        Request = "request",
        Server = "server",
        TenableCommon = "tenable-common-errors",
        PytenableErrors = "pytenable-errors",
        OneApi = "zscaler-oneapi",
        Zia = "zscaler-zia",
        Zpa = "zscaler-zpa",
        ClientConnector = "zscaler-client-connector",
        CloudBranchConnector = "zscaler-cloud-branch-connector",
        Zidentity = "zscaler-zidentity",
        /// Services of Zscaler that its error reference leaves out.
        ZscalerOther = "zscaler-other",
        Aurora = "arctic-wolf-aurora",
        /// Arctic Wolf's APIs for its managed services.
        ArcticWolfManaged = "arctic-wolf-managed",
    }
}

impl Category {
    /// The heading over the group.
    pub fn title(self) -> &'static str {
        match self {
            Category::Authentication => "Authentication: who is calling",
            Category::Authorization => "Authorization: what the key may do",
            Category::Scan => "Scans",
            Category::Template => "Templates",
            Category::Upload => "Uploads",
            Category::Webhook => "Webhooks",
            Category::Tenant => "Tenants",
            Category::ApiKey => "API keys",
            Category::User => "Users and sessions",
            Category::RateLimit => "Rate limits and quota",
            Category::Validation => "Validation: what the request says",
            Category::Request => "The HTTP request itself",
            Category::Server => "Server",
            Category::TenableCommon => "Tenable: common API errors",
            Category::PytenableErrors => "pyTenable: exception classes",
            Category::OneApi => "Zscaler OneAPI: all services",
            Category::Zia => "Zscaler Internet Access",
            Category::Zpa => "Zscaler Private Access",
            Category::ClientConnector => "Zscaler Client Connector",
            Category::CloudBranchConnector => "Zscaler Cloud & Branch Connector",
            Category::Zidentity => "ZIdentity",
            Category::ZscalerOther => "Zscaler: other services",
            Category::Aurora => "Arctic Wolf Aurora Endpoint Defense",
            Category::ArcticWolfManaged => "Arctic Wolf: APIs of the managed services",
        }
    }
}
