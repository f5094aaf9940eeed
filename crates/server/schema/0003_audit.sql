-- Who changed what, from where; rows are only ever added. `actor_id` is a key, a user, `operator` for the command line or
-- `system`; `for_user` is whom an impersonating actor acted as.
CREATE TABLE audit (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    at BIGINT NOT NULL,
    actor_id TEXT NOT NULL,
    for_user TEXT,
    source TEXT,
    action TEXT NOT NULL,
    resource_id TEXT NOT NULL,
    details TEXT NOT NULL
);
CREATE INDEX audit_of_tenant ON audit (tenant_id, id);
