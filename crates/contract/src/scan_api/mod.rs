//! The catalogue of the Scan API: every failure that Scanyard's own server answers with. One file per category.

mod api_key;
mod authentication;
mod authorization;
mod rate_limit;
mod request;
mod scan;
mod server;
mod template;
mod tenant;
mod upload;
mod user;
mod validation;
mod webhook;

use crate::catalogue::Row;

/// Makes [`Code`] from the list of rows.
macro_rules! codes {
    ($($variant:ident => $file:ident::$row:ident,)+) => {
        /// A failure of the Scan API. The wire code is the literal of its row, and rows are append-only.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code { $($variant,)+ }

        impl Code {
            /// Every code, in the order of the table.
            pub const ALL: &'static [Code] = &[$(Code::$variant,)+];

            /// The code's row of the catalogue.
            pub fn row(self) -> &'static Row {
                match self { $(Code::$variant => &$file::$row,)+ }
            }
        }
    };
}

codes! {
    MissingApiKey => authentication::MISSING_API_KEY,
    InvalidApiKey => authentication::INVALID_API_KEY,
    KeyExpired => authentication::KEY_EXPIRED,
    KeyRevoked => authentication::KEY_REVOKED,
    KeySuspended => authentication::KEY_SUSPENDED,
    InvalidCredentials => authentication::INVALID_CREDENTIALS,
    InvalidToken => authentication::INVALID_TOKEN,
    TokenExpired => authentication::TOKEN_EXPIRED,

    InsufficientScope => authorization::INSUFFICIENT_SCOPE,
    ScanTypeNotAllowed => authorization::SCAN_TYPE_NOT_ALLOWED,
    IpNotAllowed => authorization::IP_NOT_ALLOWED,
    TenantSuspended => authorization::TENANT_SUSPENDED,
    TargetNotAllowed => authorization::TARGET_NOT_ALLOWED,
    ConsentRequired => authorization::CONSENT_REQUIRED,

    ScanNotFound => scan::SCAN_NOT_FOUND,
    InvalidScanType => scan::INVALID_SCAN_TYPE,
    InvalidTarget => scan::INVALID_TARGET,
    TargetUnresolvable => scan::TARGET_UNRESOLVABLE,
    InvalidPriority => scan::INVALID_PRIORITY,
    ScanAlreadyCompleted => scan::SCAN_ALREADY_COMPLETED,
    ScanAlreadyCancelled => scan::SCAN_ALREADY_CANCELLED,
    ScanAlreadyFailed => scan::SCAN_ALREADY_FAILED,
    ResultsNotReady => scan::RESULTS_NOT_READY,
    EngineUnavailable => scan::ENGINE_UNAVAILABLE,
    ReportNotFound => scan::REPORT_NOT_FOUND,
    ScanNotFinished => scan::SCAN_NOT_FINISHED,

    TemplateNotFound => template::TEMPLATE_NOT_FOUND,
    TemplateNameRequired => template::TEMPLATE_NAME_REQUIRED,
    DuplicateTemplateName => template::DUPLICATE_TEMPLATE_NAME,

    UploadNotFound => upload::UPLOAD_NOT_FOUND,
    InvalidUpload => upload::INVALID_UPLOAD,

    WebhookNotFound => webhook::WEBHOOK_NOT_FOUND,
    InvalidWebhookUrl => webhook::INVALID_WEBHOOK_URL,
    WebhookUrlUnreachable => webhook::WEBHOOK_URL_UNREACHABLE,
    InvalidWebhookEvent => webhook::INVALID_WEBHOOK_EVENT,
    WebhookDisabled => webhook::WEBHOOK_DISABLED,
    DeliveryNotFound => webhook::DELIVERY_NOT_FOUND,

    TenantNotFound => tenant::TENANT_NOT_FOUND,
    DuplicateTenantName => tenant::DUPLICATE_TENANT_NAME,
    OperatorTenant => tenant::OPERATOR_TENANT,

    ApiKeyNotFound => api_key::API_KEY_NOT_FOUND,
    ApiKeyRevoked => api_key::API_KEY_REVOKED,
    InvalidScope => api_key::INVALID_SCOPE,
    SessionRequired => api_key::SESSION_REQUIRED,

    UserSuspended => user::USER_SUSPENDED,
    AccountLocked => user::ACCOUNT_LOCKED,
    PasswordPolicyViolation => user::PASSWORD_POLICY_VIOLATION,
    UserNotFound => user::USER_NOT_FOUND,
    DuplicateEmail => user::DUPLICATE_EMAIL,
    LastOwner => user::LAST_OWNER,
    InsufficientRole => user::INSUFFICIENT_ROLE,
    ImpersonationNotAllowed => user::IMPERSONATION_NOT_ALLOWED,

    RateLimitExceeded => rate_limit::RATE_LIMIT_EXCEEDED,
    QuotaExceeded => rate_limit::QUOTA_EXCEEDED,
    TooManyStreams => rate_limit::TOO_MANY_STREAMS,

    InvalidJson => validation::INVALID_JSON,
    MissingRequiredField => validation::MISSING_REQUIRED_FIELD,
    InvalidFieldType => validation::INVALID_FIELD_TYPE,
    InvalidFieldValue => validation::INVALID_FIELD_VALUE,
    UnknownField => validation::UNKNOWN_FIELD,
    InvalidPage => validation::INVALID_PAGE,
    InvalidLimit => validation::INVALID_LIMIT,
    UnknownParameter => validation::UNKNOWN_PARAMETER,
    InvalidParameter => validation::INVALID_PARAMETER,
    InvalidIdempotencyKey => validation::INVALID_IDEMPOTENCY_KEY,
    IdempotencyKeyReused => validation::IDEMPOTENCY_KEY_REUSED,
    IdempotencyInProgress => validation::IDEMPOTENCY_IN_PROGRESS,
    SecretAlreadyShown => validation::SECRET_ALREADY_SHOWN,

    RouteNotFound => request::ROUTE_NOT_FOUND,
    ErrorNotFound => request::ERROR_NOT_FOUND,
    MethodNotAllowed => request::METHOD_NOT_ALLOWED,
    NotAcceptable => request::NOT_ACCEPTABLE,
    RequestTimeout => request::REQUEST_TIMEOUT,
    PayloadTooLarge => request::PAYLOAD_TOO_LARGE,
    UriTooLong => request::URI_TOO_LONG,
    UnsupportedMediaType => request::UNSUPPORTED_MEDIA_TYPE,
    HeadersTooLarge => request::HEADERS_TOO_LARGE,
    NotImplemented => request::NOT_IMPLEMENTED,

    OperationTimeout => server::OPERATION_TIMEOUT,
    InternalError => server::INTERNAL_ERROR,
    ServiceUnavailable => server::SERVICE_UNAVAILABLE,
    DatabaseError => server::DATABASE_ERROR,
    KafkaError => server::KAFKA_ERROR,
}

impl Code {
    /// The code as it stands in the answer.
    pub fn as_str(self) -> &'static str {
        self.row().code.unwrap_or_default()
    }

    /// The status that the answer has.
    pub fn status(self) -> u16 {
        self.row().status.unwrap_or(500)
    }
}

impl std::str::FromStr for Code {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Code::ALL.iter().copied().find(|code| code.as_str() == text).ok_or(())
    }
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
