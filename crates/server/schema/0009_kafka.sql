-- Moves of scans that Kafka has not been told of yet, in the order of the moves of each scan. Only PostgreSQL has any.
CREATE TABLE kafka_message (
    id BIGSERIAL PRIMARY KEY,
    scan_id TEXT NOT NULL,
    priority TEXT NOT NULL,
    hint TEXT,
    event TEXT
);

-- Until when moves are noted: nodes with Kafka put it off for as long as there are any.
CREATE TABLE kafka_use (
    id BIGINT PRIMARY KEY,
    until BIGINT NOT NULL
);
