//! Parses `application/x-www-form-urlencoded` as the 2016 service did.

use std::collections::HashSet;

use crate::{canonical::Canonical, pairs::Pairs};

/// A malformed percent escape is kept as it is, and invalid UTF-8 is replaced.
pub(crate) fn parse(body: &[u8], list_fields: &HashSet<String>) -> Canonical {
    let mut pairs = Pairs::new(list_fields);
    for (name, value) in form_urlencoded::parse(body) {
        pairs.add(&name, &value);
    }
    pairs.finish()
}
