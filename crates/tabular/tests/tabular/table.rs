//! A table in PostgreSQL with a column of every type and the worst values that we know.

use serde_json::Value;
use tabular::{Column, ColumnType, Scalar};
use test_kit::TestDatabase;

/// A column: its name, its type in PostgreSQL, ours, and its values; after the last value they
/// begin again.
pub struct Kind {
    pub name: &'static str,
    pub postgres: &'static str,
    pub column_type: ColumnType,
    values: &'static [Option<&'static str>],
}

macro_rules! kinds {
    ($($name:literal $postgres:literal $column_type:expr => [$($value:expr),* $(,)?];)*) => {
        &[$(Kind {
            name: $name,
            postgres: $postgres,
            column_type: $column_type,
            values: &[None, $(Some($value)),*],
        }),*]
    };
}

const fn one(scalar: Scalar) -> ColumnType {
    ColumnType::Scalar(scalar)
}

const fn list(scalar: Scalar) -> ColumnType {
    ColumnType::List(scalar)
}

const LONG: &str = "123456789012345678901234567890.123456789012345678901234567890";

/// The columns. Infinite dates and times are not here, because Parquet refuses them.
pub const KINDS: &[Kind] = kinds! {
    "small" "smallint" one(Scalar::SmallInt) => ["0", "-32768", "32767"];
    "integer" "integer" one(Scalar::Integer) => ["0", "-2147483648", "2147483647", "42"];
    "big" "bigint" one(Scalar::BigInt) => [
        "9007199254740993", "-9223372036854775808", "9223372036854775807", "999999999999999",
        "1000000000000000", "-7",
    ];
    "numeric" "numeric" one(Scalar::Numeric) => [
        LONG, "0", "-1.50", "0.000000000000000001", "999999999999999", "1e20", "-0.1",
        "123456789012345.0",
    ];
    "real" "real" one(Scalar::Real) => ["0.1", "-3.4e38", "1e-40", "NaN", "-Infinity", "1.17e-38"];
    "double" "double precision" one(Scalar::Double) => [
        "0.1", "0.30000000000000004", "1.7976931348623157e308", "5e-324", "NaN", "Infinity",
        "-Infinity", "-0", "12345678901234567000",
    ];
    "boolean" "boolean" one(Scalar::Boolean) => ["true", "false"];
    "text" "text" one(Scalar::Text) => [
        "", "plain", "=HYPERLINK(\"http://example.com\";\"x\")", "+1", "-1", "@SUM(A1)", "\t=1",
        "\r=1", "'=1", "''=1", "'", "a \"quoted\" word", "two\nlines", "two\r\nlines", "a\rb",
        "a,b;c|d\te", " spaces ", "\\.", "\\N", "NULL", "null", "é ß 漢字 😀 👩‍👩‍👧", "שלום עולם مرحبا",
        "\u{202e}reversed", "<a & b>", "\u{2028}\u{2029}\u{feff}", "back\\slash", "]]>", "_x0041_",
        "007", "1e5", "2026-11-21", "true", "'quoted'", "\"", "\n", "{}",
    ];
    "control" "text" one(Scalar::Text) => [
        "\u{1}", "a\u{8}b\u{b}c\u{c}d", "\u{1b}[31mred", "\u{7f}\u{80}\u{9f}", "\u{fffe}\u{ffff}", "",
    ];
    "date" "date" one(Scalar::Date) => [
        "0001-01-01", "9999-12-31", "0044-03-15 BC", "4713-01-01 BC", "1899-12-31", "1900-01-01",
        "1900-02-28", "1900-03-01", "1970-01-01", "2024-02-29", "5874897-12-31", "10000-01-01",
    ];
    "local" "timestamp" one(Scalar::Timestamp) => [
        "0001-01-01 00:00:00", "9999-12-31 23:59:59.999999", "0044-03-15 12:00:00.5 BC",
        "1900-01-01 00:00:00", "1900-02-28 06:00:00", "1900-03-01 00:00:01",
        "2026-11-21 12:00:00.123456", "9999-12-31 23:59:59.999", "2079-06-06 23:59:59.999999",
        "12026-01-01 00:00:00", "1969-12-31 23:59:59.000001",
    ];
    "instant" "timestamptz" one(Scalar::TimestampTz) => [
        "2026-11-21 12:00:00.5+00", "2026-07-01 12:00:00.123456+01", "2026-10-25 01:30:00+01",
        "2026-10-25 01:30:00+00", "0001-06-01 12:00:00+00", "9999-12-31 23:00:00+00",
        "0044-03-15 12:00:00+00 BC", "1883-01-01 00:00:00.000001+00", "20000-01-01 00:00:00+00",
    ];
    "time" "time" one(Scalar::Time) => ["00:00:00", "24:00:00", "12:34:56.789012"];
    "timetz" "timetz" one(Scalar::Time) => ["12:34:56.789+05:30", "00:00:00-00:01:15"];
    "interval" "interval" one(Scalar::Interval) => [
        "-1 year 2 mons 3 days -04:05:06.789", "0", "1 day",
    ];
    "uuid" "uuid" one(Scalar::Uuid) => ["00000000-0000-0000-0000-000000000000",
        "0192f0c1-2b3c-7d4e-8f5a-6b7c8d9e0f1a"];
    "bytea" "bytea" one(Scalar::Bytea) => ["", "\\x00", "\\xdeadbeef00ff", "=1"];
    "jsonb" "jsonb" one(Scalar::Json) => [
        "null", "-5", "\"=1\"", "[]", r#"{"a":{"b":[1,null,"x\ny",{"c":"\"😀"}]},"big":12345678901234567890.10}"#,
    ];
    "json" "json" one(Scalar::Json) => ["{\n \"a\": 1,\r\n\t\"a\": 1.50\n}", " -1", "\"\""];
    "smalls" "smallint[]" list(Scalar::SmallInt) => ["{}", "{1,NULL,-32768}"];
    "integers" "integer[]" list(Scalar::Integer) => ["{2147483647}", "{NULL}"];
    "bigs" "bigint[]" list(Scalar::BigInt) => ["{9007199254740993,NULL}", "{}"];
    "numerics" "numeric[]" list(Scalar::Numeric) => ["{123456789012345678901234567890.10,0,NULL}"];
    "reals" "real[]" list(Scalar::Real) => ["{0.1,NULL}", "{}"];
    "doubles" "double precision[]" list(Scalar::Double) => ["{0.30000000000000004,-0,1e300}"];
    "booleans" "boolean[]" list(Scalar::Boolean) => ["{t,f,NULL}"];
    "texts" "text[]" list(Scalar::Text) => [
        "{}", r#"{"",NULL,"NULL","a\"b,c","=1","😀\n"}"#, "{\"line\nbreak\",'quote'}",
    ];
    "dates" "date[]" list(Scalar::Date) => ["{0001-01-01,NULL,9999-12-31}"];
    "locals" "timestamp[]" list(Scalar::Timestamp) => ["{\"2026-11-21 12:00:00.123456\",NULL}"];
    "instants" "timestamptz[]" list(Scalar::TimestampTz) => [
        "{\"2026-11-21 12:00:00.5+00\",\"1800-01-01 00:00:00+00\",NULL}",
    ];
    "uuids" "uuid[]" list(Scalar::Uuid) => ["{0192f0c1-2b3c-7d4e-8f5a-6b7c8d9e0f1a}"];
    "byteas" "bytea[]" list(Scalar::Bytea) => [r#"{"\\xdeadbeef","\\x",NULL}"#];
    "jsonbs" "jsonb[]" list(Scalar::Json) => [r#"{"[1, [2]]","\"x\"",NULL,"{\"a\": null}"}"#];
};

/// Up to 39 characters from all scripts below the surrogates.
const RANDOM_TEXT: &str = "(select coalesce(string_agg(chr(32 + (random() * 50000)::int), ''), '')
    from generate_series(1, n % 40))";

/// The table `t` in a database of its own.
pub struct Table {
    pub database: TestDatabase,
    pub columns: Vec<Column>,
    zone: &'static str,
}

impl Table {
    /// Makes the table with the columns that `keep` chooses; cells show times in `zone`.
    pub fn create(zone: &'static str, keep: impl Fn(&Kind) -> bool) -> Self {
        let kinds: Vec<&Kind> = KINDS.iter().filter(|kind| keep(kind)).collect();
        let database = TestDatabase::create();
        let types: Vec<String> =
            kinds.iter().map(|kind| format!("\"{}\" {}", kind.name, kind.postgres)).collect();
        database.sql(&format!("create table t (id bigint primary key, {})", types.join(", ")));
        let rows = kinds.iter().map(|kind| kind.values.len()).max().unwrap();
        let rows: Vec<String> = (0..rows).map(|row| Self::row(row, &kinds)).collect();
        // The SQL is an argument of psql, which has at most 128 KiB.
        for rows in rows.chunks(5) {
            let values = rows.join(",\n");
            database.sql(&format!("set timezone = 'UTC'; insert into t values {values}"));
        }
        let mut columns = vec![Column::new("id", Scalar::BigInt)];
        columns.extend(kinds.iter().map(|kind| Column::new(kind.name, kind.column_type)));
        Self { database, columns, zone }
    }

    fn row(row: usize, kinds: &[&Kind]) -> String {
        let cells = kinds.iter().map(|kind| {
            let value = kind.values[row % kind.values.len()];
            format!("{}::{}", value.map_or("null".into(), literal), kind.postgres)
        });
        format!("({row}, {})", cells.collect::<Vec<_>>().join(", "))
    }

    /// Adds rows with random values, to a table with all these columns.
    pub fn add_random_rows(&self, count: usize) {
        self.database.sql(&format!(
            "select setseed(0.5);
             insert into t (id, big, numeric, double, date, local, instant, text)
             select n, (random() * 2e18)::bigint - 1000000000000000000,
               (random() * 1e9)::numeric * (random() * 1e9)::numeric,
               (random() - 0.5) * 10 ^ (n % 300),
               date '1582-10-15' + (random() * 500000)::int,
               timestamp '1582-10-15' + random() * interval '700 years',
               timestamptz '1582-10-15 00:00+00' + random() * interval '700 years',
               {RANDOM_TEXT} from generate_series(1000, 999 + {count}) n"
        ));
    }

    /// Adds rows with random text.
    pub fn add_random_text(&self, count: usize) {
        self.database.sql(&format!(
            "insert into t (id, text)
             select n, {RANDOM_TEXT} from generate_series(1000, 999 + {count}) n"
        ));
    }

    /// What a caller of this crate reads: the text of every cell.
    pub fn rows(&self) -> Vec<Vec<Option<String>>> {
        let cells = self.columns.iter().map(|column| match column.column_type {
            ColumnType::Scalar(_) => format!("\"{}\"::text", column.name),
            ColumnType::List(_) => format!("to_json(\"{}\")::text", column.name),
        });
        self.json(&format!("json_build_array({})", cells.collect::<Vec<_>>().join(", ")))
    }

    /// An expression for each column, for every row.
    pub fn json<T: serde::de::DeserializeOwned>(&self, expression: &str) -> T {
        let select = format!(
            "set timezone = '{}'; select coalesce(json_agg({expression} order by id), '[]') from t",
            self.zone
        );
        // Line breaks between the elements are the only ones.
        serde_json::from_str(&self.database.sql(&select)).unwrap()
    }

    /// What PostgreSQL itself says about the values, for the comparison in Python: dates as days
    /// and times as microseconds since 1970, in UTC, or on the clock of the zone with `clock`.
    pub fn numbers(&self, clock: bool) -> Value {
        let expression = |column: &Column| {
            let name = format!("\"{}\"", column.name);
            match column.column_type {
                ColumnType::Scalar(Scalar::Date) => format!("({name} - date '1970-01-01')::text"),
                ColumnType::Scalar(Scalar::TimestampTz) if clock => {
                    format!("trunc(extract(epoch from {name}::timestamp) * 1000000)::text")
                }
                ColumnType::Scalar(Scalar::Timestamp | Scalar::TimestampTz) => {
                    format!("trunc(extract(epoch from {name}) * 1000000)::text")
                }
                _ => "null".to_owned(),
            }
        };
        let cells: Vec<String> = self.columns.iter().map(expression).collect();
        self.json(&format!("json_build_array({})", cells.join(", ")))
    }
}

/// A literal of any text, without a character that psql would treat in its own way.
fn literal(text: &str) -> String {
    let escape = |character: char| match character {
        'a'..='z' | 'A'..='Z' | '0'..='9' | ' ' | '-' | ':' | '.' => character.to_string(),
        _ => format!("\\U{:08x}", u32::from(character)),
    };
    format!("E'{}'", text.chars().map(escape).collect::<String>())
}
