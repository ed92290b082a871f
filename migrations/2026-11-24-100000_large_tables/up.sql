-- A table that stays fast when it is large.
--
-- An index on random ids is written to everywhere at once: with 20 million rows, the unique index on sqs_message_id alone
-- costs more than half the insert rate. A row with a submission id does not need it, with one exception: a message that
-- the 2016 worker, which knows no submission ids, has stored and not deleted. So the index covers only rows without a
-- submission id
--
--   - from the start, if forms is empty here; then the view form_form, through which the 2016 worker inserts, refuses rows;
--   - otherwise after `worker finish-move`. `worker finish-move --back` makes the index of all rows again, and opens the
--     view.
--
-- docs/reports/storage.md has a figure for each storage parameter that is set here, and for those that are not. Setting
-- them waits for no reader and no writer.

alter table forms set (
    -- Rows are only added. By default, the first vacuum of a row comes when the table has grown by a fifth.
    autovacuum_vacuum_insert_scale_factor = 0,
    autovacuum_vacuum_insert_threshold = 500000,
    -- The first vacuum of a page freezes it; otherwise one before a wraparound has to rewrite the whole table.
    autovacuum_freeze_min_age = 0,
    -- The content of erased rows leaves the table with the next vacuum.
    autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_threshold = 1000
);

select create_beside_forms($sql$

-- Whether the unique index on sqs_message_id has all rows.
create function home.message_ids_are_unique() returns boolean
language sql
stable
set search_path = pg_catalog, pg_temp
as $$
    select exists (
        select from pg_index i
            join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
            where i.indrelid = 'home.forms'::regclass and a.attname = 'sqs_message_id'
                and i.indisunique and i.indisvalid and i.indpred is null and i.indnkeyatts = 1)
$$;

-- The rows that have one of these ids. The message id alone counts only while it is unique in the whole table: otherwise
-- no index finds it. PostgreSQL asks that once and then leaves the third part out.
create or replace function home.forms_with_ids(by_submission_id uuid, by_sqs_message_id text)
returns table (id bigint, form_type text, submission_id uuid, sqs_message_id text, data jsonb, erased_at timestamptz)
language sql
stable
as $$
    select f.id, f.form_type, f.submission_id, f.sqs_message_id::text, f.data, f.erased_at
        from home.forms f
        where f.submission_id = by_submission_id
    union all
    select f.id, f.form_type, f.submission_id, f.sqs_message_id::text, f.data, f.erased_at
        from home.forms f
        where f.sqs_message_id::text = by_sqs_message_id and f.submission_id is null
    union all
    select f.id, f.form_type, f.submission_id, f.sqs_message_id::text, f.data, f.erased_at
        from home.forms f
        where (select home.message_ids_are_unique()) and f.sqs_message_id::text = by_sqs_message_id
            and f.submission_id is distinct from by_submission_id and f.submission_id is not null
$$;

-- As before, but it also looks for a row without a submission id: while message ids are not unique, no index stops a row
-- with a submission id whose message the 2016 worker has stored without one.
create or replace function home.store_submission(
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

create function home.refuse_insert_of_2016() returns trigger
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $$
begin
    raise exception 'form_form takes no inserts: forms has no index that would find a message of the 2016 worker again. To run that worker, run "worker finish-move --back" first'
        using errcode = 'object_not_in_prerequisite_state';
end
$$;

-- The same as in `worker finish-move`.
do $do$
begin
    if not exists (select from home.forms) then
        lock table home.form_form, home.forms in access exclusive mode;
    end if;
    -- Somebody may have inserted a row meanwhile.
    if not exists (select from home.forms) then
        alter table home.forms drop constraint forms_sqs_message_id_key;
        create unique index forms_sqs_message_id_alone_key on home.forms (sqs_message_id) where submission_id is null;
        create trigger refuse_insert_of_2016 instead of insert on home.form_form
            for each row execute function home.refuse_insert_of_2016();
    end if;
end
$do$;

$sql$,
    tables => '{}',
    functions => '{refuse_insert_of_2016()}',
    for_writers => '{message_ids_are_unique()}');
