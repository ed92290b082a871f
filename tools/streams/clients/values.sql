-- A table with every type, and in each column the values that are hard for somebody. :rows says how many.
CREATE SCHEMA "org.proof";
CREATE TABLE "org.proof"."L0" (
    id bigint PRIMARY KEY,
    small smallint,
    whole integer,
    big bigint,
    exact numeric,
    price numeric(20, 4),
    single real,
    "double" double precision,
    yes boolean,
    words text,
    characters text NOT NULL,
    code varchar(12),
    padded char(5),
    day date,
    moment timestamp,
    instant timestamptz,
    clock time,
    span interval,
    uid uuid,
    raw bytea,
    doc jsonb,
    digits jsonb,
    names text[],
    amounts numeric[],
    days date[]
);
COMMENT ON COLUMN "org.proof"."L0".exact IS 'With all digits';

-- Pseudo-random, and the same in every run.
CREATE FUNCTION pg_temp.draw(n bigint, what text) RETURNS bigint IMMUTABLE LANGUAGE sql
    AS $$ SELECT ('x' || left(md5(what || n), 16))::bit(64)::bigint $$;
-- Every character in turn: all code points except NUL and the surrogates.
CREATE FUNCTION pg_temp.one_character(n bigint) RETURNS text IMMUTABLE LANGUAGE sql
    AS $$ SELECT chr((CASE WHEN k < 55295 THEN k + 1 ELSE k + 2049 END)::int) FROM (SELECT n % 1112063 AS k) AS of_all $$;

SET intervalstyle = 'postgres';
INSERT INTO "org.proof"."L0"
SELECT
    n,
    CASE WHEN n % 11 <> 0 THEN (pg_temp.draw(n, 'small') % 32768)::smallint END,
    CASE WHEN n % 12 <> 0 THEN (pg_temp.draw(n, 'whole') % 2147483648)::integer END,
    CASE n % 13 WHEN 0 THEN NULL WHEN 1 THEN 9007199254740993 WHEN 2 THEN -9223372036854775808 ELSE pg_temp.draw(n, 'big') END,
    CASE n % 9 WHEN 0 THEN NULL WHEN 1 THEN 'NaN' WHEN 2 THEN 1.500 WHEN 3 THEN 1e30::numeric WHEN 4 THEN -0.00000000000000000000010
        ELSE (abs(pg_temp.draw(n, 'a') / 10) || lpad(abs(pg_temp.draw(n, 'b') / 10)::text, 18, '0') || '.' || lpad((n % 1000000)::text, 20, '7') || '0')::numeric END,
    CASE WHEN n % 14 <> 0 THEN pg_temp.draw(n, 'price') / 10000.0::numeric END,
    CASE n % 15 WHEN 0 THEN NULL WHEN 1 THEN 'NaN' WHEN 2 THEN '-Infinity' WHEN 3 THEN '1e-45' ELSE (pg_temp.draw(n, 'single') / 3.0e10)::real END,
    CASE n % 16 WHEN 0 THEN NULL WHEN 1 THEN 'NaN' WHEN 2 THEN 'Infinity' WHEN 3 THEN 5e-324 WHEN 4 THEN '-0' WHEN 5 THEN 0.1::float8 + 0.2::float8
        ELSE pg_temp.draw(n, 'double') * power(10::float8, (n % 500 - 250)::float8) END,
    CASE n % 3 WHEN 0 THEN NULL WHEN 1 THEN true ELSE false END,
    CASE n % 14
        WHEN 0 THEN NULL WHEN 1 THEN '' WHEN 2 THEN E'two\r\nlines, "quoted";\ttab' WHEN 3 THEN '\N' WHEN 4 THEN '\.' WHEN 5 THEN 'NULL'
        WHEN 6 THEN '=HYPERLINK("http://127.0.0.1:1/' || n || '","click")' WHEN 7 THEN '  blanks  ' WHEN 8 THEN '"' WHEN 9 THEN E'\n'
        WHEN 10 THEN '''=1+1' WHEN 11 THEN 'nan' WHEN 12 THEN repeat('Straße ', (n % 50)::int)
        ELSE '-' || n END,
    pg_temp.one_character(2 * n - 2) || 'x' || pg_temp.one_character(2 * n - 1),
    CASE n % 5 WHEN 0 THEN NULL WHEN 1 THEN '' WHEN 2 THEN lpad((n % 1000)::text, 8, '0') ELSE n::text END,
    CASE n % 5 WHEN 0 THEN NULL WHEN 1 THEN '' ELSE (n % 999)::text END,
    CASE n % 17 WHEN 0 THEN NULL WHEN 1 THEN '0001-01-01' WHEN 2 THEN '9999-12-31' ELSE date '1600-02-29' + (n * 7 % 250000)::int END,
    CASE n % 18 WHEN 0 THEN NULL WHEN 1 THEN '0001-01-01 00:00:00' WHEN 2 THEN '9999-12-31 23:59:59.999999'
        ELSE timestamp '1900-02-28 23:59:59.999999' + (n % 2000000) * interval '1 hour 1.000003 seconds' END,
    CASE n % 19 WHEN 0 THEN NULL WHEN 1 THEN '1969-12-31 23:59:59.999999Z' WHEN 2 THEN '2026-10-25 00:30:00Z'
        ELSE timestamptz '1970-01-01 00:00:00Z' + (n % 2000000) * interval '13 minutes 0.000001 seconds' END,
    CASE WHEN n % 20 <> 0 THEN time '00:00' + (n % 86399) * interval '1.000001 seconds' END,
    CASE WHEN n % 21 <> 0 THEN n % 100 * interval '1 month' - n % 1000 * interval '1 day' + n % 86400 * interval '0.25 seconds' END,
    CASE WHEN n % 22 <> 0 THEN md5(n::text)::uuid END,
    CASE n % 6 WHEN 0 THEN NULL WHEN 1 THEN '' ELSE decode(left(md5(n::text), (2 * (n % 16))::int), 'hex') END,
    CASE n % 7 WHEN 0 THEN NULL WHEN 1 THEN 'null' WHEN 2 THEN '"=1+1"' WHEN 3 THEN '[]'
        ELSE jsonb_build_object('n', n, 'deep', jsonb_build_array(n % 2 = 0, NULL, jsonb_build_object('', ''), 1.5), 'text', pg_temp.one_character(n) || '"\') END,
    CASE WHEN n % 8 <> 0 THEN ('{"exact": ' || abs(pg_temp.draw(n, 'b')) || abs(pg_temp.draw(n, 'c')) || '.10, "list": [1.0, 1.00, 1e2]}')::jsonb END,
    CASE n % 7 WHEN 0 THEN NULL WHEN 1 THEN '{}' WHEN 2 THEN ARRAY[NULL, '', 'null', 'NULL'] ELSE ARRAY['a,b', '"' || n || '"', '{\}', pg_temp.one_character(n)] END,
    CASE n % 7 WHEN 0 THEN NULL WHEN 1 THEN '{}' WHEN 2 THEN ARRAY[NULL, 1.50] ELSE ARRAY[pg_temp.draw(n, 'list')::numeric * 1000000007 + 0.10, n] END,
    CASE n % 7 WHEN 0 THEN NULL WHEN 1 THEN '{}' WHEN 2 THEN ARRAY[NULL, date '2024-02-29'] ELSE ARRAY[date '2000-02-29' + (n % 30000)::int, '1850-01-01'] END
FROM generate_series(1::bigint, :rows) n;
ANALYZE "org.proof"."L0";
INSERT INTO relations VALUES ('org.proof', 'L0', 'id', 'a table');
