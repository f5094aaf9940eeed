-- Only what waits is looked for by its lane, and only a run has a lease: in these indexes the other jobs were never found, and each
-- cost time on its way in, at its claim and at its end. By `state` nothing is looked for that a lane does not tell.
DROP INDEX job_to_claim;
DROP INDEX job_of_lane;
DROP INDEX job_of_lease;
CREATE INDEX job_of_lane ON job (priority, tenant_id, label, scan_type, scan_id) WHERE state = 'queued';
CREATE INDEX job_of_lease ON job (lease_until) WHERE lease_until IS NOT NULL;
