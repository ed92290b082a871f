//! Reads what is stored and kept after a run.

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail};

use super::Run;
use crate::{
    check::{KeptMessage, Row, State},
    content::Content,
    follow::SLOW,
    system::DATABASE,
};

/// How many rows to read at a time. Some have a mebibyte.
const PAGE: usize = 500;

impl Run {
    pub(super) async fn kept(&self) -> Result<Vec<KeptMessage>> {
        let mut kept: Vec<KeptMessage> = Vec::new();
        loop {
            let last = kept.last().map_or(0, |message| message.id);
            let columns = "id, submission_id, sqs_message_id, state, times_seen, times_sent, encode(body, 'hex')";
            let query = format!(
                "select {columns} from invalid_messages where id > {last} order by id limit {PAGE}"
            );
            let page = self.system.postgres.sql(DATABASE, query).await?;
            if page.is_empty() {
                return Ok(kept);
            }
            for line in page.split('\n') {
                kept.push(parse_kept(line)?);
            }
        }
    }

    /// The rows that somebody has sent.
    pub(super) async fn rows(&self) -> Result<Vec<Row>> {
        let mut rows: Vec<Row> = Vec::new();
        loop {
            let last = rows.last().map_or(0, |row| row.id);
            // In hex, because psql omits characters such as U+10FFFF when it prints text.
            let columns =
                "id, submission_id, sqs_message_id, encode(convert_to(data::text, 'UTF8'), 'hex')";
            let query = format!(
                "select {columns} from forms where id > {last} and coalesce(sqs_message_id, '') not like '{SLOW}%' order by id limit {PAGE}"
            );
            let page = self.system.postgres.sql(DATABASE, query).await?;
            if page.is_empty() {
                return Ok(rows);
            }
            for line in page.split('\n') {
                rows.push(parse_row(line)?);
            }
        }
    }

    /// The ids of all rows that readers may see, those of slow transactions too.
    pub(super) async fn visible(&self) -> Result<BTreeSet<u64>> {
        let ids = "select id from forms where erased_at is null";
        let ids = self.system.postgres.sql(DATABASE, ids).await?;
        Ok(ids.lines().map(str::parse).collect::<Result<_, _>>()?)
    }
}

fn parse_kept(line: &str) -> Result<KeptMessage> {
    let mut columns = line.splitn(7, '|');
    let mut column = || columns.next().unwrap_or_default();
    let id = column().parse().context("psql printed a line that is not a row")?;
    let (submission_id, message_id) = (not_empty(column()), column().to_owned());
    let state = match column() {
        "waiting" => State::Waiting,
        "sent_back" => State::SentBack,
        "stored" => State::Stored,
        "discarded" => State::Discarded,
        other => bail!("a message has the state {other}"),
    };
    let (times_seen, times_sent) = (column().parse()?, column().parse()?);
    let body = String::from_utf8(hex::decode(column())?)?;
    let (text, form) = (Content::of_bytes(&body), Content::of_json(&body));
    Ok(KeptMessage { id, submission_id, message_id, state, text, form, times_seen, times_sent })
}

fn not_empty(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

fn parse_row(line: &str) -> Result<Row> {
    let mut columns = line.splitn(4, '|');
    let mut column = || columns.next().unwrap_or_default();
    let (id, submission_id, message_id, data) = (column(), column(), column(), column());
    let id = id.parse().context("psql printed a line that is not a row")?;
    let data = String::from_utf8(hex::decode(data)?)?;
    Ok(Row {
        id,
        submission_id: not_empty(submission_id),
        message_id: not_empty(message_id),
        content: Content::of_json(&data),
    })
}
