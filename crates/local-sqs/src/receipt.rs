//! Message ids and receipt handles: how a stored message is named to clients.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use md5::{Digest, Md5};

use crate::error::{ApiError, Code};

/// Turns internal numbers into names that clients see, and back.
///
/// Keyed by a seed that is kept with the data, so that message ids survive a restart and a handle of another server is
/// recognised as garbage. This is no protection: whoever reaches the server may do everything.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Names {
    seed: [u8; 16],
}

/// What a receipt handle says: this receive of this message from this queue.
///
/// Every receive of a message has its own number, so that a handle is stale as soon as the message is received again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Receipt {
    pub(crate) queue: i64,
    pub(crate) message: i64,
    pub(crate) receive: u64,
}

impl Names {
    pub(crate) fn new(seed: [u8; 16]) -> Self {
        Names { seed }
    }

    /// The message id that clients see, a UUID: a hash instead of a column, since a million rows are kept.
    pub(crate) fn message_id(&self, message: i64) -> String {
        let digest =
            Md5::new().chain_update(self.seed).chain_update(message.to_be_bytes()).finalize();
        uuid::Builder::from_random_bytes(digest.into()).into_uuid().to_string()
    }

    /// The text that a client hands back to delete a message or change its visibility.
    pub(crate) fn handle(&self, receipt: Receipt) -> String {
        let mut bytes = Vec::with_capacity(32);
        bytes.extend_from_slice(&receipt.queue.to_be_bytes());
        bytes.extend_from_slice(&receipt.message.to_be_bytes());
        bytes.extend_from_slice(&receipt.receive.to_be_bytes());
        let check = self.check(&bytes);
        bytes.extend_from_slice(&check);
        URL_SAFE.encode(bytes)
    }

    /// Reads a handle that this server gave out for `queue`; `ReceiptHandleIsInvalid` for anything else.
    pub(crate) fn parse(&self, handle: &str, queue: i64) -> Result<Receipt, ApiError> {
        self.decode(handle).filter(|receipt| receipt.queue == queue).ok_or_else(|| {
            ApiError::new(
                Code::ReceiptHandleIsInvalid,
                "The input receipt handle is not a valid receipt handle.",
            )
        })
    }

    fn decode(&self, handle: &str) -> Option<Receipt> {
        let bytes = URL_SAFE.decode(handle).ok()?;
        let (content, check) = bytes.split_at_checked(24)?;
        if check != self.check(content) {
            return None;
        }
        let (queue, rest) = content.split_first_chunk::<8>()?;
        let (message, rest) = rest.split_first_chunk::<8>()?;
        let (receive, _) = rest.split_first_chunk::<8>()?;
        Some(Receipt {
            queue: i64::from_be_bytes(*queue),
            message: i64::from_be_bytes(*message),
            receive: u64::from_be_bytes(*receive),
        })
    }

    fn check(&self, content: &[u8]) -> [u8; 8] {
        let digest: [u8; 16] =
            Md5::new().chain_update(content).chain_update(self.seed).finalize().into();
        let [a, b, c, d, e, f, g, h, ..] = digest;
        [a, b, c, d, e, f, g, h]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECEIPT: Receipt = Receipt { queue: 3, message: 77, receive: u64::MAX };

    #[test]
    fn a_handle_comes_back_as_the_receipt_it_was_made_from() {
        let names = Names::new([7; 16]);
        assert_eq!(names.parse(&names.handle(RECEIPT), 3).unwrap(), RECEIPT);
    }

    #[test]
    fn a_handle_of_another_queue_or_another_server_or_garbage_is_invalid() {
        let names = Names::new([7; 16]);
        let handle = names.handle(RECEIPT);
        assert!(names.parse(&handle, 4).is_err());
        assert!(Names::new([8; 16]).parse(&handle, 3).is_err());
        assert!(names.parse(&handle[1..], 3).is_err());
        assert!(names.parse("", 3).is_err());
        assert!(names.parse("garbage", 3).is_err());
    }

    #[test]
    fn message_ids_differ_by_message_and_by_seed_and_are_uuids() {
        let id = Names::new([7; 16]).message_id(1);
        assert_eq!(uuid::Uuid::parse_str(&id).unwrap().get_version_num(), 4);
        assert_ne!(id, Names::new([7; 16]).message_id(2));
        assert_ne!(id, Names::new([8; 16]).message_id(1));
    }
}
