alter table forms
    drop column schema_digest,
    drop column traceparent,
    drop column erased_at;
