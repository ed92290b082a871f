//! One page, as JSON.

use std::time::Duration;

use store::{ReadEnd, ReadLimits, Store, TextQuery, Unavailable, UnavailableKind};
use tabular::{Format, JsonLinesOptions, Writer};

use crate::{
    error::Error,
    select::{Range, Selection},
};

/// A key is a number.
const KEY_BYTES: usize = 1 << 10;

/// How rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Orientation {
    /// Each row is an array.
    Tabular,
    /// Each row is an object.
    Records,
}

/// Which page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageOptions {
    /// How rows are written.
    pub orientation: Orientation,
    /// Rows with a larger key only; `None` for all.
    pub after: Option<i64>,
    /// The most rows.
    pub limit: usize,
    /// The page ends with the row with which it has this many bytes; one row is read in any case.
    pub bytes: usize,
    /// How many rows are looked at if there are conditions.
    pub scan_rows: usize,
    /// Write numbers as strings.
    pub numbers_as_text: bool,
    /// How long each statement may take.
    pub statement: Duration,
}

/// A page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The rows as JSON, with commas between them and nothing around them.
    pub rows: Vec<u8>,
    /// How many rows that are.
    pub count: u64,
    /// The key of the first row.
    pub first: Option<i64>,
    /// Up to this key it has looked; a follower goes on after it. 0 if there was nothing at all.
    pub last: i64,
    /// The smallest key that the next page may have; `None` at the end of the relation.
    pub next: Option<i64>,
}

impl Selection {
    /// Reads a page.
    ///
    /// With conditions it looks at `scan_rows` rows and answers with what it has found, perhaps
    /// nothing: so it takes a limited time whatever the condition.
    ///
    /// # Errors
    /// A value does not fit its column, or the database cannot answer.
    pub fn page(&self, store: &Store, options: &PageOptions) -> Result<Page, Error> {
        let limits = ReadLimits { bytes: options.bytes, statement: options.statement };
        let mut range = Range { after: options.after, up_to: None };
        let mut is_whole = true;
        if !self.filters.is_empty() {
            let Some(end) =
                self.key(store, &self.end_of_part(options.after, options.scan_rows), limits)?
            else {
                // A wrong value is wrong in an empty relation too.
                return self.explain(store, limits, None).map(|()| Page::empty(options.after));
            };
            range.up_to = Some(end);
            is_whole = self.key(store, &self.end_of_part(Some(end), 1), limits)?.is_none();
        }
        let mut page = match self.read_page(store, range, options, limits) {
            Ok(page) => page,
            Err(Error::Unavailable(unavailable)) => {
                self.explain(store, limits, Some(unavailable.clone()))?;
                return Err(unavailable.into());
            }
            Err(error) => return Err(error),
        };
        if let (None, Some(end)) = (page.next, range.up_to) {
            page.last = end;
            page.next = (!is_whole).then(|| end.saturating_add(1));
        }
        Ok(page)
    }

    /// A text that changes whenever another row becomes visible, or a row of this relation is erased.
    ///
    /// # Errors
    /// The database cannot answer.
    pub fn state(&self, store: &Store, statement: Duration) -> Result<String, Unavailable> {
        let limits = ReadLimits { bytes: KEY_BYTES, statement };
        let mut state = String::new();
        store.read_rows(&self.last_change(), limits, |cells| {
            for cell in cells {
                state.push_str(&String::from_utf8_lossy(cell.unwrap_or_default()));
                state.push(' ');
            }
            true
        })?;
        Ok(state)
    }

    /// The row with the largest key for which all conditions hold, wherever it is, as a JSON object;
    /// for conditions with an index of their own.
    ///
    /// # Errors
    /// As [`Selection::page`].
    pub fn newest(&self, store: &Store, options: &PageOptions) -> Result<Page, Error> {
        let limits = ReadLimits { bytes: options.bytes, statement: options.statement };
        self.read_rows(store, &self.newest_row(), options, limits)
    }

    fn read_page(
        &self,
        store: &Store,
        range: Range,
        options: &PageOptions,
        limits: ReadLimits,
    ) -> Result<Page, Error> {
        // One more, to know whether there is one.
        self.read_rows(store, &self.rows(range, options.limit.saturating_add(1)), options, limits)
    }

    fn read_rows(
        &self,
        store: &Store,
        query: &TextQuery,
        options: &PageOptions,
        limits: ReadLimits,
    ) -> Result<Page, Error> {
        let format = Format::JsonLines(JsonLinesOptions {
            numbers_as_text: options.numbers_as_text,
            rows_as_lists: options.orientation == Orientation::Tabular,
        });
        let columns = self.columns.iter().map(|column| column.for_writer()).collect();
        let mut writer = Writer::new(format, columns)?;
        let mut page = Page::empty(options.after);
        let mut failure = None;
        let end = store.read_rows(query, limits, |cells| {
            let Some((key, cells)) = cells.split_first() else { return true };
            let key = key.and_then(number).unwrap_or_default();
            if page.count > 0 && key <= page.last {
                failure = Some(Error::KeyNotUnique);
                return false;
            }
            // Names of columns and nulls take room, too.
            let is_full = page.count > 0 && writer.ready() >= options.bytes;
            if is_full || page.count == options.limit as u64 {
                page.next = Some(key);
                return false;
            }
            if let Err(error) = writer.write_row(cells.iter().copied()) {
                failure = Some(error.into());
                return false;
            }
            page.first.get_or_insert(key);
            page.last = key;
            page.count += 1;
            true
        })?;
        if let Some(error) = failure {
            return Err(error);
        }
        if end == ReadEnd::More && page.next.is_none() {
            // The bytes are used up.
            page.next = Some(page.last.saturating_add(1));
        }
        page.rows = writer.finish()?.bytes;
        // A line break ends each row, and no other byte of a row is one.
        page.rows.pop();
        page.rows.iter_mut().filter(|byte| **byte == b'\n').for_each(|byte| *byte = b',');
        Ok(page)
    }

    /// The number that the query answers with, if there is a row.
    pub(crate) fn key(
        &self,
        store: &Store,
        query: &TextQuery,
        limits: ReadLimits,
    ) -> Result<Option<i64>, Unavailable> {
        let mut key = None;
        store.read_rows(query, limits, |cells| {
            key = cells.first().copied().flatten().and_then(number);
            true
        })?;
        Ok(key)
    }

    /// The client's mistake, if PostgreSQL refused a statement because of one.
    pub(crate) fn explain(
        &self,
        store: &Store,
        limits: ReadLimits,
        failure: Option<Unavailable>,
    ) -> Result<(), Error> {
        let may_be_a_value =
            failure.is_none_or(|failure| failure.kind == UnavailableKind::StatementFailed);
        if may_be_a_value
            && let Some(parameter) = self.filters.check(store, limits, &self.time_zone)?
        {
            return Err(parameter.into());
        }
        Ok(())
    }
}

impl Page {
    fn empty(after: Option<i64>) -> Self {
        let last = after.unwrap_or_default();
        Self { rows: Vec::new(), count: 0, first: None, last, next: None }
    }
}

pub(crate) fn number(cell: &[u8]) -> Option<i64> {
    std::str::from_utf8(cell).ok()?.parse().ok()
}
