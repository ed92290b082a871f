-- The only copies of forms that were answered with 202 are not dropped.
do $$
begin
    if exists (select from invalid_messages where state = 'waiting') then
        raise exception 'messages wait in invalid_messages: send them back with `worker redrive`, or set their state to discarded';
    end if;
end
$$;

drop function invalid_messages_waiting();
drop function keep_invalid(text, uuid, text, bytea, bytea, text, integer);
drop function is_json(bytea, jsonb);
drop function is_erased(uuid, text);
drop function forms_with_ids(uuid, text);
drop function lock_identity(uuid, text);
drop table invalid_messages;
