use secrecy::ExposeSecret;

use super::*;

fn build(url: &str) -> Result<String, InvalidSettings> {
    let settings = StoreSettings::new(SecretString::from(url));
    ConnectionString::build(&settings).map(|string| string.as_secret().expose_secret().to_owned())
}

const DEFAULTS: &str = concat!(
    "connect_timeout='5' tcp_user_timeout='10000' keepalives_idle='5' keepalives_interval='3' keepalives_count='3' ",
    "fallback_application_name='directory-form-data/",
    env!("CARGO_PKG_VERSION"),
    "'"
);

#[test]
fn parameters_of_the_url_come_before_the_defaults() {
    for (url, own) in [
        (
            "postgres://test:test@localhost:5432/forms",
            "user='test' password='test' host='localhost' port='5432' dbname='forms'",
        ),
        ("postgresql://", ""),
        ("postgres://localhost", "host='localhost'"),
        ("postgres:///forms?host=/run/postgresql", "dbname='forms' host='/run/postgresql'"),
        ("postgres://%2Frun%2Fpostgresql/forms", "host='/run/postgresql' dbname='forms'"),
        ("postgres://u:p%40s%2Fs%27%5C@h/d", r"user='u' password='p@s/s\'\\' host='h' dbname='d'"),
        ("postgres://u:a:b@h", "user='u' password='a:b' host='h'"),
        ("postgres://u:a?b=@h", "user='u' password='a?b=' host='h'"),
        ("postgres://a:1,b:2/d", "host='a,b' port='1,2' dbname='d'"),
        ("postgres://a,b/d", "host='a,b' dbname='d'"),
        ("postgres://[::1]:5433/d", "host='::1' port='5433' dbname='d'"),
        (
            "postgres://h/d?sslmode=verify-full&sslrootcert=/ca.pem",
            "host='h' dbname='d' sslmode='verify-full' sslrootcert='/ca.pem'",
        ),
        ("postgres://h/d?ssl=true", "host='h' dbname='d' sslmode='require'"),
        ("postgres://h/d?user=a@b", "host='h' dbname='d' user='a@b'"),
        ("host=h password = 'it\\'s \\\\' user=a\\ b", r"host='h' password='it\'s \\' user='a b'"),
        (" dbname='' ", "dbname=''"),
    ] {
        let built = build(url).unwrap();
        assert_eq!(built, format!("{own} {DEFAULTS}").trim_start(), "{url}");
    }
}

#[test]
fn timeouts_of_the_url_override_the_defaults() {
    let built =
        build("postgres://h/d?connect_timeout=3&keepalives_idle=60&tcp_user_timeout=1").unwrap();
    assert_eq!(
        built,
        concat!(
            "host='h' dbname='d' connect_timeout='3' keepalives_idle='60' tcp_user_timeout='1' ",
            "keepalives_interval='3' keepalives_count='3' fallback_application_name='directory-form-data/",
            env!("CARGO_PKG_VERSION"),
            "'"
        )
    );
}

#[test]
fn an_error_names_the_fault_without_quoting_the_url() {
    for (url, reason) in [
        ("", "is empty"),
        ("  ", "is empty"),
        ("hunter2", "is neither a postgres:// URL nor made of key=value"),
        ("mysql://u:hunter2@h/d", "is neither a postgres:// URL nor made of key=value"),
        ("postgis://u:hunter2@h/d?a=b", "has a parameter that libpq does not know"),
        ("postgres://u:p@hunter2@h/d", "has more than one @"),
        ("postgres://u:p@x/hunter2@h/d", "has more than one @"),
        ("postgres://u:p/hunter2@h/d", "has more than one @"),
        ("postgres://u:hunter2/x", "has a port"),
        ("postgres://h/d?hunter2", "has a parameter without a ="),
        ("postgres://h/d?hunter2=1", "has a parameter that libpq does not know"),
        ("postgres://u:hunter2%@h/d", "has a % that"),
        ("postgres://u:hunter2%zz@h/d", "has a % that"),
        ("postgres://u:hunter2%00@h/d", "has a %00"),
        ("postgres://u:hunter2%ff@h/d", "is not UTF-8"),
        ("postgres://u:hunter2\0@h/d", "contains a NUL"),
        ("postgres://u:hunter2@[::1/d", "has a [ without a ]"),
        ("postgres://u:hunter2@[::1]x/d", "has something other than a port"),
        ("postgres://u:hunter2@h:0/d", "has a port"),
        ("postgres://u:hunter2@h:65536/d", "has a port"),
        ("postgres://u:hunter2@h h/d", "has a host with white space"),
        ("postgres://h/d?sslmode=hunter2", "has an sslmode"),
        ("postgres://h/d?connect_timeout=hunter2", "has a parameter with a value"),
        ("host=h password='hunter2", "has a quote that is not closed"),
    ] {
        let error = build(url).map(|_| ()).unwrap_err();
        assert!(error.to_string().contains(reason), "{url}: {error}");
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{url}: {error}");
    }
}

#[test]
fn a_host_elsewhere_without_sslmode_is_noticed() {
    for (url, expected) in [
        ("postgres://u:p@db.example.com/d", true),
        ("postgres://10.0.0.7/d", true),
        ("postgres://localhost,db/d", true),
        ("host=db user=u", true),
        ("hostaddr=10.0.0.7 host=localhost", true),
        ("postgres://[fd00::1]/d", true),
        ("postgres://db/d?sslmode=disable", false),
        ("postgres://db/d?ssl=true", false),
        ("host=db sslmode=verify-full", false),
        ("host=db service=forms", false),
        ("postgres://localhost/d", false),
        ("postgres://127.0.0.1:5433/d", false),
        ("postgres://[::1]/d", false),
        ("postgres:///d", false),
        ("postgres:///d?host=/run/postgresql", false),
        ("host=@abstract", false),
        ("no url", false),
    ] {
        assert_eq!(is_remote_without_sslmode(url), expected, "{url}");
    }
}

#[test]
fn a_statement_timeout_in_options_is_found_and_can_be_removed() {
    for (options, expected, rest) in [
        ("-c statement_timeout=7s", Some(7_000), ""),
        ("-cstatement_timeout=7s", Some(7_000), ""),
        ("--statement-timeout=7s -c work_mem=1MB", Some(7_000), "-c work_mem=1MB"),
        ("-c STATEMENT_TIMEOUT=250", Some(250), ""),
        ("-c statement_timeout=1.5min", Some(90_000), ""),
        ("-c statement_timeout=7\\ s", Some(7_000), ""),
        ("-c statement_timeout=1s -c statement_timeout=2s", Some(2_000), ""),
        ("-c statement_timeout=0", Some(0), ""),
        ("-c lock_timeout=3s -c geqo=off", None, "-c lock_timeout=3s -c geqo=off"),
        (r"-c search_path=a\ b -c statement_timeout=1h", Some(3_600_000), r"-c search_path=a\ b"),
        ("-c", None, "-c"),
        ("", None, ""),
    ] {
        let found = options::statement_timeout(options).unwrap();
        assert_eq!(found, expected.map(Duration::from_millis), "{options}");
        assert_eq!(options::without_statement_timeout(options), rest, "{options}");
    }
    for bad in ["-c statement_timeout=soon", "-c statement_timeout=", "-c statement_timeout=-1"] {
        assert!(options::statement_timeout(bad).is_err(), "{bad}");
    }
}
