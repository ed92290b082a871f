//! The names of the queues of each form type.

use std::collections::BTreeMap;

use service::settings::{Environment, Variable};

use super::form_types::FormTypeNames;
use crate::QueueNames;

const FORM: &str = "SQS_FORM_DATA_QUEUE_NAME";
const INVALID_2016: &str = "SQS_INVALID_MESAGES_QUEUE_NAME";
const INVALID: &str = "SQS_INVALID_MESSAGES_QUEUE_NAME";

const VALUES: &str =
    "a queue name: with the prefix 1 to 80 letters, digits, hyphens and underscores";
const NAMES_FORM_QUEUE: &str = "The queue from api to worker";
const NAMES_INVALID_QUEUE: &str = "The queue for messages that cannot be stored";

/// The queues of each type in `FORM_TYPES`, by its name, for programs that need no schemas.
pub fn queue_names(environment: &mut Environment) -> BTreeMap<String, QueueNames> {
    let named = FormTypeNames::read(environment);
    read(environment, &named.names)
}

/// Reads the variables of these form types.
pub(super) fn read(
    environment: &mut Environment,
    form_types: &[String],
) -> BTreeMap<String, QueueNames> {
    let prefix = environment.text(
        "SQS_QUEUE_NAME_PREFIX",
        "",
        "letters, digits, hyphens and underscores",
        "Put before the name of every queue, so that several people can share an AWS account.",
    );
    QueueVariables::of("form").declare(environment, "of the form type `form`");
    let invalid_of_form = invalid_queue_of_form(environment);
    QueueVariables::of("<type>").declare(
        environment,
        "of another form type. `<TYPE>` is its name in capitals, with underscores for hyphens",
    );
    let mut claims = Claims::default();
    let mut queues = BTreeMap::new();
    // A name that no queue can have was already refused as the name of a form type.
    for form_type in form_types.iter().filter(|name| suits_sqs(name)) {
        let variables = QueueVariables::of(form_type);
        if !claims.claim_variables(environment, form_type, &variables) {
            continue;
        }
        variables.declare(environment, &format!("of the form type `{form_type}`"));
        let invalid = match form_type.as_str() {
            "form" => invalid_of_form.clone(),
            _ => environment.value(&variables.invalid),
        };
        let form = environment.value(&variables.form);
        let form = form.unwrap_or_else(|| variables.default_form.clone());
        let invalid = invalid.unwrap_or_else(|| variables.default_invalid.clone());
        claims.claim_name(environment, &variables.form, &form);
        claims.claim_name(environment, &variables.invalid, &invalid);
        let names = QueueNames {
            form: prefixed(environment, &variables.form, &prefix, &form),
            invalid: prefixed(environment, &variables.invalid, &prefix, &invalid),
        };
        queues.insert(form_type.clone(), names);
    }
    queues
}

/// The name of the invalid queue of type `form`, whose variable has two spellings.
fn invalid_queue_of_form(environment: &mut Environment) -> Option<String> {
    let old = environment.value(INVALID_2016);
    let meaning = format!("The same as `{INVALID_2016}`, spelt right.");
    let new = environment.optional(INVALID, "none", VALUES, &meaning);
    if let (Some(old), Some(new)) = (&old, &new)
        && old != new
    {
        let what = format_args!("and {INVALID} are two spellings of one name, and differ");
        environment.fault(INVALID_2016, what);
    }
    old.or(new)
}

/// The variables that name the queues of a form type, with their defaults.
struct QueueVariables {
    form: String,
    invalid: String,
    /// Another spelling of `invalid`.
    other_invalid: Option<&'static str>,
    default_form: String,
    default_invalid: String,
}

impl QueueVariables {
    fn of(form_type: &str) -> Self {
        if form_type == "form" {
            return Self {
                form: FORM.to_owned(),
                invalid: INVALID_2016.to_owned(),
                other_invalid: Some(INVALID),
                default_form: "directory-form-data".to_owned(),
                default_invalid: "directory-form-data-invalid".to_owned(),
            };
        }
        let capitals = form_type.to_ascii_uppercase().replace('-', "_");
        Self {
            form: format!("SQS_{capitals}_QUEUE_NAME"),
            invalid: format!("SQS_INVALID_{capitals}_QUEUE_NAME"),
            other_invalid: None,
            default_form: format!("directory-{form_type}"),
            default_invalid: format!("directory-{form_type}-invalid"),
        }
    }

    fn all(&self) -> impl Iterator<Item = &str> {
        [self.form.as_str(), self.invalid.as_str()].into_iter().chain(self.other_invalid)
    }

    fn declare(&self, environment: &mut Environment, whose: &str) {
        for (name, default, meaning) in [
            (&self.form, &self.default_form, NAMES_FORM_QUEUE),
            (&self.invalid, &self.default_invalid, NAMES_INVALID_QUEUE),
        ] {
            let (default, meaning) = (format!("`{default}`"), format!("{meaning}, {whose}."));
            environment.declare(Variable::new(name, &default, VALUES, &meaning));
        }
    }
}

/// Which variables and queue names are taken: no two form types may share one.
#[derive(Default)]
struct Claims {
    /// Form types by their variables.
    variables: BTreeMap<String, String>,
    /// Variables by the queue names that they give.
    names: BTreeMap<String, String>,
}

impl Claims {
    /// Whether no other form type has these variables; if one has, that is a fault.
    fn claim_variables(
        &mut self,
        environment: &mut Environment,
        form_type: &str,
        variables: &QueueVariables,
    ) -> bool {
        let shared =
            variables.all().find_map(|variable| Some((variable, self.variables.get(variable)?)));
        if let Some((variable, other)) = shared {
            let what =
                format_args!("names {other} and {form_type}, whose queues would share {variable}");
            environment.fault("FORM_TYPES", what);
            return false;
        }
        let claimed = variables.all().map(|variable| (variable.to_owned(), form_type.to_owned()));
        self.variables.extend(claimed);
        true
    }

    /// If another variable gives the same name, that is a fault.
    fn claim_name(&mut self, environment: &mut Environment, variable: &str, name: &str) {
        if let Some(other) = self.names.insert(name.to_owned(), variable.to_owned()) {
            environment.fault(variable, format_args!("and {other} name the same queue"));
        }
    }
}

fn prefixed(environment: &mut Environment, variable: &str, prefix: &str, name: &str) -> String {
    let name = format!("{prefix}{name}");
    if !suits_sqs(&name) {
        let rule = "with SQS_QUEUE_NAME_PREFIX before it must be 1 to 80 letters, digits, hyphens and underscores";
        environment.fault(variable, rule);
    }
    name
}

/// The name of a queue has at most 80 letters, digits, hyphens and underscores.
fn suits_sqs(name: &str) -> bool {
    name.len() <= 80
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}
