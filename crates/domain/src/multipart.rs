//! `multipart/form-data` to fields: text parts are taken, files are refused.

use std::convert::Infallible;

use futures_util::{FutureExt, stream};
use multer::Multipart;
use serde_json::{Map, Value};

use crate::refusal::{Fault, FaultKind, Refusal};

/// Every value is text; a repeated name has its last value.
/// A file input that was left empty (a part with an empty file name) is passed over, as browsers send one always.
///
/// # Errors
/// A body that is not multipart, and every part that is a file.
pub(crate) fn parse(body: &[u8], content_type: &str) -> Result<Map<String, Value>, Refusal> {
    let boundary = multer::parse_boundary(content_type).map_err(not_multipart)?;
    let mut parts = Multipart::new(stream::iter([Ok::<_, Infallible>(body.to_vec())]), boundary);
    let mut fields = Map::new();
    let mut files = Vec::new();
    while let Some(part) = at_once(parts.next_field())? {
        let name = part.name().unwrap_or_default().to_owned();
        match part.file_name().map(str::is_empty) {
            Some(true) => {}
            Some(false) => files.push(Fault::in_field(&name, FaultKind::File)),
            None => {
                fields.insert(name, Value::String(at_once(part.text())?));
            }
        }
    }
    if files.is_empty() { Ok(fields) } else { Err(Refusal::Fields(files)) }
}

/// The body is in memory as one chunk, so that the parser never waits.
fn at_once<T>(step: impl Future<Output = Result<T, multer::Error>>) -> Result<T, Refusal> {
    step.now_or_never().unwrap_or(Err(multer::Error::IncompleteStream)).map_err(not_multipart)
}

fn not_multipart(error: multer::Error) -> Refusal {
    Refusal::NotMultipart(error.to_string())
}
