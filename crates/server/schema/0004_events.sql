-- What happened to a scan, for those who watch it live. That it was queued first is not stored: the scan's own row says so,
-- and it has the ordinal 1. Of progress only the last event is kept.
CREATE TABLE scan_event (
    scan_id TEXT NOT NULL,
    ordinal BIGINT NOT NULL,
    at BIGINT NOT NULL,
    kind TEXT NOT NULL,
    status TEXT NOT NULL,
    progress BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    is_final BIGINT NOT NULL,
    PRIMARY KEY (scan_id, ordinal)
);
