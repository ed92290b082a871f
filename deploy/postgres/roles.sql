-- The roles of a careful deployment and their rights in the database.
--
--   form_migrator   owns the tables and the functions and runs `worker migrate`; only it may alter the schema
--   form_worker     the worker with MIGRATE_ON_START=false: SELECT and INSERT on forms, EXECUTE on store_form
--                   advance_watermark, keep_invalid and invalid_messages_waiting
--   form_operator   for a person: SELECT on forms, watermarks and invalid_messages; may mark an invalid message as sent back
--
-- Run it in a database that only this service uses, as a superuser, or as the database's owner with CREATEROLE
-- (on Amazon RDS: the master user):
--
--   psql "$ADMIN_URL" -f deploy/postgres/roles.sql
--
-- before the first `worker migrate` or at any later time; running it again changes nothing.
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

begin;

select format('create role %I login', name)
    from unnest(array[:'migrator', :'worker', :'operator']) as name
    where not exists (select from pg_roles where rolname = name)
\gexec

-- Only a member of a role may transfer ownership to it.
select format('grant %I to current_user', :'migrator') where not pg_has_role(current_user, :'migrator', 'usage')
\gexec

-- Only the migrator may create tables, including temporary ones.
select format('revoke temporary on database %I from public', current_database()),
       format('grant connect on database %I to %I, %I, %I', current_database(), :'migrator', :'worker', :'operator')
\gexec
revoke create on schema public from public;
grant usage, create on schema public to :"migrator";
grant usage on schema public to :"worker", :"operator";

-- diesel's list of migrations, as diesel would create it. Creating it here keeps it out of the default privileges below:
-- a worker that could write to it could make a migration be skipped. The worker reads it until the first migration is done.
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
select format('alter table %s owner to %I', name, :'migrator') from to_regclass('watermarks') name where name is not null
\gexec
select format('alter table %s owner to %I', name, :'migrator') from to_regclass('invalid_messages') name where name is not null
\gexec
select format('alter function %s owner to %I', oid::regprocedure, :'migrator')
    from pg_proc where oid in (to_regprocedure('store_form(text, uuid, text, timestamptz, text)'),
        to_regprocedure('advance_watermark(text)'), to_regprocedure('transactions_with_ids(regclass)'),
        to_regprocedure('keep_invalid(text, uuid, text, bytea, bytea, text, integer)'),
        to_regprocedure('invalid_messages_waiting()'), to_regprocedure('lock_identity(uuid, text)'))
\gexec

-- Rights of the worker and the operator on existing tables and functions
select format('grant select, insert on %s to %I', oid::regclass, :'worker'),
       format('grant select on %s to %I', oid::regclass, :'operator')
    from pg_class where oid = coalesce(to_regclass('forms'), to_regclass('form_form'))
\gexec
select format('grant select on %s to %I', name, :'operator') from to_regclass('watermarks') name where name is not null
\gexec
select format('revoke execute on function %s from public', oid::regprocedure),
       format('grant execute on function %s to %I', oid::regprocedure, :'worker')
    from pg_proc where oid in (to_regprocedure('store_form(text, uuid, text, timestamptz, text)'),
        to_regprocedure('advance_watermark(text)'),
        to_regprocedure('keep_invalid(text, uuid, text, bytea, bytea, text, integer)'),
        to_regprocedure('invalid_messages_waiting()'))
\gexec
-- The operator sends messages back: it counts that, and never changes a body.
select format('grant select, update (state, times_sent, changed_at, changed_by) on %s to %I', name, :'operator')
    from to_regclass('invalid_messages') name where name is not null
\gexec

-- and on those that migrations will create. (This includes the view form_form: it shows forms and accepts the same inserts.)
alter default privileges for role :"migrator" in schema public grant select, insert on tables to :"worker";
alter default privileges for role :"migrator" in schema public grant select on tables to :"operator";
alter default privileges for role :"migrator" revoke execute on functions from public;
alter default privileges for role :"migrator" in schema public grant execute on functions to :"worker";

commit;
