//! The relations that readers read: a view with typed columns for each form type.

mod changes;
mod indexes;
mod plans;
mod shapes;
mod times;
mod views;

use domain::FormType;

use crate::support::Fixture;

/// A form type with these properties, as JSON members.
fn form_type(name: &str, properties: &str) -> FormType {
    let schema = format!(r#"{{"type": "object", "properties": {{{properties}}}}}"#);
    FormType::from_schema(name, &schema).unwrap()
}

impl Fixture {
    fn insert(&self, form_type: &str, data: &str) {
        self.database.sql(&format!(
            "INSERT INTO forms (form_type, data) VALUES ('{form_type}', '{}')",
            data.replace('\'', "''")
        ));
    }

    /// Lets readers see all rows.
    fn advance(&self) {
        while self.store.advance_watermark().unwrap().is_none_or(|step| step.waits.is_some()) {}
    }

    /// What psql shows, once readers see all rows.
    fn read(&self, sql: &str) -> String {
        self.advance();
        self.database.sql(&format!("SET TIME ZONE 'UTC'; {sql}"))
    }
}
