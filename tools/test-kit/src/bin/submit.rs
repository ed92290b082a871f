//! `make submit` sends a form to the running `make local`, and shows the answer and the row.

use std::{fs, io::Write, process::ExitCode, time::Duration};

use anyhow::{Context, bail, ensure};
use clap::Parser;
use test_kit::{
    forms,
    http::{Answer, Http},
    local::{RunningSystem, Setup},
    postgres::sql,
};

/// Prints a line. The reader may be gone (`make submit | head`).
macro_rules! say {
    ($($text:tt)*) => { let _ = writeln!(std::io::stdout(), $($text)*); };
}

/// A form that is not a row after this time needs a person.
const ROW_LIMIT: Duration = Duration::from_secs(30);

/// Sends a form to the running `make local`, and shows the answer and the row.
#[derive(Parser)]
#[command(name = "submit")]
struct Arguments {
    /// A file with the form as JSON. Without one, a sample is sent.
    #[arg(default_value = "", hide_default_value = true)]
    form: String,
    /// The form type; `form` if you name none.
    #[arg(default_value = "", hide_default_value = true)]
    form_type: String,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match submit(&Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("make submit: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn submit(arguments: &Arguments) -> anyhow::Result<()> {
    let system = Setup::from_environment()?.running_system()?;
    let body = arguments.body()?;
    let path = format!("/{}/", arguments.form_type());
    say!("POST {}{path}\n{}\n", system.origin, String::from_utf8_lossy(&body).trim_end());

    let answer = post(&system, &path, body).await?;
    say!("{}\n{}\n", status_line(&answer), answer.body);
    ensure!(answer.status == 202, "the api did not accept the form");
    let id = answer.submission_id();
    say!("The worker has stored it as this row:\n\n{}", row(&system, &id).await?);
    Ok(())
}

impl Arguments {
    fn form_type(&self) -> &str {
        if self.form_type.is_empty() { "form" } else { &self.form_type }
    }

    fn body(&self) -> anyhow::Result<Vec<u8>> {
        let (file, form_type) = (&self.form, self.form_type());
        match (file.as_str(), form_type) {
            ("", "form") => Ok(forms::registration(1).into_bytes()),
            ("", _) => bail!(
                "there is no sample of type {form_type}. Name a file: \
                 `make submit FORM=your-{form_type}.json TYPE={form_type}`"
            ),
            _ => fs::read(file).with_context(|| format!("cannot read {file}")),
        }
    }
}

async fn post(system: &RunningSystem, path: &str, body: Vec<u8>) -> anyhow::Result<Answer> {
    let request = Http::at(&system.origin).request("POST", path).json(body);
    let answer = request.signed_with(&system.secret).try_send().await;
    answer.ok().with_context(|| {
        format!("the api does not answer at {}. Is `make local` running?", system.origin)
    })
}

fn status_line(answer: &Answer) -> String {
    let status = reqwest::StatusCode::from_u16(answer.status);
    status.map_or_else(|_| answer.status.to_string(), |status| status.to_string())
}

/// The row with this submission id, one column per line, as soon as it is stored.
async fn row(system: &RunningSystem, id: &str) -> anyhow::Result<String> {
    let query = format!(
        "select format(E'id              %s\\nform_type       %s\\nsubmission_id   %s\\n\
         sqs_message_id  %s\\nreceived_at     %s\\ncreated         %s\\ndata            %s',
         id, form_type, submission_id, sqs_message_id, received_at, created, jsonb_pretty(data))
         from forms where submission_id = '{id}'"
    );
    let look = async {
        loop {
            match sql(&system.database_url, &query)? {
                row if row.is_empty() => tokio::time::sleep(Duration::from_millis(50)).await,
                row => return anyhow::Ok(row),
            }
        }
    };
    let seconds = ROW_LIMIT.as_secs();
    tokio::time::timeout(ROW_LIMIT, look).await.with_context(|| {
        format!("the form is queued, but not stored after {seconds} s. Look at the worker's log")
    })?
}
