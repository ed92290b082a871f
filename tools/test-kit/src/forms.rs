//! Forms and their signatures.

use sha2::{Digest, Sha256};

/// The UI secret of the services in tests and in the local run.
pub const SECRET: &str = "debug";

/// The signature of 2016: SHA-256 of the path with its query, the body and the secret, in
/// lower-case hex.
pub fn signature(path: &str, body: &[u8], secret: &str) -> String {
    hex::encode(Sha256::new().chain_update(path).chain_update(body).chain_update(secret).finalize())
}

/// An invented export registration as JSON. Each number gives another form.
pub fn registration(number: usize) -> String {
    serde_json::json!({ "data": {
        "company_name": format!("Example {number} Limited"),
        "contact_name": "Test Person",
        "email_address1": "test@example.com",
        "email_address2": "test@example.com",
        "website": "example.com",
        "phone_number": "",
        "exporting": "False",
        "marketing_source": "Social media",
        "marketing_source_other": "",
        "marketing_source_bank": "",
        "opt_in": true,
        "agree_terms": true,
        "number": number,
    }})
    .to_string()
}
