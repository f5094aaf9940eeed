-- Rows with the columns of 0008_cluster.sql, as the program wrote them.
UPDATE scan SET label = 'dmz' WHERE id = '01a1ffcb-a75d-7000-8000-0328e9a62759';
INSERT INTO worker (id, seen_at, concurrency, name, labels, engines) VALUES ('01a200a4-5bb9-73f9-afd1-c29bb82e6040', 1795306958925, 8, 'worker-1', '["default","dmz"]', '{"nmap":"7.93","sentinel":null}');
