-- The roles of a careful deployment and their rights in the database.
--
--   form_migrator   owns the tables and the functions and runs `worker migrate`; only it may alter the schema
--   form_worker     the worker with MIGRATE_ON_START=false
--   form_operator   for a person who looks after the service
--   form_analyst    for a person with psql, R or a spreadsheet: reads the views of the schema submissions, nothing else
--   form_reader     the service that gives the same views to clients; it writes through functions alone
--   form_manager    `manage`, for the person who decides which clients there are
--
-- docs/reference/rights.md lists what each may do; it is generated from a database on which this script has run.
--
-- Run it in a database that only this service uses, as a superuser, or as the database's owner with CREATEROLE
-- (on Amazon RDS: the master user):
--
--   psql "$ADMIN_URL" -f deploy/postgres/roles.sql
--
-- before each release's `worker migrate`, so that there are a migrator and the schema of the views, and again after it:
-- every right is given by name, so a new table is closed until this script opens it. Running it again changes nothing.
-- It sets no passwords: set each with psql's \password, which sends only a hash, or use your cloud's own login.
-- If several environments share a cluster, give the roles other names: -v worker=staging_worker and so on.

\set ON_ERROR_STOP on
\set QUIET on
\if :{?migrator}
\else
  \set migrator form_migrator
\endif
\if :{?worker}
\else
  \set worker form_worker
\endif
\if :{?operator}
\else
  \set operator form_operator
\endif
\if :{?analyst}
\else
  \set analyst form_analyst
\endif
\if :{?reader}
\else
  \set reader form_reader
\endif
\if :{?manager}
\else
  \set manager form_manager
\endif

-- What the migrations make. Add new names here, with the roles that may call a function; what is not named belongs to
-- somebody else, and keeps its owner and its rights.
select array['__diesel_schema_migrations', 'forms', 'form_form', 'watermarks', 'invalid_messages', 'erasures',
        'form_schemas', 'relations', 'relation_columns', 'forms_looked_at', 'clients', 'client_keys', 'client_scopes',
        'client_changes', 'client_positions', 'read_audit', 'exports', 'dataset_versions'] as tables,
    array['store_form(text,uuid,text,timestamptz,text)', 'advance_watermark(text)',
        'keep_invalid(text,uuid,text,bytea,bytea,text,integer)', 'invalid_messages_waiting()',
        'store_submission(text,uuid,text,timestamptz,text,bytea,text)', 'forms_with_ids(uuid,text)',
        'is_erased(uuid,text)', 'message_ids_are_unique()', 'record_schema(text,text)'] as functions_of_worker,
    array['read_date(text)', 'read_time(text)', 'frequent_parts(text)'] as functions_of_views,
    array['advance_watermark(text)', 'note_key_use(text[],timestamptz[])', 'note_positions(text[],text[],bigint[])',
        'note_audit(jsonb)',
        'begin_export(uuid,text,text,text,bigint,jsonb,jsonb)', 'continue_export(uuid,bigint,bigint,bigint)',
        'end_export(uuid,text,bigint,bigint,bytea,bigint,bigint,bigint)', 'show_export(uuid,text)',
        'submission_states(uuid[])'] as functions_of_reader,
    array['create_beside_forms(text,text[],text[],text[])', 'transactions_with_ids(regclass)', 'lock_identity(uuid,text)',
        'is_json(bytea,jsonb)', 'message_ids_of_kept(uuid)', 'erase_submission(text,uuid,text,text)',
        'refuse_insert_of_2016()'] as functions_of_nobody
\gset

begin;

select format('create role %I login', name)
    from unnest(array[:'migrator', :'worker', :'operator', :'analyst', :'reader', :'manager']) as name
    where not exists (select from pg_roles where rolname = name)
\gexec

-- Only a member of a role may transfer ownership to it.
select format('grant %I to current_user', :'migrator') where not pg_has_role(current_user, :'migrator', 'usage')
\gexec

-- Only the migrator may create tables, including temporary ones.
select format('revoke temporary on database %I from public', current_database()),
       format('grant connect on database %I to %I, %I, %I, %I, %I, %I',
           current_database(), :'migrator', :'worker', :'operator', :'analyst', :'reader', :'manager')
\gexec
revoke create on schema public from public;
grant usage, create on schema public to :"migrator";
-- A function in a view runs with the rights of the analyst or reader, and may call another in this schema.
grant usage on schema public to :"worker", :"operator", :"analyst", :"reader", :"manager";

-- diesel's list of migrations, as diesel would create it. A worker that could write to it could make a migration be
-- skipped. The worker reads it until the first migration is done.
create table if not exists __diesel_schema_migrations (
    version varchar(50) primary key not null,
    run_on timestamp not null default current_timestamp
);
grant select on __diesel_schema_migrations to :"worker";

-- Existing tables pass to the migrator. The previous owner, such as the role of the 2016 service, keeps the rights that
-- the 2016 worker and its CSV command need; the migration carries those rights over to the view form_form.
select format('alter table %s owner to %I', oid::regclass, :'migrator'),
       format('grant select, insert on %s to %I', oid::regclass, pg_get_userbyid(relowner)),
       case when relkind = 'r' then format('grant usage on sequence %s to %I',
            pg_get_serial_sequence(oid::regclass::text, 'id'), pg_get_userbyid(relowner)) end
    from pg_class
    where oid in (to_regclass('forms'), to_regclass('form_form')) and pg_get_userbyid(relowner) <> :'migrator'
\gexec
alter table __diesel_schema_migrations owner to :"migrator";

-- So does the rest of what the migrations make, if somebody else has run them.
select format('alter table %s owner to %I', oid::regclass, :'migrator')
    from pg_class
    where oid in (select to_regclass('public.' || name) from unnest(:'tables'::text[]) as name)
        and relkind = 'r' and pg_get_userbyid(relowner) <> :'migrator'
\gexec
select format('alter function %s owner to %I', oid::regprocedure, :'migrator')
    from pg_proc
    where oid in (select to_regprocedure('public.' || signature)
            from unnest(:'functions_of_worker'::text[] || :'functions_of_views'::text[] || :'functions_of_reader'::text[]
                || :'functions_of_nobody'::text[]) as signature)
        and pg_get_userbyid(proowner) <> :'migrator'
\gexec

-- What the migrator's tables give to these roles without naming it ends here: the last release granted it by default
-- privileges, which would also open every table and function that a later migration adds.
select format('alter default privileges for role %I%s revoke all on %s from %I',
        :'migrator', ' in schema ' || nullif(defaclnamespace, 0)::regnamespace,
        case defaclobjtype when 'r' then 'tables' when 'S' then 'sequences' when 'f' then 'functions'
            when 'T' then 'types' else 'schemas' end, rolname)
    from pg_default_acl, pg_roles
    where defaclrole = to_regrole(quote_ident(:'migrator')) and rolname in (:'worker', :'operator', :'analyst', :'reader', :'manager')
        and exists (select from aclexplode(defaclacl) where grantee = pg_roles.oid)
\gexec
alter default privileges for role :"migrator" revoke execute on functions from public;

-- Our tables and the sequences of their columns
select format('revoke all on %s from %I, %I, %I, %I, %I',
        oid::regclass, :'worker', :'operator', :'analyst', :'reader', :'manager')
    from pg_class
    where oid in (select to_regclass('public.' || name) from unnest(:'tables'::text[]) as name)
        or relkind = 'S' and exists (select from pg_depend
            where classid = 'pg_class'::regclass and objid = pg_class.oid and deptype in ('a', 'i')
                and refclassid = 'pg_class'::regclass
                and refobjid in (select to_regclass('public.' || name) from unnest(:'tables'::text[]) as name))
\gexec
select format('revoke all on function %s from public, %I, %I, %I, %I, %I',
        oid::regprocedure, :'worker', :'operator', :'analyst', :'reader', :'manager')
    from pg_proc
    where oid in (select to_regprocedure('public.' || signature)
        from unnest(:'functions_of_worker'::text[] || :'functions_of_views'::text[] || :'functions_of_reader'::text[]
            || :'functions_of_nobody'::text[]) as signature)
\gexec

-- Every right, by name. What no migration has made yet is left out.
grant select on __diesel_schema_migrations to :"worker";
select format('grant %s on %s to %I', rights, name::regclass, role)
    from (values
        (coalesce(to_regclass('public.forms'), to_regclass('public.form_form')), :'worker', 'select, insert'),
        (coalesce(to_regclass('public.forms'), to_regclass('public.form_form')), :'operator', 'select'),
        (to_regclass('public.watermarks'), :'operator', 'select'),
        -- The operator sends messages back: it counts that, and never changes a body.
        (to_regclass('public.invalid_messages'), :'operator', 'select, update (state, times_sent, changed_at, changed_by)'),
        (to_regclass('public.erasures'), :'operator', 'select'),
        (to_regclass('public.relations'), :'reader', 'select'),
        (to_regclass('public.dataset_versions'), :'reader', 'select'),
        -- Only these two read the keys, which are encrypted. The manager makes a client, and never deletes one.
        (to_regclass('public.clients'), :'reader', 'select'),
        (to_regclass('public.client_keys'), :'reader', 'select'),
        (to_regclass('public.client_scopes'), :'reader', 'select'),
        (to_regclass('public.clients'), :'manager', 'select, insert, update (disabled_at)'),
        (to_regclass('public.client_keys'), :'manager', 'select, insert, update (ciphertext, ended_at)'),
        (to_regclass('public.client_scopes'), :'manager', 'select, insert, update (columns), delete'),
        (to_regclass('public.client_changes'), :'manager', 'select, insert')
    ) as given (name, role, rights)
    where name is not null
\gexec
-- A function in a view runs with the rights of whoever queries it.
select format('grant execute on function %s to %I', to_regprocedure('public.' || signature), role)
    from (select unnest(:'functions_of_worker'::text[]), :'worker'
        union all select unnest(:'functions_of_views'::text[]), role from unnest(array[:'analyst', :'reader']) as role
        union all select unnest(:'functions_of_reader'::text[]), :'reader') as given (signature, role)
    where to_regprocedure('public.' || signature) is not null
\gexec

-- The migrator may not create schemas, so the one of the views is created here; they pass to the migrator too.
select format('create schema submissions authorization %I', :'migrator') where to_regnamespace('submissions') is null
\gexec
alter schema submissions owner to :"migrator";
select to_regclass('public.relations') is not null as has_relations
\gset
\if :has_relations
select format('alter view %s owner to %I', oid::regclass, :'migrator')
    from pg_class join public.relations on oid = to_regclass(format('%I.%I', schema, name))
    where relkind = 'v' and pg_get_userbyid(relowner) <> :'migrator'
\gexec
\endif

-- The analyst and the reader read the migrator's views of this schema, also those that are made later for new form types.
select format('grant usage on schema submissions to %I, %I', :'analyst', :'reader'),
       format('alter default privileges for role %I in schema submissions grant select on tables to %I, %I',
            :'migrator', :'analyst', :'reader')
    where to_regnamespace('submissions') is not null
\gexec
select format('grant select on %s to %I, %I', oid::regclass, :'analyst', :'reader')
    from pg_class
    where relnamespace = to_regnamespace('submissions') and relkind = 'v' and pg_get_userbyid(relowner) = :'migrator'
\gexec

commit;
