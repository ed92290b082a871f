//! The tables, for diesel's query builder.

diesel::table! {
    forms (id) {
        id -> BigInt,
        form_type -> Text,
        submission_id -> Nullable<Uuid>,
        sqs_message_id -> Nullable<Varchar>,
        data -> Jsonb,
        received_at -> Nullable<Timestamptz>,
        created -> Timestamptz,
    }
}

diesel::table! {
    __diesel_schema_migrations (version) {
        version -> Varchar,
    }
}
