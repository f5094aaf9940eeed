-- Settings from which scans are launched; `version` guards a change against another one at the same time.
CREATE TABLE template (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    name TEXT NOT NULL,
    description TEXT,
    scan_type TEXT NOT NULL,
    target_type TEXT,
    priority BIGINT NOT NULL,
    options TEXT NOT NULL,
    config TEXT NOT NULL,
    tags TEXT NOT NULL,
    timeout_s BIGINT NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (tenant_id, name)
);
CREATE INDEX template_of_tenant ON template (tenant_id, id);

-- Every call of a known caller, for a while. `id` is the request's id; `code` and `scan_type` are empty where there is none.
CREATE TABLE call_log (
    tenant_id TEXT NOT NULL,
    at BIGINT NOT NULL,
    id TEXT NOT NULL,
    principal TEXT NOT NULL,
    source TEXT NOT NULL,
    method TEXT NOT NULL,
    route TEXT NOT NULL,
    status BIGINT NOT NULL,
    code TEXT NOT NULL,
    duration_us BIGINT NOT NULL,
    scan_type TEXT NOT NULL,
    PRIMARY KEY (tenant_id, at, id)
);

-- The same calls counted, per hour and per day: span_s is 3600 or 86400. Days are counted by themselves, so that a quarter
-- of a year costs 92 rows a group and not 2,200.
CREATE TABLE usage_rollup (
    tenant_id TEXT NOT NULL,
    span_s BIGINT NOT NULL,
    start_at BIGINT NOT NULL,
    principal TEXT NOT NULL,
    method TEXT NOT NULL,
    route TEXT NOT NULL,
    scan_type TEXT NOT NULL,
    status_class BIGINT NOT NULL,
    calls BIGINT NOT NULL,
    duration_us BIGINT NOT NULL,
    max_us BIGINT NOT NULL,
    submissions BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, span_s, start_at, principal, method, route, scan_type, status_class)
);
