use super::*;

fn scopes(texts: &[&str]) -> Scopes {
    Scopes::new(texts.iter().map(|text| Scope::parse(text).unwrap()))
}

fn names(names: &[&str]) -> Option<BTreeSet<String>> {
    Some(names.iter().map(|name| (*name).to_owned()).collect())
}

#[test]
fn a_scope_matches_what_it_names_and_nothing_else() {
    for (scope, schema, table, is_allowed) in [
        ("org.ds/L0", "org.ds", "L0", true),
        ("org.ds/L0", "org.ds", "L1", false),
        ("org.ds/L0", "org.ds", "l0", false),
        // No prefix of a table or a schema.
        ("org.ds/L0", "org.ds", "L00", false),
        ("org.ds/L0", "org.ds2", "L0", false),
        ("org.ds/L0", "org", "ds/L0", false),
        ("org.ds/L0", "", "org.ds/L0", false),
        // The end of a schema.
        ("org.*/L0", "org.ds", "L0", true),
        ("org.*/L0", "org.a.b", "L0", true),
        ("org.*/L0", "org.ds", "L1", false),
        ("org.*/L0", "org", "L0", false),
        ("org.*/L0", "organisation.ds", "L0", false),
        ("org.*/L0", "my.org.ds", "L0", false),
        ("org.*/*", "org.ds", "L1", true),
        // A whole part.
        ("submissions/*", "submissions", "registration", true),
        ("submissions/*", "submissions", "erasures", true),
        ("submissions/*", "submissions2", "registration", false),
        ("submissions/*", "org.ds", "L0", false),
        ("*/L0", "org.ds", "L0", true),
        ("*/L0", "org.ds", "L1", false),
        ("*/*", "org.ds", "L0", true),
        ("*/*", "submissions", "registration", true),
        // The second name of a form type is checked as the first, and no pattern of its own matches it.
        ("submissions/registration", "submissions.registration", "L0", true),
        ("submissions/other", "submissions.registration", "L0", false),
        ("submissions.registration/L0", "submissions.registration", "L0", false),
        ("submissions.*/L0", "submissions.registration", "L0", false),
        ("*/L0", "submissions.registration", "L0", false),
        ("submissions/L0", "submissions.registration", "L0", false),
        // Names with other characters.
        ("org.ds/a/b", "org.ds", "a/b", true),
        ("org.ds/é %", "org.ds", "é %", true),
        ("org.ds/é %", "org.ds", "e\u{301} %", false),
    ] {
        let access = scopes(&[scope]).allows(&RelationName::new(schema, table));
        assert_eq!(access, is_allowed.then(Access::default), "{scope} {schema} {table}");
    }
}

#[test]
fn without_a_scope_nothing_is_allowed() {
    for (schema, table) in [("submissions", "erasures"), ("org.ds", "L0"), ("", "")] {
        assert_eq!(Scopes::default().allows(&RelationName::new(schema, table)), None);
    }
}

#[test]
fn columns_of_several_scopes_add_up_and_one_without_columns_has_all() {
    let relation = RelationName::new("org.ds", "L0");
    for (texts, columns) in [
        (&["org.ds/L0(id,name)"][..], names(&["id", "name"])),
        (&["org.ds/L0(id, name)", "org.*/L0(id,size)"], names(&["id", "name", "size"])),
        (&["org.ds/L0(id)", "org.ds/L1"], names(&["id"])),
        (&["org.ds/L0(id)", "*/L0"], None),
    ] {
        let access = scopes(texts).allows(&relation).unwrap();
        assert_eq!(access, Access { columns, form_types: None }, "{texts:?}");
    }
}

#[test]
fn whoever_reads_some_form_types_reads_their_erasures() {
    let erasures = RelationName::new("submissions", "erasures");
    for (texts, form_types) in [
        (&["submissions/registration"][..], Some(names(&["registration"]))),
        (&["submissions/registration(id)"], Some(names(&["registration"]))),
        (&["submissions/a", "submissions/b", "org.ds/c"], Some(names(&["a", "b"]))),
        (&["sub*/a"], Some(names(&["a"]))),
        (&["submissions/a", "submissions/*"], Some(None)),
        (&["submissions/erasures"], Some(None)),
        (&["submissions/*"], Some(None)),
        (&["org.ds/L0"], None),
        (&["org.*/erasures"], None),
    ] {
        let access = scopes(texts).allows(&erasures);
        let form_types = form_types.map(|form_types| Access { columns: None, form_types });
        assert_eq!(access, form_types, "{texts:?}");
    }
    // A form type cannot have this name, and the alias must not open a second door.
    let alias = RelationName::new("submissions.erasures", "L0");
    assert_eq!(scopes(&["submissions/a"]).allows(&alias), None);
}

#[test]
fn a_scope_that_is_read_is_written_again() {
    for text in [
        "submissions/*",
        "submissions/registration",
        "org.ds/L0(id,name)",
        "org.*/L0",
        "*/*",
        "org.ds/a/b",
        "org.ds/a b",
    ] {
        assert_eq!(Scope::parse(text).unwrap().to_string(), text);
    }
}

#[test]
fn a_text_that_is_not_a_scope_is_refused_with_a_reason() {
    let long = format!("{}/L0", "x".repeat(64));
    for (text, reason) in [
        ("", BadScope::NoTable),
        ("*", BadScope::NoTable),
        ("get_table_data", BadScope::NoTable),
        ("org.ds/", BadScope::Name),
        ("/L0", BadScope::Name),
        ("org\0/L0", BadScope::Name),
        (&long, BadScope::Name),
        ("org.ds/L*", BadScope::Star),
        ("org.ds/*L", BadScope::Star),
        ("org.*.x/L0", BadScope::Star),
        ("*.ds/L0", BadScope::Star),
        ("org.**/L0", BadScope::Star),
        ("**/L0", BadScope::Star),
        ("org.ds/**", BadScope::Star),
        ("org.ds/L0()", BadScope::Column),
        ("org.ds/L0(a,)", BadScope::Column),
        ("org.ds/L0(a", BadScope::Column),
        ("org.ds/L0a)", BadScope::Column),
        ("org.ds)/L0", BadScope::Column),
        ("org.ds/L0 ", BadScope::Name),
        (" org.ds/L0", BadScope::Name),
        ("org.ds /L0", BadScope::Name),
        ("org.ds/ L0(a)", BadScope::Name),
        ("org.ds/L0 (a)", BadScope::Name),
        ("org.ds/L0\n", BadScope::Name),
        ("org.ds/\u{1b}[2J", BadScope::Name),
    ] {
        assert_eq!(Scope::parse(text), Err(reason), "{text}");
    }
}

#[test]
fn a_scope_knows_whether_it_can_reach_submissions() {
    for (text, reaches) in [
        ("submissions/*", true),
        ("submissions/form", true),
        ("sub*/L0", true),
        ("*/L0", true),
        ("*/*", true),
        ("org.*/*", false),
        ("submissions.form/L0", false),
        ("submissions.*/L0", false),
    ] {
        assert_eq!(Scope::parse(text).unwrap().reaches_submissions(), reaches, "{text}");
    }
}
