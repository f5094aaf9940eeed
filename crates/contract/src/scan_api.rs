//! The catalogue of the Scan API: every failure that Scanyard's own server answers with.

use crate::catalogue::{Category::*, Kind, Retry, Row};

/// Makes [`Code`] and its rows from one table.
macro_rules! catalogue {
    ($($variant:ident $code:literal $status:literal $category:ident $kind:ident $retry:ident
        $message:literal
        meaning $meaning:literal
        causes [$($cause:literal),+ $(,)?]
        resolution $resolution:literal;)+) => {
        /// A failure of the Scan API. The wire code is the literal of its row, and rows are append-only.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code { $($variant,)+ }

        impl Code {
            /// Every code, in the order of the table.
            pub const ALL: &'static [Code] = &[$(Code::$variant,)+];

            /// The code's row of the catalogue.
            pub fn row(self) -> &'static Row {
                match self {
                    $(Code::$variant => &Row {
                        contract: "scan-api",
                        code: $code,
                        status: $status,
                        category: $category,
                        message: $message,
                        meaning: $meaning,
                        causes: &[$($cause),+],
                        resolution: $resolution,
                        kind: Kind::$kind,
                        retry: Retry::$retry,
                    },)+
                }
            }
        }
    };
}

impl Code {
    /// The code as it stands in the answer.
    pub fn as_str(self) -> &'static str {
        self.row().code
    }
}

impl std::str::FromStr for Code {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Code::ALL.iter().copied().find(|code| code.as_str() == text).ok_or(())
    }
}

catalogue! {
    MissingApiKey "MISSING_API_KEY" 401 Authentication Unauthenticated Never
        "API key is required"
        meaning ""
        causes [""]
        resolution "";

    InvalidApiKey "INVALID_API_KEY" 401 Authentication Unauthenticated Never
        "Invalid API key"
        meaning ""
        causes [""]
        resolution "";

    KeyExpired "KEY_EXPIRED" 401 Authentication Unauthenticated Never
        "API key has expired"
        meaning ""
        causes [""]
        resolution "";

    KeyRevoked "KEY_REVOKED" 401 Authentication Unauthenticated Never
        "API key has been revoked"
        meaning ""
        causes [""]
        resolution "";

    KeySuspended "KEY_SUSPENDED" 401 Authentication Unauthenticated Never
        "API key has been suspended"
        meaning ""
        causes [""]
        resolution "";

    InvalidCredentials "INVALID_CREDENTIALS" 401 Authentication Unauthenticated Never
        "Invalid e-mail or password"
        meaning ""
        causes [""]
        resolution "";

    InvalidToken "INVALID_TOKEN" 401 Authentication Unauthenticated FreshToken
        "Invalid access token"
        meaning ""
        causes [""]
        resolution "";

    TokenExpired "TOKEN_EXPIRED" 401 Authentication Unauthenticated FreshToken
        "Access token has expired"
        meaning ""
        causes [""]
        resolution "";

    InsufficientScope "INSUFFICIENT_SCOPE" 403 Authorization Permission Never
        "Insufficient scope: requires {scope}"
        meaning ""
        causes [""]
        resolution "";

    ScanTypeNotAllowed "SCAN_TYPE_NOT_ALLOWED" 403 Authorization Permission Never
        "Scan type {type} not allowed for this API key"
        meaning ""
        causes [""]
        resolution "";

    IpNotAllowed "IP_NOT_ALLOWED" 403 Authorization Permission Never
        "Source IP not in allowed list"
        meaning ""
        causes [""]
        resolution "";

    TenantSuspended "TENANT_SUSPENDED" 403 Authorization Permission Never
        "Tenant account is suspended"
        meaning ""
        causes [""]
        resolution "";

    TargetNotAllowed "TARGET_NOT_ALLOWED" 403 Authorization Permission Never
        "Target not allowed: {reason}"
        meaning ""
        causes [""]
        resolution "";

    ConsentRequired "CONSENT_REQUIRED" 403 Authorization Permission Never
        "Engine {type} tells third parties about the target and requires consent"
        meaning ""
        causes [""]
        resolution "";

    ScanNotFound "SCAN_NOT_FOUND" 404 Scan NotFound Never
        "Scan not found"
        meaning ""
        causes [""]
        resolution "";

    InvalidScanType "INVALID_SCAN_TYPE" 400 Scan BadRequest Never
        "Invalid scan type: {type}"
        meaning ""
        causes [""]
        resolution "";

    InvalidTarget "INVALID_TARGET" 400 Scan BadRequest Never
        "Invalid target format"
        meaning ""
        causes [""]
        resolution "";

    TargetUnresolvable "TARGET_UNRESOLVABLE" 400 Scan BadRequest Never
        "Target does not resolve: {host}"
        meaning ""
        causes [""]
        resolution "";

    InvalidPriority "INVALID_PRIORITY" 400 Scan BadRequest Never
        "Invalid priority: {value}"
        meaning ""
        causes [""]
        resolution "";

    ScanAlreadyCompleted "SCAN_ALREADY_COMPLETED" 409 Scan Conflict Never
        "Scan has already completed"
        meaning ""
        causes [""]
        resolution "";

    ScanAlreadyCancelled "SCAN_ALREADY_CANCELLED" 409 Scan Conflict Never
        "Scan has already been cancelled"
        meaning ""
        causes [""]
        resolution "";

    ScanAlreadyFailed "SCAN_ALREADY_FAILED" 409 Scan Conflict Never
        "Scan has already failed"
        meaning ""
        causes [""]
        resolution "";

    ResultsNotReady "RESULTS_NOT_READY" 409 Scan Conflict AfterWait
        "Scan results are not yet available"
        meaning ""
        causes [""]
        resolution "";

    EngineUnavailable "ENGINE_UNAVAILABLE" 503 Scan Unavailable AfterWait
        "Engine {type} is not available"
        meaning ""
        causes [""]
        resolution "";

    TemplateNotFound "TEMPLATE_NOT_FOUND" 404 Template NotFound Never
        "Scan template not found"
        meaning ""
        causes [""]
        resolution "";

    TemplateNameRequired "TEMPLATE_NAME_REQUIRED" 400 Template BadRequest Never
        "Template name is required"
        meaning ""
        causes [""]
        resolution "";

    DuplicateTemplateName "DUPLICATE_TEMPLATE_NAME" 400 Template Conflict Never
        "Template name already exists"
        meaning ""
        causes [""]
        resolution "";

    WebhookNotFound "WEBHOOK_NOT_FOUND" 404 Webhook NotFound Never
        "Webhook not found"
        meaning ""
        causes [""]
        resolution "";

    InvalidWebhookUrl "INVALID_WEBHOOK_URL" 400 Webhook BadRequest Never
        "Webhook URL must use HTTPS"
        meaning ""
        causes [""]
        resolution "";

    WebhookUrlUnreachable "WEBHOOK_URL_UNREACHABLE" 400 Webhook BadRequest Never
        "Could not reach webhook URL"
        meaning ""
        causes [""]
        resolution "";

    InvalidWebhookEvent "INVALID_WEBHOOK_EVENT" 400 Webhook BadRequest Never
        "Invalid event type: {event}"
        meaning ""
        causes [""]
        resolution "";

    WebhookDisabled "WEBHOOK_DISABLED" 409 Webhook Conflict Never
        "Webhook is disabled due to consecutive failures"
        meaning ""
        causes [""]
        resolution "";

    RateLimitExceeded "RATE_LIMIT_EXCEEDED" 429 RateLimit RateLimited AfterWait
        "Rate limit exceeded. Retry in {N} seconds."
        meaning ""
        causes [""]
        resolution "";

    QuotaExceeded "QUOTA_EXCEEDED" 429 RateLimit Quota Never
        "Monthly scan quota exceeded"
        meaning ""
        causes [""]
        resolution "";

    InvalidJson "INVALID_JSON" 400 Validation BadRequest Never
        "Request body is not valid JSON"
        meaning ""
        causes [""]
        resolution "";

    MissingRequiredField "MISSING_REQUIRED_FIELD" 400 Validation BadRequest Never
        "Missing required field: {field}"
        meaning ""
        causes [""]
        resolution "";

    InvalidFieldType "INVALID_FIELD_TYPE" 400 Validation BadRequest Never
        "Field {field} must be of type {type}"
        meaning ""
        causes [""]
        resolution "";

    InvalidFieldValue "INVALID_FIELD_VALUE" 400 Validation BadRequest Never
        "Invalid value of field {field}"
        meaning ""
        causes [""]
        resolution "";

    UnknownField "UNKNOWN_FIELD" 400 Validation BadRequest Never
        "Unknown field: {field}"
        meaning ""
        causes [""]
        resolution "";

    InvalidPage "INVALID_PAGE" 400 Validation BadRequest Never
        "Page must be a positive integer"
        meaning ""
        causes [""]
        resolution "";

    InvalidLimit "INVALID_LIMIT" 400 Validation BadRequest Never
        "Limit must be between 1 and 100"
        meaning ""
        causes [""]
        resolution "";

    UnknownParameter "UNKNOWN_PARAMETER" 400 Validation BadRequest Never
        "Unknown query parameter: {parameter}"
        meaning ""
        causes [""]
        resolution "";

    InvalidParameter "INVALID_PARAMETER" 400 Validation BadRequest Never
        "Invalid value of query parameter {parameter}"
        meaning ""
        causes [""]
        resolution "";

    InvalidIdempotencyKey "INVALID_IDEMPOTENCY_KEY" 400 Validation BadRequest Never
        "Idempotency-Key must be 1 to 255 visible ASCII characters"
        meaning ""
        causes [""]
        resolution "";

    IdempotencyKeyReused "IDEMPOTENCY_KEY_REUSED" 422 Validation Conflict Never
        "Idempotency-Key was used with another request"
        meaning ""
        causes [""]
        resolution "";

    IdempotencyInProgress "IDEMPOTENCY_IN_PROGRESS" 409 Validation Conflict AfterWait
        "A request with this Idempotency-Key is still running"
        meaning ""
        causes [""]
        resolution "";

    RouteNotFound "ROUTE_NOT_FOUND" 404 Request NotFound Never
        "No such route: {path}"
        meaning ""
        causes [""]
        resolution "";

    ErrorNotFound "ERROR_NOT_FOUND" 404 Request NotFound Never
        "No such error code: {code}"
        meaning ""
        causes [""]
        resolution "";

    MethodNotAllowed "METHOD_NOT_ALLOWED" 405 Request Method Never
        "Method {method} is not allowed here"
        meaning ""
        causes [""]
        resolution "";

    NotAcceptable "NOT_ACCEPTABLE" 406 Request Accept Never
        "None of the accepted media types can be produced"
        meaning ""
        causes [""]
        resolution "";

    RequestTimeout "REQUEST_TIMEOUT" 408 Request Timeout Idempotent
        "The request body did not arrive in time"
        meaning ""
        causes [""]
        resolution "";

    PayloadTooLarge "PAYLOAD_TOO_LARGE" 413 Request TooLarge Never
        "Request body is larger than {limit} bytes"
        meaning ""
        causes [""]
        resolution "";

    UriTooLong "URI_TOO_LONG" 414 Request TooLarge Never
        "Request URL is longer than {limit} bytes"
        meaning ""
        causes [""]
        resolution "";

    UnsupportedMediaType "UNSUPPORTED_MEDIA_TYPE" 415 Request MediaType Never
        "Request body must be application/json"
        meaning ""
        causes [""]
        resolution "";

    HeadersTooLarge "HEADERS_TOO_LARGE" 431 Request TooLarge Never
        "Request headers are larger than {limit} bytes"
        meaning ""
        causes [""]
        resolution "";

    NotImplemented "NOT_IMPLEMENTED" 501 Request NotImplemented Never
        "Method {method} is not implemented"
        meaning ""
        causes [""]
        resolution "";

    OperationTimeout "OPERATION_TIMEOUT" 504 Server Timeout Idempotent
        "The operation did not finish in time"
        meaning ""
        causes [""]
        resolution "";

    InternalError "INTERNAL_ERROR" 500 Server Server Idempotent
        "An internal server error occurred"
        meaning ""
        causes [""]
        resolution "";

    ServiceUnavailable "SERVICE_UNAVAILABLE" 503 Server Unavailable AfterWait
        "Service temporarily unavailable"
        meaning ""
        causes [""]
        resolution "";

    DatabaseError "DATABASE_ERROR" 503 Server Unavailable Idempotent
        "Database operation failed"
        meaning ""
        causes [""]
        resolution "";

    KafkaError "KAFKA_ERROR" 503 Server Unavailable AfterWait
        "Message queue operation failed"
        meaning ""
        causes [""]
        resolution "";

}
