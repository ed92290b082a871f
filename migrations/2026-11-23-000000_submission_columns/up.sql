-- What a row knows about its submission besides its fields:
--
--     forms
--       schema_digest  bytea        SHA-256 of the schema against which the api checked the fields
--       traceparent    text         the trace of the request, as in W3C Trace Context
--       erased_at      timestamptz  when the content was removed; such a row keeps its ids, and its data is JSON null
--
-- Adding columns without a default rewrites nothing.
alter table forms
    add column schema_digest bytea,
    add column traceparent text,
    add column erased_at timestamptz;
