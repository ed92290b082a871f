//! Reads bodies as forms.

use std::{panic::resume_unwind, sync::Arc, thread};

use actix_web::web::Bytes;
use domain::{Encoding, Fields, FormType};
use tokio::{sync::Semaphore, task::spawn_blocking};

use crate::refusal::Refusal;

/// Parsing a larger body takes milliseconds, and other requests of the same server thread would
/// wait for it.
const LARGE: usize = 256 << 10;

/// Reads bodies as forms, the large ones on threads of their own.
pub struct Parser {
    /// One large body at a time for each core: parsing takes much memory, and more at once would
    /// not be faster.
    large: Arc<Semaphore>,
}

impl Parser {
    pub fn new() -> Self {
        let cores = thread::available_parallelism().map_or(2, usize::from);
        Self { large: Arc::new(Semaphore::new(cores)) }
    }

    /// # Errors
    /// The body is in the wrong encoding, or it is not a form of this type.
    pub async fn parse(
        &self,
        body: Bytes,
        content_type: &str,
        form_type: &FormType,
    ) -> Result<Fields, Refusal> {
        if body.len() <= LARGE {
            return parse(&body, content_type, form_type);
        }
        // The permit moves to the thread, which goes on if the client leaves.
        let Ok(permit) = Arc::clone(&self.large).acquire_owned().await else {
            return parse(&body, content_type, form_type);
        };
        let (content_type, form_type) = (content_type.to_owned(), form_type.clone());
        let parsing = spawn_blocking(move || {
            let _permit = permit;
            parse(&body, &content_type, &form_type)
        });
        match parsing.await.map_err(|error| error.try_into_panic()) {
            Ok(outcome) => outcome,
            // The same as if a small body had made it panic.
            Err(Ok(panic)) => resume_unwind(panic),
            // The runtime is stopping.
            Err(Err(_)) => Err(Refusal::BodiesInFlight),
        }
    }
}

fn parse(body: &[u8], content_type: &str, form_type: &FormType) -> Result<Fields, Refusal> {
    let encoding = match Encoding::from_content_type(content_type) {
        Ok(encoding) if form_type.accepts(encoding) => encoding,
        // An empty body cannot be in the wrong encoding.
        _ if body.is_empty() => Encoding::Json,
        Ok(_) => return Err(Refusal::NotJson),
        Err(error) => return Err(Refusal::MediaType(error.to_string())),
    };
    form_type.parse(body, encoding).map_err(Refusal::Form)
}
