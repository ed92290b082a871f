//! Who may send forms, and the public address of the intake.

use std::{num::NonZeroUsize, sync::Arc};

use actix_web::http::Uri;
use hawk_auth::{Clients, Verifier};
use secrecy::SecretString;
use service::settings::{Environment, Variable};

use crate::repeats::Repeats;

/// Who may send forms, and the public address of the intake.
#[derive(Clone, Debug)]
pub struct IntakeSettings {
    /// A request signed with any of them is accepted. Empty if the scheme `signature` is off.
    pub ui_secrets: Vec<SecretString>,
    /// The variables whose secrets have fewer than [`SHORT`] characters.
    short_secrets: Vec<&'static str>,
    /// `None` if a request that is repeated is a new submission.
    pub repeats: Option<Arc<Repeats>>,
    /// `None` if the scheme `hawk` is off.
    pub hawk: Option<Arc<Verifier>>,
    /// Without a slash at the end.
    pub public_url: Option<String>,
    /// Host and port of `public_url`.
    pub public_address: Option<(String, u16)>,
}

/// Whoever sees one signed request can guess a shorter secret. Secrets of 2016 may be shorter.
const SHORT: usize = 16;

/// The values of `INTAKE_AUTH`.
const SCHEMES: &str = "signature, hawk, or both with a comma between";
/// The values of `PUBLIC_URL`.
const ORIGIN: &str = "http:// or https:// with a host, and a port if it is not the usual one";

/// They take about 12 MB once that many are remembered, and allow 1,600 requests per second.
const DEFAULT_NONCES: NonZeroUsize = NonZeroUsize::new(200_000).unwrap();
const MOST_NONCES: NonZeroUsize = NonZeroUsize::new(100_000_000).unwrap();

impl IntakeSettings {
    /// Reads the variables.
    pub fn read(environment: &mut Environment) -> Self {
        let schemes = environment.names(
            "INTAKE_AUTH",
            "signature",
            SCHEMES,
            "How requests may be authenticated: with the signature of 2016, or with Hawk.",
        );
        if schemes.iter().any(|scheme| !matches!(scheme.as_str(), "signature" | "hawk")) {
            environment.fault("INTAKE_AUTH", format_args!("must be {SCHEMES}"));
        }
        let is_on = |scheme: &str| schemes.iter().any(|on| on == scheme);
        let (ui_secrets, short_secrets) = ui_secrets(environment, is_on("signature"));
        let keep_for = environment.seconds(
            "SIGNATURE_REPLAY_SECONDS",
            0,
            0..=3600,
            "A request with the signature of 2016 that is repeated within this time is the same submission; 0 means never. Two people who send an equal form in this time count as one.",
        );
        let repeats = Repeats::new(keep_for).map(Arc::new);
        let hawk = hawk(environment, is_on("hawk"));
        let public = environment.parsed(
            "PUBLIC_URL",
            "the address in the request",
            ORIGIN,
            "The address of the intake as clients see it, for example in front of a proxy.",
            |url| Some((url.trim_end_matches('/').to_owned(), address(url)?)),
        );
        let (public_url, public_address) = public.unzip();
        // Variables of the 2016 service that are still in its .env files.
        environment.declare(Variable::new(
            "SECRET_KEY",
            "none",
            "any text",
            "Accepted so that `.env` files of 2016 work; not used.",
        ));
        Self { ui_secrets, short_secrets, repeats, hawk, public_url, public_address }
    }

    /// Logs a warning for each secret that is easily guessed.
    pub fn warn_of_short_secrets(&self) {
        for variable in &self.short_secrets {
            log::warn!(
                variable;
                "A secret has fewer than {SHORT} characters, so it is easily guessed."
            );
        }
    }
}

/// The secrets, and the names of those that are short.
fn ui_secrets(
    environment: &mut Environment,
    is_on: bool,
) -> (Vec<SecretString>, Vec<&'static str>) {
    let current = environment.required_if(
        is_on,
        "UI_SECRET",
        "`INTAKE_AUTH` has `signature`",
        "a secret",
        "The secret that signs requests in the scheme of 2016.",
    );
    let previous = environment.optional_if(
        is_on,
        "UI_SECRET_PREVIOUS",
        "none",
        "a secret",
        "A second secret that is accepted too, so that you can change `UI_SECRET` without a gap.",
    );
    let secrets = [("UI_SECRET", current), ("UI_SECRET_PREVIOUS", previous)];
    let secrets = secrets.into_iter().filter_map(|(name, secret)| Some((name, secret?)));
    let (mut all, mut short) = (Vec::new(), Vec::new());
    for (name, secret) in secrets {
        if secret.chars().count() < SHORT {
            short.push(name);
        }
        all.push(SecretString::from(secret));
    }
    (all, short)
}

fn hawk(environment: &mut Environment, is_on: bool) -> Option<Arc<Verifier>> {
    let clients = environment.required_if(
        is_on,
        "HAWK_CLIENTS",
        "`INTAKE_AUTH` has `hawk`",
        "`id:key` pairs with commas between them",
        "The clients that may sign requests with Hawk. An id may have two keys while you change its key.",
    );
    let nonces = environment.number(
        "HAWK_NONCES",
        DEFAULT_NONCES,
        NonZeroUsize::MIN..=MOST_NONCES,
        "How many requests of the last 120 s are remembered, so that a copy of one is refused.",
    );
    let clients = clients.filter(|clients| !clients.is_empty())?;
    match Clients::parse(&clients) {
        Ok(clients) => Some(Arc::new(Verifier::new(clients, nonces))),
        Err(errors) => {
            for error in errors {
                environment.fault("HAWK_CLIENTS", format_args!("is not right: {error}"));
            }
            None
        }
    }
}

/// Host and port of an origin, `None` if the URL is something else.
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
