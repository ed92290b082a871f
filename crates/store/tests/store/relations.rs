//! The relations that readers read: a view with typed columns for each form type.

mod changes;
mod indexes;
mod plans;
mod shapes;
mod times;
mod views;

use domain::FormType;
use store::{PublishError, Published};

use crate::support::Fixture;

#[track_caller]
fn all_done(published: Result<Published, PublishError>) -> Vec<String> {
    let Published { done, failed } = published.unwrap();
    assert_eq!(failed, []);
    done
}

/// A form type with these properties, as JSON members.
fn form_type(name: &str, properties: &str) -> FormType {
    let schema = format!(r#"{{"type": "object", "properties": {{{properties}}}}}"#);
    FormType::from_schema(name, &schema).unwrap()
}

impl Fixture {
    /// Publishes these form types, and returns what changed.
    fn publish(&self, form_types: &[FormType]) -> Vec<String> {
        all_done(self.store.publish(form_types))
    }

    /// Builds the missing indexes, and returns of which form types.
    fn index(&self) -> Vec<String> {
        all_done(self.store.index_relations())
    }

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
