-- Who may read published relations, and what they have read.
--
--     clients            who may read; a client is never deleted, because the audit names it
--     client_keys        their keys, encrypted; at most two of a client are live
--     client_scopes      which relations they may read
--     client_changes     who has changed what of them
--     client_positions   how far each has read each relation
--     read_audit         who has read what, without values
--     exports            what each export contained, as proof that it arrived complete
--     dataset_versions   which version of a dataset is in which table
--
-- The reader writes through the functions alone.

select create_beside_forms($sql$

create table home.clients (
    -- It stands in headers of HTTP between quotation marks, and before a colon.
    id text primary key check (id ~ '^[!-~]{1,100}$' and id !~ '[":\\]'),
    description text not null default '' check (length(description) <= 1000),
    created_at timestamptz not null default now(),
    created_by text not null,
    disabled_at timestamptz
);

create table home.client_keys (
    id text primary key check (id ~ '^[0-9A-Za-z]{8,20}$'),
    client_id text not null references home.clients,
    -- With two slots, PostgreSQL refuses a third live key, also if two are made at once.
    slot smallint not null check (slot in (1, 2)),
    -- A nonce of 12 bytes, the encrypted key, and a tag of 16 bytes
    ciphertext bytea not null check (octet_length(ciphertext) > 28),
    imported boolean not null default false,
    created_at timestamptz not null default now(),
    created_by text not null,
    ended_at timestamptz,
    last_used_at timestamptz
);
create unique index client_keys_live_key on home.client_keys (client_id, slot) where ended_at is null;

create table home.client_scopes (
    client_id text not null references home.clients,
    pattern text not null check (pattern ~ '^(\*|[^*/]+\*?)/(\*|[^*]+)$'),
    columns text[] check (cardinality(columns) > 0),
    primary key (client_id, pattern)
);

create table home.client_changes (
    id bigint generated always as identity primary key,
    client_id text not null references home.clients,
    at timestamptz not null default now(),
    by text not null,
    change text not null
        check (change in ('added', 'key_added', 'key_reencrypted', 'key_ended', 'scopes_set', 'disabled')),
    detail text
);
create index client_changes_client on home.client_changes (client_id, id);

create table home.client_positions (
    client_id text not null references home.clients,
    relation text not null,
    last_id bigint not null,
    at timestamptz not null,
    primary key (client_id, relation)
);

create table home.read_audit (
    id bigint generated always as identity primary key,
    kind text not null check (kind in ('pages', 'export', 'submission', 'refusal')),
    at timestamptz not null,
    client_id text,
    relation text,
    filter_columns text[] not null default '{}',
    requests bigint not null default 1,
    rows bigint not null default 0,
    first_id bigint,
    last_id bigint,
    reason text,
    submission_id uuid,
    export_id uuid
);
-- What is added up: the pages of a minute, and the refusals of a minute in which nobody was recognised. Anybody can cause
-- those, so they must not fill the disk.
-- The hash stands for the columns, whose names together can be longer than an entry of an index.
create unique index read_audit_pages_key
    on home.read_audit (client_id, relation, hash_array_extended(filter_columns, 0), at) where kind = 'pages';
create unique index read_audit_unknown_key on home.read_audit (reason, at) where kind = 'refusal' and client_id is null;
-- Finds what is old.
create index read_audit_at on home.read_audit (at);

create table home.exports (
    id uuid primary key,
    client_id text not null,
    relation text not null,
    format text not null check (format in ('csv', 'jsonl', 'parquet', 'xlsx')),
    state text not null default 'running' check (state in ('running', 'complete', 'broken')),
    rows bigint not null default 0,
    bytes bigint not null default 0,
    sha256 bytea check (octet_length(sha256) = 32),
    first_id bigint,
    last_id bigint,
    bound bigint,
    filters jsonb not null,
    columns jsonb not null,
    guarded_cells bigint not null default 0,
    started_at timestamptz not null default now(),
    alive_at timestamptz not null default now(),
    ended_at timestamptz,
    check ((state = 'running') = (ended_at is null)),
    check (state <> 'complete' or sha256 is not null)
);
create index exports_started_at on home.exports (started_at);

create table home.dataset_versions (
    dataset text not null,
    version integer not null check (version > 0),
    table_name text not null,
    is_current boolean not null default false,
    loaded_at timestamptz not null default now(),
    primary key (dataset, version)
);
create unique index dataset_versions_current_key on home.dataset_versions (dataset) where is_current;

-- The arrays of the next two have one element for each key or position. Rows are locked in the same order in each session.

-- Remembers when keys were used, to the minute: a key that is used all the time is written once a minute.
create function home.note_key_use(key_ids text[], used_at timestamptz[]) returns void
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
    with used as (
        select k.id, max(u.used_at) as at
            from unnest(note_key_use.key_ids, note_key_use.used_at) u (id, used_at) join home.client_keys k on k.id = u.id
            group by k.id
    ), locked as (
        select k.id from home.client_keys k join used on used.id = k.id
            where k.last_used_at is null or k.last_used_at < used.at - interval '1 minute'
            order by k.id for no key update of k
    )
    update home.client_keys k set last_used_at = greatest(k.last_used_at, used.at)
        from used, locked where k.id = used.id and k.id = locked.id
$$;

-- Remembers how far clients have read. A position never goes back.
create function home.note_positions(client_ids text[], relations text[], last_ids bigint[]) returns void
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
    insert into home.client_positions as p (client_id, relation, last_id, at)
        select c.id, n.relation, max(n.last_id), now()
            from unnest(note_positions.client_ids, note_positions.relations, note_positions.last_ids)
                    n (client_id, relation, last_id)
                join home.clients c on c.id = n.client_id
            group by c.id, n.relation
            order by c.id, n.relation
        on conflict (client_id, relation) do update set last_id = excluded.last_id, at = excluded.at
            where p.last_id <= excluded.last_id
$$;

-- Notes what was read and what was refused: a JSON array of objects whose members are columns of read_audit. What is added
-- up has the minute as its time. `requests` and `rows` may be missing, and so may all that does not apply.
create function home.note_audit(entries jsonb) returns void
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
    insert into home.read_audit as a
            (kind, at, client_id, relation, filter_columns, requests, rows, first_id, last_id)
        select 'pages', date_trunc('minute', e.at), e.client_id, e.relation, coalesce(e.filter_columns, '{}'),
                sum(coalesce(e.requests, 1)), sum(coalesce(e.rows, 0)), min(e.first_id), max(e.last_id)
            from jsonb_to_recordset(note_audit.entries) e (kind text, at timestamptz, client_id text, relation text,
                filter_columns text[], requests bigint, rows bigint, first_id bigint, last_id bigint)
            where e.kind = 'pages'
            group by date_trunc('minute', e.at), e.client_id, e.relation, coalesce(e.filter_columns, '{}')
            order by 3, 4, 5, 2
        on conflict (client_id, relation, hash_array_extended(filter_columns, 0), at) where kind = 'pages' do update
            set requests = a.requests + excluded.requests, rows = a.rows + excluded.rows,
                first_id = least(a.first_id, excluded.first_id), last_id = greatest(a.last_id, excluded.last_id);

    insert into home.read_audit as a (kind, at, reason, requests)
        select 'refusal', date_trunc('minute', e.at), coalesce(e.reason, ''), sum(coalesce(e.requests, 1))
            from jsonb_to_recordset(note_audit.entries)
                e (kind text, at timestamptz, client_id text, reason text, requests bigint)
            where e.kind = 'refusal' and e.client_id is null
            group by date_trunc('minute', e.at), coalesce(e.reason, '')
            order by 3, 2
        on conflict (reason, at) where kind = 'refusal' and client_id is null do update
            set requests = a.requests + excluded.requests;

    insert into home.read_audit (kind, at, client_id, relation, filter_columns, requests, rows, first_id, last_id, reason,
            submission_id, export_id)
        select e.kind, e.at, e.client_id, e.relation, coalesce(e.filter_columns, '{}'), coalesce(e.requests, 1),
                coalesce(e.rows, 0), e.first_id, e.last_id, e.reason, e.submission_id, e.export_id
            from jsonb_to_recordset(note_audit.entries) e (kind text, at timestamptz, client_id text, relation text,
                filter_columns text[], requests bigint, rows bigint, first_id bigint, last_id bigint, reason text,
                submission_id uuid, export_id uuid)
            where e.kind <> 'pages' and (e.kind <> 'refusal' or e.client_id is not null)
$$;

-- Begins the record of an export. `filters` has columns and operators, never values.
create function home.begin_export(export_id uuid, client_id text, relation text, format text, bound bigint, filters jsonb,
    columns jsonb)
returns void
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
    insert into home.exports (id, client_id, relation, format, bound, filters, columns)
        values (begin_export.export_id, begin_export.client_id, begin_export.relation, begin_export.format,
            begin_export.bound, begin_export.filters, begin_export.columns)
        on conflict do nothing
$$;

-- A sign of life: what has been sent so far. Answers whether the export is running.
create function home.continue_export(export_id uuid, rows bigint, bytes bigint, last_id bigint) returns boolean
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
    with alive as (
        update home.exports e
            set rows = continue_export.rows, bytes = continue_export.bytes, last_id = continue_export.last_id,
                alive_at = now()
            where e.id = continue_export.export_id and e.state = 'running'
            returning e.id
    )
    select exists (select from alive)
$$;

-- Ends an export, once. Answers whether it has ended in this state.
create function home.end_export(export_id uuid, state text, rows bigint, bytes bigint, sha256 bytea, first_id bigint,
    last_id bigint, guarded_cells bigint)
returns boolean
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    update home.exports e
        set state = end_export.state, rows = end_export.rows, bytes = end_export.bytes, sha256 = end_export.sha256,
            first_id = end_export.first_id, last_id = end_export.last_id, guarded_cells = end_export.guarded_cells,
            alive_at = now(), ended_at = now()
        where e.id = end_export.export_id and e.state = 'running';
    return exists (
        select from home.exports e where e.id = end_export.export_id and e.state = end_export.state
            and e.sha256 is not distinct from end_export.sha256);
end
$$;

-- An export of this client, for 30 days. It is broken if it has given no sign of life for 15 seconds.
create function home.show_export(export_id uuid, of_client text)
returns table (relation text, format text, state text, rows bigint, bytes bigint, sha256 bytea, first_id bigint,
    last_id bigint, bound bigint, filters jsonb, columns jsonb, guarded_cells bigint, started_at timestamptz,
    ended_at timestamptz)
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
    select e.relation, e.format,
            case when e.state = 'running' and e.alive_at < now() - interval '15 s' then 'broken' else e.state end,
            e.rows, e.bytes, e.sha256, e.first_id, e.last_id, e.bound, e.filters, e.columns, e.guarded_cells, e.started_at,
            e.ended_at
        from home.exports e
        where e.id = show_export.export_id and e.client_id = show_export.of_client
            and e.started_at > now() - interval '30 days'
$$;

-- Where submissions are: `stored`, `erased`, or `invalid` with the code of the reason, or `other` if the reason does not
-- begin with one, because somebody else may have written it. Ids of which nothing is known are
-- not in the answer. A stored row decides, whatever else was kept under its id.
create function home.submission_states(submission_ids uuid[])
returns table (submission_id uuid, form_type text, state text, reason text)
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
    select asked.id, coalesce(f.form_type, i.form_type),
            case when f.submission_id is null then 'invalid' when f.erased_at is null then 'stored' else 'erased' end,
            case when f.submission_id is null then coalesce(substring(i.reason from '^([a-z_]{1,40})(?: |$)'), 'other') end
        from (select distinct unnest(submission_states.submission_ids) as id) asked
            left join home.forms f on f.submission_id = asked.id
            left join lateral (
                select m.form_type, m.reason from home.invalid_messages m
                    where coalesce(m.submission_id::text, m.sqs_message_id) = asked.id::text
                        and m.submission_id = asked.id and m.state in ('waiting', 'discarded')
                    order by m.last_seen desc limit 1) i on f.submission_id is null
        where f.submission_id is not null or i.form_type is not null
$$;

comment on table home.clients is 'who may read published relations';
comment on column home.clients.id is 'the name with which the client signs';
comment on column home.clients.description is 'what the client is for, and whom to ask';
comment on column home.clients.created_at is 'when it was added';
comment on column home.clients.created_by is 'who added it';
comment on column home.clients.disabled_at is 'when it was disabled; since then all its requests are refused';

comment on table home.client_keys is 'the keys of clients, encrypted';
comment on column home.client_keys.id is 'the name of the key, which a key of ours contains';
comment on column home.client_keys.client_id is 'the client';
comment on column home.client_keys.slot is '1 or 2: a client has at most two live keys';
comment on column home.client_keys.ciphertext is 'a nonce and the key, encrypted with AES-256-GCM';
comment on column home.client_keys.imported is 'whether it was taken over from the old data store; then its text is as it was there';
comment on column home.client_keys.created_at is 'when it was made';
comment on column home.client_keys.created_by is 'who made it';
comment on column home.client_keys.ended_at is 'when somebody ended it; null for a live key';
comment on column home.client_keys.last_used_at is 'when a request was last accepted with it, to the minute';

comment on table home.client_scopes is 'what clients may read';
comment on column home.client_scopes.client_id is 'the client';
comment on column home.client_scopes.pattern is 'the relations: `schema/table`, with `*` for a whole part or for the end of the schema';
comment on column home.client_scopes.columns is 'the only columns that exist for the client; null for all';

comment on table home.client_changes is 'who has changed what of a client';
comment on column home.client_changes.id is 'the number of the row';
comment on column home.client_changes.client_id is 'the client';
comment on column home.client_changes.at is 'when';
comment on column home.client_changes.by is 'who';
comment on column home.client_changes.change is 'what';
comment on column home.client_changes.detail is 'the id of the key, or the new scopes';

comment on table home.client_positions is 'how far clients have read';
comment on column home.client_positions.client_id is 'the client';
comment on column home.client_positions.relation is '`schema/table`';
comment on column home.client_positions.last_id is 'the last id up to which it has read; never goes back';
comment on column home.client_positions.at is 'when it last read there or beyond';

comment on table home.read_audit is 'who has read what, without values';
comment on column home.read_audit.id is 'the number of the row';
comment on column home.read_audit.kind is '`pages` of a minute added up, an `export`, a `submission`, or a `refusal`';
comment on column home.read_audit.at is 'when; for what is added up, the minute';
comment on column home.read_audit.client_id is 'the client; null if a request was refused before one was recognised';
comment on column home.read_audit.relation is '`schema/table`';
comment on column home.read_audit.filter_columns is 'the columns of the filters';
comment on column home.read_audit.requests is 'how many requests are added up here';
comment on column home.read_audit.rows is 'how many rows they had together';
comment on column home.read_audit.first_id is 'the first id that was read';
comment on column home.read_audit.last_id is 'the last id that was read';
comment on column home.read_audit.reason is 'why a request was refused: a code';
comment on column home.read_audit.submission_id is 'the submission that was read alone';
comment on column home.read_audit.export_id is 'the export';

comment on table home.exports is 'what exports contained';
comment on column home.exports.id is 'the `Export-Id`';
comment on column home.exports.client_id is 'the client, which alone may ask for it';
comment on column home.exports.relation is '`schema/table`';
comment on column home.exports.format is 'the format';
comment on column home.exports.state is 'without a sign of life for 15 seconds, `running` means `broken`';
comment on column home.exports.rows is 'how many rows were sent';
comment on column home.exports.bytes is 'how many bytes were sent, before any content encoding';
comment on column home.exports.sha256 is 'of these bytes; null until it is complete';
comment on column home.exports.first_id is 'the first id in it';
comment on column home.exports.last_id is 'the last id in it';
comment on column home.exports.bound is 'the last id that could be in it, fixed when it began';
comment on column home.exports.filters is 'the columns and operators of the filters, without values';
comment on column home.exports.columns is 'the columns with their types, descriptions and time zones';
comment on column home.exports.guarded_cells is 'how many cells the formula guard has changed';
comment on column home.exports.started_at is 'when it began';
comment on column home.exports.alive_at is 'its last sign of life';
comment on column home.exports.ended_at is 'when it ended';

comment on table home.dataset_versions is 'which version of a dataset is in which table';
comment on column home.dataset_versions.dataset is '`organisation.dataset`, which is also the schema';
comment on column home.dataset_versions.version is 'the number of the version; no number is used twice';
comment on column home.dataset_versions.table_name is 'its table in the schema';
comment on column home.dataset_versions.is_current is 'whether readers get it if they ask for no version';
comment on column home.dataset_versions.loaded_at is 'when it was loaded';

comment on function home.note_key_use(text[], timestamptz[]) is 'remembers when keys were used';
comment on function home.note_positions(text[], text[], bigint[]) is 'remembers how far clients have read';
comment on function home.note_audit(jsonb) is 'notes what was read and what was refused';
comment on function home.begin_export(uuid, text, text, text, bigint, jsonb, jsonb) is 'begins the record of an export';
comment on function home.continue_export(uuid, bigint, bigint, bigint) is 'a sign of life of an export; says whether it is running';
comment on function home.end_export(uuid, text, bigint, bigint, bytea, bigint, bigint, bigint) is 'ends an export; says whether it has ended in this state';
comment on function home.show_export(uuid, text) is 'an export of this client';
comment on function home.submission_states(uuid[]) is 'whether submissions are stored, invalid or erased';

$sql$,
    tables => '{clients, client_keys, client_scopes, client_changes, client_positions, read_audit, exports, dataset_versions}',
    functions => '{
        "note_key_use(text[], timestamptz[])",
        "note_positions(text[], text[], bigint[])",
        note_audit(jsonb),
        "begin_export(uuid, text, text, text, bigint, jsonb, jsonb)",
        "continue_export(uuid, bigint, bigint, bigint)",
        "end_export(uuid, text, bigint, bigint, bytea, bigint, bigint, bigint)",
        "show_export(uuid, text)",
        submission_states(uuid[])}',
    for_writers => '{}');
