//! How faults are done to a request: around the work, and down to its connection.

use std::any::Any;
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsFd as _;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::Extensions;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};

use super::rules::{Call, Fired, Kind, Point};
use super::{Faults, Rule};
use crate::action::Action;
use crate::broker::Broker;
use crate::error::ApiError;
use crate::http::{answer, error_response, respond};

/// A second handle of the connection that a request came through.
///
/// actix-web always answers; shutting the socket down below it is what keeps even the first byte from the client.
struct Connection(TcpStream);

/// Called by actix-web for every new connection.
pub(crate) fn keep_connection(connection: &dyn Any, data: &mut Extensions) {
    let stream = connection.downcast_ref::<actix_web::rt::net::TcpStream>();
    match stream.map(|stream| stream.as_fd().try_clone_to_owned()) {
        Some(Ok(handle)) => {
            data.insert(Connection(TcpStream::from(handle)));
        }
        Some(Err(error)) => {
            log::error!("A connection cannot be kept for faults. error=\"{error}\"")
        }
        None => log::error!("A connection is not TCP, faults cannot close it."),
    }
}

/// Answers a request, with the faults that apply to it.
pub(crate) async fn call(
    broker: &Arc<Broker>,
    request: &HttpRequest,
    action: Action,
    host: &str,
    body: Bytes,
) -> HttpResponse {
    let Some(faults) = request.app_data::<Data<Faults>>() else {
        return respond(answer(broker, action, host, &body).await);
    };
    let call = Call::read(action, &body);
    let entries = call.entries.unwrap_or(usize::from(action != Action::ReceiveMessage));
    faults.count(action, 1, entries);
    delay(faults, &call, Point::BeforeWork).await;
    let result = match faults.fire(&call, Point::InsteadOfWork) {
        Some(Fired { rule, .. }) if rule.kind == Kind::Error => return error(&rule),
        Some(Fired { rule, .. }) if rule.kind == Kind::Reset => return drop_connection(request),
        Some(Fired { rule, .. }) if rule.kind == Kind::Hang => {
            // Dropped with the connection when the client goes away.
            broker.closing.cancelled().await;
            return drop_connection(request);
        }
        Some(fired) => partial(broker, action, host, &body, &fired).await,
        None => answer(broker, action, host, &body).await,
    };
    let handles = match (&result, action) {
        (Ok(json), Action::ReceiveMessage) => receipt_handles(json),
        _ => Vec::new(),
    };
    faults.count(action, 0, handles.len());
    delay(faults, &call, Point::AfterWork).await;
    if result.is_ok() && (action != Action::ReceiveMessage || !handles.is_empty()) {
        match faults.fire(&call, Point::InsteadOfAnswer) {
            Some(fired) if fired.rule.kind == Kind::LostReply => return drop_connection(request),
            Some(_) => make_visible(broker, &call, &handles),
            None => {}
        }
    }
    respond(result)
}

async fn delay(faults: &Faults, call: &Call, point: Point) {
    if let Some(fired) = faults.fire(call, point) {
        tokio::time::sleep(Duration::from_millis(fired.rule.ms.unwrap_or_default())).await;
    }
}

fn error(rule: &Rule) -> HttpResponse {
    let status = rule.status.unwrap_or(if rule.sender_fault { 400 } else { 500 });
    let type_name = format!("com.amazonaws.sqs#{}", rule.code());
    error_response(
        status,
        &type_name,
        rule.code(),
        rule.sender_fault,
        "A fault that was asked for.",
    )
}

fn drop_connection(request: &HttpRequest) -> HttpResponse {
    if let Some(Connection(stream)) = request.conn_data::<Connection>()
        && let Err(error) = stream.shutdown(Shutdown::Both)
    {
        log::debug!("A connection was closed already. error=\"{error}\"");
    }
    // Nobody gets this: the socket takes no more bytes.
    HttpResponse::InternalServerError().force_close().finish()
}

/// Does the work for the entries that do not fail and adds the others to `Failed`.
async fn partial(
    broker: &Arc<Broker>,
    action: Action,
    host: &str,
    body: &[u8],
    fired: &Fired,
) -> Result<Vec<u8>, ApiError> {
    let Ok(mut request) = serde_json::from_slice::<Value>(body) else {
        return answer(broker, action, host, body).await;
    };
    let entries = request
        .get_mut("Entries")
        .and_then(Value::as_array_mut)
        .map(std::mem::take)
        .unwrap_or_default();
    let (mut rest, mut failed) = (Vec::new(), Vec::new());
    for (index, entry) in entries.into_iter().enumerate() {
        if fired.entries.contains(&index) {
            failed.push(json!({
                "Id": entry.get("Id"),
                "SenderFault": fired.rule.sender_fault,
                "Code": fired.rule.code(),
                "Message": "A fault that was asked for.",
            }));
        } else {
            rest.push(entry);
        }
    }
    let mut result = if rest.is_empty() {
        json!({"Successful": []})
    } else {
        if let Some(place) = request.get_mut("Entries") {
            *place = Value::Array(rest);
        }
        let done = answer(broker, action, host, request.to_string().as_bytes()).await?;
        serde_json::from_slice(&done).map_err(|_| ApiError::internal())?
    };
    if let Some(result) = result.as_object_mut() {
        let others = result.entry("Failed").or_insert_with(|| json!([]));
        others.as_array_mut().into_iter().for_each(|others| others.append(&mut failed));
    }
    Ok(result.to_string().into_bytes())
}

fn receipt_handles(answer: &[u8]) -> Vec<String> {
    let answer: Value = serde_json::from_slice(answer).unwrap_or_default();
    let messages = answer.get("Messages").and_then(Value::as_array);
    let handles =
        messages.into_iter().flatten().filter_map(|message| message.get("ReceiptHandle")?.as_str());
    handles.map(str::to_owned).collect()
}

fn make_visible(broker: &Broker, call: &Call, handles: &[String]) {
    let Some(queue) = call.queue.as_deref().and_then(|name| broker.queue(name)) else { return };
    for receipt in handles.iter().filter_map(|handle| broker.names.parse(handle, queue.id).ok()) {
        queue.with_state(|state, now_ms| {
            // One whose visibility has ended meanwhile is visible already.
            let _ = state.change_visibility(receipt.message, receipt.receive, 0, now_ms);
        });
    }
}
