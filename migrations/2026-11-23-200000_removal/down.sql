-- Erased rows stay, with JSON null as their data. Without `erased_at` nothing else tells that they are erased, so a
-- message that arrives for one has another content than its row and is set aside.

select create_beside_forms($sql$

create or replace function home.store_form(form_type text, submission_id uuid, sqs_message_id text, received_at timestamptz, data text)
returns text
language plpgsql
volatile
set search_path = "home", pg_temp
as $$
declare
    value jsonb;
    same boolean;
begin
    value := store_form.data::jsonb;

    for attempt in 1..3 loop
        insert into forms (form_type, submission_id, sqs_message_id, received_at, data)
            values (store_form.form_type, store_form.submission_id, store_form.sqs_message_id, store_form.received_at, value)
            on conflict do nothing;
        if found then
            return 'stored';
        end if;

        -- A statement of its own, with a snapshot of its own: it sees a row that was committed while the insert waited.
        select bool_or(f.form_type = store_form.form_type and f.data = value) into same
            from forms f
            where f.submission_id = store_form.submission_id or f.sqs_message_id = store_form.sqs_message_id;
        if same is not null then
            return case when same then 'already_stored' else 'id_taken' end;
        end if;
        -- The row that was in the way has gone: try again.
    end loop;

    raise exception 'the row in the way comes and goes' using errcode = 'serialization_failure';
exception
    when data_exception or integrity_constraint_violation or program_limit_exceeded then
        return sqlstate;
end
$$;

create or replace view home.form_form as select id, created, data, sqs_message_id from home.forms;

$sql$, '{}', '{}', '{}');

drop function erase_submission(text, uuid, text, text);
drop function message_ids_of_kept(uuid);
drop function store_submission(text, uuid, text, timestamptz, text, bytea, text);
drop table erasures;
delete from watermarks where relation = 'erasures';
