//! The form types that a service serves, each with its queues.

use std::collections::BTreeMap;

use domain::{FormType, FormTypes};
use service::settings::Environment;

use super::{form_types::FormTypeNames, queue_names};
use crate::QueueNames;

/// The form types that a service serves, each with its queues.
#[derive(Clone, Debug)]
pub struct ServedForms {
    names: Vec<String>,
    types: FormTypes,
    queues: BTreeMap<String, QueueNames>,
}

/// A form type with its queues.
#[derive(Clone, Debug)]
pub struct ServedForm {
    /// The form type.
    pub form_type: FormType,
    /// Its queues.
    pub queues: QueueNames,
}

impl ServedForms {
    /// Reads the variables and the schemas.
    pub fn read(environment: &mut Environment) -> Self {
        let named = FormTypeNames::read(environment);
        let types = named.types(environment);
        let queues = queue_names::read(environment, &named.names);
        Self { names: named.names, types, queues }
    }

    /// Whether `FORM_TYPES` names this form type.
    pub fn contains(&self, form_type: &str) -> bool {
        self.names.iter().any(|name| name == form_type)
    }

    /// Only the form types of these names.
    #[must_use]
    pub fn only(mut self, names: &[String]) -> Self {
        self.names.retain(|name| names.contains(name));
        self.types = self.types.only(names);
        self
    }

    /// The form types without their queues.
    pub fn types(&self) -> &FormTypes {
        &self.types
    }

    /// Each form type with its queues, in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = ServedForm> {
        self.types.iter().filter_map(|form_type| {
            let queues = self.queues.get(form_type.name())?.clone();
            Some(ServedForm { form_type: form_type.clone(), queues })
        })
    }

    /// Logs which built-in schemas are replaced, because an operator may not know that a file has the name of one.
    pub fn log_replaced_schemas(&self) {
        for replaced in self.types.iter().filter(|form_type| form_type.replaces_built_in()) {
            log::info!(form_type = replaced.name(); "A schema in FORM_TYPES_DIR replaces the built-in one.");
        }
    }
}

impl ServedForm {
    /// The name of its check on the health page: `queue` for type `form`, `queue_enrolment` for `enrolment` and so on.
    pub fn check_name(&self) -> String {
        match self.form_type.name() {
            "form" => "queue".to_owned(),
            other => format!("queue_{other}"),
        }
    }
}
