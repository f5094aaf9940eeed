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
