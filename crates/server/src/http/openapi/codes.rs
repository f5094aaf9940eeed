//! Which codes each operation can answer: the one table behind the document's failures.

use scanyard_contract::Code;

/// What every route can answer.
const ALWAYS: &[Code] = &[
    Code::UnknownParameter,
    Code::NotAcceptable,
    Code::MethodNotAllowed,
    Code::UriTooLong,
    Code::HeadersTooLarge,
    Code::NotImplemented,
    Code::OperationTimeout,
    Code::InternalError,
    Code::ServiceUnavailable,
];

/// What every route without a key can answer besides, but for those of health.
const ANONYMOUS: &[Code] = &[Code::RateLimitExceeded];

/// What every route with a key can answer besides.
const KEYED: &[Code] = &[
    Code::MissingApiKey,
    Code::InvalidApiKey,
    Code::KeyRevoked,
    Code::KeySuspended,
    Code::KeyExpired,
    Code::TenantSuspended,
    Code::IpNotAllowed,
    Code::InvalidToken,
    Code::TokenExpired,
    Code::UserSuspended,
    Code::ImpersonationNotAllowed,
    Code::RateLimitExceeded,
    Code::DatabaseError,
];

/// What every POST can answer besides: it may have a body and an `Idempotency-Key`.
const POSTED: &[Code] = &[
    Code::InvalidJson,
    Code::RequestTimeout,
    Code::PayloadTooLarge,
    Code::UnsupportedMediaType,
    Code::UnknownField,
    Code::InvalidFieldType,
    Code::InvalidIdempotencyKey,
    Code::IdempotencyKeyReused,
    Code::IdempotencyInProgress,
];

/// What a POST whose answer holds a secret can answer besides.
const SECRET: &[Code] = &[Code::SecretAlreadyShown];

/// What every PATCH can answer besides.
const PATCHED: &[Code] = &[
    Code::InvalidJson,
    Code::RequestTimeout,
    Code::PayloadTooLarge,
    Code::UnsupportedMediaType,
    Code::UnknownField,
    Code::InvalidFieldType,
    Code::InvalidFieldValue,
    Code::InvalidIdempotencyKey,
];

/// What every submission of a scan can answer besides.
const SUBMITTED: &[Code] = &[
    Code::InsufficientScope,
    Code::MissingRequiredField,
    Code::InvalidFieldValue,
    Code::InvalidPriority,
    Code::InvalidWebhookUrl,
    Code::WebhookUrlUnreachable,
    Code::InvalidTarget,
    Code::ScanTypeNotAllowed,
    Code::ConsentRequired,
    Code::EngineUnavailable,
    Code::TargetNotAllowed,
    Code::TargetUnresolvable,
    Code::UploadNotFound,
    Code::InvalidWebhookUrl,
    Code::QuotaExceeded,
    Code::KafkaError,
];

/// What every paged list of usage can answer besides.
const BREAKDOWN: &[Code] = &[Code::InsufficientScope, Code::InvalidParameter, Code::InvalidPage, Code::InvalidLimit];

/// What each operation can answer besides.
const OPERATIONS: &[(&str, &[&[Code]])] = &[
    ("create_scan", &[KEYED, POSTED, SUBMITTED, &[Code::InvalidScanType]]),
    (
        "create_upload",
        &[
            KEYED,
            &[
                Code::InsufficientScope,
                Code::InvalidParameter,
                Code::RequestTimeout,
                Code::PayloadTooLarge,
                Code::UnsupportedMediaType,
                Code::InvalidIdempotencyKey,
                Code::IdempotencyKeyReused,
                Code::IdempotencyInProgress,
                Code::InvalidUpload,
            ],
        ],
    ),
    (
        "list_uploads",
        &[KEYED, &[Code::InsufficientScope, Code::InvalidParameter, Code::InvalidPage, Code::InvalidLimit]],
    ),
    ("get_upload", &[KEYED, &[Code::InsufficientScope, Code::UploadNotFound]]),
    ("delete_upload", &[KEYED, &[Code::InsufficientScope, Code::UploadNotFound]]),
    (
        "list_scans",
        &[
            KEYED,
            &[
                Code::InsufficientScope,
                Code::InvalidParameter,
                Code::InvalidScanType,
                Code::InvalidPriority,
                Code::InvalidTarget,
                Code::InvalidPage,
                Code::InvalidLimit,
            ],
        ],
    ),
    (
        "get_scan",
        &[KEYED, &[Code::InsufficientScope, Code::InvalidParameter, Code::InvalidScanType, Code::ScanNotFound]],
    ),
    (
        "get_results",
        &[
            KEYED,
            &[
                Code::InsufficientScope,
                Code::InvalidParameter,
                Code::InvalidScanType,
                Code::InvalidPage,
                Code::InvalidLimit,
                Code::ScanNotFound,
                Code::ResultsNotReady,
            ],
        ],
    ),
    (
        "watch_scan",
        &[
            KEYED,
            &[
                Code::InsufficientScope,
                Code::InvalidParameter,
                Code::InvalidScanType,
                Code::ScanNotFound,
                Code::TooManyStreams,
            ],
        ],
    ),
    (
        "get_report",
        &[
            KEYED,
            &[
                Code::InsufficientScope,
                Code::InvalidParameter,
                Code::InvalidScanType,
                Code::ScanNotFound,
                Code::ResultsNotReady,
                Code::ReportNotFound,
            ],
        ],
    ),
    (
        "import_scan",
        &[
            KEYED,
            &[
                Code::InsufficientScope,
                Code::InvalidParameter,
                Code::InvalidScanType,
                Code::InvalidTarget,
                Code::InvalidFieldValue,
                Code::InvalidUpload,
                Code::ScanTypeNotAllowed,
                Code::RequestTimeout,
                Code::PayloadTooLarge,
                Code::UnsupportedMediaType,
                Code::InvalidIdempotencyKey,
                Code::IdempotencyKeyReused,
                Code::IdempotencyInProgress,
            ],
        ],
    ),
    (
        "export_scan",
        &[
            KEYED,
            &[
                Code::InsufficientScope,
                Code::InvalidParameter,
                Code::InvalidScanType,
                Code::ScanNotFound,
                Code::ResultsNotReady,
            ],
        ],
    ),
    (
        "delete_scan",
        &[
            KEYED,
            &[
                Code::InsufficientScope,
                Code::InvalidParameter,
                Code::InvalidScanType,
                Code::ScanNotFound,
                Code::ScanNotFinished,
            ],
        ],
    ),
    (
        "cancel_scan",
        &[
            KEYED,
            POSTED,
            &[
                Code::InsufficientScope,
                Code::InvalidParameter,
                Code::InvalidScanType,
                Code::ScanNotFound,
                Code::ScanAlreadyCompleted,
                Code::ScanAlreadyCancelled,
                Code::ScanAlreadyFailed,
            ],
        ],
    ),
    ("list_engines", &[KEYED]),
    ("list_errors", &[ANONYMOUS, &[Code::InvalidParameter]]),
    ("get_error", &[ANONYMOUS, &[Code::ErrorNotFound]]),
    ("get_contract_error", &[ANONYMOUS, &[Code::ErrorNotFound]]),
    ("get_service_error", &[ANONYMOUS, &[Code::ErrorNotFound]]),
    ("get_service_code_error", &[ANONYMOUS, &[Code::ErrorNotFound]]),
    ("get_openapi", &[ANONYMOUS]),
    (
        "create_template",
        &[
            KEYED,
            POSTED,
            &[
                Code::InsufficientScope,
                Code::TemplateNameRequired,
                Code::DuplicateTemplateName,
                Code::MissingRequiredField,
                Code::InvalidFieldValue,
                Code::InvalidScanType,
                Code::InvalidPriority,
            ],
        ],
    ),
    (
        "list_templates",
        &[
            KEYED,
            &[
                Code::InsufficientScope,
                Code::InvalidParameter,
                Code::InvalidScanType,
                Code::InvalidPage,
                Code::InvalidLimit,
            ],
        ],
    ),
    ("get_template", &[KEYED, &[Code::InsufficientScope, Code::TemplateNotFound]]),
    (
        "update_template",
        &[
            KEYED,
            PATCHED,
            &[
                Code::InsufficientScope,
                Code::TemplateNotFound,
                Code::TemplateNameRequired,
                Code::DuplicateTemplateName,
                Code::InvalidScanType,
                Code::InvalidPriority,
            ],
        ],
    ),
    ("delete_template", &[KEYED, &[Code::InsufficientScope, Code::TemplateNotFound]]),
    ("launch_template", &[KEYED, POSTED, SUBMITTED, &[Code::TemplateNotFound]]),
    ("get_usage_summary", &[KEYED, &[Code::InsufficientScope, Code::InvalidParameter]]),
    ("get_usage_history", &[KEYED, &[Code::InsufficientScope, Code::InvalidParameter]]),
    ("get_usage_by_key", &[KEYED, BREAKDOWN]),
    ("get_usage_by_scan_type", &[KEYED, BREAKDOWN]),
    ("get_usage_by_endpoint", &[KEYED, BREAKDOWN]),
    ("get_usage_quota", &[KEYED, &[Code::InsufficientScope]]),
    ("list_usage_logs", &[KEYED, BREAKDOWN, &[Code::InvalidScanType]]),
    ("get_livez", &[]),
    (
        "create_tenant",
        &[
            KEYED,
            POSTED,
            &[Code::InsufficientScope, Code::MissingRequiredField, Code::InvalidFieldValue, Code::DuplicateTenantName],
        ],
    ),
    (
        "list_tenants",
        &[KEYED, &[Code::InsufficientScope, Code::InvalidParameter, Code::InvalidPage, Code::InvalidLimit]],
    ),
    ("get_tenant", &[KEYED, &[Code::InsufficientScope, Code::TenantNotFound]]),
    ("update_tenant", &[KEYED, PATCHED, &[Code::InsufficientScope, Code::TenantNotFound]]),
    ("suspend_tenant", &[KEYED, POSTED, &[Code::InsufficientScope, Code::TenantNotFound, Code::OperatorTenant]]),
    ("resume_tenant", &[KEYED, POSTED, &[Code::InsufficientScope, Code::TenantNotFound]]),
    (
        "list_audit",
        &[
            KEYED,
            &[
                Code::InsufficientScope,
                Code::InvalidParameter,
                Code::InvalidPage,
                Code::InvalidLimit,
                Code::TenantNotFound,
            ],
        ],
    ),
    ("get_status", &[ANONYMOUS]),
    (
        "login",
        &[
            ANONYMOUS,
            POSTED,
            SECRET,
            &[
                Code::MissingRequiredField,
                Code::InvalidFieldValue,
                Code::InvalidCredentials,
                Code::AccountLocked,
                Code::UserSuspended,
                Code::TenantSuspended,
                Code::DatabaseError,
            ],
        ],
    ),
    (
        "refresh_session",
        &[
            ANONYMOUS,
            POSTED,
            SECRET,
            &[
                Code::InvalidFieldValue,
                Code::InvalidToken,
                Code::TokenExpired,
                Code::UserSuspended,
                Code::TenantSuspended,
                Code::DatabaseError,
            ],
        ],
    ),
    (
        "logout",
        &[ANONYMOUS, POSTED, &[Code::InvalidFieldValue, Code::InvalidToken, Code::TokenExpired, Code::DatabaseError]],
    ),
    ("get_me", &[KEYED, &[Code::SessionRequired]]),
    (
        "change_password",
        &[
            KEYED,
            POSTED,
            &[
                Code::SessionRequired,
                Code::MissingRequiredField,
                Code::InvalidFieldValue,
                Code::InvalidCredentials,
                Code::AccountLocked,
                Code::PasswordPolicyViolation,
            ],
        ],
    ),
    (
        "create_user",
        &[
            KEYED,
            POSTED,
            SECRET,
            &[
                Code::InsufficientScope,
                Code::InsufficientRole,
                Code::MissingRequiredField,
                Code::InvalidFieldValue,
                Code::PasswordPolicyViolation,
                Code::TenantNotFound,
                Code::DuplicateEmail,
            ],
        ],
    ),
    (
        "list_users",
        &[
            KEYED,
            &[
                Code::InsufficientScope,
                Code::InvalidParameter,
                Code::InvalidPage,
                Code::InvalidLimit,
                Code::TenantNotFound,
            ],
        ],
    ),
    ("get_user", &[KEYED, &[Code::InsufficientScope, Code::UserNotFound]]),
    (
        "update_user",
        &[
            KEYED,
            PATCHED,
            &[
                Code::InsufficientScope,
                Code::InsufficientRole,
                Code::PasswordPolicyViolation,
                Code::UserNotFound,
                Code::DuplicateEmail,
                Code::LastOwner,
            ],
        ],
    ),
    ("delete_user", &[KEYED, &[Code::InsufficientScope, Code::InsufficientRole, Code::UserNotFound, Code::LastOwner]]),
    ("unlock_user", &[KEYED, POSTED, &[Code::InsufficientScope, Code::InsufficientRole, Code::UserNotFound]]),
    (
        "create_api_key",
        &[
            KEYED,
            POSTED,
            SECRET,
            &[
                Code::SessionRequired,
                Code::InsufficientScope,
                Code::MissingRequiredField,
                Code::InvalidFieldValue,
                Code::InvalidScanType,
                Code::InvalidScope,
            ],
        ],
    ),
    (
        "list_api_keys",
        &[
            KEYED,
            &[
                Code::SessionRequired,
                Code::InsufficientScope,
                Code::InvalidParameter,
                Code::InvalidPage,
                Code::InvalidLimit,
            ],
        ],
    ),
    ("get_api_key", &[KEYED, &[Code::SessionRequired, Code::InsufficientScope, Code::ApiKeyNotFound]]),
    (
        "update_api_key",
        &[
            KEYED,
            PATCHED,
            &[
                Code::SessionRequired,
                Code::InsufficientScope,
                Code::InvalidScanType,
                Code::InvalidScope,
                Code::ApiKeyNotFound,
                Code::ApiKeyRevoked,
            ],
        ],
    ),
    ("revoke_api_key", &[KEYED, &[Code::SessionRequired, Code::InsufficientScope, Code::ApiKeyNotFound]]),
    (
        "rotate_api_key",
        &[
            KEYED,
            POSTED,
            SECRET,
            &[
                Code::SessionRequired,
                Code::InsufficientScope,
                Code::InvalidFieldValue,
                Code::ApiKeyNotFound,
                Code::ApiKeyRevoked,
            ],
        ],
    ),
    (
        "suspend_api_key",
        &[KEYED, POSTED, &[Code::SessionRequired, Code::InsufficientScope, Code::ApiKeyNotFound, Code::ApiKeyRevoked]],
    ),
    (
        "resume_api_key",
        &[KEYED, POSTED, &[Code::SessionRequired, Code::InsufficientScope, Code::ApiKeyNotFound, Code::ApiKeyRevoked]],
    ),
    (
        "create_webhook",
        &[
            KEYED,
            POSTED,
            SECRET,
            &[
                Code::InsufficientScope,
                Code::MissingRequiredField,
                Code::InvalidFieldValue,
                Code::InvalidWebhookUrl,
                Code::InvalidWebhookEvent,
                Code::WebhookUrlUnreachable,
            ],
        ],
    ),
    (
        "list_webhooks",
        &[KEYED, &[Code::InsufficientScope, Code::InvalidParameter, Code::InvalidPage, Code::InvalidLimit]],
    ),
    ("get_webhook", &[KEYED, &[Code::InsufficientScope, Code::WebhookNotFound]]),
    (
        "update_webhook",
        &[
            KEYED,
            PATCHED,
            &[
                Code::InsufficientScope,
                Code::WebhookNotFound,
                Code::InvalidWebhookUrl,
                Code::InvalidWebhookEvent,
                Code::WebhookUrlUnreachable,
            ],
        ],
    ),
    ("delete_webhook", &[KEYED, &[Code::InsufficientScope, Code::WebhookNotFound]]),
    ("test_webhook", &[KEYED, POSTED, &[Code::InsufficientScope, Code::WebhookNotFound, Code::WebhookDisabled]]),
    (
        "rotate_webhook_secret",
        &[KEYED, POSTED, SECRET, &[Code::InsufficientScope, Code::InvalidFieldValue, Code::WebhookNotFound]],
    ),
    (
        "redeliver_webhook",
        &[
            KEYED,
            POSTED,
            &[
                Code::InsufficientScope,
                Code::MissingRequiredField,
                Code::InvalidFieldValue,
                Code::WebhookNotFound,
                Code::WebhookDisabled,
            ],
        ],
    ),
    (
        "list_deliveries",
        &[
            KEYED,
            &[
                Code::InsufficientScope,
                Code::InvalidParameter,
                Code::InvalidPage,
                Code::InvalidLimit,
                Code::WebhookNotFound,
            ],
        ],
    ),
    ("get_delivery", &[KEYED, &[Code::InsufficientScope, Code::WebhookNotFound, Code::DeliveryNotFound]]),
    (
        "redeliver_delivery",
        &[
            KEYED,
            POSTED,
            &[Code::InsufficientScope, Code::WebhookNotFound, Code::WebhookDisabled, Code::DeliveryNotFound],
        ],
    ),
    ("get_readyz", &[&[Code::DatabaseError]]),
    ("get_metrics", &[]),
];

/// The codes that an operation can answer, in the order of the catalogue; empty for one that is not in the table.
pub fn codes(operation_id: &str) -> Vec<Code> {
    let Some((_, groups)) = OPERATIONS.iter().find(|(id, _)| *id == operation_id) else { return Vec::new() };
    let mut codes: Vec<Code> = groups.iter().flat_map(|group| group.iter()).chain(ALWAYS).copied().collect();
    codes.sort_unstable();
    codes.dedup();
    codes
}
