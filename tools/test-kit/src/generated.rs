//! Generated JSON of every shape: the text that a test sends, and separately its meaning.
//!
//! This file writes text and reads numbers by itself. If it used the readers of the services, they
//! would judge themselves.

mod notation;

use std::collections::BTreeMap;

use proptest::{
    char,
    collection::vec,
    option,
    prelude::*,
    sample::select,
    strategy::{Union, ValueTree},
    string::string_regex,
    test_runner::TestRunner,
};
use serde_json::Value;

pub use notation::in_plain_notation;

/// The intake accepts numbers of up to this many digits in plain notation.
const MAX_DIGITS: usize = 1000;

/// The intake accepts this many levels of objects and lists.
const MAX_DEPTH: usize = 127;

/// A JSON value as a client writes it.
#[derive(Clone, Debug)]
pub enum Json {
    /// `null`, `true` or `false`.
    Word(&'static str),
    /// A number as the client writes it.
    Number(String),
    Text(Text),
    List(Vec<Json>),
    /// The members as the client writes them: a name may appear more than once.
    Object(Vec<(Text, Json)>),
}

/// Characters, and for each whether it is written as an escape although that is not necessary.
pub type Text = Vec<(char, bool)>;

/// The meaning of a JSON value: numbers in plain notation with their scale, characters without
/// escapes, and for a repeated name the last value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// `null`, `true` or `false`.
    Word(String),
    /// A number without exponent.
    Number(String),
    Text(String),
    List(Vec<Meaning>),
    Object(BTreeMap<String, Meaning>),
}

/// Forms that the intake accepts: objects whose `data` is not null. Some of them reach a limit, and
/// every limit is reached by some.
pub fn forms() -> impl Strategy<Value = Json> {
    let data = (json(), 0..MAX_DEPTH, any::<bool>()).prop_map(|(data, deeper, in_lists)| {
        let deeper = deeper.min(MAX_DEPTH - 1 - data.depth().min(MAX_DEPTH - 1));
        (0..deeper).fold(data, |data, level| {
            if in_lists || level % 2 == 0 {
                Json::List(vec![data])
            } else {
                Json::Object(vec![(plain("a"), data)])
            }
        })
    });
    let data = data.prop_map(|data| {
        if matches!(data, Json::Word("null")) { Json::List(vec![data]) } else { data }
    });
    // The other fields have at most 4 levels.
    (data, vec((text(), json()), 0..4)).prop_map(|(data, mut fields)| {
        fields.push((plain("data"), data));
        Json::Object(fields)
    })
}

/// JSON values that the intake accepts inside a form.
pub fn json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        select(vec!["null", "true", "false"]).prop_map(Json::Word),
        numbers().prop_map(Json::Number),
        text().prop_map(Json::Text),
    ];
    leaf.prop_recursive(4, 24, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Json::List),
            // Few names, so that they repeat.
            vec((prop_oneof![text(), select(vec!["", "a", "data"]).prop_map(plain)], inner), 0..6)
                .prop_map(Json::Object),
        ]
    })
}

/// Numbers in every notation, of up to 1,000 digits in plain notation.
pub fn numbers() -> impl Strategy<Value = String> {
    let digits = |regex: &str| string_regex(regex).expect("a regex of digits");
    let whole =
        || prop_oneof![4 => digits("0|[1-9][0-9]{0,30}"), 1 => digits("[1-9][0-9]{200,998}")];
    let fraction =
        || option::of(prop_oneof![4 => digits("[0-9]{1,30}"), 1 => digits("[0-9]{200,998}")]);
    let exponent = option::of((
        select(vec!["e", "E", "e+", "E+", "e-", "E-", "e00", "e-0"]),
        prop_oneof![0..30usize, 0..1000usize],
    ));
    (any::<bool>(), whole(), fraction(), exponent).prop_map(
        |(negative, whole, mut fraction, exponent)| {
            let room = MAX_DIGITS - whole.len();
            fraction = fraction
                .map(|digits| digits[..digits.len().min(room)].to_owned())
                .filter(|digits| !digits.is_empty());
            let room = room - fraction.as_ref().map_or(0, String::len);
            let fraction = fraction.map(|digits| format!(".{digits}")).unwrap_or_default();
            // An exponent of n adds at most n digits.
            let exponent = exponent
                .map(|(sign, shift)| format!("{sign}{}", shift.min(room)))
                .unwrap_or_default();
            format!("{}{whole}{fraction}{exponent}", if negative { "-" } else { "" })
        },
    )
}

/// Text with every kind of character except NUL.
pub fn text() -> impl Strategy<Value = Text> {
    let character = Union::new_weighted(vec![
        (6, char::range(' ', '~').boxed()),
        (2, char::range('\u{1}', '\u{1f}').boxed()),
        (
            2,
            select(vec![
                '"', '\\', '/', '\u{7f}', '\u{85}', '\u{2028}', '\u{feff}', '\u{fffd}', '\u{fffe}',
                '\u{ffff}',
            ])
            .boxed(),
        ),
        (
            2,
            select(vec![
                '\u{d7ff}',
                '\u{e000}',
                '\u{10000}',
                '\u{1f600}',
                '\u{1fffe}',
                '\u{10ffff}',
                'é',
                'e',
                '\u{301}',
            ])
            .boxed(),
        ),
        (
            2,
            any::<char>()
                .prop_filter("the intake refuses NUL", |character| *character != '\0')
                .boxed(),
        ),
    ]);
    let character = (character, any::<bool>());
    prop_oneof![9 => vec(character.clone(), 0..12), 1 => vec(character, 100..400)]
}

/// Text without unnecessary escapes.
pub fn plain(text: &str) -> Text {
    text.chars().map(|character| (character, false)).collect()
}

/// The characters of a text, without its escapes.
pub fn characters(text: &Text) -> String {
    text.iter().map(|(character, _)| character).collect()
}

/// The first values of a strategy. They are the same each time.
pub fn some<T>(strategy: &impl Strategy<Value = T>, count: usize) -> Vec<T> {
    let mut runner = TestRunner::deterministic();
    (0..count).map(|_| strategy.new_tree(&mut runner).expect("a value").current()).collect()
}

impl Json {
    /// The text that a test sends.
    pub fn written(&self) -> String {
        let joined = |items: Vec<String>| items.join(" ,\n");
        match self {
            Self::Word(word) => (*word).to_owned(),
            Self::Number(number) => number.clone(),
            Self::Text(text) => quoted(text),
            Self::List(items) => format!("[{}]", joined(items.iter().map(Self::written).collect())),
            Self::Object(members) => {
                let members = members
                    .iter()
                    .map(|(name, value)| format!("{}: {}", quoted(name), value.written()));
                format!("{{{}}}", joined(members.collect()))
            }
        }
    }

    pub fn meaning(&self) -> Meaning {
        match self {
            Self::Word(word) => Meaning::Word((*word).to_owned()),
            Self::Number(number) => Meaning::Number(in_plain_notation(number)),
            Self::Text(text) => Meaning::Text(characters(text)),
            Self::List(items) => Meaning::List(items.iter().map(Self::meaning).collect()),
            Self::Object(members) => Meaning::Object(
                members.iter().map(|(name, value)| (characters(name), value.meaning())).collect(),
            ),
        }
    }

    fn depth(&self) -> usize {
        match self {
            Self::Word(_) | Self::Number(_) | Self::Text(_) => 0,
            Self::List(items) => 1 + items.iter().map(Self::depth).max().unwrap_or(0),
            Self::Object(members) => {
                1 + members.iter().map(|(_, value)| value.depth()).max().unwrap_or(0)
            }
        }
    }
}

/// The meaning of JSON that a service has read.
impl From<&Value> for Meaning {
    fn from(value: &Value) -> Self {
        match value {
            Value::Null | Value::Bool(_) => Self::Word(value.to_string()),
            Value::Number(number) => Self::Number(in_plain_notation(number.as_str())),
            Value::String(text) => Self::Text(text.clone()),
            Value::Array(items) => Self::List(items.iter().map(Self::from).collect()),
            Value::Object(members) => Self::Object(
                members.iter().map(|(name, value)| (name.clone(), value.into())).collect(),
            ),
        }
    }
}

fn quoted(text: &Text) -> String {
    let mut written = String::from('"');
    for (character, escaped) in text {
        match character {
            '"' | '\\' => written.extend(['\\', *character]),
            '/' if *escaped => written.push_str("\\/"),
            '\n' if !*escaped => written.push_str("\\n"),
            _ if *escaped || *character < ' ' => {
                let units = character
                    .encode_utf16(&mut [0; 2])
                    .iter()
                    .map(|unit| format!("\\u{unit:04X}"))
                    .collect::<String>();
                written.push_str(&units);
            }
            _ => written.push(*character),
        }
    }
    written.push('"');
    written
}
