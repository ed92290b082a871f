//! Pages of rows.

use relations::{Orientation, PageOptions, Selection};

use crate::support::{first_page, fixture, selection, text};

#[test]
fn values_keep_their_digits_and_what_json_cannot_hold_is_null() {
    let f = fixture();
    f.database.sql(
        r#"INSERT INTO "org.ds"."L0" VALUES
            (1, 1, 2, 9007199254740993, 1.10, 123456789012345678901234567890.5, 1.5, 'Infinity', true, E'a"b\n', 'x', 'ab',
             '2020-02-29', '2020-02-29 10:00:00.123456', '2020-02-29 10:00:00+01', '10:11:12', '1 day 2 hours',
             'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '\x00ff', '{"b": 1, "a": null}', '{a,NULL}', '{1.10,NaN}', 'h'),
            (2, null, null, null, 'NaN', null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null)"#,
    );
    let page = f.page(&Selection::all(f.dataset()), first_page());
    assert_eq!(
        text(&page),
        concat!(
            r#"{"id":1,"small":1,"whole":2,"big":9007199254740993,"price":1.10,"n":123456789012345678901234567890.5,"#,
            r#""real":1.5,"double":null,"yes":true,"name":"a\"b\n","code":"x","fixed":"ab ","day":"2020-02-29","#,
            r#""at":"2020-02-29T10:00:00.123456","at_tz":"2020-02-29T09:00:00+00:00","clock":"10:11:12","#,
            r#""span":"1 day 02:00:00","uuid":"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11","bytes":"AP8=","#,
            r#""json":{"a": null, "b": 1},"list":["a",null],"numbers":[1.10,null],"data_hash":"h"},"#,
            r#"{"id":2,"small":null,"whole":null,"big":null,"price":null,"n":null,"real":null,"double":null,"yes":null,"#,
            r#""name":null,"code":null,"fixed":null,"day":null,"at":null,"at_tz":null,"clock":null,"span":null,"#,
            r#""uuid":null,"bytes":null,"json":null,"list":null,"numbers":null,"data_hash":null}"#
        )
    );
    assert_eq!((page.count, page.first, page.last, page.next), (2, Some(1), 2, None));
}

#[test]
fn a_page_of_lists_has_the_columns_in_the_order_that_was_asked_for() {
    let f = fixture();
    f.database
        .sql(r#"INSERT INTO "org.ds"."L0" (id, name, big) VALUES (1, 'a', 5), (7, 'b', null)"#);
    let of = |columns: &[&str], numbers_as_text| {
        let options =
            PageOptions { orientation: Orientation::Tabular, numbers_as_text, ..first_page() };
        text(&f.page(&selection(f.dataset(), columns, &[]), options))
    };
    assert_eq!(of(&["name", "id"], false), r#"["a",1],["b",7]"#);
    assert_eq!(of(&["big"], false), "[5],[null]");
    assert_eq!(of(&["id"], true), r#"["1"],["7"]"#);
}

#[test]
fn pages_end_at_the_limit_or_at_the_bytes_and_every_row_comes_once() {
    let f = fixture();
    f.database.sql(
        r#"INSERT INTO "org.ds"."L0" (id, name) SELECT n * 3, repeat('x', 1000) FROM generate_series(1, 500) n"#,
    );
    let selection = selection(f.dataset(), &["id"], &[]);
    let wide = crate::support::selection(f.dataset(), &["id", "name"], &[]);
    for (selection, limit, bytes, pages) in [
        (&selection, 1000, 1 << 20, 1),
        (&selection, 500, 1 << 20, 1),
        (&selection, 499, 1 << 20, 2),
        (&selection, 7, 1 << 20, 72),
        (&wide, 1000, 1, 500),
        (&wide, 1000, 100_000, 6),
    ] {
        let (mut after, mut seen, mut count) = (None, Vec::new(), 0);
        loop {
            let options = PageOptions { limit, bytes, after, ..first_page() };
            let page = f.page(selection, options);
            let rows = format!("[{}]", text(&page));
            let ids = rows.split("\"id\":").skip(1);
            seen.extend(
                ids.map(|rest| rest.split([',', '}']).next().unwrap().parse::<i64>().unwrap()),
            );
            count += 1;
            assert_eq!(page.last, *seen.last().unwrap());
            let Some(next) = page.next else { break };
            assert!(next > page.last);
            after = Some(next - 1);
        }
        let expected: Vec<i64> = (1..=500).map(|n| n * 3).collect();
        assert_eq!((seen, count), (expected, pages), "{limit} {bytes}");
    }
}

#[test]
fn nulls_and_names_of_columns_count_as_bytes_of_a_page() {
    let f = fixture();
    f.database.sql(r#"INSERT INTO "org.ds"."L0" (id) SELECT n FROM generate_series(1, 2000) n"#);
    let all = Selection::all(f.dataset());
    let (mut after, mut rows) = (None, 0);
    loop {
        let options = PageOptions { bytes: 10_000, limit: 10_000, after, ..first_page() };
        let page = f.page(&all, options);
        assert!(page.rows.len() < 11_000, "{}", page.rows.len());
        rows += page.count;
        let Some(next) = page.next else { break };
        after = Some(next - 1);
    }
    assert_eq!(rows, 2000);
}

#[test]
fn an_empty_relation_and_the_end_have_no_rows_and_stay_where_they_are() {
    let f = fixture();
    let all = Selection::all(f.dataset());
    let page = f.page(&all, PageOptions { after: Some(41), ..first_page() });
    assert_eq!((text(&page).as_str(), page.first, page.last, page.next), ("", None, 41, None));
}

#[test]
fn a_condition_that_finds_nothing_looks_at_so_many_rows_and_says_how_far() {
    let f = fixture();
    f.database.sql(
        r#"INSERT INTO "org.ds"."L0" (id, name) SELECT n * 2, 'x' FROM generate_series(1, 25) n"#,
    );
    let nothing = selection(f.dataset(), &[], &[("name", "eq.y")]);
    let at = |after| {
        let page =
            f.page(&nothing, PageOptions { after: Some(after), scan_rows: 10, ..first_page() });
        assert_eq!(page.count, 0);
        (page.last, page.next)
    };
    assert_eq!(at(0), (20, Some(21)));
    assert_eq!(at(20), (40, Some(41)));
    assert_eq!(at(40), (50, None));
    assert_eq!(at(30), (50, None));
    assert_eq!(at(50), (50, None));
}

#[test]
fn a_row_may_have_the_key_0_or_a_smaller_one() {
    let f = fixture();
    f.database.sql(
        r#"INSERT INTO "org.ds"."L0" (id, name) VALUES ('-9223372036854775808', 'a'), (-7, 'b'), (0, 'c'), (5, 'd')"#,
    );
    for filters in [&[][..], &[("name", "neq.x")]] {
        let of = |after| {
            let selection = selection(f.dataset(), &["name"], filters);
            let options = PageOptions { orientation: Orientation::Tabular, after, ..first_page() };
            text(&f.page(&selection, options))
        };
        assert_eq!(of(None), r#"["a"],["b"],["c"],["d"]"#);
        assert_eq!(of(Some(i64::MIN)), r#"["b"],["c"],["d"]"#);
        assert_eq!(of(Some(-7)), r#"["c"],["d"]"#);
    }
}

#[test]
fn rows_above_the_watermark_are_on_no_page() {
    let f = fixture();
    let relation = f.submissions(r#""a": {"type": "string"}"#, &[r#"{"a": "1"}"#, r#"{"a": "2"}"#]);
    f.database.sql("UPDATE watermarks SET id = 1 WHERE relation = 'forms'");
    let page = f.page(&selection(relation, &["a"], &[]), first_page());
    assert_eq!((text(&page).as_str(), page.last), (r#"{"a":"1"}"#, 1));
}
