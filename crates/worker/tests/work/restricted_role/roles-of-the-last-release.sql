-- The roles of a careful deployment: who may do what in the database.
--
--   form_migrator   owns the tables and the function, and runs `worker migrate`; nobody else may alter the schema
--   form_worker     the worker with MIGRATE_ON_START=false: SELECT and INSERT on forms, EXECUTE on store_form
--   form_operator   a person: SELECT on forms
--
-- Run it in a database that is for this service alone, as a superuser, or as the database's owner with CREATEROLE
-- (on Amazon RDS the master user):
--
--   psql "$ADMIN_URL" -f deploy/postgres/roles.sql
--
-- before the first `worker migrate`, or at any later time; run again, it changes nothing.
-- No password is here: set each with psql's \password, which sends only its hash, or use your cloud's own log-in.
-- Several environments in one cluster need names of their own: -v worker=staging_worker and so on.

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

-- Only a member may give something to a role.
select format('grant %I to current_user', :'migrator') where not pg_has_role(current_user, :'migrator', 'usage')
\gexec

-- Nobody makes tables but the migrator, temporary ones neither.
select format('revoke temporary on database %I from public', current_database()),
       format('grant connect on database %I to %I, %I, %I', current_database(), :'migrator', :'worker', :'operator')
\gexec
revoke create on schema public from public;
grant usage, create on schema public to :"migrator";
grant usage on schema public to :"worker", :"operator";

-- diesel's list of migrations, as diesel would make it. Made here, it does not fall under the default privileges below:
-- a worker that could write to it could have a migration skipped. Until the first migration is done, the worker asks it.
create table if not exists __diesel_schema_migrations (
    version varchar(50) primary key not null,
    run_on timestamp not null default current_timestamp
);
grant select on __diesel_schema_migrations to :"worker";

-- What is there already comes to the migrator. Who owned the table until now, such as the role of the 2016 service,
-- keeps what the worker of 2016 and its CSV command need; the migration takes that over to the view form_form.
select format('alter table %s owner to %I', oid::regclass, :'migrator'),
       format('grant select, insert on %s to %I', oid::regclass, pg_get_userbyid(relowner)),
       case when relkind = 'r' then format('grant usage on sequence %s to %I',
            pg_get_serial_sequence(oid::regclass::text, 'id'), pg_get_userbyid(relowner)) end
    from pg_class
    where oid in (to_regclass('forms'), to_regclass('form_form')) and pg_get_userbyid(relowner) <> :'migrator'
\gexec
alter table __diesel_schema_migrations owner to :"migrator";
select format('alter function %s owner to %I', oid::regprocedure, :'migrator')
    from pg_proc where oid = to_regprocedure('store_form(text, uuid, text, timestamptz, text)')
\gexec

-- The worker and the operator, on what is there
select format('grant select, insert on %s to %I', oid::regclass, :'worker'),
       format('grant select on %s to %I', oid::regclass, :'operator')
    from pg_class where oid = coalesce(to_regclass('forms'), to_regclass('form_form'))
\gexec
select format('revoke execute on function %s from public', oid::regprocedure),
       format('grant execute on function %s to %I', oid::regprocedure, :'worker')
    from pg_proc where oid = to_regprocedure('store_form(text, uuid, text, timestamptz, text)')
\gexec

-- and on what migrations will make. (The view form_form comes under it: it shows forms and takes the same inserts.)
alter default privileges for role :"migrator" in schema public grant select, insert on tables to :"worker";
alter default privileges for role :"migrator" in schema public grant select on tables to :"operator";
alter default privileges for role :"migrator" revoke execute on functions from public;
alter default privileges for role :"migrator" in schema public grant execute on functions to :"worker";

commit;
