//! The form types that come with the service, and those of the documentation.

use std::collections::BTreeMap;

use domain::{Fields, FormType, FormTypes};
use serde_json::{Value, json};

use crate::answers::answers;

#[test]
fn an_enrolment_is_checked_field_by_field() {
    let types = FormTypes::new(&["enrolment".to_owned()], &BTreeMap::new()).unwrap();
    let enrolment = types.iter().next().unwrap();
    let good = json!({
        "export_status": "YES", "company_name": "Example Limited", "company_number": "AB123456",
        "date_of_creation": "2016-02-29", "sso_id": 1, "company_email": "test@example.com",
    });
    insta::assert_snapshot!(answers(
        enrolment,
        &good,
        &[
            ("as it is", json!({})),
            (
                "unknown and optional fields",
                json!({ "referrer": "x", "mobile_number": "07", "revenue": 1.50, "more": [null] })
            ),
            (
                "nothing",
                json!({ "export_status": "-", "company_name": "-", "company_number": "-", "date_of_creation": "-", "sso_id": "-", "company_email": "-" })
            ),
            ("another status", json!({ "export_status": "canary" })),
            ("each other status", json!({ "export_status": "NOT_YET" })),
            ("an empty name", json!({ "company_name": "" })),
            ("the longest name", json!({ "company_name": "é".repeat(255) })),
            ("too long a name", json!({ "company_name": "é".repeat(256) })),
            ("a null name", json!({ "company_name": null })),
            ("a short number", json!({ "company_number": "canary" })),
            ("a number with a line break", json!({ "company_number": "AB123456\n" })),
            ("digits of another script", json!({ "company_number": "٠٠٠٠٠٠٠٠" })),
            ("no such day", json!({ "date_of_creation": "2015-02-29" })),
            ("a date and time", json!({ "date_of_creation": "2016-02-29T00:00:00Z" })),
            ("zero", json!({ "sso_id": 0 })),
            ("a fraction", json!({ "sso_id": 1.5 })),
            ("a whole fraction", json!({ "sso_id": 2.0 })),
            (
                "a huge id",
                serde_json::from_str(r#"{ "sso_id": 123456789012345678901234567890 }"#).unwrap()
            ),
            ("text as id", json!({ "sso_id": "1" })),
            ("no address", json!({ "company_email": "canary" })),
            (
                "all at once",
                json!({ "export_status": "no", "company_name": "", "company_number": "1", "date_of_creation": "x", "sso_id": 0, "company_email": "@" })
            ),
        ]
    ));
}

#[test]
fn the_registration_in_deploy_is_checked_inside_data() {
    let text = include_str!("../../../../deploy/form-types/registration.schema.json");
    let registration = FormType::from_schema("registration", text).unwrap();
    let good = json!({ "data": {
        "company_name": "Example Limited", "contact_name": "Test", "email_address1": "test@example.com",
        "email_address2": "test@example.com", "website": "example.com", "phone_number": "", "exporting": "False",
        "marketing_source": "Social media", "marketing_source_other": "", "marketing_source_bank": "", "opt_in": true,
        "agree_terms": true,
    }});
    insta::assert_snapshot!(answers(
        &registration,
        &good,
        &[
            ("as it is", json!({})),
            ("no data", json!({ "data": "-" })),
            ("null data", json!({ "data": null })),
            ("data as text", json!({ "data": "canary" })),
            (
                "another second address",
                json!({ "data": { "email_address2": "canary@example.com" } })
            ),
            ("no second address", json!({ "data": { "email_address2": "-" } })),
            ("Other and no words", json!({ "data": { "marketing_source": "Other" } })),
            (
                "Other and nothing",
                json!({ "data": { "marketing_source": "Other", "marketing_source_other": "-" } })
            ),
            (
                "Other with words",
                json!({ "data": { "marketing_source": "Other", "marketing_source_other": "A friend" } })
            ),
            ("no agreement", json!({ "data": { "agree_terms": false } })),
            ("perhaps exporting", json!({ "data": { "exporting": "perhaps", "opt_in": "yes" } })),
        ]
    ));
}

#[test]
fn the_example_in_the_documentation_works() {
    let document = include_str!("../../../../docs/how-to/add-a-form-type.md");
    let blocks = document.split("```json\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let [schema, good, bad, errors] = blocks.collect::<Vec<_>>().try_into().unwrap();
    let form_type = FormType::from_schema("event-booking", schema).unwrap();
    let check = |form: &str| form_type.check(&Fields::from_json(form.as_bytes()).unwrap());
    assert_eq!(check(good), Ok(()));
    assert_eq!(check(bad).unwrap_err().to_json(), serde_json::from_str::<Value>(errors).unwrap());
}

#[test]
fn an_operators_schema_replaces_the_built_in_one() {
    let strict = BTreeMap::from([("form".to_owned(), r#"{"required": ["x"]}"#.to_owned())]);
    let types = FormTypes::new(&["form".to_owned()], &strict).unwrap();
    let refusal =
        types.iter().next().unwrap().check(&Fields::from_json(b"{}").unwrap()).unwrap_err();
    assert_eq!(refusal.to_json(), json!({ "x": ["This field is required."] }));
    assert!(types.iter().next().unwrap().replaces_built_in());
    assert!(!FormType::form().replaces_built_in());
    assert!(!FormType::from_schema("other", "{}").unwrap().replaces_built_in());
}
