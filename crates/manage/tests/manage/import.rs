//! Files of `manage clients import` as programs and people write them.

use serde_json::{Value, json};

use crate::support::{Ended, KEY, Sandbox, sandbox};

const IMPORT: [&str; 4] = ["import", "--scope", "org.*/L0", "--json"];

fn import(f: &Sandbox, file: &str) -> Ended {
    f.run_with(&[("CREDENTIALS_KEY", KEY)], &IMPORT, file)
}

/// The ids and descriptions that are stored.
fn stored(f: &Sandbox) -> Vec<(String, String)> {
    let clients = f.store.clients().unwrap();
    clients.into_iter().map(|client| (client.id, client.description)).collect()
}

#[test]
fn a_file_of_excel_with_quotes_and_lines_in_a_cell_is_read_as_it_was_meant() {
    let f = sandbox();
    let file = "\u{feff}description,id,extra,scope,key\r\n\
                \"says \"\"hi\"\",\r\nand bye\",a,x,\"{get_table_data,\"\"list x\"\"}\",key-of-16-chars-1\r\n\
                \r\n\
                é,b,,{},key-of-16-chars-1\r\n";
    let ended = import(&f, file);
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    assert_eq!(ended.lines()[0]["without_counterpart"], json!(["list x"]));
    let expected = [("a", "says \"hi\",\r\nand bye"), ("b", "é")];
    assert_eq!(stored(&f), expected.map(|(id, text)| (id.to_owned(), text.to_owned())));
}

#[test]
fn a_file_that_is_not_as_expected_is_refused_as_a_whole_and_not_quoted() {
    let f = sandbox();
    let secret = "key-of-16-chars-1";
    for (file, reason) in [
        (String::new(), "has no clients"),
        ("id,key,scope,description\n".to_owned(), "has no clients"),
        (format!("a,{secret}\n"), "row 1 of standard input has 2 columns instead of 4"),
        (format!("id,key,scope\na,{secret},x\n"), "has 3 columns instead of 4"),
        // Without quotation marks around them, a second old scope would be the description.
        (format!("a,{secret},x,\nb,{secret},{{x,y}},\n"), "row 2 of standard input has 5 columns"),
        // Otherwise the description of `a` would have the key of `b`.
        (format!("a,{secret},x,\"text\nb,{secret},x,\n"), "has no counterpart"),
        (format!("id;key;scope;description\na;{secret};x;\n"), "has 1 columns instead of 4"),
    ] {
        let ended = import(&f, &file);
        assert_eq!((ended.status, ended.stdout.as_str()), (Some(1), ""), "{file}");
        assert!(ended.stderr.contains(reason), "{file}: {}", ended.stderr);
        assert!(ended.stderr.contains("nothing was imported"), "{}", ended.stderr);
        assert!(!ended.stderr.contains(secret), "{}", ended.stderr);
    }
    assert_eq!(stored(&f), []);
}

#[test]
fn names_of_10_kilobytes_are_refused_and_the_other_clients_imported() {
    let f = sandbox();
    let long = "x".repeat(10_240);
    let file = format!(
        "{long},key-of-16-chars-1,,\na,{long},,\nb,key-of-16-chars-1,,{long}\nc,key-of-16-chars-1,{long},\n"
    );
    let ended = import(&f, &file);
    assert_eq!(ended.status, Some(1));
    let imported: Vec<Value> = ended.lines().iter().map(|line| line["imported"].clone()).collect();
    assert_eq!(imported, [json!(false), json!(false), json!(false), json!(true)]);
    assert_eq!(stored(&f), [("c".to_owned(), String::new())]);
}
