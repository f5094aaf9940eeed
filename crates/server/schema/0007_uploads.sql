-- Files to scan. A row that is not ready reserves its bytes while its pieces are stored.
CREATE TABLE upload (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    files BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    sha256 TEXT NOT NULL,
    is_ready BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX upload_of_tenant ON upload (tenant_id, id);
CREATE INDEX upload_by_expiry ON upload (expires_at);

-- Its bytes, in order: any node runs a scan of them.
CREATE TABLE upload_piece (
    upload_id TEXT NOT NULL,
    ordinal BIGINT NOT NULL,
    bytes BYTEA NOT NULL,
    PRIMARY KEY (upload_id, ordinal)
);
