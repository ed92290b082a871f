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

-- Whether the unique index on sqs_message_id has all rows, in one row. PostgreSQL puts this query into those that call it,
-- which a function that returns a single value and a search_path of its own would prevent: then it would be planned anew
-- for each row.
create function home.message_ids_are_unique() returns setof boolean
language sql
stable
begin atomic
    select exists (
        select from pg_index i
            join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
            where i.indrelid = 'home.forms'::regclass and a.attname = 'sqs_message_id'
                and i.indisunique and i.indisvalid and i.indpred is null and i.indnkeyatts = 1);
end;

-- The rows that have one of these ids. The message id alone counts only while it is unique in the whole table: otherwise
-- no index finds it. PostgreSQL looks that up once for a statement, and then leaves the third part out.
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
        where (select are_unique from home.message_ids_are_unique() are_unique)
            and f.sqs_message_id::text = by_sqs_message_id
            and f.submission_id is distinct from by_submission_id and f.submission_id is not null
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

-- docs/reference/database.md shows these.
comment on column home.forms.id is 'the number of the row; numbers have gaps, because PostgreSQL also counts rows that it refused';
comment on column home.forms.form_type is 'the form type';
comment on column home.forms.submission_id is 'the `id` of the 202; null for a message of the service of 2016';
comment on column home.forms.sqs_message_id is 'the SQS message id that the message had first';
comment on column home.forms.data is 'the fields as they were posted';
comment on column home.forms.received_at is 'the time when the api accepted the form; null for a message of the service of 2016';
comment on column home.forms.created is 'the time when the row was stored';
comment on column home.forms.schema_digest is 'the digest of the schema against which the api checked the fields; null if the message did not say';
comment on column home.forms.traceparent is 'the trace of the request; null if the message did not say';
comment on column home.forms.erased_at is 'when the content was removed; such a row keeps its ids, and `data` is JSON null';

comment on column home.form_form.id is 'as in `forms`';
comment on column home.form_form.created is 'as in `forms`';
comment on column home.form_form.data is 'as in `forms`';
comment on column home.form_form.sqs_message_id is 'as in `forms`';

comment on column home.invalid_messages.id is 'the number of the row';
comment on column home.invalid_messages.form_type is 'the form type';
comment on column home.invalid_messages.submission_id is 'the `id` of the 202; null for a message without one';
comment on column home.invalid_messages.sqs_message_id is 'the SQS message id that the message had first';
comment on column home.invalid_messages.body is 'exactly as it came, JSON or not';
comment on column home.invalid_messages.attributes is 'JSON text of all attributes: `{"name": {"type": "String", "value": "…"}}`, with `base64` instead of `value` for bytes';
comment on column home.invalid_messages.sha256 is 'of the body';
comment on column home.invalid_messages.reason is 'why it was set aside';
comment on column home.invalid_messages.state is 'see below';
comment on column home.invalid_messages.times_seen is 'how often it was taken from the invalid queue';
comment on column home.invalid_messages.times_sent is 'how often it was sent back';
comment on column home.invalid_messages.first_seen is 'when it was first taken from the queue';
comment on column home.invalid_messages.last_seen is 'when it was last taken from the queue';
comment on column home.invalid_messages.changed_at is 'when somebody last set its state or sent it back';
comment on column home.invalid_messages.changed_by is 'who did: `worker`, or a role';
comment on column home.invalid_messages.erased_at is 'when its content was removed';

comment on column home.erasures.id is 'the number of the row';
comment on column home.erasures.form_type is 'the form type';
comment on column home.erasures.form_id is 'the `id` of the row of `forms`, which keeps the ids';
comment on column home.erasures.submission_id is 'the id of the submission, if it has one';
comment on column home.erasures.sqs_message_id is 'the SQS message id that its message had first, if it is known';
comment on column home.erasures.erased_at is 'when it was erased';
comment on column home.erasures.reason is 'the code that was given';

comment on column home.watermarks.relation is 'the table: `forms` or `erasures`';
comment on column home.watermarks.id is 'the watermark; it never goes back';
comment on column home.watermarks.candidate is 'the next watermark, as soon as no holder is left';
comment on column home.watermarks.holders is 'the transactions that may still commit a row up to the candidate, as in `virtualtransaction` of `pg_locks`';
comment on column home.watermarks.candidate_since is 'when the candidate was noted: since then the watermark waits';
comment on column home.watermarks.server_start is 'the start of the server that knew the holders';

comment on function home.store_form(text, uuid, text, timestamptz, text) is 'stores one row, for workers of the release before';
comment on function home.store_submission(text, uuid, text, timestamptz, text, bytea, text) is 'stores one row, and says what it did';
comment on function home.forms_with_ids(uuid, text) is 'the rows that have one of these ids';
comment on function home.is_erased(uuid, text) is 'whether this submission was erased';
comment on function home.erase_submission(text, uuid, text, text) is 'erases a submission: `erased`, or `already_erased`';
comment on function home.keep_invalid(text, uuid, text, bytea, bytea, text, integer) is 'keeps an invalid message, and says what it did';
comment on function home.invalid_messages_waiting() is 'how many invalid messages wait, by form type';
comment on function home.is_json(bytea, jsonb) is 'whether a body is JSON with this content';
comment on function home.message_ids_of_kept(uuid) is 'the SQS message ids of the kept messages of a submission';
comment on function home.lock_identity(uuid, text) is 'locks an identity until the transaction ends, so that nobody keeps it while it is erased';
comment on function home.advance_watermark(text) is 'advances a watermark by one step, and blocks nobody';
comment on function home.transactions_with_ids(regclass) is 'the transactions that have drawn an id from a sequence and are open';
comment on function home.message_ids_are_unique() is 'whether a unique index on `sqs_message_id` has all rows';
comment on function home.refuse_insert_of_2016() is 'the trigger of `form_form` after `worker finish-move`';
comment on function home.create_beside_forms(text, text[], text[], text[]) is 'runs the SQL of a migration, and takes from everyone but the owner each right on what it creates';

$sql$,
    tables => '{}',
    functions => '{refuse_insert_of_2016()}',
    for_writers => '{message_ids_are_unique()}');
