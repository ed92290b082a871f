//! How large pages may be.

use service::settings::Environment;

/// How large pages may be.
#[derive(Clone, Copy, Debug)]
pub struct PageSettings {
    /// The most bytes of one page; a single row may have more.
    pub bytes: usize,
    /// The most bytes of all pages together that are being read or sent.
    pub bytes_in_flight: usize,
    /// How many rows a page with filters looks at.
    pub scan_rows: usize,
}

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

impl PageSettings {
    /// Reads the variables.
    pub fn read(environment: &mut Environment) -> Self {
        let settings = Self {
            bytes: environment.bytes(
                "READER_PAGE_BYTES",
                4 * MIB,
                KIB..=256 * MIB,
                "The largest page. One row is on a page in any case.",
            ),
            bytes_in_flight: environment.bytes(
                "READER_BYTES_IN_FLIGHT",
                16 * MIB,
                KIB..=4096 * MIB,
                "The largest size of all pages together that are being read or sent; one client has at most half of it. A page waits 5 s for its share, then it gets 503.",
            ),
            scan_rows: environment.number(
                "READER_SCAN_ROWS",
                100_000,
                1..=100_000_000,
                "How many rows a page with filters looks at before it answers with what it has found.",
            ),
        };
        if settings.bytes_in_flight < settings.bytes {
            environment.fault("READER_BYTES_IN_FLIGHT", "must not be less than READER_PAGE_BYTES");
        }
        settings
    }
}
