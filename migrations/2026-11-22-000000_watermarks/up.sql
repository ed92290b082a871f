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

create table watermarks (
    relation text primary key,
    id bigint not null default 0,
    candidate bigint,
    holders text[] not null default '{}',
    candidate_since timestamptz,
    server_start timestamptz,
    check ((candidate is null) = (candidate_since is null))
);

insert into watermarks (relation) values ('forms');

-- The transactions that hold the lock with which nextval() protects a sequence: those that have drawn an id and may still
-- commit it. They are known by their virtual transaction, because a prepared transaction has no process.
create function transactions_with_ids(sequence regclass) returns text[]
language sql
volatile
return array(
    select virtualtransaction from pg_locks
        where locktype = 'relation' and relation = sequence and mode = 'RowExclusiveLock' and granted
            and database = (select oid from pg_database where datname = current_database()));

-- Makes one step. It returns the watermark, and since when it waits for a transaction that may still commit a row:
-- while that is not null, the caller calls again. It waits for nobody, and returns nulls if another call is at work on
-- the same watermark.
--
-- A transaction locks the sequence before it draws an id and keeps the lock to its end. So, when the sequence is read
-- first and its locks after it, every transaction with an id up to the one read is among the holders or has ended.
create function advance_watermark(followed text, out watermark bigint, out waits_since timestamptz)
language plpgsql
volatile
security definer
as $$
declare
    sequence regclass := pg_get_serial_sequence(followed, 'id');
    old watermarks%rowtype;
    new watermarks%rowtype;
begin
    select * into old from watermarks w where w.relation = followed for update skip locked;
    if not found then
        if exists (select from watermarks w where w.relation = followed) then
            return;
        end if;
        raise exception 'there is no watermark for %', followed using errcode = 'undefined_object';
    end if;
    new := old;

    if new.candidate is not null and new.server_start <> pg_postmaster_start_time() then
        -- The server that knew the holders is gone.
        new.candidate := null;
    end if;
    if new.candidate is not null then
        new.holders := array(select unnest(new.holders) intersect select unnest(transactions_with_ids(sequence)) order by 1);
        if new.holders = '{}' then
            new.id := new.candidate;
            new.candidate := null;
        end if;
    end if;

    if new.candidate is null then
        -- Two statements, in this order.
        execute format('select case when is_called then last_value else last_value - 1 end from %s', sequence)
            into new.candidate;
        new.holders := transactions_with_ids(sequence);
        new.candidate_since := clock_timestamp();
        new.server_start := pg_postmaster_start_time();
        if new.holders = '{}' then
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
        update watermarks w
            set id = new.id, candidate = new.candidate, holders = new.holders,
                candidate_since = new.candidate_since, server_start = new.server_start
            where w.relation = followed;
    end if;
    watermark := new.id;
    waits_since := new.candidate_since;
end
$$;

-- All functions of ours look up names in this schema and nowhere else, whatever their caller has set. Nobody but the
-- owner gets any right on what is new, except that those who insert into forms may advance its watermark.
do $$
declare
    made regprocedure;
    granted record;
begin
    foreach made in array array['store_form(text, uuid, text, timestamptz, text)', 'advance_watermark(text)',
        'transactions_with_ids(regclass)']::regprocedure[]
    loop
        execute format('alter function %s set search_path = %I, pg_temp', made, current_schema());
    end loop;

    for granted in
        select case grantee when 0 then 'public' else quote_ident(pg_get_userbyid(grantee)) end as grantee
            from pg_class, aclexplode(relacl)
            where oid = 'watermarks'::regclass and grantee <> relowner
    loop
        execute format('revoke all on watermarks from %s', granted.grantee);
    end loop;

    for granted in
        select oid::regprocedure as made,
                case grantee when 0 then 'public' else quote_ident(pg_get_userbyid(grantee)) end as grantee
            from pg_proc, aclexplode(coalesce(proacl, acldefault('f', proowner)))
            where oid in ('advance_watermark(text)'::regprocedure, 'transactions_with_ids(regclass)'::regprocedure)
                and grantee <> proowner
    loop
        execute format('revoke all on function %s from %s', granted.made, granted.grantee);
    end loop;

    for granted in
        select case grantee when 0 then 'public' else quote_ident(pg_get_userbyid(grantee)) end as grantee
            from pg_class, aclexplode(relacl)
            where oid = 'forms'::regclass and privilege_type = 'INSERT' and grantee <> relowner
    loop
        execute format('grant execute on function advance_watermark(text) to %s', granted.grantee);
    end loop;
end
$$;
