drop function note_key_use(text[], timestamptz[]);
drop function note_positions(text[], text[], bigint[]);
drop function note_audit(jsonb);
drop function begin_export(uuid, text, text, text, bigint, jsonb, jsonb);
drop function continue_export(uuid, bigint, bigint, bigint);
drop function end_export(uuid, text, bigint, bigint, bytea, bigint, bigint, bigint);
drop function show_export(uuid, text);
drop function submission_states(uuid[]);
drop table client_keys, client_scopes, client_changes, client_positions, clients, read_audit, exports, dataset_versions;
