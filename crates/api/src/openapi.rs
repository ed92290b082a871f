//! The OpenAPI 3.1 document: every route, every answer, and the schema of every form type that is served.

mod answers;
mod schemas;

use domain::{Encoding, FormType, FormTypes};
use serde_json::Value;
use utoipa::openapi::{
    Components, Content, Header, HttpMethod, InfoBuilder, OpenApiBuilder, PathItem, PathsBuilder,
    Ref, Required, SecurityRequirement, Server,
    path::{Operation, OperationBuilder, Parameter, ParameterBuilder, ParameterIn},
    request_body::{RequestBody, RequestBodyBuilder},
    security::{ApiKey, ApiKeyValue, SecurityScheme},
};

use crate::{settings::IntakeSettings, signature, submission_id, trace};

const ABOUT: &str = "Takes form submissions and gets every one of them into PostgreSQL, through Amazon SQS.

202 means that SQS has confirmed this very submission; it is then stored exactly once.

A path without its last slash is answered with 301 (`SlashAdded` among the responses of the components).
Signed requests to other paths get 404 (`NotFound`), those with other methods 405 (`MethodNotAllowed`).";

/// The document for these form types and these ways to sign.
pub fn document(form_types: &FormTypes, intake: &IntakeSettings) -> Value {
    let get = |operation: Operation| PathItem::new(HttpMethod::Get, operation);
    let mut paths = PathsBuilder::new().path("/", get(signed(index(), intake)));
    for form_type in form_types.iter() {
        let name = form_type.name();
        paths = paths
            .path(
                format!("/{name}/"),
                PathItem::new(HttpMethod::Post, signed(submit(form_type), intake)),
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
    components.responses = answers::all(intake)
        .into_iter()
        .map(|(name, answer)| (name.to_owned(), answer.into()))
        .collect();
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
    // Maps with text as keys, which always become JSON.
    let mut document = serde_json::to_value(document).unwrap_or_default();
    // utoipa's type for schemas has not all of JSON Schema: these are put in as they are.
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
        let about = "SHA-256 of path with query, body and the shared secret, in this order, as lower-case hex.";
        schemes.push(("signature", header(signature::HEADER, about)));
    }
    if intake.hawk.is_some() {
        let about =
            "[Hawk](https://github.com/mozilla/hawk) with sha256 and the hash of the payload.";
        schemes.push(("hawk", header("Authorization", about)));
    }
    schemes
}

/// What is added to a route behind authentication, which reads the body first.
fn signed(operation: OperationBuilder, intake: &IntakeSettings) -> Operation {
    let answers =
        answers::OF_SIGNED.iter().chain(intake.hawk.is_some().then_some(&answers::UNAUTHORIZED));
    answers.fold(operation, answered).parameter(traceparent()).build()
}

/// What is added to a route that anyone may ask.
fn open(operation: OperationBuilder) -> Operation {
    operation.parameter(traceparent()).securities(Some(Vec::<SecurityRequirement>::new())).build()
}

fn answered(operation: OperationBuilder, (status, answer): &(&str, &str)) -> OperationBuilder {
    operation.response(*status, Ref::from_response_name(*answer))
}

fn index() -> OperationBuilder {
    let operation = OperationBuilder::new().operation_id(Some("index")).tag("about");
    answered(operation.summary(Some("Where forms are sent to")), &("200", "Index"))
        .response("400", Ref::from_response_name("BrokeOff"))
}

fn submit(form_type: &FormType) -> OperationBuilder {
    let name = form_type.name();
    let text =
        |member: &str| form_type.schema().get(member).and_then(Value::as_str).map(str::to_owned);
    let operation = OperationBuilder::new()
        .operation_id(Some(format!("submit {name}")))
        .tag(name)
        .summary(Some(text("title").unwrap_or_else(|| format!("Sends a form of type {name}"))))
        .description(text("description"))
        .parameter(idempotency_key())
        .request_body(Some(body(form_type)));
    answers::OF_A_FORM.iter().fold(operation, answered)
}

fn body(form_type: &FormType) -> RequestBody {
    let content = || Content::new(Some(Ref::from_schema_name(form_type.name())));
    let encodings = Encoding::ALL.into_iter().filter(|encoding| form_type.accepts(*encoding));
    encodings
        .fold(RequestBodyBuilder::new(), |body, encoding| {
            body.content(encoding.media_type(), content())
        })
        .required(Some(Required::True))
        .build()
}

fn schema(name: &str) -> OperationBuilder {
    let operation =
        OperationBuilder::new().operation_id(Some(format!("schema of {name}"))).tag(name);
    answered(operation.summary(Some("What a form of this type must hold")), &("200", "Schema"))
}

fn alive() -> OperationBuilder {
    let operation = OperationBuilder::new().operation_id(Some("alive")).tag("about");
    answered(operation.summary(Some("Whether the process lives")), &("200", "Alive"))
}

fn ready() -> OperationBuilder {
    let operation = OperationBuilder::new().operation_id(Some("ready")).tag("about");
    let operation = operation.summary(Some("Whether what the process needs answers"));
    [("200", "Ready"), ("503", "NotReady")].iter().fold(operation, answered)
}

fn status() -> OperationBuilder {
    let operation =
        OperationBuilder::new().operation_id(Some("status")).tag("about").parameter(simple());
    let operation = operation.summary(Some("What runs here, and whether it can serve"));
    [("200", "Status"), ("503", "Status")].iter().fold(operation, answered)
}

fn simple() -> Parameter {
    ParameterBuilder::new()
        .name("simple")
        .parameter_in(ParameterIn::Query)
        .required(Required::False)
        .description(Some("`1` asks nothing of anyone."))
        .schema(Some(Ref::from_schema_name("Text")))
        .build()
}

fn idempotency_key() -> Parameter {
    let about =
        "The same key with the same content is the same submission, however often it is sent.";
    header(submission_id::HEADER, about, "IdempotencyKey")
}

fn traceparent() -> Parameter {
    let about = "W3C Trace Context, carried through to the log lines; one is made where there is none that can be read.";
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
        Some("The `traceparent` of this request, to be found in the logs by.".to_owned());
    header
}
