//! What `make local` prints when everything runs.

use std::path::{Path, PathBuf};

use super::setup::Setup;
use crate::forms;

/// Where everything is, and how to send a form.
pub fn of_the_whole_system(setup: &Setup, database_url: &str, rows: &Path) -> String {
    let ports = setup.ports();
    let body = r#"{"data": {"company_name": "Example Limited"}}"#;
    let signature = forms::signature("/form/", body.as_bytes(), forms::SECRET);
    let other_type = setup.form_types().into_iter().find(|name| name != "form");
    let other_type = other_type.map_or_else(String::new, |name| {
        format!("\n  make submit FORM=your-{name}.json TYPE={name}")
    });
    format!(
        "
Ready.

  api         http://127.0.0.1:{api}/docs/
  worker      http://127.0.0.1:{worker}/healthcheck/ready/
  reader      http://127.0.0.1:{reader}/docs/
  local-sqs   http://127.0.0.1:{local_sqs}/ (an SQS endpoint)
  PostgreSQL  psql '{database_url}'

Send a sample form from another terminal, and see the row that it becomes:

  make submit

Send a form of your own:

  make submit FORM=your-form.json{other_type}

Read what was stored: make a client, then put the key that this prints in the place of KEY.
The reader knows a new client after at most 30 seconds.

  make manage RUN=\"clients add me --scope 'submissions/*'\"
  curl -H 'Authorization: Bearer KEY' 'http://127.0.0.1:{reader}/api/v1/table-data/submissions/form?orientation=records'

Or use curl to send a form:

  curl -i http://127.0.0.1:{api}/form/ -H 'Content-Type: application/json' \\
    -H 'X-Signature: {signature}' \\
    -d '{body}'

Press Ctrl-C to stop everything. Your data stays: rows in {rows}, queued messages in {queues}.
",
        api = ports.api,
        worker = ports.worker,
        reader = ports.reader,
        local_sqs = ports.local_sqs,
        rows = short(setup, rows).display(),
        queues = short(setup, &setup.queue_directory()).display(),
    )
}

/// The path as a user of the checkout sees it: `.local/sqs`.
fn short(setup: &Setup, path: &Path) -> PathBuf {
    let checkout = setup.directory().parent();
    let short = checkout.and_then(|checkout| path.strip_prefix(checkout).ok());
    short.unwrap_or(path).to_owned()
}

/// Where PostgreSQL and the queue are, for services that are started one by one.
pub fn of_the_surroundings(setup: &Setup, database_url: &str) -> String {
    format!(
        "
Ready.

  local-sqs   http://127.0.0.1:{}/ (an SQS endpoint)
  PostgreSQL  psql '{database_url}'
",
        setup.ports().local_sqs
    )
}
