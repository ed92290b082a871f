//! The health pages say that the process is alive, and whether its dependencies answer.

use futures_util::future::join_all;
use serde_json::json;

use crate::start;

#[tokio::test]
async fn a_service_whose_dependencies_answer_is_ready() {
    let service = start(&[]);
    for slash in ["", "/"] {
        let alive = service.get(&format!("/healthcheck{slash}")).await.expect_status(200);
        assert_eq!(alive.json(), json!({ "status": "OK" }));
        let ready = service.get(&format!("/healthcheck/ready{slash}")).await.expect_status(200);
        assert_eq!(ready.json(), json!({ "status": "OK", "dependency": "OK" }));
    }
}

#[tokio::test]
async fn a_service_with_a_failed_dependency_is_alive_but_not_ready() {
    let service = start(&[("DEPENDENCY", "down")]);
    service.get("/healthcheck/").await.expect_status(200);
    let ready = service.get("/healthcheck/ready/").await.expect_status(503);
    let expected = json!({ "status": "not ready", "dependency": "the dependency is down" });
    assert_eq!(ready.json(), expected);
}

#[tokio::test]
async fn a_dependency_that_stays_silent_counts_as_failed() {
    let service = start(&[("DEPENDENCY", "silent")]);
    let ready = service.get("/healthcheck/ready/").await.expect_status(503);
    assert_eq!(ready.json()["dependency"], "does not answer");
    service.get("/healthcheck/").await.expect_status(200);
}

#[tokio::test]
async fn concurrent_requests_share_one_check() {
    let service = start(&[("DEPENDENCY", "silent")]);
    let requests = (0..20).map(|_| service.get("/healthcheck/ready/"));
    for answer in join_all(requests).await {
        answer.expect_status(503);
    }
    assert_eq!(service.log().matches("Asked the dependency.").count(), 1, "{}", service.log());
}

#[tokio::test]
async fn the_health_pages_can_only_be_read() {
    let service = start(&[]);
    for path in ["/healthcheck/", "/healthcheck/ready/", "/_status"] {
        service.request("HEAD", path).send().await.expect_status(200);
        let answer = service.request("POST", path).send().await.expect_status(405);
        assert_eq!(answer.header("Allow"), Some("GET, HEAD"));
        assert_eq!(answer.json(), json!({ "detail": "Method \"POST\" not allowed." }));
    }
}

#[tokio::test]
async fn the_status_page_says_which_version_runs() {
    let service = start(&[("DEPENDENCY", "down")]);
    let status = service.get("/_status").await.expect_status(503).json();
    assert_eq!(status["status"], "not ready");
    assert_eq!(status["version"], env!("CARGO_PKG_VERSION"));
    let asked = || service.log().matches("Asked the dependency.").count();
    // The log may arrive after the answer.
    service.logged("Asked the dependency.").await;
    let asked_before = asked();
    let simple = service.get("/_status/?simple=1").await.expect_status(200).json();
    assert_eq!(simple["status"], "ok");
    assert_eq!(asked(), asked_before, "the simple page asked a dependency");
}
