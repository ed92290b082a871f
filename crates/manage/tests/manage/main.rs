//! The real program on a real PostgreSQL.
#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests")]

mod clients;
mod import;
mod support;

#[test]
fn the_reference_lists_every_variable() {
    let table = manage::settings::Settings::reference();
    test_kit::reference::check("settings.md", "manage", &table);
    test_kit::reference::check_env_json(&table);
}
