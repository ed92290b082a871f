//! Metrics are served on an address of their own, if the settings have one.

use std::process::Command;

use test_kit::{http::Http, program::path_of};

use crate::start;

#[tokio::test]
async fn the_page_shows_each_metric_with_its_description() {
    let service = start(&[("METRICS_ADDRESS", "127.0.0.1:0")]);
    let log = service.log();
    let address = log.split("metrics_address=").nth(1).unwrap().split_whitespace().next().unwrap();
    let page = Http::at(format!("http://{address}")).get("/metrics").await.expect_status(200);
    assert_eq!(page.header("Content-Type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let help = format!("# HELP form_data_build_info {}", service::metrics::BUILD_INFO.description);
    assert!(page.body.contains(&help), "{}", page.body);
    let sample = r#"form_data_build_info{service="smallest",version=""#;
    assert!(page.body.contains(sample), "{}", page.body);
    // Only on that address.
    service.get("/metrics").await.expect_status(404);
}

#[tokio::test]
async fn without_an_address_no_metrics_are_served() {
    let service = start(&[]);
    assert!(!service.log().contains("Serving metrics."), "{}", service.log());
}

#[test]
fn a_taken_address_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let mut command = Command::new(path_of("examples/smallest"));
    let command = command.env_clear().env("METRICS_ADDRESS", &address).env("PORT", "0");
    let output = command.output().unwrap();
    let log = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{log}");
    assert!(log.contains(&format!("cannot listen on {address}")), "{log}");
}

#[test]
fn the_reference_page_has_every_metric() {
    let table = service::metrics::reference(service::metrics::ALL);
    test_kit::reference::check("metrics.md", "service", &table);
}
