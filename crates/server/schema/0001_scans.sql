-- One text for SQLite and PostgreSQL. Times are epoch milliseconds, ids are text, JSON is text, booleans are 0 or 1.

CREATE TABLE tenant (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    status TEXT NOT NULL,
    is_operator BIGINT NOT NULL,
    plan TEXT,
    monthly_quota BIGINT,
    per_minute BIGINT,
    per_hour BIGINT,
    per_day BIGINT,
    policy TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE api_key (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL REFERENCES tenant (id),
    name TEXT NOT NULL,
    description TEXT,
    hash TEXT NOT NULL UNIQUE,
    prefix TEXT NOT NULL,
    scopes TEXT NOT NULL,
    allowed_scan_types TEXT,
    allowed_ips TEXT,
    -- NULL follows the tenant's default.
    per_minute BIGINT,
    per_hour BIGINT,
    per_day BIGINT,
    status TEXT NOT NULL,
    expires_at BIGINT,
    created_at BIGINT NOT NULL,
    rotated_at BIGINT,
    -- The secret before the present one, and when it stops; kept after that, so that who still uses it is told.
    previous_hash TEXT UNIQUE,
    previous_until BIGINT,
    last_used_at BIGINT
);
CREATE INDEX api_key_of_tenant ON api_key (tenant_id, id);

-- What was taken of a key's limit in one window; window_s is 60, 3600 or 86400.
CREATE TABLE rate_window (
    key_id TEXT NOT NULL,
    window_s BIGINT NOT NULL,
    start_at BIGINT NOT NULL,
    used BIGINT NOT NULL,
    PRIMARY KEY (key_id, window_s, start_at)
);

CREATE TABLE quota_use (
    tenant_id TEXT NOT NULL,
    month_at BIGINT NOT NULL,
    used BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, month_at)
);

CREATE TABLE idempotency (
    tenant_id TEXT NOT NULL,
    principal TEXT NOT NULL,
    operation TEXT NOT NULL,
    key TEXT NOT NULL,
    body_hash TEXT NOT NULL,
    status BIGINT NOT NULL,
    location TEXT,
    body TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, principal, operation, key)
);
CREATE INDEX idempotency_by_age ON idempotency (created_at);

CREATE TABLE scan (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    api_key_id TEXT NOT NULL,
    scan_type TEXT NOT NULL,
    source TEXT NOT NULL,
    name TEXT,
    target TEXT NOT NULL,
    target_type TEXT NOT NULL,
    priority BIGINT NOT NULL,
    status TEXT NOT NULL,
    progress BIGINT NOT NULL,
    tags TEXT NOT NULL,
    options TEXT NOT NULL,
    config TEXT NOT NULL,
    timeout_s BIGINT NOT NULL,
    asset_id TEXT,
    callback_url TEXT,
    consent TEXT,
    template_id TEXT,
    attempts BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    started_at BIGINT,
    completed_at BIGINT,
    sealed_at BIGINT,
    failure TEXT,
    summary TEXT,
    coverage TEXT,
    records TEXT,
    engine_version TEXT
);
CREATE INDEX scan_of_tenant ON scan (tenant_id, id);
-- Every combination of the three is one stretch of this index; a list of several merges their stretches (store/scan_list.rs).
CREATE INDEX scan_of_cell ON scan (tenant_id, scan_type, status, priority, id);
CREATE INDEX scan_of_target ON scan (tenant_id, target, id);

CREATE TABLE scan_count (
    tenant_id TEXT NOT NULL,
    scan_type TEXT NOT NULL,
    status TEXT NOT NULL,
    priority BIGINT NOT NULL,
    scans BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, scan_type, status, priority)
);

CREATE INDEX scan_count_of_status ON scan_count (status);

-- A scan that is not over: queued, running, or cancelled and not sealed. Its row goes with it, so claims stay cheap. Only a
-- run has a lease. No second index may begin with `state`: PostgreSQL would claim by it and sort the backlog.
CREATE TABLE job (
    scan_id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    scan_type TEXT NOT NULL,
    priority BIGINT NOT NULL,
    state TEXT NOT NULL,
    host TEXT NOT NULL,
    eligible_at BIGINT NOT NULL,
    lost BIGINT NOT NULL,
    run_id TEXT,
    addresses TEXT,
    lease_until BIGINT,
    -- Credentials for the target, sealed; they go with the row.
    auth TEXT
);
CREATE INDEX job_to_claim ON job (state, priority, tenant_id, scan_id);
CREATE INDEX job_of_lease ON job (lease_until);

-- The processes that run scans.
CREATE TABLE worker (
    id TEXT PRIMARY KEY,
    seen_at BIGINT NOT NULL,
    concurrency BIGINT NOT NULL
);

-- When a tenant was last served at a priority: one row each, so that a claim never sorts the backlog. Within a priority no
-- two times are the same, so several that are served in one millisecond still take turns.
CREATE TABLE turn (
    priority BIGINT NOT NULL,
    tenant_id TEXT NOT NULL,
    served_at BIGINT NOT NULL,
    PRIMARY KEY (priority, tenant_id)
);
CREATE INDEX turn_in_order ON turn (priority, served_at, tenant_id);

CREATE TABLE finding (
    tenant_id TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    state TEXT NOT NULL,
    first_seen_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, fingerprint)
);

CREATE TABLE scan_finding (
    scan_id TEXT NOT NULL,
    ordinal BIGINT NOT NULL,
    severity BIGINT NOT NULL,
    fingerprint TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (scan_id, ordinal)
);

CREATE TABLE report (
    scan_id TEXT PRIMARY KEY,
    media_type TEXT NOT NULL,
    codec TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    length BIGINT NOT NULL
);

-- The bytes of a report, in pieces of 1 MiB but for the last, numbered from 0.
CREATE TABLE report_piece (
    scan_id TEXT NOT NULL,
    piece BIGINT NOT NULL,
    bytes BYTEA NOT NULL,
    PRIMARY KEY (scan_id, piece)
);
