//! The operators of a filter, in PostgREST's grammar.

use crate::error::BadParameter;

/// What a value is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Operand {
    /// `eq`, `neq`, `lt`, `lte`, `gt`, `gte`, `like`, `ilike`, and the text after it.
    Compare { operator: Operator, value: String },
    /// `in.(a,"b,c")`
    In(Vec<String>),
    /// `is.null` and the like: SQL's words.
    Is(&'static str),
}

/// An operator with one operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Eq,
    Neq,
    Lt,
    Lte,
    Gt,
    Gte,
    Like,
    ILike,
}

/// The operators as they are written.
const OPERATORS: [(&str, Operator); 8] = [
    ("eq", Operator::Eq),
    ("neq", Operator::Neq),
    ("lt", Operator::Lt),
    ("lte", Operator::Lte),
    ("gt", Operator::Gt),
    ("gte", Operator::Gte),
    ("like", Operator::Like),
    ("ilike", Operator::ILike),
];

/// What may follow `is.`, and SQL's words for it.
const IS: [(&str, &str); 5] = [
    ("null", "NULL"),
    ("not_null", "NOT NULL"),
    ("true", "TRUE"),
    ("false", "FALSE"),
    ("unknown", "UNKNOWN"),
];

/// The most values in a list.
const MOST_VALUES: usize = 1000;

impl Operator {
    pub(crate) fn sql(self) -> &'static str {
        match self {
            Self::Eq => "=",
            // A null differs from no value, as in SQL and in PostgREST.
            Self::Neq => "<>",
            Self::Lt => "<",
            Self::Lte => "<=",
            Self::Gt => ">",
            Self::Gte => ">=",
            Self::Like => "LIKE",
            Self::ILike => "ILIKE",
        }
    }

    pub(crate) fn is_pattern(self) -> bool {
        matches!(self, Self::Like | Self::ILike)
    }
}

/// Reads `[not.]operator.value`. Returns whether it begins with `not.`, and the rest.
pub(crate) fn parse(parameter: &str, text: &str) -> Result<(bool, Operand), BadParameter> {
    let (not, text) = text.strip_prefix("not.").map_or((false, text), |rest| (true, rest));
    let unknown = || {
        let names: Vec<&str> = OPERATORS.iter().map(|(name, _)| *name).collect();
        let reason = format!(
            "must be an operator, a point and a value, such as eq.5; the operators are {}, in, is, and not. before any",
            names.join(", ")
        );
        BadParameter::new(parameter, reason)
    };
    let (operator, value) = text.split_once('.').ok_or_else(unknown)?;
    let operand = match operator {
        "is" => {
            let words = IS.iter().find(|(name, _)| value.eq_ignore_ascii_case(name));
            let (_, words) = words.ok_or_else(|| {
                BadParameter::new(
                    parameter,
                    "after is. comes null, not_null, true, false or unknown",
                )
            })?;
            Operand::Is(words)
        }
        "in" => Operand::In(list(parameter, value)?),
        _ => {
            let found = OPERATORS.iter().find(|(name, _)| *name == operator);
            let (_, operator) = found.ok_or_else(unknown)?;
            let value =
                if operator.is_pattern() { value.replace('*', "%") } else { value.to_owned() };
            Operand::Compare { operator: *operator, value }
        }
    };
    Ok((not, operand))
}

/// Reads `(a,"b,c")`. Inside quotes, `\` takes the next character as it is.
fn list(parameter: &str, text: &str) -> Result<Vec<String>, BadParameter> {
    let wrong = |reason: &str| BadParameter::new(parameter, reason);
    let inner = text
        .strip_prefix('(')
        .and_then(|text| text.strip_suffix(')'))
        .ok_or_else(|| wrong("after in. comes a list in parentheses, such as in.(a,\"b,c\")"))?;
    let mut values = Vec::new();
    let mut rest = inner.chars();
    let mut ends = inner.is_empty();
    while !ends {
        let mut value = String::new();
        let mut next = rest.next();
        if next == Some('"') {
            loop {
                match rest.next() {
                    Some('"') => break,
                    Some('\\') => value.extend(rest.next()),
                    Some(c) => value.push(c),
                    None => return Err(wrong("a quote is not closed")),
                }
            }
            next = rest.next();
            if !matches!(next, Some(',') | None) {
                return Err(wrong("after a closing quote comes a comma or the end of the list"));
            }
        } else {
            while let Some(c) = next.filter(|c| *c != ',') {
                value.push(c);
                next = rest.next();
            }
        }
        values.push(value);
        ends = next.is_none();
        if values.len() > MOST_VALUES {
            return Err(wrong(&format!("a list has at most {MOST_VALUES} values")));
        }
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn values(text: &str) -> Vec<String> {
        match parse("p", text).unwrap() {
            (false, Operand::In(values)) => values,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn each_operator_takes_the_rest_as_its_value() {
        let compare =
            |operator, value: &str| Operand::Compare { operator, value: value.to_owned() };
        for (text, expected) in [
            ("eq.00000042", (false, compare(Operator::Eq, "00000042"))),
            ("eq.", (false, compare(Operator::Eq, ""))),
            ("not.eq.a.b", (true, compare(Operator::Eq, "a.b"))),
            ("eq.not.x", (false, compare(Operator::Eq, "not.x"))),
            ("like.*a%", (false, compare(Operator::Like, "%a%"))),
            ("eq.*", (false, compare(Operator::Eq, "*"))),
            ("is.null", (false, Operand::Is("NULL"))),
            ("not.is.NULL", (true, Operand::Is("NULL"))),
            ("is.not_null", (false, Operand::Is("NOT NULL"))),
        ] {
            assert_eq!(parse("p", text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn a_list_may_have_quotes() {
        assert_eq!(values("in.(a,\"b,c\")"), ["a", "b,c"]);
        assert_eq!(values(r#"in.("a\"b\\",c)"#), ["a\"b\\", "c"]);
        assert_eq!(values("in.()"), [""; 0]);
        assert_eq!(values("in.(,)"), ["", ""]);
        assert_eq!(values("in.(\"\")"), [""]);
        assert_eq!(values("in.(a)b)"), ["a)b"]);
    }

    #[test]
    fn what_is_no_filter_is_refused_without_its_value() {
        for text in [
            "",
            "5",
            "secret",
            "eq",
            "EQ.1",
            "secret.1",
            "not.5",
            "not.not.eq.1",
            "in.a",
            "in.(a",
            "in.(\"a)",
            "in.(\"a\"b)",
            "is.",
            "is.secret",
            "neq",
        ] {
            let error = parse("column", text).unwrap_err();
            assert_eq!(error.parameter, "column", "{text}");
            assert!(!error.reason.contains("secret"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn every_list_is_read_back(expected in prop::collection::vec(".*", 1..5)) {
            let quoted: Vec<String> = expected
                .iter()
                .map(|value| format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\"")))
                .collect();
            prop_assert_eq!(values(&format!("in.({})", quoted.join(","))), expected);
        }

        #[test]
        fn no_text_is_too_strange(text in ".*") {
            let _ = parse("p", &text);
        }
    }
}
