//! Parses `multipart/form-data`: accepts text parts and refuses files.

use std::{collections::HashSet, convert::Infallible};

use crate::{
    canonical::Canonical,
    pairs::Pairs,
    refusal::{Fault, Refusal},
};
use futures_util::{FutureExt, stream};
use multer::Multipart;

/// # Errors
/// A body that is not multipart, and every part that is a file or is not UTF-8.
pub(crate) fn parse(
    body: &[u8],
    content_type: &str,
    list_fields: &HashSet<String>,
) -> Result<Canonical, Refusal> {
    let boundary = multer::parse_boundary(content_type).map_err(not_multipart)?;
    let mut parts = Multipart::new(stream::iter([Ok::<_, Infallible>(body.to_vec())]), boundary);
    let mut pairs = Pairs::new(list_fields);
    let mut faults = Vec::new();
    while let Some(part) = without_waiting(parts.next_field())? {
        let name = part.name().unwrap_or_default().to_owned();
        let file_name = part.file_name().map(str::to_owned);
        let is_utf8 = part
            .content_type()
            .and_then(|media_type| media_type.get_param("charset"))
            .is_none_or(|charset| {
                matches!(
                    charset.as_str().to_ascii_lowercase().as_str(),
                    "utf-8" | "utf8" | "us-ascii"
                )
            });
        let content = without_waiting(part.bytes())?;
        match (file_name, String::from_utf8(content.into())) {
            // Browsers always send a file input, even if the user chose no file.
            (Some(file), Ok(text)) if file.is_empty() && text.is_empty() => {}
            (Some(_), _) => faults.push(Fault::in_field(&name, "file", "Files are not accepted.")),
            (None, Ok(text)) if is_utf8 => pairs.add(&name, &text),
            // Any other character set, or only part of the text, would store something else than
            // what was sent.
            (None, _) => faults.push(Fault::not_utf8(&name)),
        }
    }
    if !faults.is_empty() {
        return Err(Refusal::Fields(faults));
    }
    Ok(pairs.finish())
}

/// Runs a step of the parser. It never waits, because the whole body is in memory as one chunk.
fn without_waiting<T>(step: impl Future<Output = Result<T, multer::Error>>) -> Result<T, Refusal> {
    step.now_or_never().unwrap_or(Err(multer::Error::IncompleteStream)).map_err(not_multipart)
}

fn not_multipart(error: multer::Error) -> Refusal {
    Refusal::NotMultipart(error.to_string())
}
