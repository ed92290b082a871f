//! The parts of a request that Hawk signs, as plain values.

/// The head of a request as the server received it.
///
/// It has no `Debug`: a log with `Authorization` would let its readers replay the request.
#[derive(Clone, Copy)]
pub struct Head<'a> {
    /// The value of `Authorization`, if there is one.
    pub authorization: Option<&'a [u8]>,
    /// As in the request line.
    pub method: &'a str,
    /// Path and query as in the request line, with the escapes that the client used.
    pub path_and_query: &'a str,
    /// The host that the client addressed, without a port. Behind a load balancer, use the host of
    /// `PUBLIC_URL`.
    pub host: &'a str,
    /// The port that the client addressed: 80 or 443 if its URL names none.
    pub port: u16,
}

/// A request as the server received it.
///
/// It has no `Debug`, because the body is a submitted form.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// The head, which is checked before the body arrives.
    pub head: Head<'a>,
    /// The value of `Content-Type`, with or without parameters; empty if there is none.
    pub content_type: &'a str,
    /// The body as it was received.
    pub body: &'a [u8],
}
