-- Views of others that read a relation are not dropped: PostgreSQL refuses and names them.
do $$
declare
    made text;
begin
    for made in select format('%I.%I', schema, name) from relations order by schema, name loop
        execute format('drop view if exists %s', made);
    end loop;
    for made in
        select indexrelid::regclass from pg_index join pg_class on pg_class.oid = indexrelid
            where indrelid = 'forms'::regclass and starts_with(relname, 'forms_of_')
    loop
        execute format('drop index %s', made);
    end loop;
    if pg_has_role((select nspowner from pg_namespace where nspname = 'submissions'), 'usage') then
        drop schema submissions;
    end if;
end
$$;

drop function record_schema(text, text);
drop function read_date(text);
drop function read_time(text);
drop function frequent_parts(text);
drop table form_schemas, relations, relation_columns, forms_looked_at;
