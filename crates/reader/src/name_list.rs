//! A list of names, such as `id,name,"a,b"`.

use relations::BadParameter;

/// Reads names with commas between them. In quotes a name may have a comma, and `""` is a quote.
///
/// # Errors
/// A quote is not closed, or something follows one.
pub fn parse(parameter: &str, text: &str) -> Result<Vec<String>, BadParameter> {
    let wrong = |reason| Err(BadParameter::new(parameter, reason));
    let mut names = Vec::new();
    let mut rest = text.chars().peekable();
    loop {
        let mut name = String::new();
        if rest.next_if_eq(&'"').is_some() {
            loop {
                match rest.next() {
                    Some('"') if rest.next_if_eq(&'"').is_some() => name.push('"'),
                    Some('"') => break,
                    Some(c) => name.push(c),
                    None => return wrong("a quote is not closed"),
                }
            }
        } else {
            while let Some(c) = rest.next_if(|c| *c != ',') {
                name.push(c);
            }
        }
        names.push(name);
        match rest.next() {
            None => return Ok(names),
            Some(',') => {}
            Some(_) => return wrong("after a closing quote comes a comma or the end of the list"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_may_be_quoted() {
        for (text, expected) in [
            ("id", &["id"][..]),
            ("id,name", &["id", "name"]),
            (r#""a,b","say ""hi""",c"d"#, &["a,b", "say \"hi\"", "c\"d"]),
            ("", &[""]),
            ("a,", &["a", ""]),
        ] {
            assert_eq!(parse("columns", text).unwrap(), expected, "{text}");
        }
        for text in ["\"a", "\"a\"b", "\"\"\""] {
            assert!(parse("columns", text).is_err(), "{text}");
        }
    }
}
