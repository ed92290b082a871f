//! A message as it was sent: what is kept on disk and handed to receivers.

use std::fmt;
use std::sync::Arc;

use md5::{Digest, Md5};
use serde::{Deserialize, Serialize};

use crate::attributes::{self, Attributes};

/// The content of one message. It never changes, but for [`Record::buried`].
#[derive(Clone)]
pub(crate) struct Record {
    pub(crate) body: String,
    /// Lower-case hex.
    pub(crate) body_md5: String,
    pub(crate) extras: Option<Box<Extras>>,
    /// The ARN of the queue that a redrive policy took the message from.
    pub(crate) source: Option<Arc<str>>,
}

/// What few messages have, or what a sender added beside the body.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Extras {
    #[serde(default, skip_serializing_if = "Attributes::is_empty")]
    pub(crate) attributes: Attributes,
    #[serde(default, skip_serializing_if = "Attributes::is_empty")]
    pub(crate) system: Attributes,
}

impl Record {
    pub(crate) fn new(body: String, extras: Extras, source: Option<Arc<str>>) -> Self {
        let is_plain = extras.attributes.is_empty() && extras.system.is_empty();
        Record {
            body_md5: hex::encode(Md5::digest(body.as_bytes())),
            body,
            extras: (!is_plain).then(|| Box::new(extras)),
            source,
        }
    }

    /// The same message, moved to a dead-letter queue from the queue named by `source`.
    pub(crate) fn buried(&self, source: Arc<str>) -> Self {
        Record { source: Some(source), ..self.clone() }
    }

    /// Bytes as SQS counts them: body, and names, types and values of the attributes.
    pub(crate) fn size(&self) -> usize {
        self.body.len()
            + self.extras.as_ref().map_or(0, |extras| attributes::size(&extras.attributes))
    }

    /// Bytes of memory, roughly.
    pub(crate) fn weight(&self) -> usize {
        /// The record itself, its MD5, the entries in the cache's map and order.
        const OVERHEAD: usize = 256;
        OVERHEAD
            + self.body.capacity()
            + self.extras.as_ref().map_or(0, |extras| {
                let each = 192;
                attributes::size(&extras.attributes)
                    + attributes::size(&extras.system)
                    + each * (extras.attributes.len() + extras.system.len())
            })
    }
}

impl fmt::Debug for Record {
    /// The length of the body instead of the body: it may be a person's data.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Record").field("body_bytes", &self.body.len()).finish_non_exhaustive()
    }
}
