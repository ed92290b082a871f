//! The api's route without a queue: it reads the form, checks signature and schema, builds the message, gives the same
//! answer, and throws the message away.
//!
//! It leaves out the rest of the api's work (limits on bodies, Hawk, trace, logs), so their cost counts against the api.

use std::{io, net::SocketAddr, thread};

use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer,
    web::{self, Bytes},
};
use chrono::Utc;
use domain::{Encoding, Fields, FormType, Message, Submission};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use test_kit::forms::SECRET;
use uuid::Uuid;

use crate::requests::{FORM_TYPE, SCHEMA};

/// Serves until it is killed, on a free port of 127.0.0.1; it prints the port to standard error.
pub fn serve() -> io::Result<()> {
    actix_web::rt::System::new().block_on(async {
        let form_type =
            FormType::from_schema(FORM_TYPE, SCHEMA).expect("the schema in deploy/ is valid");
        let workers = thread::available_parallelism().map_or(2, usize::from);
        let server = HttpServer::new(move || {
            let resource =
                web::resource(format!("/{FORM_TYPE}/")).app_data(web::Data::new(form_type.clone()));
            App::new().service(resource.route(web::post().to(submit)))
        });
        let server = server.workers(workers).bind("127.0.0.1:0")?;
        let port = server.addrs().first().map_or(0, SocketAddr::port);
        eprintln!("Listening. port={port}");
        server.run().await
    })
}

async fn submit(request: HttpRequest, body: Bytes, form_type: web::Data<FormType>) -> HttpResponse {
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let expected = hex::encode(
        Sha256::new().chain_update(path).chain_update(&body).chain_update(SECRET).finalize(),
    );
    let signature =
        request.headers().get("X-Signature").map(|value| value.as_bytes()).unwrap_or_default();
    if !bool::from(expected.as_bytes().ct_eq(signature)) {
        return HttpResponse::BadRequest().body("PFO");
    }
    let checked = Fields::parse(&body, Encoding::Json)
        .and_then(|fields| form_type.check(&fields).map(|()| fields));
    let fields = match checked {
        Ok(fields) => fields,
        Err(refusal) => return HttpResponse::BadRequest().json(refusal.to_json()),
    };
    let submission = Submission {
        id: Uuid::now_v7(),
        form_type: FormType::clone(&form_type),
        received_at: Utc::now(),
        traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00".to_owned(),
        fields,
    };
    let data = submission.fields.get("data").unwrap_or("null");
    let answer = format!("{{\"data\":{data},\"id\":\"{}\"}}", submission.id);
    drop(std::hint::black_box(Message::from_submission(submission)));
    HttpResponse::Accepted().content_type("application/json").body(answer)
}
