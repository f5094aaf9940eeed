-- A receiver of events. Secrets are sealed; the old one signs beside the new one until its time is over.
CREATE TABLE webhook (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    name TEXT NOT NULL,
    url TEXT NOT NULL,
    events TEXT NOT NULL,
    secret TEXT NOT NULL,
    old_secret TEXT,
    old_secret_until BIGINT,
    is_active BIGINT NOT NULL,
    is_healthy BIGINT NOT NULL,
    failures BIGINT NOT NULL,
    disabled_reason TEXT,
    disabled_at BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX webhook_of_tenant ON webhook (tenant_id, id);

-- One event for one receiver: a webhook, or the callback URL of a scan, which then stands here itself.
CREATE TABLE delivery (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    webhook_id TEXT,
    callback_url TEXT,
    event TEXT NOT NULL,
    scan_id TEXT,
    payload TEXT NOT NULL,
    status TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    ended_at BIGINT
);
CREATE INDEX delivery_of_webhook ON delivery (webhook_id, id);
CREATE INDEX delivery_of_status ON delivery (webhook_id, status, id);
CREATE INDEX delivery_by_age ON delivery (created_at);

CREATE TABLE delivery_attempt (
    delivery_id TEXT NOT NULL,
    number BIGINT NOT NULL,
    at BIGINT NOT NULL,
    duration_ms BIGINT NOT NULL,
    status_code BIGINT,
    error TEXT,
    excerpt TEXT,
    PRIMARY KEY (delivery_id, number)
);

-- What is to be sent. A row goes when its delivery ends, so a claim never walks the ended ones; a claimed one is due again
-- when its claim's lease is over. A lane is a webhook, or all callbacks of a tenant: what may not hold up another.
CREATE TABLE outbox (
    delivery_id TEXT PRIMARY KEY,
    lane TEXT NOT NULL,
    due_at BIGINT NOT NULL,
    tries BIGINT NOT NULL,
    claim TEXT
);
CREATE INDEX outbox_in_order ON outbox (lane, due_at);
