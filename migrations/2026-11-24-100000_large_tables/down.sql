-- The 2016 worker needs the index of all rows and the inserts through the view. On a large table, run
-- `worker finish-move --back` first: it makes the index while others write, and here everyone waits for it.

drop trigger if exists refuse_insert_of_2016 on form_form;
drop function refuse_insert_of_2016();

do $$
begin
    if not (select are_unique from message_ids_are_unique() are_unique) then
        drop index if exists forms_sqs_message_id_key;
        alter table forms add constraint forms_sqs_message_id_key unique (sqs_message_id);
    end if;
end
$$;
drop index if exists forms_sqs_message_id_alone_key;

select create_beside_forms($sql$

create or replace function home.forms_with_ids(by_submission_id uuid, by_sqs_message_id text)
returns table (id bigint, form_type text, submission_id uuid, sqs_message_id text, data jsonb, erased_at timestamptz)
language sql
stable
as $$
    select f.id, f.form_type, f.submission_id, f.sqs_message_id::text, f.data, f.erased_at
        from home.forms f
        where f.submission_id = by_submission_id or f.sqs_message_id::text = by_sqs_message_id
$$;

$sql$, '{}', '{}', '{}');

drop function message_ids_are_unique();

alter table forms reset (
    autovacuum_vacuum_insert_scale_factor,
    autovacuum_vacuum_insert_threshold,
    autovacuum_freeze_min_age,
    autovacuum_vacuum_scale_factor,
    autovacuum_vacuum_threshold
);

-- Nothing drops these columns.
comment on column forms.id is null;
comment on column forms.created is null;
comment on column forms.data is null;
comment on column forms.sqs_message_id is null;
