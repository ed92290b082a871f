//! Injects faults into a request: before, during and after the work, and into its connection.

use std::{
    any::Any,
    net::{Shutdown, TcpStream},
    os::fd::AsFd as _,
    sync::Arc,
    time::Duration,
};

use actix_web::{
    HttpRequest, HttpResponse,
    dev::Extensions,
    web::{Bytes, Data},
};
use serde_json::{Value, json};

use super::{
    Faults, Rule,
    rules::{Call, FiredRule, Kind, Point},
};
use crate::{
    action::Action,
    actions::perform,
    broker::Broker,
    error::ApiError,
    response::{error_response, respond},
};

/// A second handle to the connection of a request.
///
/// actix-web always answers. Only shutting down the socket underneath it keeps even the first byte
/// from the client.
struct Connection(TcpStream);

/// Keeps a handle to every new connection; called by actix-web.
pub(crate) fn keep_connection(connection: &dyn Any, data: &mut Extensions) {
    let stream = connection.downcast_ref::<actix_web::rt::net::TcpStream>();
    match stream.map(|stream| stream.as_fd().try_clone_to_owned()) {
        Some(Ok(handle)) => {
            data.insert(Connection(TcpStream::from(handle)));
        }
        Some(Err(error)) => {
            log::error!(
                error:% = error;
                "Cannot duplicate a connection, so faults cannot close it."
            );
        }
        None => log::error!("A connection is not TCP, so faults cannot close it."),
    }
}

/// Answers a request and injects the faults that apply to it.
pub(crate) async fn answer_with_faults(
    broker: &Arc<Broker>,
    request: &HttpRequest,
    action: Action,
    host: &str,
    body: Bytes,
) -> HttpResponse {
    let Some(faults) = request.app_data::<Data<Faults>>() else {
        return respond(perform(broker, action, host, &body).await);
    };
    let _open = faults.open_call();
    let call = Call::read(action, &body);
    let entries = call.entries.unwrap_or(usize::from(action != Action::ReceiveMessage));
    faults.count_call(action, 1, entries);
    wait_for_delay(faults, &call, Point::BeforeWork).await;
    let result = match faults.fire(&call, Point::InsteadOfWork) {
        Some(FiredRule { rule, .. }) if rule.kind == Kind::Error => return injected_error(&rule),
        Some(FiredRule { rule, .. }) if rule.kind == Kind::Reset => {
            return drop_connection(request);
        }
        Some(FiredRule { rule, .. }) if rule.kind == Kind::Hang => {
            // When the client disconnects, this future is dropped with the connection.
            broker.closing.cancelled().await;
            return drop_connection(request);
        }
        Some(fired) => fail_some_entries(broker, action, host, &body, &fired).await,
        None => perform(broker, action, host, &body).await,
    };
    let handles = match (&result, action) {
        (Ok(json), Action::ReceiveMessage) => receipt_handles(json),
        _ => Vec::new(),
    };
    faults.count_call(action, 0, handles.len());
    wait_for_delay(faults, &call, Point::AfterWork).await;
    if result.is_ok() && (action != Action::ReceiveMessage || !handles.is_empty()) {
        match faults.fire(&call, Point::InsteadOfAnswer) {
            Some(fired) if fired.rule.kind == Kind::LostReply => return drop_connection(request),
            Some(_) => make_visible(broker, &call, &handles),
            None => {}
        }
    }
    respond(result)
}

async fn wait_for_delay(faults: &Faults, call: &Call, point: Point) {
    if let Some(fired) = faults.fire(call, point) {
        tokio::time::sleep(Duration::from_millis(fired.rule.ms.unwrap_or_default())).await;
    }
}

fn injected_error(rule: &Rule) -> HttpResponse {
    let status = rule.status.unwrap_or(if rule.sender_fault { 400 } else { 500 });
    let type_name = format!("com.amazonaws.sqs#{}", rule.code());
    error_response(
        status,
        &type_name,
        rule.code(),
        rule.sender_fault,
        "This fault was injected on request.",
    )
}

fn drop_connection(request: &HttpRequest) -> HttpResponse {
    if let Some(Connection(stream)) = request.conn_data::<Connection>()
        && let Err(error) = stream.shutdown(Shutdown::Both)
    {
        log::debug!(error:% = error; "The connection was already closed.");
    }
    // The client never sees this answer: the socket is shut down.
    HttpResponse::InternalServerError().force_close().finish()
}

/// Does the work for the entries that do not fail, and adds the others to `Failed`.
async fn fail_some_entries(
    broker: &Arc<Broker>,
    action: Action,
    host: &str,
    body: &[u8],
    fired: &FiredRule,
) -> Result<Vec<u8>, ApiError> {
    let Ok(mut request) = serde_json::from_slice::<Value>(body) else {
        return perform(broker, action, host, body).await;
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
                "Message": "This fault was injected on request.",
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
        let done = perform(broker, action, host, request.to_string().as_bytes()).await?;
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
    for receipt in
        handles.iter().filter_map(|handle| broker.public_ids.parse_handle(handle, queue.id).ok())
    {
        queue.with_state(|state, now_ms| {
            // If the visibility timeout has ended meanwhile, the message is visible already.
            let _ = state.change_visibility(receipt.message, receipt.receive, 0, now_ms);
        });
    }
}
