-- Ids of the master keys that this database was written with; the keys are in files of the nodes, never here.
CREATE TABLE master_key (
    slot BIGINT PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    created_at BIGINT NOT NULL
);

-- People who log in; `email` is in lower case.
CREATE TABLE app_user (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL REFERENCES tenant (id),
    email TEXT NOT NULL UNIQUE,
    email_hash TEXT NOT NULL,
    name TEXT,
    role TEXT NOT NULL,
    status TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    password_changed_at BIGINT NOT NULL,
    last_login_at BIGINT,
    created_at BIGINT NOT NULL
);
CREATE INDEX user_of_tenant ON app_user (tenant_id, id);

-- The last passwords of a user, the present one among them; `ordinal` grows.
CREATE TABLE old_password (
    user_id TEXT NOT NULL,
    ordinal BIGINT NOT NULL,
    hash TEXT NOT NULL,
    PRIMARY KEY (user_id, ordinal)
);

-- Wrong passwords in a row for an e-mail address, by its hash, whether a user has it or not: so that what is locked says
-- nothing about who has an account.
CREATE TABLE login_failure (
    email_hash TEXT PRIMARY KEY,
    failures BIGINT NOT NULL,
    locked_until BIGINT,
    last_at BIGINT NOT NULL
);
CREATE INDEX login_failure_by_age ON login_failure (last_at);

-- A login and its refreshes. `generation` is that of the one refresh token that is good; an older one was used before.
CREATE TABLE session (
    id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL,
    generation BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    ended_at BIGINT
);
CREATE INDEX session_of_user ON session (user_id);
CREATE INDEX session_by_expiry ON session (expires_at);
