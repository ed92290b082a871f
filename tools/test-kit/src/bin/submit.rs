//! `make submit`: sends a form to the running `make local`, and shows the answer and the row it becomes.

use std::{env, fs, io::Write, process::ExitCode, time::Duration};

use test_kit::{
    forms,
    local::{Place, Written},
    postgres::sql,
};

/// Prints a line; nobody may be reading any more (`make submit | head`).
macro_rules! say {
    ($($text:tt)*) => { let _ = writeln!(std::io::stdout(), $($text)*); };
}

/// How long a form may take to become a row.
const ROW_LIMIT: Duration = Duration::from_secs(30);

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let argument = |index| env::args().nth(index).filter(|argument| !argument.is_empty());
    match submit(argument(1), argument(2)).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("make submit: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn submit(file: Option<String>, form_type: Option<String>) -> Result<(), String> {
    let form_type = form_type.as_deref().unwrap_or("form");
    let path = format!("/{form_type}/");
    let local = Place::here()?.read_back()?;
    let body = match &file {
        None if form_type != "form" => {
            return Err(format!("type {form_type} needs FORM=your-form.json"));
        }
        None => forms::registration(1).into_bytes(),
        Some(file) => fs::read(file).map_err(|error| format!("cannot read {file}: {error}"))?,
    };
    say!("POST {}{path}\n{}\n", local.origin, String::from_utf8_lossy(&body).trim_end());

    let signature = forms::signature(&path, &body, &local.secret);
    let request = reqwest::Client::new().post(format!("{}{path}", local.origin));
    let request =
        request.header("Content-Type", "application/json").header("X-Signature", signature);
    let answer = request.body(body).send().await;
    let answer = answer
        .map_err(|_| format!("nobody answers at {}: is `make local` running?", local.origin))?;
    let status = answer.status();
    let text = answer.text().await.map_err(|error| error.to_string())?;
    say!("{status}\n{text}\n");
    if status != 202 {
        return Err("the form was not taken".to_owned());
    }
    let answer: serde_json::Value =
        serde_json::from_str(&text).map_err(|error| error.to_string())?;
    let id = answer.get("id").and_then(serde_json::Value::as_str).ok_or("the answer has no id")?;
    say!("{}", row(&local, id).await?);
    Ok(())
}

/// The row with this submission id, a column a line, once it is there.
async fn row(local: &Written, id: &str) -> Result<String, String> {
    let query = format!(
        "select format(E'id              %s\\nform_type       %s\\nsubmission_id   %s\\nsqs_message_id  %s\\n\
         received_at     %s\\ncreated         %s\\ndata            %s',
         id, form_type, submission_id, sqs_message_id, received_at, created, jsonb_pretty(data))
         from forms where submission_id = '{id}'"
    );
    let look = async {
        loop {
            match sql(&local.database_url, &query) {
                Ok(row) if row.is_empty() => tokio::time::sleep(Duration::from_millis(50)).await,
                answer => return answer.map_err(|error| error.to_string()),
            }
        }
    };
    let limit = ROW_LIMIT.as_secs();
    tokio::time::timeout(ROW_LIMIT, look)
        .await
        .unwrap_or_else(|_| Err(format!("no row after {limit} s: look at the worker's log")))
}
