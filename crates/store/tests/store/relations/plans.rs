//! What PostgreSQL does for a page.

use diesel::{PgConnection, RunQueryDsl, connection::SimpleConnection, sql_query, sql_types::Text};

use super::form_type;
use crate::support::{Fixture, fixture};

#[derive(diesel::QueryableByName)]
struct Line {
    #[diesel(sql_type = Text, column_name = "QUERY PLAN")]
    line: String,
}

fn plan(session: &mut PgConnection, query: &str) -> String {
    let lines: Vec<Line> = sql_query(format!("EXPLAIN {query}")).load(session).unwrap();
    lines.into_iter().map(|line| line.line).collect::<Vec<_>>().join("\n")
}

/// 20,000 rows of a frequent type, 40 of a rare one spread among them, and then 2,000 of a late one.
fn filled() -> Fixture {
    let f = fixture();
    let properties = r#""n": {"type": "integer"}, "born": {"type": "string", "format": "date"}"#;
    f.publish(&["frequent", "rare", "late"].map(|name| form_type(name, properties)));
    f.database.sql(
        "INSERT INTO forms (form_type, data)
             SELECT CASE WHEN n > 20000 THEN 'late' WHEN n % 500 = 0 THEN 'rare' ELSE 'frequent' END,
                    jsonb_build_object('n', n, 'born', date '1950-01-01' + n)
                 FROM generate_series(1, 22000) n;
         ANALYZE forms",
    );
    f.advance();
    assert_eq!(f.index(), ["frequent", "late", "rare"]);
    f
}

#[track_caller]
fn check(plan: &str, relation: &str, page: &str) {
    assert!(
        plan.contains(&format!("using forms_of_{relation} on forms")),
        "{relation}, {page}:\n{plan}"
    );
    for unwanted in
        ["Sort", "Seq Scan on forms", "forms_pkey", "form_type", "Rows Removed", "Bitmap"]
    {
        assert!(!plan.contains(unwanted), "{relation}, {page}:\n{plan}");
    }
}

#[test]
fn every_page_of_every_type_uses_the_index_of_its_type() {
    let f = filled();
    for relation in ["frequent", "rare", "late"] {
        let mut session = f.session();
        let bounds = f.read(&format!("SELECT max(id), max(id) / 2 FROM submissions.{relation}"));
        let (last, middle) = bounds.split_once('|').unwrap();
        let last: i64 = last.parse::<i64>().unwrap() - 10;
        let pages = [("first", "0"), ("middle", middle), ("last", &last.to_string())];
        for columns in ["*", "id, n, born"] {
            let page = |after: &str| {
                format!(
                    "SELECT {columns} FROM submissions.{relation} WHERE id > {after} ORDER BY id LIMIT 1000"
                )
            };
            for (name, after) in pages {
                check(&plan(&mut session, &page(after)), relation, name);
            }
            session
                .batch_execute(&format!("DEALLOCATE ALL; PREPARE page (bigint) AS {}", page("$1")))
                .unwrap();
            for round in 0..10 {
                for (name, after) in pages {
                    let execute = format!("EXECUTE page ({after})");
                    check(
                        &plan(&mut session, &execute),
                        relation,
                        &format!("{name}, {round} times"),
                    );
                    session.batch_execute(&execute).unwrap();
                }
            }
            session.batch_execute("SET plan_cache_mode = force_generic_plan").unwrap();
            check(&plan(&mut session, "EXECUTE page (5)"), relation, "generic");
            session.batch_execute("RESET plan_cache_mode").unwrap();
        }
    }
}

#[test]
fn a_query_computes_only_the_columns_that_it_uses() {
    let f = filled();
    let plan = f.database.sql(
        "EXPLAIN (VERBOSE) SELECT id, n FROM submissions.frequent WHERE id > 5 ORDER BY id LIMIT 10",
    );
    assert!(plan.contains("'n'") && !plan.contains("born"), "{plan}");
    // A parallel plan needs functions without subtransactions.
    let parallel = "SET debug_parallel_query = on; SET force_parallel_mode = on";
    let parallel = parallel.split("; ").find(|set| f.database.try_sql(set).is_ok()).unwrap();
    f.database.sql(&format!("{parallel}; SELECT count(born) FROM submissions.frequent"));
}

#[test]
fn a_count_reads_the_index_of_the_type_alone() {
    let f = filled();
    f.database.sql("VACUUM forms");
    let plan = f.database.sql("EXPLAIN SELECT count(*) FROM submissions.rare");
    assert!(plan.contains("Index Only Scan using forms_of_rare on forms"), "{plan}");
}

/// The expressions that PostgreSQL computes at the scan of `forms`, from what it reads.
#[track_caller]
fn computed_at_the_scan(f: &Fixture, query: &str) -> String {
    let plan = f.database.sql(&format!("EXPLAIN (VERBOSE) {query}"));
    let output = plan.lines().skip_while(|line| !line.contains("on public.forms f")).nth(1);
    output.unwrap_or_else(|| panic!("{plan}")).to_owned()
}

#[test]
fn a_value_is_taken_out_of_the_fields_once_for_its_checks_and_its_cast() {
    let f = filled();
    for (column, computed) in
        [("n", "(f.data ->> 'n'::text)"), ("born", "(f.data ->> 'born'::text)")]
    {
        for columns in [column, "*"] {
            let query = format!("SELECT {columns} FROM submissions.frequent");
            let output = computed_at_the_scan(&f, &query);
            assert_eq!(output.matches(computed).count(), 1, "{columns}: {output}");
        }
    }
}

#[test]
fn unreadable_uses_the_values_of_the_columns() {
    let f = filled();
    let plan = f.database.sql("EXPLAIN (VERBOSE) SELECT * FROM submissions.frequent");
    let at_the_top = plan.split_once("Output:").and_then(|(_, rest)| rest.lines().next()).unwrap();
    // In parentheses, because the plan below has computed it.
    assert_eq!(at_the_top.matches("((CASE WHEN").count(), 2, "{plan}");
    let joins = |query: &str| f.database.sql(&format!("EXPLAIN {query}")).matches("Join").count();
    assert_eq!(joins("SELECT * FROM submissions.frequent"), 2);
    assert_eq!(joins("SELECT id, created, extra FROM submissions.frequent"), 0);
}
