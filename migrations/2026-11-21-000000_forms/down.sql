-- Back to the 2016 table. Every row stays; what that table has no column for (submission_id, received_at) is dropped,
-- so a submission that is delivered again afterwards can only be known by its SQS message id.
-- Where it cannot be done without mixing or losing submissions, nothing is done: rows of another form type, or an id
-- too large for an integer. On a database that never had the 2016 table it leaves one, which up.sql adopts again.

do $$
begin
    if exists (select from forms where form_type <> 'form') then
        raise exception 'forms holds submissions of other form types than form; the 2016 table cannot tell them apart';
    end if;
end
$$;

revoke select on __diesel_schema_migrations from public;

drop function store_form(text, uuid, text, timestamptz, text);

drop view form_form;

alter table forms rename to form_form;

alter table form_form
    drop column form_type,
    drop column submission_id,
    drop column received_at,
    alter column created drop default;

do $$
declare
    new_name name;
    next_id bigint;
begin
    execute format('select last_value + is_called::int from %s', pg_get_serial_sequence('form_form', 'id')) into next_id;

    alter table form_form alter column id drop identity;
    alter table form_form alter column id type integer;
    execute format('create sequence form_form_id_seq as integer start with %s owned by form_form.id', next_id);
    alter table form_form alter column id set default nextval('form_form_id_seq');

    for new_name in
        select c.relname from pg_index i join pg_class c on c.oid = i.indexrelid
            where i.indrelid = 'form_form'::regclass and starts_with(c.relname, 'forms_')
    loop
        execute format('alter index %I rename to %I', new_name, 'form_form_' || substr(new_name, length('forms_') + 1));
    end loop;
end
$$;
