//! Lets a request through if it is known who asks, and signs the answer.

use std::{sync::Arc, time::Duration};

use actix_web::{
    Error, HttpMessage,
    body::{BoxBody, MessageBody},
    dev::{Payload, ServiceRequest, ServiceResponse},
    http::{
        Method, StatusCode,
        header::{self, HeaderName, HeaderValue},
    },
    middleware::Next,
    web::{self, Bytes, BytesMut},
};
use futures_util::StreamExt as _;
use tokio::time::timeout;

use crate::{
    access::{Access, Caller},
    budget::{Held, Share},
    named::Named,
    notes::Notes,
    refusal::Refusal,
};

const SERVER_AUTHORIZATION: HeaderName = HeaderName::from_static("server-authorization");

/// A body is a list of parameters or of ids.
const MOST_BODY_BYTES: usize = 256 << 10;
const BODY_WITHIN: Duration = Duration::from_secs(30);

/// Middleware around every route that reads: the handlers get the body in memory, and an
/// `Arc<Caller>` as an extension. OPTIONS needs no credentials.
pub async fn authenticate<B: MessageBody + 'static>(
    access: web::Data<Access>,
    notes: web::Data<Notes>,
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    if request.method() == Method::OPTIONS {
        return Ok(next.call(request).await?.map_into_boxed_body());
    }
    let payload = request.take_payload();
    let (caller, body) = match admit(&access, &request, payload).await {
        Ok((caller, body)) => (Arc::new(caller), body),
        Err(refusal) => {
            if let Refusal::NotRecognised(cause) = &refusal {
                notes.nobody_was_recognised(cause.code());
            }
            let answer = refusal.challenge(&access.schemes);
            return Ok(request.into_response(answer));
        }
    };
    notes.key_was_used(&caller.key);
    let response = match check(&access, &notes, &caller, &request, &body) {
        Err(refusal) => request.into_response(refusal.answer()),
        Ok(()) => {
            request.extensions_mut().insert(Arc::clone(&caller));
            request.set_payload(Payload::from(body));
            next.call(request).await?.map_into_boxed_body()
        }
    };
    if response.status() == StatusCode::FORBIDDEN {
        let relation = Named::of(response.request()).ok().map(|named| named.relation());
        notes.was_refused(&caller.client.id, Refusal::Scope.reason().code, relation.as_ref());
    }
    Ok(finish(response, &caller))
}

async fn admit(
    access: &Access,
    request: &ServiceRequest,
    payload: Payload,
) -> Result<(Caller, Bytes), Refusal> {
    let head = access.check_head(request.request())?;
    let body = timeout(BODY_WITHIN, read(payload));
    let body = body.await.unwrap_or(Err(Refusal::Body("The body took too long to arrive.")))?;
    Ok((access.check_body(head, request.request(), &body)?, body))
}

/// What is refused to somebody who is known, with a signed answer.
fn check(
    access: &Access,
    notes: &Notes,
    caller: &Caller,
    request: &ServiceRequest,
    body: &[u8],
) -> Result<(), Refusal> {
    access.check_rate(&caller.client)?;
    notes.check_room()?;
    // That route says itself that it has no GET.
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD)
        && !request.path().ends_with("/submissions/states");
    if !body.is_empty() && is_read {
        return Err(Refusal::Body(
            "A GET has no body: put parameters into the query, or use POST.",
        ));
    }
    Ok(())
}

async fn read(mut payload: Payload) -> Result<Bytes, Refusal> {
    let mut body = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| Refusal::Body("The body did not arrive completely."))?;
        if body.len() + chunk.len() > MOST_BODY_BYTES {
            return Err(Refusal::Body("The body has more than 256 KiB."));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

/// Adds `Server-Authorization`. A body in memory is sent in chunks, and its share of the bytes in
/// flight is free when it was sent.
fn finish(mut response: ServiceResponse<BoxBody>, caller: &Caller) -> ServiceResponse<BoxBody> {
    let is_head = response.request().method() == Method::HEAD;
    let share = response.response_mut().extensions_mut().remove::<Share>();
    let mut signature = None;
    let mut response = response.map_body(|head, body| {
        let content_type =
            head.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let content_type = content_type.unwrap_or_default();
        if is_head {
            signature = caller.sign(content_type, Some(b""));
            return body;
        }
        match body.try_into_bytes() {
            Ok(bytes) => {
                signature = caller.sign(content_type, Some(&bytes));
                BoxBody::new(Held::new(bytes, share))
            }
            Err(stream) => {
                signature = caller.sign(content_type, None);
                stream
            }
        }
    });
    let headers = response.headers_mut();
    if let Some(signature) = signature {
        headers.insert(SERVER_AUTHORIZATION, signature);
    }
    let cache = HeaderValue::from_static("private, no-cache");
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, cache);
    }
    let vary = HeaderValue::from_static("Accept, Accept-Encoding, Authorization");
    headers.insert(header::VARY, vary);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
