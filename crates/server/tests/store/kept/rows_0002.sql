-- Rows of the tables of 0002_users.sql, as the program wrote them.
INSERT INTO master_key (slot, id, created_at) VALUES (0, 'mk-59db53168e591dff', 1795292879386);
INSERT INTO app_user (id, tenant_id, email, email_hash, name, role, status, password_hash, password_changed_at, last_login_at, created_at) VALUES ('usr-01a1ffcb-815d-7053-af4e-6a33bbfd0adc', '01a1ffcb-5c89-710c-8e0a-3b985c47538b', 'ada@example.test', 'b97222ea69dadf792baa97fa768ecb840a0023714c831ab1328838cba9f7f437', 'Ada', 'owner', 'active', '$argon2id$kept', 1795292889437, 1795292889621, 1795292889437);
INSERT INTO old_password (user_id, ordinal, hash) VALUES ('usr-01a1ffcb-815d-7053-af4e-6a33bbfd0adc', 1, '$argon2id$kept');
INSERT INTO login_failure (email_hash, failures, locked_until, last_at) VALUES ('b97222ea69dadf792baa97fa768ecb840a0023714c831ab1328838cba9f7f437', 1, NULL, 1795292893629);
INSERT INTO session (id, user_id, generation, created_at, expires_at, ended_at) VALUES ('01a1ffcb-9191-7341-97ce-e2db21abb6fe', 'usr-01a1ffcb-815d-7053-af4e-6a33bbfd0adc', 0, 1795292889621, 1795897689621, NULL);
