//! What each role can reach, per column and function, compared with `docs/reference/rights.md`.

use std::{collections::BTreeSet, fmt::Write as _};

use super::server::{DENIED, Server};

const ROLES: [&str; 5] =
    ["form_worker", "form_operator", "form_analyst", "form_reader", "form_manager"];

/// A role without any grant: it has the rights that everyone has.
const NOBODY: &str = "nobody";

/// Each right of the role `$role`, in a line `kind|object|right`. If a right does not hold for all
/// columns, it names them.
const REACH: &str = "
with ours as (
    select oid, nspname from pg_namespace
        where nspname not like 'pg\\_%' and nspname <> 'information_schema'
), columns as (
    select c.oid, c.relkind, privilege, array_agg(attname order by attnum) filter (
            where has_column_privilege('$role', c.oid, attnum, privilege)) as may, count(*) as all_columns
        from pg_class c join ours on ours.oid = relnamespace
            join pg_attribute on attrelid = c.oid and attnum > 0 and not attisdropped,
            unnest(array['INSERT', 'REFERENCES', 'SELECT', 'UPDATE']) privilege
        where relkind in ('r', 'p', 'v', 'm')
        group by c.oid, privilege
)
select 'database', '', privilege from unnest(array['CONNECT', 'CREATE', 'TEMPORARY']) privilege
    where has_database_privilege('$role', current_database(), privilege)
union all
select 'schema', nspname::text, privilege from ours, unnest(array['CREATE', 'USAGE']) privilege
    where has_schema_privilege('$role', oid, privilege)
union all
select case relkind when 'v' then 'view' else 'table' end, oid::regclass::text,
        privilege || case when cardinality(may) < all_columns then format(' (%s)', array_to_string(may, ', ')) else '' end
    from columns where may is not null
union all
select case relkind when 'v' then 'view' else 'table' end, c.oid::regclass::text, privilege
    from pg_class c join ours on ours.oid = relnamespace, unnest(array['DELETE', 'TRIGGER', 'TRUNCATE']) privilege
    where relkind in ('r', 'p', 'v', 'm') and has_table_privilege('$role', c.oid, privilege)
union all
select 'sequence', c.oid::regclass::text, privilege
    from pg_class c join ours on ours.oid = relnamespace, unnest(array['SELECT', 'UPDATE', 'USAGE']) privilege
    where relkind = 'S' and has_sequence_privilege('$role', c.oid, privilege)
union all
select 'function', p.oid::regprocedure::text, 'EXECUTE'
    from pg_proc p join ours on ours.oid = pronamespace where has_function_privilege('$role', p.oid, 'EXECUTE')
order by 1, 2, 3";

/// The rights of a role beyond those of everyone, each `kind|object|right`.
fn reach(server: &Server, role: &str) -> BTreeSet<String> {
    let of = |role| -> BTreeSet<String> {
        server.admin(&REACH.replace("$role", role)).lines().map(str::to_owned).collect()
    };
    if role == NOBODY { of(role) } else { of(role).difference(&of(NOBODY)).cloned().collect() }
}

/// The rights of these roles as a table in Markdown.
fn page(server: &Server) -> String {
    let mut page = "| role | object | rights |\n|---|---|---|\n".to_owned();
    for role in [NOBODY].into_iter().chain(ROLES) {
        let rights = reach(server, role);
        let mut objects: Vec<(String, Vec<&str>)> = Vec::new();
        for right in &rights {
            let [kind, object, right] = right.splitn(3, '|').collect::<Vec<_>>()[..] else {
                panic!("{right}")
            };
            let object = match object {
                "" => format!("the {kind}"),
                object => format!("{kind} `{object}`"),
            };
            match objects.last_mut() {
                Some((last, rights)) if *last == object => rights.push(right),
                _ => objects.push((object, vec![right])),
            }
        }
        let role = if role == NOBODY { "every role".to_owned() } else { format!("`{role}`") };
        for (object, rights) in objects {
            writeln!(page, "| {role} | {object} | {} |", rights.join(", ")).unwrap();
        }
    }
    page
}

fn server() -> Server {
    let server = Server::start();
    server.admin(&format!("create role {NOBODY}"));
    server
}

#[test]
fn each_role_reaches_what_the_page_of_rights_says() {
    let fresh = server();
    fresh.make_roles();
    fresh.migrate();
    fresh.make_roles();
    let page = page(&fresh);
    test_kit::reference::check("rights.md", "roles", &page);
    fresh.make_roles();
    assert_eq!(self::page(&fresh), page, "running the script again changes nothing");
}

#[test]
fn the_default_privileges_of_the_last_release_open_nothing_new_and_are_revoked() {
    let server = server();
    server.make_roles_of_the_last_release();
    // Neither would these.
    server.admin(
        "alter default privileges for role form_migrator in schema public grant usage on sequences to form_worker;
         alter default privileges for role form_migrator grant select on tables to form_operator",
    );
    server.migrate();
    let roles = ["form_worker", "form_operator"];
    let before = roles.map(|role| reach(&server, role));
    server.make_roles();
    let after = roles.map(|role| reach(&server, role));

    let taken = |role: usize| -> Vec<&str> {
        before[role].difference(&after[role]).map(String::as_str).collect()
    };
    assert_eq!(
        taken(0),
        ["sequence|forms_id_seq|USAGE", "view|form_form|INSERT", "view|form_form|SELECT"]
    );
    assert_eq!(taken(1), ["view|form_form|SELECT"]);
    // A worker has every right that it needs before somebody runs the script.
    assert_eq!(after[0].difference(&before[0]).collect::<Vec<_>>(), Vec::<&String>::new());
    // The script has made the schema of the views.
    server.migrate();
    test_kit::reference::check("rights.md", "roles", &page(&server));

    let later = "create table later (id int generated always as identity);
                 create function later() returns int language sql as 'select 1'";
    assert_eq!(server.refusal("form_migrator", later), "");
    for role in ROLES {
        for statement in ["select from later", "insert into later default values", "select later()"]
        {
            assert_eq!(server.refusal(role, statement), DENIED, "{role}: {statement}");
        }
    }
}

#[test]
fn a_migration_closes_what_default_privileges_would_open() {
    let server = server();
    server.make_roles_of_the_last_release();
    server.admin(
        "alter default privileges for role form_migrator in schema public grant all on sequences to form_worker, public;
         alter default privileges for role form_migrator in schema public grant all on tables to public",
    );
    server.migrate();
    let roles = ["form_worker", "form_operator", NOBODY];
    let before = roles.map(|role| reach(&server, role));
    let created = server.refusal(
        "form_migrator",
        "select create_beside_forms(
            $$create table home.closed (id bigint generated always as identity, number serial);
              create function home.closed() returns int language sql return 1;$$,
            '{closed}', '{closed()}', '{}')",
    );
    assert_eq!(created, "");
    assert_eq!(roles.map(|role| reach(&server, role)), before);
}

#[test]
fn what_somebody_else_migrated_passes_to_the_migrator() {
    let server = server();
    server.migrate_as_admin();
    server.make_roles();
    let of_others = "
        select oid::regclass::text from pg_class
            where relnamespace::regnamespace::text in ('public', 'submissions') and relkind in ('r', 'v', 'S')
                and relowner::regrole::text <> 'form_migrator'
        union all select oid::regprocedure::text from pg_proc
            where pronamespace::regnamespace::text in ('public', 'submissions')
                and proowner::regrole::text <> 'form_migrator'";
    assert_eq!(server.admin(of_others), "");
    test_kit::reference::check("rights.md", "roles", &page(&server));
}

/// Each object of an operator in our schema, with its owner and its rights.
const OF_THE_OPERATOR: &str = "
    select relname, relowner::regrole, relacl::text from pg_class
        where relname in ('audit', 'audit_id_seq', 'audited', 'read_time_of_day')
    union all select oid::regprocedure::text, proowner::regrole, proacl::text from pg_proc
        where oid in ('audit()'::regprocedure, 'is_erased(text)'::regprocedure)
    union all select tgname, null, tgfoid::regprocedure::text from pg_trigger where tgname = 'audit'
    order by 1";

/// The second function has the name of one of ours.
const MAKE_OF_THE_OPERATOR: &str = "
    create table audit (id serial, form bigint);
    create view audited as select form from audit;
    create function is_erased(identity text) returns boolean language sql as 'select false';
    create function audit() returns trigger language plpgsql as $$
        begin
            insert into audit (form) select new.id where not is_erased('x');
            return new;
        end $$;
    create trigger audit after insert on forms for each row execute function audit();
    revoke execute on function is_erased(text) from public;
    grant execute on function is_erased(text) to form_worker, form_operator;
    grant insert on audit to form_worker;
    grant usage on sequence audit_id_seq to form_worker;
    grant select on audit, audited to form_operator, form_analyst";

#[test]
fn what_the_operator_has_added_keeps_its_owner_and_its_rights() {
    for owner in ["form_migrator", "postgres"] {
        let server = server();
        server.make_roles();
        server.migrate();
        server.make_roles();
        server.admin(&format!("set role {owner}; {MAKE_OF_THE_OPERATOR}"));
        let before = server.admin(OF_THE_OPERATOR);
        server.make_roles();
        assert_eq!(server.admin(OF_THE_OPERATOR), before, "{owner}");
        let store = "insert into forms (data) values ('{}')";
        assert_eq!(server.refusal("form_worker", store), "", "{owner}");
        assert_eq!(server.admin("select count(*) from audit"), "1", "{owner}");
    }
}

#[test]
fn an_analyst_reads_the_views_of_submissions_and_nothing_else() {
    let server = server();
    server.make_roles();
    server.migrate();
    let schema = "create schema if not exists submissions; create view submissions.a_form as select id from forms";
    assert_eq!(server.refusal("form_migrator", schema), DENIED);
    server.admin(&format!(
        "{schema}; alter schema submissions owner to form_migrator;
         alter view submissions.a_form owner to form_migrator"
    ));
    server.make_roles();
    let later = "create view submissions.a_later_form as select id from forms";
    assert_eq!(server.refusal("form_migrator", later), "");
    for (statement, refusal) in [
        ("select * from submissions.a_form", ""),
        ("select * from submissions.a_later_form", ""),
        ("delete from submissions.a_form", DENIED),
        ("insert into submissions.a_form default values", DENIED),
        ("create view submissions.own as select 1", DENIED),
        ("create temporary table own (id int)", DENIED),
        ("select * from forms", DENIED),
        ("select * from form_form", DENIED),
        ("select * from watermarks", DENIED),
        ("select advance_watermark('forms')", DENIED),
    ] {
        assert_eq!(server.refusal("form_analyst", statement), refusal, "{statement}");
    }
    for role in ["form_worker", "form_operator"] {
        assert_eq!(server.refusal(role, "select * from submissions.a_form"), DENIED, "{role}");
    }
}

/// A view calls functions with the rights of whoever queries it. For a time that is not written as usual, one of them
/// calls another.
#[test]
fn an_analyst_and_the_reader_read_every_time_although_not_everyone_may_use_the_schema() {
    let server = server();
    server.make_roles();
    server.migrate();
    server.admin("revoke usage on schema public from public");
    server.make_roles();
    let view = "create view submissions.times as
        select public.read_time(text) as time, public.read_date(text) as date, public.frequent_parts(text) as parts
        from unnest(array['2016-01-02T03:04:05Z', '2016-12-31T23:59:60Z']) as text";
    assert_eq!(server.refusal("form_migrator", view), "");
    for role in ["form_analyst", "form_reader"] {
        assert_eq!(server.refusal(role, "select * from submissions.times"), "", "{role}");
    }
}
