-- Rows of the tables of 0004_events.sql, as the program wrote them.
INSERT INTO scan_event (scan_id, ordinal, at, kind, status, progress, attempts, is_final) VALUES ('01a1ffcb-a75d-7000-8000-0328e9a62759', 2, 1795292899502, 'status', 'running', 0, 0, 0);
INSERT INTO scan_event (scan_id, ordinal, at, kind, status, progress, attempts, is_final) VALUES ('01a1ffcb-a75d-7000-8000-0328e9a62759', 3, 1795292900437, 'progress', 'running', 50, 0, 0);
INSERT INTO scan_event (scan_id, ordinal, at, kind, status, progress, attempts, is_final) VALUES ('01a1ffcb-a75d-7000-8000-0328e9a62759', 4, 1795292902306, 'status', 'completed', 100, 0, 1);
