-- Ids of the master keys that this database was written with; the keys are in files of the nodes, never here.
CREATE TABLE master_key (
    slot BIGINT PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    created_at BIGINT NOT NULL
);
