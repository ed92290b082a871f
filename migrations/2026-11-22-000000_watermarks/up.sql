-- A watermark for readers that follow `forms` by id.
--
-- Ids are drawn before their transaction commits, so a row can appear below an id that a reader has already passed. The
-- watermark says: every row up to `id` is committed or gone for good. A reader that stops at it misses nothing.
--
--     watermarks
--       relation        text primary key     the table that is followed
--       id              bigint               0 at first; never goes back
--       candidate       bigint               the next value of id, as soon as no holder is left
--       holders         text[]               transactions that may still commit a row up to the candidate
--       candidate_since timestamptz          when the candidate was noted: the age of a watermark that does not advance
--       server_start    timestamptz          the start of the server that knew the holders

-- First, for this migration and later ones: what they create is in the schema of `forms` and belongs to the owner of
-- `forms`, whoever runs them, and nobody else gets any right unless it is named here.
do $make$
begin
    execute format($$

-- Runs SQL in which `home.` and `"home"` stand for the schema of forms. Then gives the named tables and functions to the
-- owner of forms, takes every right on them from others, and grants EXECUTE on the functions in `for_writers` to the
-- roles that may insert into forms.
--
-- Functions that it creates should look up names in pg_catalog alone and write `home.` where they need it: others may be
-- allowed to create functions and tables in that schema, or temporary ones.
create function %1$s.create_beside_forms(sql text, tables text[], functions text[], for_writers text[]) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $body$
declare
    home regnamespace := (select relnamespace from pg_class where oid = '%1$s.forms'::regclass);
    owner regrole := (select relowner from pg_class where oid = '%1$s.forms'::regclass);
    made text;
    granted record;
begin
    execute replace(replace(sql, '"home"', home::text), 'home.', home || '.');

    foreach made in array tables loop
        made := home || '.' || made;
        execute format('alter table %%s owner to %%s', made, owner);
        -- The table, and the sequences of its columns.
        for granted in
            select distinct c.oid::regclass as object,
                    case grantee when 0 then 'public' else grantee::regrole::text end as grantee
                from pg_class c, aclexplode(relacl)
                where (c.oid = to_regclass(made) or c.relkind = 'S' and exists (select from pg_depend
                        where classid = 'pg_class'::regclass and objid = c.oid and deptype in ('a', 'i')
                            and refclassid = 'pg_class'::regclass and refobjid = to_regclass(made)))
                    and grantee <> relowner
        loop
            execute format('revoke all on %%s from %%s', granted.object, granted.grantee);
        end loop;
    end loop;

    foreach made in array functions || for_writers loop
        made := home || '.' || made;
        execute format('alter function %%s owner to %%s', made, owner);
        for granted in
            select distinct case grantee when 0 then 'public' else grantee::regrole::text end as grantee
                from pg_proc, aclexplode(coalesce(proacl, acldefault('f', proowner)))
                where oid = to_regprocedure(made) and grantee <> proowner
        loop
            execute format('revoke all on function %%s from %%s', made, granted.grantee);
        end loop;
    end loop;

    foreach made in array for_writers loop
        for granted in
            select distinct case grantee when 0 then 'public' else grantee::regrole::text end as grantee
                from pg_class, aclexplode(relacl)
                where oid = '%1$s.forms'::regclass and privilege_type = 'INSERT' and grantee <> relowner
        loop
            execute format('grant execute on function %%s.%%s to %%s', home, made, granted.grantee);
        end loop;
    end loop;
end
$body$;

-- This function is the first that it creates.
select %1$s.create_beside_forms('', '{}', '{"create_beside_forms(text, text[], text[], text[])"}', '{}');

    $$, (select relnamespace::regnamespace from pg_class where oid = 'forms'::regclass));
end
$make$;

select create_beside_forms($sql$

create table home.watermarks (
    relation text primary key,
    id bigint not null default 0,
    candidate bigint,
    holders text[] not null default '{}',
    candidate_since timestamptz,
    server_start timestamptz,
    check ((candidate is null) = (candidate_since is null))
);

insert into home.watermarks (relation) values ('forms');

-- The transactions that hold the lock with which nextval() protects a sequence: those that have drawn an id and may still
-- commit it. They are known by their virtual transaction, because a prepared transaction has no process.
create function home.transactions_with_ids(sequence regclass) returns text[]
language sql
volatile
set search_path = pg_catalog, pg_temp
return array(
    select virtualtransaction from pg_catalog.pg_locks
        where locktype = 'relation' and relation = sequence and mode = 'RowExclusiveLock' and granted
            and database = (select oid from pg_catalog.pg_database where datname = current_database()));

-- Makes one step. It returns the watermark, and since when it waits for a transaction that may still commit a row:
-- while that is not null, the caller calls again. It waits for nobody, and returns nulls if another call is at work on
-- the same watermark.
--
-- A transaction locks the sequence before it draws an id and keeps the lock to its end. So, when the sequence is read
-- first and its locks after it, every transaction with an id up to the one read is among the holders or has ended.
--
-- Reading a sequence is a sequential scan. If the caller has turned those off, as workers do, it seems so expensive that
-- PostgreSQL would compile it, which takes 20 times as long as the whole step.
create function home.advance_watermark(followed text, out watermark bigint, out waits_since timestamptz)
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
set jit = off
as $$
declare
    sequence regclass;
    running text[];
    old home.watermarks%rowtype;
    new home.watermarks%rowtype;
begin
    select * into old from home.watermarks w where w.relation = followed for update skip locked;
    if not found then
        if exists (select from home.watermarks w where w.relation = followed) then
            return;
        end if;
        raise exception 'there is no watermark for %', followed using errcode = 'undefined_object';
    end if;
    sequence := pg_get_serial_sequence(format('home.%I', followed), 'id');
    if sequence is null or (select seqcache from pg_sequence where seqrelid = sequence) <> 1 then
        raise exception 'the ids of % must come from a sequence that belongs to its column and has no cache', followed
            using errcode = 'object_not_in_prerequisite_state';
    end if;
    new := old;

    if new.candidate is not null and new.server_start <> pg_postmaster_start_time() then
        -- The server that knew the holders is gone.
        new.candidate := null;
    end if;
    if new.candidate is not null then
        running := home.transactions_with_ids(sequence);
        -- After a crash that the same server has recovered from, a prepared transaction has another virtual
        -- transaction, which begins with -1.
        new.holders := array(select holder from unnest(running) holder
            where holder = any (new.holders) or holder like '-1/%' order by holder);
        if cardinality(new.holders) = 0 then
            new.id := new.candidate;
            new.candidate := null;
        end if;
    end if;

    if new.candidate is null then
        -- Two statements, in this order.
        execute format('select case when is_called then last_value else last_value - 1 end from %s', sequence)
            into new.candidate;
        new.holders := home.transactions_with_ids(sequence);
        new.candidate_since := clock_timestamp();
        new.server_start := pg_postmaster_start_time();
        if cardinality(new.holders) = 0 then
            new.id := greatest(new.id, new.candidate);
        end if;
        if new.candidate <= new.id then
            new.candidate := null;
            new.holders := '{}';
            new.candidate_since := null;
            new.server_start := null;
        end if;
    end if;

    if new is distinct from old then
        update home.watermarks w
            set id = new.id, candidate = new.candidate, holders = new.holders,
                candidate_since = new.candidate_since, server_start = new.server_start
            where w.relation = followed;
    end if;
    watermark := new.id;
    waits_since := new.candidate_since;
end
$$;

-- The first migration left this one to the search_path of its caller.
alter function home.store_form(text, uuid, text, timestamptz, text) set search_path = "home", pg_temp;

$sql$,
    tables => '{watermarks}',
    functions => '{transactions_with_ids(regclass)}',
    for_writers => '{advance_watermark(text)}');
