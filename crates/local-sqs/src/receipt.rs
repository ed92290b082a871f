//! Message ids and receipt handles, by which clients refer to a stored message.

use base64::{Engine as _, engine::general_purpose::URL_SAFE};
use md5::{Digest, Md5};

use crate::error::{ApiError, Code};

/// Converts internal numbers to the ids that clients see, and back.
///
/// The seed is stored with the data, so that message ids survive a restart and a handle from
/// another server is recognised as garbage. This does not protect anything: any client that reaches
/// the server may do everything.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PublicIds {
    seed: [u8; 16],
}

/// The content of a receipt handle: one receive of one message from one queue.
///
/// Every receive of a message has a number of its own, so that a handle becomes stale as soon as
/// the message is received again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Receipt {
    pub(crate) queue: i64,
    pub(crate) message: i64,
    pub(crate) receive: u64,
}

impl PublicIds {
    pub(crate) fn new(seed: [u8; 16]) -> Self {
        PublicIds { seed }
    }

    /// The message id that clients see, a UUID. It is a hash instead of a column, because a million
    /// rows may be stored.
    pub(crate) fn message_id(&self, message: i64) -> String {
        let digest =
            Md5::new().chain_update(self.seed).chain_update(message.to_be_bytes()).finalize();
        uuid::Builder::from_random_bytes(digest.into()).into_uuid().to_string()
    }

    /// The text that a client sends back to delete a message or change its visibility.
    pub(crate) fn receipt_handle(&self, receipt: Receipt) -> String {
        let mut bytes = Vec::with_capacity(32);
        bytes.extend_from_slice(&receipt.queue.to_be_bytes());
        bytes.extend_from_slice(&receipt.message.to_be_bytes());
        bytes.extend_from_slice(&receipt.receive.to_be_bytes());
        let check = self.check(&bytes);
        bytes.extend_from_slice(&check);
        URL_SAFE.encode(bytes)
    }

    /// Reads a handle that this server issued for `queue`; any other text is
    /// `ReceiptHandleIsInvalid`.
    pub(crate) fn parse_handle(&self, handle: &str, queue: i64) -> Result<Receipt, ApiError> {
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
    fn parsing_a_handle_returns_its_receipt() {
        let ids = PublicIds::new([7; 16]);
        assert_eq!(ids.parse_handle(&ids.receipt_handle(RECEIPT), 3).unwrap(), RECEIPT);
    }

    #[test]
    fn a_handle_from_another_queue_or_server_is_invalid_and_so_is_garbage() {
        let ids = PublicIds::new([7; 16]);
        let handle = ids.receipt_handle(RECEIPT);
        assert!(ids.parse_handle(&handle, 4).is_err());
        assert!(PublicIds::new([8; 16]).parse_handle(&handle, 3).is_err());
        assert!(ids.parse_handle(&handle[1..], 3).is_err());
        assert!(ids.parse_handle("", 3).is_err());
        assert!(ids.parse_handle("garbage", 3).is_err());
    }

    #[test]
    fn message_ids_are_uuids_that_differ_by_message_and_by_seed() {
        let id = PublicIds::new([7; 16]).message_id(1);
        assert_eq!(uuid::Uuid::parse_str(&id).unwrap().get_version_num(), 4);
        assert_ne!(id, PublicIds::new([7; 16]).message_id(2));
        assert_ne!(id, PublicIds::new([8; 16]).message_id(1));
    }
}
