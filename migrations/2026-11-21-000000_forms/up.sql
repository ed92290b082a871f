-- The table of submissions, and the 2016 table adopted as it:
--
--     forms
--       id              bigint generated always as identity primary key
--       form_type       text not null default 'form'
--       submission_id   uuid unique                  null for a message of the 2016 web server
--       sqs_message_id  varchar(255) unique          as in 2016
--       data            jsonb not null               the fields, as posted
--       received_at     timestamptz                  when the api took it
--       created         timestamptz not null default now()
--
-- A fresh database gets the 2016 table first, so that there is one way to the new one and both kinds of database end
-- up the same. Everything happens in the one transaction that diesel opens. It locks the table to the end, and the new
-- type of id rewrites it: seconds for 100,000 rows.

create table if not exists form_form (
    id serial primary key,
    created timestamptz not null,
    data jsonb not null,
    sqs_message_id varchar(255) unique
);

lock table form_form in access exclusive mode;

alter table form_form rename to forms;

-- The ids go on after the highest that the old sequence or the table has seen.
do $$
declare
    old_sequence text := pg_get_serial_sequence('forms', 'id');
    next_id bigint;
begin
    select coalesce(max(id), 0) + 1 into next_id from forms;
    if old_sequence is not null then
        execute format('select greatest($1, last_value + is_called::int) from %s', old_sequence)
            into next_id using next_id;
    end if;

    alter table forms alter column id drop identity if exists;
    alter table forms alter column id drop default;
    if old_sequence is not null then
        execute format('drop sequence if exists %s', old_sequence);
    end if;

    alter table forms alter column id type bigint;
    execute format('alter table forms alter column id add generated always as identity (start with %s)', next_id);
end
$$;

alter table forms
    alter column created set default now(),
    add column form_type text not null default 'form',
    add column submission_id uuid,
    add column received_at timestamptz,
    add constraint forms_submission_id_key unique (submission_id);

-- Django named constraints and indexes in more than one way over the years.
do $$
declare
    old_name name;
begin
    select conname into old_name from pg_constraint
        where conrelid = 'forms'::regclass and contype = 'p';
    if old_name <> 'forms_pkey' then
        execute format('alter table forms rename constraint %I to forms_pkey', old_name);
    end if;

    select conname into old_name from pg_constraint
        where conrelid = 'forms'::regclass and contype = 'u' and conkey = array[(
            select attnum from pg_attribute where attrelid = 'forms'::regclass and attname = 'sqs_message_id')]
        order by conname limit 1;
    if old_name is null then
        alter table forms add constraint forms_sqs_message_id_key unique (sqs_message_id);
    elsif old_name <> 'forms_sqs_message_id_key' then
        execute format('alter table forms rename constraint %I to forms_sqs_message_id_key', old_name);
    end if;

    for old_name in
        select c.relname from pg_index i join pg_class c on c.oid = i.indexrelid
            where i.indrelid = 'forms'::regclass and starts_with(c.relname, 'form_form_')
    loop
        execute format('alter index %I rename to %I', old_name, 'forms_' || substr(old_name, length('form_form_') + 1));
    end loop;
end
$$;

-- What the 2016 worker and its CSV command go on working with: one table, two names, the same owner and rights.
create view form_form as select id, created, data, sqs_message_id from forms;

do $$
declare
    granted record;
begin
    execute format('alter view form_form owner to %I',
        (select pg_get_userbyid(relowner) from pg_class where oid = 'forms'::regclass));
    for granted in
        select privilege_type, case grantee when 0 then 'public' else quote_ident(pg_get_userbyid(grantee)) end as grantee
            from pg_class, aclexplode(relacl)
            where oid = 'forms'::regclass and privilege_type in ('SELECT', 'INSERT', 'UPDATE', 'DELETE')
    loop
        execute format('grant %s on form_form to %s', granted.privilege_type, granted.grantee);
    end loop;
end
$$;

-- Stores one row and says what became of it: 'stored', 'already_stored' (a row with one of its ids holds the same),
-- 'id_taken' (a row with one of its ids holds something else), or the SQLSTATE with which PostgreSQL refuses its data.
-- Whatever is the database's own trouble is raised as an error.
--
-- The cast is inside, so that text that is no jsonb is an answer and not an error. The exception's message, detail and
-- context can quote the data; nothing but its code leaves the function.
create function store_form(form_type text, submission_id uuid, sqs_message_id text, received_at timestamptz, data text)
returns text
language plpgsql
volatile
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

-- No secret, and a worker with no rights but INSERT and SELECT on forms asks it whether the schema is the one it needs.
grant select on __diesel_schema_migrations to public;
