//! Who may send forms, and what the intake calls itself.

use std::{num::NonZeroUsize, sync::Arc};

use actix_web::http::Uri;
use hawk_auth::{Clients, Verifier};
use secrecy::SecretString;
use serde::Deserialize;
use service::settings::Environment;

/// Who may send forms, and what the intake calls itself.
#[derive(Clone, Debug)]
pub struct IntakeSettings {
    /// `UI_SECRET`, required where `INTAKE_AUTH` has `signature`, and `UI_SECRET_PREVIOUS`: requests signed with either
    /// are good, so that the secret can be changed without a gap. Empty where that scheme is off.
    pub ui_secrets: Vec<SecretString>,
    /// `HAWK_CLIENTS`, required where `INTAKE_AUTH` has `hawk`: `id:key` pairs with commas between, two keys of one id
    /// while a key is being changed. `HAWK_NONCES`: requests of the last 120 s that are remembered, default 200000.
    pub hawk: Option<Arc<Verifier>>,
    /// `PUBLIC_URL`: scheme, host and port as clients see them, without a last slash; default what the request says.
    pub public_url: Option<String>,
    /// Host and port of `PUBLIC_URL`.
    pub public_address: Option<(String, u16)>,
}

#[derive(Default, Deserialize)]
struct Variables {
    intake_auth: Option<String>,
    ui_secret: Option<String>,
    ui_secret_previous: Option<String>,
    hawk_clients: Option<String>,
    hawk_nonces: Option<String>,
    public_url: Option<String>,
    // Taken by the 2016 service, and still in its .env files; nothing uses it.
    #[serde(rename = "secret_key")]
    _secret_key: Option<String>,
}

impl IntakeSettings {
    /// Reads the variables. `INTAKE_AUTH` says which schemes are on: `signature`, the default, `hawk`, or both.
    pub fn read(environment: &mut Environment) -> Self {
        let v: Variables = environment.variables();
        let schemes = environment.text("INTAKE_AUTH", v.intake_auth, "signature");
        let schemes = environment.names("INTAKE_AUTH", &schemes);
        if schemes.iter().any(|scheme| !matches!(scheme.as_str(), "signature" | "hawk")) {
            environment
                .fault("INTAKE_AUTH", "must be signature, hawk, or both with a comma between");
        }
        let is_on = |scheme: &str| schemes.iter().any(|on| on == scheme);

        let mut ui_secrets = Vec::new();
        if is_on("signature") {
            ui_secrets.push(environment.secret("UI_SECRET", v.ui_secret));
            let previous = environment.optional("UI_SECRET_PREVIOUS", v.ui_secret_previous);
            ui_secrets.extend(previous.map(SecretString::from));
        }
        let nonces = environment.number(
            "HAWK_NONCES",
            v.hawk_nonces,
            DEFAULT_NONCES,
            NonZeroUsize::MIN..=MOST_NONCES,
        );
        let hawk = is_on("hawk").then(|| environment.required("HAWK_CLIENTS", v.hawk_clients));
        let hawk = hawk.filter(|clients| !clients.is_empty()).and_then(|clients| {
            match Clients::parse(&clients) {
                Ok(clients) => Some(Arc::new(Verifier::new(clients, nonces))),
                Err(error) => {
                    environment.fault("HAWK_CLIENTS", format_args!("is not right: {error}"));
                    None
                }
            }
        });

        let public_url = environment.optional("PUBLIC_URL", v.public_url);
        let public_address = public_url.as_deref().and_then(address);
        if public_url.is_some() && public_address.is_none() {
            let form =
                "must be http:// or https:// with a host, and a port where it is not the usual one";
            environment.fault("PUBLIC_URL", form);
        }
        let public_url = public_url.map(|url| url.trim_end_matches('/').to_owned());
        Self { ui_secrets, hawk, public_url, public_address }
    }
}

/// Some 12 MB when all are there, and 1,600 requests per second.
const DEFAULT_NONCES: NonZeroUsize = NonZeroUsize::new(200_000).unwrap();
const MOST_NONCES: NonZeroUsize = NonZeroUsize::new(100_000_000).unwrap();

/// Host and port of an origin, `None` where it is something else.
fn address(url: &str) -> Option<(String, u16)> {
    let uri: Uri = url.parse().ok()?;
    let usual = match uri.scheme_str() {
        Some("http") => 80,
        Some("https") => 443,
        _ => return None,
    };
    let host = uri.host().filter(|host| !host.is_empty())?.to_owned();
    let is_origin = uri.path_and_query().is_none_or(|path| path == "/");
    is_origin.then(|| (host, uri.port_u16().unwrap_or(usual)))
}
