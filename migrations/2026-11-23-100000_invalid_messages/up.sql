-- Messages that cannot be stored as they are, kept without an expiry date: SQS deletes a message after 14 days at most.
--
--     invalid_messages
--       id              bigint        the number of the row, the oldest first
--       form_type       text
--       submission_id   uuid          null for a message without an id of ours
--       sqs_message_id  text          the SQS message id that the message had first
--       body            bytea         exactly as it came, whether or not it is JSON; empty once erased
--       attributes      bytea         JSON text of all attributes, with their types; empty once erased
--       sha256          bytea         of the body
--       reason          text          why it was set aside
--       state           text          waiting, sent_back, stored or discarded
--       times_seen      integer       how often it was taken from the invalid queue
--       times_sent      integer       how often it was sent back; the last message carries this number
--       first_seen, last_seen         timestamptz
--       changed_at, changed_by        who set the state or sent it back, and when
--       erased_at       timestamptz   when its content was removed; its state is then discarded
select create_beside_forms($sql$

create table home.invalid_messages (
    id bigint generated always as identity primary key,
    form_type text not null,
    submission_id uuid,
    sqs_message_id text not null,
    body bytea not null,
    attributes bytea not null,
    sha256 bytea not null,
    reason text not null,
    state text not null default 'waiting' check (state in ('waiting', 'sent_back', 'stored', 'discarded')),
    times_seen integer not null default 1,
    times_sent integer not null default 0,
    first_seen timestamptz not null default now(),
    last_seen timestamptz not null default now(),
    changed_at timestamptz not null default now(),
    changed_by text not null,
    erased_at timestamptz,
    check (erased_at is null or (body = '' and attributes = '' and state = 'discarded'))
);

-- Copies with the same identity and the same body are one row.
create unique index invalid_messages_identity_key
    on home.invalid_messages (form_type, (coalesce(submission_id::text, sqs_message_id)), sha256);

-- An erasure reaches all messages of an identity, whatever queue they were on.
create index invalid_messages_identity on home.invalid_messages ((coalesce(submission_id::text, sqs_message_id)));

-- Lists and counts what waits, the oldest first, however much does not wait any more.
create index invalid_messages_waiting on home.invalid_messages (form_type, id) where state = 'waiting';

-- Whoever keeps or erases something of an identity locks the identity first, to the end of its transaction. Otherwise a
-- message that is kept while it is erased could be missed by both: each would not see what the other has not committed.
create function home.lock_identity(submission_id uuid, sqs_message_id text) returns void
language sql
volatile
set search_path = pg_catalog, pg_temp
return pg_advisory_xact_lock(hashtextextended(coalesce(submission_id::text, sqs_message_id), 0));

-- The rows that have one of these ids. PostgreSQL puts this query into those that call it; a search_path of its own would
-- prevent that.
create function home.forms_with_ids(by_submission_id uuid, by_sqs_message_id text)
returns table (id bigint, form_type text, submission_id uuid, sqs_message_id text, data jsonb, erased_at timestamptz)
language sql
stable
as $$
    select f.id, f.form_type, f.submission_id, f.sqs_message_id::text, f.data, f.erased_at
        from home.forms f
        where f.submission_id = by_submission_id or f.sqs_message_id::text = by_sqs_message_id
$$;

-- Whether this submission was erased. A row with the same message id and another submission id is another submission.
create function home.is_erased(of_submission_id uuid, of_sqs_message_id text) returns boolean
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select exists (
        select from home.forms_with_ids(of_submission_id, of_sqs_message_id) f
            where f.erased_at is not null and (f.submission_id = of_submission_id) is not false)
$$;

-- Whether this body is JSON with this content. PostgreSQL cannot read some bodies as jsonb; no row has their content.
create function home.is_json(body bytea, data jsonb) returns boolean
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
begin
    return convert_from(body, 'UTF8')::jsonb = data;
exception
    when data_exception or program_limit_exceeded then
        return false;
end
$$;

-- Keeps a message of the invalid queue and says what it did:
--
--     kept        it is new, and waits
--     came_back   it was sent back and has failed again, so it waits again
--     old_copy    its row is there already; the copy was counted
--     stored      forms has a row with its identity and content, so its state is stored
--     erased      its identity was erased, so nothing is kept
--
-- `number` is the number that sending back has put on the message: if it is lower than the row's, a copy from before has
-- come late. A message without it may have lost it, so it counts as the latest.
create function home.keep_invalid(form_type text, submission_id uuid, sqs_message_id text, body bytea, attributes bytea,
    reason text, number integer)
returns text
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    is_stored boolean;
    old record;
    new_state text;
begin
    -- The message id too, because a submission can be erased by it alone. In the same order in each session.
    perform home.lock_identity(null::uuid, i.id)
        from (select one from unnest(array[keep_invalid.submission_id::text, keep_invalid.sqs_message_id]) one
            where one is not null order by hashtextextended(one, 0)) i (id);

    if home.is_erased(keep_invalid.submission_id, keep_invalid.sqs_message_id) then
        return 'erased';
    end if;
    select coalesce(bool_or(home.is_json(keep_invalid.body, f.data)), false) into is_stored
        from home.forms_with_ids(keep_invalid.submission_id, keep_invalid.sqs_message_id) f
        where f.form_type = keep_invalid.form_type and f.erased_at is null
            and (f.submission_id = keep_invalid.submission_id) is not false;

    insert into home.invalid_messages
        (form_type, submission_id, sqs_message_id, body, attributes, sha256, reason, state, changed_by)
        values (keep_invalid.form_type, keep_invalid.submission_id, keep_invalid.sqs_message_id, keep_invalid.body,
            keep_invalid.attributes, sha256(keep_invalid.body), keep_invalid.reason,
            case when is_stored then 'stored' else 'waiting' end, 'worker')
        on conflict do nothing;
    if found then
        return case when is_stored then 'stored' else 'kept' end;
    end if;

    select m.id, m.state, m.times_sent, m.erased_at into strict old
        from home.invalid_messages m
        where m.form_type = keep_invalid.form_type
            and coalesce(m.submission_id::text, m.sqs_message_id)
                = coalesce(keep_invalid.submission_id::text, keep_invalid.sqs_message_id)
            and m.sha256 = sha256(keep_invalid.body)
        for update;
    if old.erased_at is not null then
        return 'erased';
    end if;
    new_state := case
        when old.state = 'discarded' then 'discarded'
        when is_stored then 'stored'
        when keep_invalid.number < old.times_sent then old.state
        else 'waiting'
    end;
    update home.invalid_messages m
        set times_seen = m.times_seen + 1, last_seen = clock_timestamp(), state = new_state
        where m.id = old.id;
    if new_state <> old.state then
        update home.invalid_messages m
            set changed_at = clock_timestamp(), changed_by = 'worker',
                reason = case when new_state = 'waiting' then keep_invalid.reason else m.reason end
            where m.id = old.id;
    end if;
    return case
        when new_state = 'stored' then 'stored'
        when new_state <> old.state then 'came_back'
        else 'old_copy'
    end;
end
$$;

-- How many messages wait, of each form type that has any. Those who may keep them may know this, and nothing else.
create function home.invalid_messages_waiting(out form_type text, out messages bigint) returns setof record
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
begin atomic
    select m.form_type, count(*) from home.invalid_messages m where m.state = 'waiting' group by m.form_type;
end;

$sql$,
    tables => '{invalid_messages}',
    functions => '{"lock_identity(uuid, text)", "is_json(bytea, jsonb)"}',
    for_writers => '{
        "keep_invalid(text, uuid, text, bytea, bytea, text, integer)",
        invalid_messages_waiting(),
        "forms_with_ids(uuid, text)",
        "is_erased(uuid, text)"}');
