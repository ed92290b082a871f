-- Removal that stays.
--
-- A deleted row frees its keys, and then a redelivery, a redrive or a repeated Idempotency-Key would bring the content
-- back. So an erased submission stays as a tombstone: a row of `forms` with its keys, with JSON null as `data`, and with
-- the time in `erased_at`. Whatever arrives for it is already stored.
--
--     erasures, a list for readers, who must forget what they have read
--       id              bigint       in the order of the watermark of this table
--       form_type       text
--       form_id         bigint       the row of forms that is a tombstone now
--       submission_id   uuid
--       sqs_message_id  text
--       erased_at       timestamptz
--       reason          text         a code
--
-- A submission is known by its submission id, or else by the SQS message id that it had first.

select create_beside_forms($sql$

create table home.erasures (
    id bigint generated always as identity primary key,
    form_type text not null,
    form_id bigint not null,
    submission_id uuid,
    sqs_message_id text,
    erased_at timestamptz not null default now(),
    reason text not null
);

insert into home.watermarks (relation) values ('erasures');

-- Stores one row and returns what store_form of the first migration returns. An erased submission is already stored,
-- whatever its data. It also looks for a row without a submission id: when message ids are no longer unique in the whole
-- table, no index stops a row with a submission id whose message the 2016 worker has stored without one.
create function home.store_submission(
    form_type text,
    submission_id uuid,
    sqs_message_id text,
    received_at timestamptz,
    data text,
    schema_digest bytea,
    traceparent text)
returns text
language plpgsql
volatile
set search_path = "home", pg_temp
as $$
declare
    value jsonb;
    same boolean;
begin
    value := store_submission.data::jsonb;

    for attempt in 1..3 loop
        insert into home.forms (form_type, submission_id, sqs_message_id, received_at, data, schema_digest, traceparent)
            select store_submission.form_type, store_submission.submission_id, store_submission.sqs_message_id,
                    store_submission.received_at, value, store_submission.schema_digest, store_submission.traceparent
                where store_submission.submission_id is null or not exists (
                    select from home.forms f
                        where f.sqs_message_id = store_submission.sqs_message_id and f.submission_id is null)
            on conflict do nothing;
        if found then
            return 'stored';
        end if;

        -- A statement of its own, with a snapshot of its own: it sees a row that was committed while the insert waited.
        select bool_or(case when f.erased_at is null
                then f.form_type = store_submission.form_type and f.data = value
                else (f.submission_id = store_submission.submission_id) is not false end)
            into same
            from home.forms_with_ids(store_submission.submission_id, store_submission.sqs_message_id) f;
        if same is not null then
            return case when same then 'already_stored' else 'id_taken' end;
        end if;
        -- The row that was in the way has gone: try again.
    end loop;

    raise exception 'the row in the way comes and goes' using errcode = 'serialization_failure';
exception
    when data_exception or integrity_constraint_violation or program_limit_exceeded then
        if home.is_erased(store_submission.submission_id, store_submission.sqs_message_id) then
            return 'already_stored';
        end if;
        return sqlstate;
end
$$;

-- For the release before, which sends no more than this.
create or replace function home.store_form(
    form_type text, submission_id uuid, sqs_message_id text, received_at timestamptz, data text)
returns text
language plpgsql
volatile
set search_path = "home", pg_temp
as $$
begin
    return home.store_submission(store_form.form_type, store_form.submission_id, store_form.sqs_message_id,
        store_form.received_at, store_form.data, null, null);
end
$$;

-- It still takes the insert of the 2016 worker. Rows in which erased_at is set do not appear in it.
create or replace view home.form_form as select id, created, data, sqs_message_id from home.forms where erased_at is null;

-- The first SQS message ids of the kept messages that have this submission id.
create function home.message_ids_of_kept(of_submission_id uuid) returns text[]
language sql
volatile
set search_path = pg_catalog, pg_temp
as $$
    select array(
        select distinct i.sqs_message_id from home.invalid_messages i
            where coalesce(i.submission_id::text, i.sqs_message_id) = of_submission_id::text
            order by i.sqs_message_id)
$$;

-- Erases one submission, and returns 'erased', or 'already_erased' if nothing was left to do. The SQS message id is the
-- first that the message had; it may be null if there is a submission id.
--
-- With the message id alone, every submission that has it is erased. Without an index of all message ids this reads the
-- whole table once, and does not see a row that is not committed yet.
--
-- A message of the submission that was kept has a message id too. The worker of 2016 knows no other id, so each of them
-- gets a tombstone of its own, which is found by it alone, unless a row has it. Such a row without a submission id is
-- erased if its content is that of the kept message. It stays if it has other content, because somebody may have given
-- the message a wrong id.
--
-- The content stays in dead rows until the next vacuum.
--
-- Triggers that the operator added to forms find their tables in its schema, as in store_submission. Since others may be
-- allowed to create functions there, and this one has the rights of the owner, it names the schema of every function for
-- which PostgreSQL would prefer one with closer types.
create function home.erase_submission(form_type text, submission_id uuid, sqs_message_id text, reason text)
returns text
language plpgsql
volatile
security definer
set search_path = pg_catalog, "home", pg_temp
as $$
declare
    -- The first SQS message ids of its kept messages, before and after they are locked.
    kept_under text[];
    still_kept_under text[];
    -- Every id under which the submission is known.
    ids text[];
    -- The submissions that have the message id if that is all that is known: those with a row, all, and those locked.
    with_row uuid[];
    owners uuid[] := '{}';
    locked uuid[];
    owner uuid;
    erased_owners boolean := false;
    emptied bigint[] := '{}';
    changed bigint[];
    has_tombstone boolean := false;
    kept_messages boolean := false;
begin
    if coalesce(erase_submission.form_type, '') = '' then
        raise exception 'erase_submission needs a form type' using errcode = 'invalid_parameter_value';
    end if;
    if erase_submission.submission_id is null and coalesce(erase_submission.sqs_message_id, '') = '' then
        raise exception 'erase_submission needs a submission id or an SQS message id'
            using errcode = 'invalid_parameter_value';
    end if;
    -- A sentence could hold what must be forgotten.
    if erase_submission.reason is null or erase_submission.reason !~ '^[A-Za-z0-9_.-]{1,60}$' then
        raise exception 'the reason must be a code: 1 to 60 letters, digits, "_", "." or "-"'
            using errcode = 'invalid_parameter_value';
    end if;

    if erase_submission.submission_id is null then
        with_row := array(
            select distinct f.submission_id from home.forms f
                where f.sqs_message_id::text = erase_submission.sqs_message_id and f.submission_id is not null);
        loop
            owners := array(
                select one from pg_catalog.unnest(with_row) one
                union
                select i.submission_id from home.invalid_messages i
                    where i.sqs_message_id = erase_submission.sqs_message_id and i.submission_id is not null
                order by 1);
            exit when owners operator(pg_catalog.<@) locked;
            perform home.lock_identity(null::uuid, i.id)
                from (select one from pg_catalog.unnest(
                        pg_catalog.array_append(owners::text[], erase_submission.sqs_message_id)) one
                    order by pg_catalog.hashtextextended(one, 0::bigint)) i (id);
            -- A message that was kept meanwhile may be of one more; no other can be kept from now on.
            locked := owners;
        end loop;
        foreach owner in array owners loop
            if home.erase_submission(erase_submission.form_type, owner, null::text, erase_submission.reason) = 'erased' then
                erased_owners := true;
            end if;
        end loop;
    end if;

    for attempt in 1..10 loop
        kept_under := home.message_ids_of_kept(erase_submission.submission_id);
        select pg_catalog.array_cat(
                pg_catalog.array_cat(array[erase_submission.submission_id::text, erase_submission.sqs_message_id],
                    kept_under),
                pg_catalog.array_cat(pg_catalog.array_agg(f.submission_id::text), pg_catalog.array_agg(f.sqs_message_id)))
            into ids
            from home.forms_with_ids(erase_submission.submission_id, erase_submission.sqs_message_id) f
            where (f.submission_id = erase_submission.submission_id) is not false;
        -- In the same order in each session.
        perform home.lock_identity(null::uuid, i.id)
            from (select one from pg_catalog.unnest(ids) one where one is not null group by one
                order by pg_catalog.hashtextextended(one, 0::bigint)) i (id);
        -- A message that was kept meanwhile needs a lock too.
        still_kept_under := home.message_ids_of_kept(erase_submission.submission_id);
        continue when still_kept_under operator(pg_catalog.<>) kept_under;

        if exists (
            select from home.forms_with_ids(erase_submission.submission_id, erase_submission.sqs_message_id) f
                where f.form_type <> erase_submission.form_type and f.erased_at is null
                    and (f.submission_id = erase_submission.submission_id) is not false)
        then
            raise exception 'the submission is not of the form type %', erase_submission.form_type
                using errcode = 'invalid_parameter_value';
        end if;

        with now_empty as (
            update home.forms f
                set data = 'null', traceparent = null, erased_at = now()
                where f.erased_at is null and f.id in (
                    select found.id
                        from home.forms_with_ids(erase_submission.submission_id, erase_submission.sqs_message_id) found
                        where found.form_type = erase_submission.form_type
                            and (found.submission_id = erase_submission.submission_id) is not false
                    union all
                    select found.id
                        from home.invalid_messages i, home.forms_with_ids(null::uuid, i.sqs_message_id) found
                        where coalesce(i.submission_id::text, i.sqs_message_id) = erase_submission.submission_id::text
                            and found.submission_id is null and found.form_type = erase_submission.form_type
                            and found.form_type = i.form_type and home.is_json(i.body, found.data))
                returning f.id
        )
        select pg_catalog.array_agg(now_empty.id) into changed from now_empty;
        emptied := pg_catalog.array_cat(emptied, changed);

        select coalesce(bool_or(true), false) into has_tombstone
            from home.forms_with_ids(erase_submission.submission_id, erase_submission.sqs_message_id) f
            where f.erased_at is not null
                and (erase_submission.submission_id is null or f.submission_id = erase_submission.submission_id);
        -- Those of its submissions are enough. One more row with its message id would prevent an index of all of them.
        exit when has_tombstone or pg_catalog.cardinality(owners) > 0;

        -- An insert of the same id that is not committed yet holds this up, and the next round sees its row.
        with tombstone as (
            insert into home.forms (form_type, submission_id, sqs_message_id, data, erased_at)
                select erase_submission.form_type, erase_submission.submission_id,
                        case when erase_submission.submission_id is null or not exists (
                                select from home.forms_with_ids(null::uuid, erase_submission.sqs_message_id))
                            then erase_submission.sqs_message_id end,
                        'null', now()
                on conflict do nothing
                returning forms.id
        )
        select pg_catalog.array_agg(tombstone.id) into changed from tombstone;
        if changed is null and erase_submission.submission_id is not null then
            -- A row without this submission id has the message id.
            with tombstone as (
                insert into home.forms (form_type, submission_id, data, erased_at)
                    values (erase_submission.form_type, erase_submission.submission_id, 'null', now())
                    on conflict do nothing
                    returning forms.id
            )
            select pg_catalog.array_agg(tombstone.id) into changed from tombstone;
        end if;
        emptied := pg_catalog.array_cat(emptied, changed);
    end loop;
    if not has_tombstone and pg_catalog.cardinality(owners) = 0 then
        raise exception 'the rows of the submission come and go' using errcode = 'serialization_failure';
    end if;

    with tombstone as (
        insert into home.forms (form_type, sqs_message_id, data, erased_at)
            select erase_submission.form_type, one, 'null', now()
                from pg_catalog.unnest(kept_under) one
                where not exists (select from home.forms_with_ids(erase_submission.submission_id, one) f
                    where f.sqs_message_id = one)
            on conflict do nothing
            returning forms.id
    )
    select pg_catalog.array_agg(tombstone.id) into changed from tombstone;
    emptied := pg_catalog.array_cat(emptied, changed);

    update home.invalid_messages i
        set body = '', attributes = '', state = 'discarded', erased_at = now(), changed_at = now(),
            changed_by = session_user
        where i.erased_at is null
            and coalesce(i.submission_id::text, i.sqs_message_id) = any (ids);
    kept_messages := found;

    if pg_catalog.cardinality(emptied) = 0 and not kept_messages then
        return case when erased_owners then 'erased' else 'already_erased' end;
    end if;
    insert into home.erasures (form_type, form_id, submission_id, sqs_message_id, reason)
        select erase_submission.form_type, f.id, coalesce(f.submission_id, erase_submission.submission_id),
                coalesce(f.sqs_message_id, erase_submission.sqs_message_id), erase_submission.reason
            from home.forms f
            where f.id = any (case when pg_catalog.cardinality(emptied) > 0 then emptied else array(
                select found.id
                    from home.forms_with_ids(erase_submission.submission_id, erase_submission.sqs_message_id) found
                    where found.erased_at is not null
                        and (found.submission_id = erase_submission.submission_id) is not false) end)
            order by f.id;
    return 'erased';
end
$$;

$sql$,
    tables => '{erasures}',
    functions => '{"erase_submission(text, uuid, text, text)", message_ids_of_kept(uuid)}',
    for_writers => '{"store_submission(text, uuid, text, timestamptz, text, bytea, text)"}');
