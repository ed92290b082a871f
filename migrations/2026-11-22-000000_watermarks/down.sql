-- Views of others that read the watermark are not dropped: PostgreSQL refuses and names them.
drop function advance_watermark(text);
drop function transactions_with_ids(regclass);
drop table watermarks;
drop function create_beside_forms(text, text[], text[], text[]);

alter function store_form(text, uuid, text, timestamptz, text) reset search_path;
