//! Parses `application/x-www-form-urlencoded` as the 2016 service did.

use crate::canonical::{Canonical, Writer};

/// Every value is text. If a key appears twice, the last value wins. A malformed percent escape is
/// kept as it is, and invalid UTF-8 is replaced.
pub(crate) fn parse(body: &[u8]) -> Canonical {
    let mut writer = Writer::default();
    let object = writer.open_object();
    for (name, value) in form_urlencoded::parse(body) {
        let name = writer.name(&name);
        let value = writer.string(&value);
        writer.end_of_member(name, value);
    }
    writer.close_whole_object(object);
    writer.finish()
}
