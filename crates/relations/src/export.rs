//! All rows, in any format, in parts.

use std::{thread::sleep, time::Duration};

use ring::digest::{Context, SHA256};
use store::{ReadEnd, ReadLimits, Store, UnavailableKind};
use tabular::{Format, Writer};

use crate::{
    error::Error,
    select::{Range, Selection},
};

/// The most rows of one part. Each part is a transaction of its own, so it should be short.
const PART_ROWS: usize = 10_000;

/// A part is read so often before the export breaks.
const ATTEMPTS: u32 = 3;
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(200);

/// What is exported, and how.
#[derive(Clone, Copy, Debug)]
pub struct ExportOptions {
    /// The format with its options.
    pub format: Format,
    /// Rows with a larger key only; `None` for all.
    pub after: Option<i64>,
    /// The most rows; `None` for all.
    pub limit: Option<u64>,
    /// A part ends with the row with which it has this many bytes, in its cells or as it is written.
    pub part_bytes: usize,
    /// How many rows a part looks at if there are conditions.
    pub scan_rows: usize,
    /// How long each statement may take.
    pub statement: Duration,
}

/// Rows up to a bound that is fixed at the start: those that come later are not in it.
pub struct Export {
    selection: Selection,
    options: ExportOptions,
    limits: ReadLimits,
    writer: Option<Writer>,
    after: Option<i64>,
    digest: Context,
    proof: Proof,
}

/// What an export has written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proof {
    /// The rows.
    pub rows: u64,
    /// The bytes.
    pub bytes: u64,
    /// The SHA-256 of the bytes, once they are complete.
    pub sha256: Option<[u8; 32]>,
    /// The key of the first row.
    pub first: Option<i64>,
    /// The key of the last row.
    pub last: Option<i64>,
    /// No row with a larger key was looked at.
    pub bound: i64,
    /// How many cells the formula guard has changed, once that is known.
    pub guarded_cells: u64,
}

impl Export {
    /// Fixes the bound. A client's mistake is found here, before the first byte.
    ///
    /// # Errors
    /// A value does not fit its column, the format cannot hold the columns, or the database cannot
    /// answer.
    pub fn start(
        store: &Store,
        selection: Selection,
        options: ExportOptions,
    ) -> Result<Self, Error> {
        let limits = ReadLimits { bytes: options.part_bytes, statement: options.statement };
        selection.explain(store, limits, None)?;
        let columns = selection.columns.iter().map(|column| column.for_writer()).collect();
        let writer = Some(Writer::new(options.format, columns)?);
        let bound = selection.key(store, &selection.last_key(), limits)?;
        let bound = bound.unwrap_or_default().max(options.after.unwrap_or(i64::MIN));
        Ok(Self {
            selection,
            limits,
            writer,
            after: options.after,
            digest: Context::new(&SHA256),
            proof: Proof { bound, ..Proof::default() },
            options,
        })
    }

    /// Reads the next part and returns its bytes; there may be none yet. `None` when all is written.
    ///
    /// Holds no connection and no transaction between two calls.
    ///
    /// # Errors
    /// The database cannot answer, or the format cannot hold a value: then the export stays
    /// incomplete, whatever is called next.
    pub fn next(&mut self, store: &Store) -> Result<Option<Vec<u8>>, Error> {
        let Some(mut writer) = self.writer.take() else { return Ok(None) };
        let mut attempt = 1;
        let ended = loop {
            let rows = self.limit().min(PART_ROWS);
            if rows == 0 || self.is_at_the_end() {
                break true;
            }
            match self.read_part(store, rows, &mut writer) {
                Ok(is_last) => break is_last,
                // The rows that came are written, so it goes on after them.
                Err(Error::Unavailable(unavailable))
                    if attempt < ATTEMPTS && may_be_gone_soon(unavailable.kind) =>
                {
                    attempt += 1;
                    self.after = self.proof.last.max(self.after);
                    sleep(BETWEEN_ATTEMPTS);
                }
                Err(error) => return Err(error),
            }
        };
        let bytes = if ended {
            let finished = writer.finish()?;
            self.proof.guarded_cells = finished.guarded_cells;
            finished.bytes
        } else {
            let bytes = writer.take();
            self.writer = Some(writer);
            bytes
        };
        self.digest.update(&bytes);
        self.proof.bytes += bytes.len() as u64;
        if ended {
            self.proof.sha256 = self.digest.clone().finish().as_ref().try_into().ok();
        }
        Ok(Some(bytes))
    }

    /// What is written so far.
    pub fn proof(&self) -> &Proof {
        &self.proof
    }

    fn is_at_the_end(&self) -> bool {
        self.after >= Some(self.proof.bound)
    }

    fn limit(&self) -> usize {
        let left = self.options.limit.map(|limit| limit.saturating_sub(self.proof.rows));
        left.and_then(|left| usize::try_from(left).ok()).unwrap_or(usize::MAX)
    }

    /// Returns whether that was the last part.
    fn read_part(
        &mut self,
        store: &Store,
        rows: usize,
        writer: &mut Writer,
    ) -> Result<bool, Error> {
        let (limits, bound) = (self.limits, self.proof.bound);
        let mut end = bound;
        if !self.selection.filters.is_empty() {
            let part = self.selection.end_of_part(self.after, self.options.scan_rows);
            end = self.selection.key(store, &part, limits)?.map_or(bound, |end| end.min(bound));
        }
        let query = self.selection.rows(Range { after: self.after, up_to: Some(end) }, rows);
        let (mut failure, mut read) = (None, 0);
        let proof = &mut self.proof;
        let ended = store.read_rows(&query, limits, |cells| {
            let Some((key, cells)) = cells.split_first() else { return true };
            let key = key.and_then(crate::page::number);
            if proof.last.is_some() && key <= proof.last {
                failure = Some(Error::KeyNotUnique);
                return false;
            }
            if let Err(error) = writer.write_row(cells.iter().copied()) {
                failure = Some(error.into());
                return false;
            }
            proof.first = proof.first.or(key);
            proof.last = key;
            proof.rows += 1;
            read += 1;
            // Names of columns and nulls take room, too.
            writer.ready() < limits.bytes
        })?;
        if let Some(error) = failure {
            return Err(error);
        }
        let is_cut = ended == ReadEnd::More || read == rows;
        self.after = if is_cut { self.proof.last } else { Some(end) };
        Ok(self.is_at_the_end())
    }
}

/// Whether another attempt makes sense: a standby has cancelled the query, or the server was
/// restarted.
fn may_be_gone_soon(kind: UnavailableKind) -> bool {
    matches!(kind, UnavailableKind::Conflict | UnavailableKind::ConnectionLost)
}
