//! The OpenAPI 3.1 document: every route, every answer, and the schema of every form type.

mod answers;
mod schemas;

use domain::{Encoding, FormType, FormTypes};
use serde_json::Value;
use service::trace;
use utoipa::openapi::{
    Components, Content, Header, HttpMethod, InfoBuilder, OpenApiBuilder, PathItem, PathsBuilder,
    Ref, Required, SecurityRequirement, Server,
    path::{Operation, OperationBuilder, Parameter, ParameterBuilder, ParameterIn},
    request_body::{RequestBody, RequestBodyBuilder},
    security::{ApiKey, ApiKeyValue, SecurityScheme},
};

use self::answers::{Routes, of_refusals};
use crate::{settings::IntakeSettings, signature, submission_id};

const ABOUT: &str = "Accepts form submissions and stores each in PostgreSQL, by way of Amazon SQS.

202 means that SQS has confirmed this submission. It is then stored exactly once, or set aside with the reason.

A path without its last slash gets 301 (`SlashAdded` among the responses of the components).
Signed requests get 404 for other paths (`NotFound`) and 405 for other methods (`MethodNotAllowed`).";

/// The document for these form types and signature schemes.
pub fn document(form_types: &FormTypes, intake: &IntakeSettings) -> Value {
    let get = |operation: Operation| PathItem::new(HttpMethod::Get, operation);
    let mut paths = PathsBuilder::new().path("/", get(refusing(index(), intake, Routes::Signed)));
    for form_type in form_types.iter() {
        let name = form_type.name();
        paths = paths
            .path(
                format!("/{name}/"),
                PathItem::new(HttpMethod::Post, refusing(submit(form_type), intake, Routes::Forms)),
            )
            .path(format!("/{name}/schema/"), get(open(schema(name))));
    }
    let paths = paths
        .path("/healthcheck/", get(open(alive())))
        .path("/healthcheck/ready/", get(open(ready())));
    let paths = paths.path("/_status", get(open(status())));

    let schemes = security_schemes(intake);
    let each = schemes
        .iter()
        .map(|(name, _)| SecurityRequirement::new(*name, [""; 0]))
        .collect::<Vec<_>>();
    let mut components = Components::new();
    components.headers.insert(trace::X_REQUEST_ID.as_str().to_owned(), request_id().into());
    components.responses =
        answers::all(intake).into_iter().map(|(name, answer)| (name, answer.into())).collect();
    components.security_schemes =
        schemes.into_iter().map(|(name, scheme)| (name.to_owned(), scheme.into())).collect();

    let info = InfoBuilder::new().title("directory-form-data").version(env!("CARGO_PKG_VERSION"));
    let document = OpenApiBuilder::new()
        .info(info.description(Some(ABOUT)).build())
        .servers(intake.public_url.as_ref().map(|url| [Server::new(url)]))
        .paths(paths)
        .components(Some(components))
        .security(Some(each))
        .build();
    // Maps whose keys are text always become JSON.
    let mut document = serde_json::to_value(document).unwrap_or_default();
    // utoipa's type for schemas lacks parts of JSON Schema, so these are inserted as JSON.
    if let Some(components) = document.get_mut("components").and_then(Value::as_object_mut) {
        components.insert("schemas".to_owned(), schemas::all(form_types));
    }
    document
}

fn security_schemes(intake: &IntakeSettings) -> Vec<(&'static str, SecurityScheme)> {
    let header = |name: &str, about: &str| {
        SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::with_description(name, about)))
    };
    let mut schemes = Vec::new();
    if !intake.ui_secrets.is_empty() {
        let about = "SHA-256 of path with query, body and the shared secret, in this order, as \
             lower-case hex.";
        schemes.push(("signature", header(signature::HEADER, about)));
    }
    if intake.hawk.is_some() {
        let about =
            "[Hawk](https://github.com/mozilla/hawk) with sha256 and the hash of the payload.";
        schemes.push(("hawk", header("Authorization", about)));
    }
    schemes
}

/// A route behind authentication, with the answers to requests that it refuses.
fn refusing(operation: OperationBuilder, intake: &IntakeSettings, routes: Routes) -> Operation {
    let refusals = of_refusals(intake, routes).into_iter();
    let operation = refusals.fold(operation, |operation, (status, name, _)| {
        operation.response(status.as_str(), Ref::from_response_name(name))
    });
    operation.parameter(traceparent()).build()
}

/// A route that is open to all.
fn open(operation: OperationBuilder) -> Operation {
    operation.parameter(traceparent()).securities(Some(Vec::<SecurityRequirement>::new())).build()
}

fn answered(operation: OperationBuilder, (status, answer): &(&str, &str)) -> OperationBuilder {
    operation.response(*status, Ref::from_response_name(*answer))
}

fn index() -> OperationBuilder {
    let operation = OperationBuilder::new().operation_id(Some("index")).tag("about");
    answered(operation.summary(Some("Where to send forms")), &("200", "Index"))
}

fn submit(form_type: &FormType) -> OperationBuilder {
    let name = form_type.name();
    let text =
        |member: &str| form_type.schema().get(member).and_then(Value::as_str).map(str::to_owned);
    let operation = OperationBuilder::new()
        .operation_id(Some(format!("submit {name}")))
        .tag(name)
        .summary(Some(text("title").unwrap_or_else(|| format!("Send a form of type {name}"))))
        .description(text("description"))
        .parameter(idempotency_key())
        .request_body(Some(body(form_type)));
    answered(operation, &("202", "Accepted"))
}

fn body(form_type: &FormType) -> RequestBody {
    let content = || Content::new(Some(Ref::from_schema_name(form_type.name())));
    let encodings = Encoding::ALL.into_iter().filter(|encoding| form_type.accepts(*encoding));
    let about = form_type.accepts(Encoding::UrlEncoded).then_some(
        "In the encodings other than JSON, every value is text in UTF-8. If a name comes more than once, \
         only its last value is stored, unless the schema says `\"type\": \"array\"` for it: then \
         all its values are stored, in their order.",
    );
    encodings
        .fold(RequestBodyBuilder::new().description(about), |body, encoding| {
            body.content(encoding.media_type(), content())
        })
        .required(Some(Required::True))
        .build()
}

fn schema(name: &str) -> OperationBuilder {
    let operation =
        OperationBuilder::new().operation_id(Some(format!("schema of {name}"))).tag(name);
    answered(operation.summary(Some("The JSON Schema of forms of this type")), &("200", "Schema"))
}

fn alive() -> OperationBuilder {
    let operation = OperationBuilder::new().operation_id(Some("alive")).tag("about");
    answered(operation.summary(Some("Whether the process is alive")), &("200", "Alive"))
}

fn ready() -> OperationBuilder {
    let operation = OperationBuilder::new().operation_id(Some("ready")).tag("about");
    let operation = operation.summary(Some("Whether the dependencies of the process respond"));
    [("200", "Ready"), ("503", "NotReady")].iter().fold(operation, answered)
}

fn status() -> OperationBuilder {
    let operation =
        OperationBuilder::new().operation_id(Some("status")).tag("about").parameter(simple());
    let operation = operation.summary(Some("Which build runs, and whether it can serve"));
    [("200", "Status"), ("503", "Status")].iter().fold(operation, answered)
}

fn simple() -> Parameter {
    ParameterBuilder::new()
        .name("simple")
        .parameter_in(ParameterIn::Query)
        .required(Required::False)
        .description(Some("With `1`, the dependencies are not checked."))
        .schema(Some(Ref::from_schema_name("Text")))
        .build()
}

fn idempotency_key() -> Parameter {
    let about = "Requests with the same key and the same content are one submission, however often \
                 you send it.";
    header(submission_id::HEADER, about, "IdempotencyKey")
}

fn traceparent() -> Parameter {
    let about = "W3C Trace Context. The log lines about this request have it. If it is missing or \
                 malformed, the api makes one.";
    header(trace::TRACEPARENT.as_str(), about, "Text")
}

fn header(name: &str, about: &str, schema: &str) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(about))
        .schema(Some(Ref::from_schema_name(schema)))
        .build()
}

fn request_id() -> Header {
    let mut header = Header::new(Ref::from_schema_name("TraceParent"));
    header.description =
        Some("The `traceparent` of this request: search the logs for it.".to_owned());
    header
}
