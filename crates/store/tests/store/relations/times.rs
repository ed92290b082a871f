//! The texts that are dates and times.

use domain::{Encoding, FormType};
use rand::{RngExt, SeedableRng, rngs::StdRng, seq::IndexedRandom};

use super::form_type;
use crate::support::{Fixture, fixture};

fn read(f: &Fixture, function: &str, text: &str) -> String {
    f.database.sql(&format!("SET TIME ZONE 'UTC'; SELECT {function}('{text}')"))
}

#[test]
fn a_date_is_read_as_rfc_3339_writes_it() {
    let f = fixture();
    for (text, expected) in [
        ("2016-12-31", "2016-12-31"),
        ("2016-02-29", "2016-02-29"),
        ("2000-02-29", "2000-02-29"),
        ("0001-01-01", "0001-01-01"),
        ("0004-02-29", "0004-02-29"),
        ("9999-12-31", "9999-12-31"),
        // PostgreSQL has no year 0.
        ("0000-01-01", ""),
        ("2015-02-29", ""),
        ("1900-02-29", ""),
        ("2016-04-31", ""),
        ("2016-13-01", ""),
        ("2016-00-10", ""),
        ("2016-01-00", ""),
        ("2016-1-01", ""),
        ("16-01-01", ""),
        (" 016-01-01", ""),
        ("+016-01-01", ""),
        ("2016-01-01 ", ""),
        ("2016-01-01\n", ""),
        ("2016-01-01 BC", ""),
        ("2016-01-01T00:00:00Z", ""),
        ("２０１６-01-01", ""),
        ("infinity", ""),
        ("now", ""),
        ("", ""),
    ] {
        assert_eq!(read(&f, "read_date", text), expected, "{text:?}");
    }
}

#[test]
fn a_time_is_read_as_rfc_3339_writes_it() {
    let f = fixture();
    let long = format!("2016-01-02T03:04:05.{}Z", "1".repeat(5000));
    for (text, expected) in [
        ("2016-01-02T03:04:05Z", "2016-01-02 03:04:05+00"),
        ("2016-01-02t03:04:05z", "2016-01-02 03:04:05+00"),
        ("2016-01-02T03:04:05.123Z", "2016-01-02 03:04:05.123+00"),
        ("2016-01-02T03:04:05.9999999Z", "2016-01-02 03:04:06+00"),
        (&long, "2016-01-02 03:04:05.111111+00"),
        ("2016-01-02T03:04:05+01:00", "2016-01-02 02:04:05+00"),
        ("2016-01-02T03:04:05.5-05:30", "2016-01-02 08:34:05.5+00"),
        ("2016-01-02T03:04:05+23:59", "2016-01-01 03:05:05+00"),
        ("2016-01-02T03:04:05-23:59", "2016-01-03 03:03:05+00"),
        ("2016-12-31T23:59:60Z", "2017-01-01 00:00:00+00"),
        ("2016-12-31T23:59:60.5Z", "2017-01-01 00:00:00.5+00"),
        ("2016-12-31T15:59:60-08:00", "2017-01-01 00:00:00+00"),
        ("2017-01-01T23:58:60+23:59", "2017-01-01 00:00:00+00"),
        ("2017-01-01T07:59:60+08:00", "2017-01-01 00:00:00+00"),
        ("9999-12-31T23:59:59.999999999-23:59", "10000-01-01 23:59:00+00"),
        ("0001-01-01T00:00:00+23:59", "0001-12-31 00:01:00+00 BC"),
        ("0000-01-01T00:00:00Z", ""),
        ("2016-12-31T23:58:60Z", ""),
        ("2016-12-31T22:59:60Z", ""),
        ("2016-12-31T23:59:61Z", ""),
        ("2016-12-31T24:00:00Z", ""),
        ("2016-12-31T23:60:00Z", ""),
        ("2015-02-29T00:00:00Z", ""),
        ("2016-01-02T03:04:05", ""),
        ("2016-01-02T03:04:05.Z", ""),
        ("2016-01-02T03:04:05,5Z", ""),
        ("2016-01-02 03:04:05Z", ""),
        ("2016-01-02T03:04Z", ""),
        ("2016-01-02T03:04:05+24:00", ""),
        ("2016-01-02T03:04:05+1:00", ""),
        ("2016-01-02T03:04:05+0100", ""),
        ("2016-01-02T03:04:05Z\n", ""),
        ("2016-01-02T03:04:05 Europe/London", ""),
        ("2016-01-02", ""),
        ("", ""),
    ] {
        assert_eq!(read(&f, "read_time", text), expected, "{text:?}");
    }
}

/// A valid text in which some characters were changed.
fn mutated(random: &mut StdRng, valid: &str) -> String {
    let mut text: Vec<char> = valid.chars().collect();
    for _ in 0..random.random_range(0..3) {
        let at = random.random_range(0..text.len());
        text[at] = *"0123456789-:TtZz+. x".chars().collect::<Vec<_>>().choose(random).unwrap();
    }
    text.into_iter().collect()
}

#[test]
fn postgresql_reads_what_the_api_accepts() {
    let f = fixture();
    let mut random = StdRng::seed_from_u64(12);
    for (format, function, valid) in [
        ("date", "read_date", ["2016-02-29", "1999-12-31", "2100-02-28", "0010-10-30"]),
        (
            "date-time",
            "read_time",
            [
                "2016-12-31T23:59:60Z",
                "2016-02-29T12:30:00.25+14:00",
                "1999-01-31T23:59:59-23:59",
                "2017-01-01T00:29:60+00:30",
            ],
        ),
    ] {
        let schema = form_type("t", &format!(r#""p": {{"type": "string", "format": "{format}"}}"#));
        let texts: Vec<String> = (0..1000)
            .map(|number| mutated(&mut random, valid[number % valid.len()]))
            .filter(|text| !text.starts_with("0000"))
            .collect();
        let list = texts.iter().map(|text| format!("('{text}')")).collect::<Vec<_>>().join(",");
        let read =
            f.database.sql(&format!("SELECT {function}(t) IS NOT NULL FROM (VALUES {list}) v (t)"));
        let accepted: Vec<&str> =
            texts.iter().map(|text| if accepts(&schema, text) { "t" } else { "f" }).collect();
        for ((text, read), accepted) in texts.iter().zip(read.lines()).zip(&accepted) {
            // The api's library takes some other characters for digits.
            if read != "f" || digits(text).all(|digit| digit.is_ascii_digit()) {
                assert_eq!(read, *accepted, "{text:?}");
            }
        }
        let good = accepted.iter().filter(|one| **one == "t").count();
        assert!((100..900).contains(&good), "{good} of {} are valid", accepted.len());
    }
}

#[test]
fn a_view_reads_dates_and_times_as_the_functions_do() {
    let f = fixture();
    let formats = [("date", "read_date"), ("date-time", "read_time")];
    f.store
        .publish(&formats.map(|(format, _)| {
            form_type(format, &format!(r#""p": {{"type": "string", "format": "{format}"}}"#))
        }))
        .unwrap();
    let mut random = StdRng::seed_from_u64(34);
    for (format, function) in formats {
        let valid = match format {
            "date" => ["2016-02-28", "1900-01-01", "2099-12-31", "2016-04-30"],
            _ => [
                "2016-12-31T23:59:59Z",
                "1900-01-01T00:00:00Z",
                "2016-06-30T12:30:00.250Z",
                "2099-09-19T07:08:09+01:00",
            ],
        };
        let invalid = ["2015-02-29", "1900-02-29", "2015-02-29T00:00:00Z", "2016-12-31T23:58:60Z"];
        let mut texts: Vec<String> =
            (0..2000).map(|number| mutated(&mut random, valid[number % valid.len()])).collect();
        texts.extend(invalid.map(str::to_owned));
        let rows: Vec<String> =
            texts.iter().map(|text| format!(r#"('{format}', '{{"p": "{text}"}}')"#)).collect();
        f.database.sql(&format!("INSERT INTO forms (form_type, data) VALUES {}", rows.join(",")));
        let different = f.read(&format!(
            "SELECT f.data, v.p, v.unreadable FROM submissions.\"{format}\" v JOIN forms f USING (id)
                 WHERE v.p IS DISTINCT FROM {function}(f.data ->> 'p')
                     OR (v.p IS NULL) <> (coalesce(cardinality(v.unreadable), 0) = 1)"
        ));
        assert_eq!(different, "");
        let good = f.read(&format!("SELECT count(p) FROM submissions.\"{format}\""));
        assert!((200..1900).contains(&good.parse().unwrap()), "{good} are valid");
    }
}

/// The characters that are digits in a date or a time.
fn digits(text: &str) -> impl Iterator<Item = u8> {
    let places = text.bytes().enumerate().take(19);
    places.filter(|(at, _)| ![4, 7, 10, 13, 16].contains(at)).map(|(_, digit)| digit)
}

fn accepts(schema: &FormType, text: &str) -> bool {
    schema.parse(format!(r#"{{"p": "{text}"}}"#).as_bytes(), Encoding::Json).is_ok()
}
