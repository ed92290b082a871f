//! The SQS actions that this server supports, by their names in `X-Amz-Target`.

macro_rules! actions {
    ($($name:ident),+ $(,)?) => {
        /// One action of the SQS API.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Action {
            $($name),+
        }

        impl Action {
            /// Reads the part of `X-Amz-Target` after `AmazonSQS.`.
            pub(crate) fn from_name(name: &str) -> Option<Action> {
                match name {
                    $(stringify!($name) => Some(Action::$name),)+
                    _ => None,
                }
            }

            /// The name on the wire.
            #[cfg(feature = "faults")]
            pub(crate) fn name(self) -> &'static str {
                match self {
                    $(Action::$name => stringify!($name)),+
                }
            }
        }
    };
}

actions!(
    CreateQueue,
    GetQueueUrl,
    ListQueues,
    DeleteQueue,
    PurgeQueue,
    GetQueueAttributes,
    SetQueueAttributes,
    SendMessage,
    SendMessageBatch,
    ReceiveMessage,
    DeleteMessage,
    DeleteMessageBatch,
    ChangeMessageVisibility,
    ChangeMessageVisibilityBatch,
);
