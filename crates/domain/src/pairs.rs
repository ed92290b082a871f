//! Names and texts of a form that is not JSON, as an object.

use std::collections::{BTreeMap, HashSet};

use crate::canonical::{Canonical, Object, Unstorable, Writer};

/// Collects the pairs. Every value is text. If a name appears twice, the last value wins, as in
/// 2016; but the values of a list field are all kept, in their order.
pub(crate) struct Pairs<'l> {
    list_fields: &'l HashSet<String>,
    writer: Writer,
    object: Object,
    /// The lists, as JSON text, by name.
    lists: BTreeMap<String, (Writer, Unstorable)>,
}

impl<'l> Pairs<'l> {
    pub(crate) fn new(list_fields: &'l HashSet<String>) -> Self {
        let mut writer = Writer::default();
        let object = writer.open_object();
        Self { list_fields, writer, object, lists: BTreeMap::new() }
    }

    pub(crate) fn add(&mut self, name: &str, value: &str) {
        if self.list_fields.contains(name) {
            if !self.lists.contains_key(name) {
                let mut writer = Writer::default();
                writer.open_list();
                self.lists.insert(name.to_owned(), (writer, Unstorable::default()));
            }
            if let Some((list, unstorable)) = self.lists.get_mut(name) {
                *unstorable = unstorable.or(list.string(value));
                list.end_of_item();
            }
        } else {
            let name = self.writer.name(name);
            let value = self.writer.string(value);
            self.writer.end_of_member(&mut self.object, name, value);
        }
    }

    pub(crate) fn finish(mut self) -> Canonical {
        for (name, (mut list, unstorable)) in self.lists {
            list.close_list();
            let name = self.writer.name(&name);
            self.writer.word(list.finish().text());
            self.writer.end_of_member(&mut self.object, name, unstorable);
        }
        self.writer.close_whole_object(&self.object);
        self.writer.finish()
    }
}
