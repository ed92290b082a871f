//! Who may send forms, and what the intake calls itself.

use process::settings::Environment;
use secrecy::SecretString;
use serde::Deserialize;

/// Who may send forms, and what the intake calls itself.
#[derive(Clone, Debug)]
pub struct IntakeSettings {
    /// `UI_SECRET`, required, and `UI_SECRET_PREVIOUS`: requests signed with either are good,
    /// so that the secret can be changed without a gap.
    pub ui_secrets: Vec<SecretString>,
    /// `PUBLIC_URL`: scheme, host and port as clients see them, without a last slash; default what the request says.
    pub public_url: Option<String>,
}

#[derive(Default, Deserialize)]
struct Variables {
    ui_secret: Option<String>,
    ui_secret_previous: Option<String>,
    public_url: Option<String>,
    // Taken by the 2016 service, and still in its .env files; nothing uses it.
    #[serde(rename = "secret_key")]
    _secret_key: Option<String>,
}

impl IntakeSettings {
    /// Reads the variables.
    pub fn read(environment: &mut Environment) -> Self {
        let variables: Variables = environment.variables();
        let current = environment.secret("UI_SECRET", variables.ui_secret);
        let previous = environment.optional("UI_SECRET_PREVIOUS", variables.ui_secret_previous);
        let public_url = environment.optional("PUBLIC_URL", variables.public_url);
        if let Some(url) = &public_url
            && !is_origin(url)
        {
            environment.fault(
                "PUBLIC_URL",
                "must be http:// or https:// with a host, and a port where it is not the usual one",
            );
        }
        Self {
            ui_secrets: [current].into_iter().chain(previous.map(SecretString::from)).collect(),
            public_url: public_url.map(|url| url.trim_end_matches('/').to_owned()),
        }
    }
}

fn is_origin(url: &str) -> bool {
    let uri: Result<actix_web::http::Uri, _> = url.parse();
    uri.is_ok_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.host().is_some_and(|host| !host.is_empty())
            && uri.path_and_query().is_none_or(|path| path == "/")
    })
}
