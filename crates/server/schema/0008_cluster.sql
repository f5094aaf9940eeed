-- Labels: which workers may run a scan. Nodes of the schema before this one do not write them.
ALTER TABLE scan ADD COLUMN label TEXT NOT NULL DEFAULT 'default';
ALTER TABLE template ADD COLUMN label TEXT NOT NULL DEFAULT 'default';
ALTER TABLE job ADD COLUMN label TEXT NOT NULL DEFAULT 'default';

-- A claim takes the oldest of the lanes (label and engine) that its worker has, so that it never walks what others run.
-- Without `state`: of a lane few jobs are not queued, and a job's run does not touch the index.
CREATE INDEX job_of_lane ON job (priority, tenant_id, label, scan_type, scan_id);

-- What a worker is called and what it can run: a JSON list of labels, and a JSON object of engines with their versions
-- (null: not known). No engines at all: a node of an earlier schema, which does not tell.
ALTER TABLE worker ADD COLUMN name TEXT NOT NULL DEFAULT '';
ALTER TABLE worker ADD COLUMN labels TEXT NOT NULL DEFAULT '["default"]';
ALTER TABLE worker ADD COLUMN engines TEXT NOT NULL DEFAULT '';
