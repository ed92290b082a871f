//! The content of a message: stored on disk and returned to receivers.

use std::{fmt, sync::Arc};

use md5::{Digest, Md5};
use serde::{Deserialize, Serialize};

use crate::attributes::{self, Attributes};

/// The content of one message. It never changes, except by [`Record::moved_from`].
#[derive(Clone)]
pub(crate) struct Record {
    pub(crate) body: String,
    /// Lower-case hex.
    pub(crate) body_md5: String,
    pub(crate) extras: Option<Box<Extras>>,
    /// The ARN of the queue from which a redrive policy moved the message.
    pub(crate) source: Option<Arc<str>>,
}

/// Attributes that a sender added to the body, which few messages have.
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

    /// The same message after its move to a dead-letter queue; `source` is the ARN of its old
    /// queue.
    pub(crate) fn moved_from(&self, source: Arc<str>) -> Self {
        Record { source: Some(source), ..self.clone() }
    }

    /// The size in bytes as SQS counts it: the body, and the names, types and values of attributes.
    pub(crate) fn size(&self) -> usize {
        self.body.len()
            + self.extras.as_ref().map_or(0, |extras| attributes::size(&extras.attributes))
    }

    /// Approximate bytes of memory.
    pub(crate) fn memory_bytes(&self) -> usize {
        /// The record itself, its MD5, and its entries in `Records`.
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
    /// Shows the length of the body instead of the body, which may be personal data.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Record").field("body_bytes", &self.body.len()).finish_non_exhaustive()
    }
}
