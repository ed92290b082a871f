-- What readers may read: a view with typed columns for each form type, in the schema `submissions`.
--
--     form_schemas
--       form_type, digest   text, bytea  primary key; the digest is the SHA-256 of the schema
--       schema              text         the document: members sorted by name, no white space
--       first_seen          timestamptz  when a worker first had it
--
--     relations
--       schema, name        text         primary key; a view that is not listed here is not ours
--       key_column          text         the column by which readers follow it
--       definition          text         the query of the view, as it was written
--
--     relation_columns                   rows are only added, so that a view keeps all columns that it has ever had
--       form_type           text
--       property, type      text         unique with form_type
--       column_name         text         unique with form_type
--       position            int          unique with form_type; the first is 1
--
--     forms_looked_at
--       up_to               bigint       form types up to this id were looked for in forms
--
-- `worker migrate`, or a worker that may migrate, makes the views and an index for each.
select create_beside_forms(format($sql$

create table home.form_schemas (
    form_type text not null,
    digest bytea not null,
    schema text not null,
    first_seen timestamptz not null default now(),
    primary key (form_type, digest),
    check (digest = sha256(convert_to(schema, 'UTF8')))
);

create table home.relations (
    schema text not null,
    name text not null,
    key_column text not null,
    definition text not null,
    primary key (schema, name)
);

create table home.relation_columns (
    form_type text not null,
    property text not null,
    type text not null check (type in ('text', 'date', 'timestamptz', 'bigint', 'numeric', 'boolean', 'jsonb')),
    column_name text not null,
    position int not null,
    unique (form_type, property, type),
    unique (form_type, column_name),
    primary key (form_type, position)
);

create table home.forms_looked_at (up_to bigint not null);
insert into home.forms_looked_at values (0);

-- Remembers a schema with which a worker started, and returns its digest.
create function home.record_schema(form_type text, schema text) returns bytea
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    digest bytea := sha256(convert_to(record_schema.schema, 'UTF8'));
begin
    insert into home.form_schemas (form_type, digest, schema)
        values (record_schema.form_type, digest, record_schema.schema)
        on conflict do nothing;
    return digest;
end
$$;

-- The next two read the formats `date` and `date-time` of JSON Schema, which are those of RFC 3339. They answer null for
-- any other text, and for the year 0, which PostgreSQL does not have: a view must not fail because of one value.
--
-- They look before they cast, because an exception block would forbid parallel plans. Two digits at a time are compared
-- with a list, because a regular expression of this size takes five times as long as the cast. What is frequent comes
-- first; other ways to write a time take longer.
-- They have no search_path of their own, because setting it would double the time of a call: they run with the rights of
-- their caller and name no object except each other.
create function home.read_date(value text) returns date
language plpgsql
immutable
strict
parallel safe
as $$
begin
    if value like '____-__-__' and substr(value, 1, 2) = any (%1$L) and substr(value, 3, 2) = any (%1$L)
        and substr(value, 1, 4) <> '0000'
        and (substr(value, 6, 5) = any (%2$L)
            or substr(value, 6, 5) = '02-29'
                and case substr(value, 3, 2) when '00' then substr(value, 1, 2) else substr(value, 3, 2) end::int
                    %% 4 = 0)
    then
        return value::date;
    end if;
    return null;
end
$$;

create function home.read_time(value text) returns timestamptz
language plpgsql
immutable
strict
parallel safe
as $$
declare
    rest text;
    seconds text;
    moment timestamptz;
    zone interval;
begin
    if value like '____-__-__T__:__:__%%' and substr(value, 3, 2) = any (%1$L)
        and substr(value, 6, 5) = any (%2$L) and substr(value, 1, 2) = any (%5$L)
        and substr(value, 12, 2) = any (%3$L) and substr(value, 15, 2) = any (%4$L) and substr(value, 18, 2) = any (%4$L)
    then
        rest := substr(value, 20);
        if rest = 'Z'
            or rest like '.___Z' and substr(rest, 2, 2) = any (%1$L) and strpos('0123456789', substr(rest, 4, 1)) > 0
            or rest like '+__:__' and substr(rest, 2, 2) = any ('{00,01,02,03}') and substr(rest, 5, 2) = any (%4$L)
        then
            return value::timestamptz;
        end if;
    end if;

    if value !~* '^.{10}T([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)([.][0-9]+)?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$'
        or home.read_date(substr(value, 1, 10)) is null
    then
        return null;
    end if;
    -- PostgreSQL itself knows no offset above 15:59, no second 60 with a fraction, and no text of this length.
    rest := substr(value, 20);
    seconds := substr(value, 18, 2);
    moment := (substr(value, 1, 10) || ' ' || substr(value, 12, 6)
        || case seconds when '60' then '59' else seconds end
        || coalesce(substring(rest from '^[.][0-9]{1,9}'), '') || 'Z')::timestamptz;
    if rest like '%%:%%' then
        zone := make_interval(hours => substr(right(rest, 5), 1, 2)::int, mins => right(rest, 2)::int);
        moment := case substr(right(rest, 6), 1, 1) when '+' then moment - zone else moment + zone end;
    end if;
    if seconds = '60' then
        -- A leap second is the last of a day in UTC.
        if extract(epoch from date_trunc('minute', moment))::bigint %% 86400 <> 86340 then
            return null;
        end if;
        moment := moment + interval '1 s';
    end if;
    return moment;
end
$$;

-- How the parts of a date and a time are mostly written: the views compare with these lists before they cast, and call the
-- functions above only if a part is not there. PostgreSQL calls it once for a plan and looks up the list by hash.
create function home.frequent_parts(part text) returns text[]
language plpgsql
immutable
strict
parallel safe
as $$
begin
    return case part
        when 'year' then %6$L::text[]
        when 'day' then %2$L::text[]
        when 'minute' then %7$L::text[]
        when 'second' then %8$L::text[]
    end;
end
$$;

comment on column home.form_schemas.form_type is 'the form type';
comment on column home.form_schemas.digest is 'the SHA-256 of the schema';
comment on column home.form_schemas.schema is 'the document: members sorted by name, no white space';
comment on column home.form_schemas.first_seen is 'the time when a worker first had it';
comment on column home.relations.schema is 'the schema of the view';
comment on column home.relations.name is 'the name of the view';
comment on column home.relations.key_column is 'the column by which readers follow it';
comment on column home.relations.definition is 'the query of the view, as it was written';
comment on column home.relation_columns.form_type is 'the form type';
comment on column home.relation_columns.property is 'the name of the property in the form';
comment on column home.relation_columns.type is 'the type of the column';
comment on column home.relation_columns.column_name is 'the name of the column in the view';
comment on column home.relation_columns.position is 'its place among the columns of properties; the first is 1';
comment on column home.forms_looked_at.up_to is 'form types up to this id were looked for in `forms`';
comment on function home.record_schema(text, text) is 'remembers a schema with which a worker started, and returns its digest';
comment on function home.read_date(text) is 'reads a `date` of JSON Schema; null for any other text';
comment on function home.read_time(text) is 'reads a `date-time` of JSON Schema; null for any other text';
comment on function home.frequent_parts(text) is
    'how a part of a date or a time is mostly written: a `year`, a `day`, a `minute` or a `second`';

$sql$,
    (select array_agg(lpad(n::text, 2, '0') order by n)::text from generate_series(0, 99) n),
    -- The days of every year
    (select array_agg(to_char(date '2001-01-01' + n, 'MM-DD') order by n)::text from generate_series(0, 364) n),
    (select array_agg(lpad(n::text, 2, '0') order by n)::text from generate_series(0, 23) n),
    (select array_agg(lpad(n::text, 2, '0') order by n)::text from generate_series(0, 59) n),
    (select array_agg(lpad(n::text, 2, '0') order by n)::text from generate_series(1, 99) n),
    (select array_agg(n || '-' order by n)::text from generate_series(1900, 2099) n),
    (select array_agg(to_char(time '00:00' + n * interval '1 min', '"T"HH24:MI') order by n)::text
        from generate_series(0, 1439) n),
    (select array_agg(to_char(n, '":"FM00"Z"') order by n)::text from generate_series(0, 59) n)),
    tables => '{form_schemas, relations, relation_columns, forms_looked_at}',
    functions => '{read_date(text), read_time(text), frequent_parts(text)}',
    for_writers => '{"record_schema(text, text)"}');

-- A migrator that may not create schemas finds it made by roles.sql, or the views have to wait for that.
do $$
begin
    if to_regnamespace('submissions') is null and has_database_privilege(current_database(), 'create') then
        execute format('create schema submissions authorization %s',
            (select relowner::regrole from pg_class where oid = 'forms'::regclass));
    end if;
end
$$;
