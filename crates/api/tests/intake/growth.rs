//! Forms that are small as text and large when they are parsed: the api's memory stays bounded.
//! JSON becomes a tree if a schema looks at it; the other encodings have many short pairs.

use std::{fs, time::Duration};

use tempfile::TempDir;
use test_kit::{Service, Stack, http::raw};
use tokio::task::JoinSet;

const MIB: u64 = 1 << 20;
/// The longest body.
const BODY_BYTES: usize = 3 << 20;
const MINUTE: Duration = Duration::from_secs(60);
/// On a slow machine, eight large bodies take a while to be read.
const LIMITS: [(&str, &str); 2] =
    [("HEADER_TIMEOUT_SECONDS", "600"), ("BODY_TIMEOUT_SECONDS", "600")];

/// The shapes that took the most memory before it was bounded.
const LARGEST: [&str; 6] = [
    "objects",
    "nested objects",
    "repeated pairs",
    "falling pairs",
    "repeated parts",
    "falling parts",
];

const JSON: &str = "application/json";
const URL_ENCODED: &str = "application/x-www-form-urlencoded";
const MULTIPART: &str = "multipart/form-data; boundary=b";

/// A schema that looks at all parts of a form.
const LISTS: &str = r#"{"properties": {"data": {"items": {"type": "string"}}}}"#;

struct Shape {
    name: &'static str,
    path: &'static str,
    content_type: &'static str,
    body: Vec<u8>,
}

/// A body of nearly the longest length: `start`, as many parts as fit, and `end`.
fn json(
    name: &'static str,
    path: &'static str,
    start: &str,
    end: &str,
    part: impl Fn(usize) -> String,
) -> Shape {
    let mut body = start.to_owned();
    for number in 0.. {
        let part = part(number);
        if body.len() + part.len() + end.len() > BODY_BYTES {
            break;
        }
        body += &part;
    }
    Shape { name, path, content_type: JSON, body: (body + end).into_bytes() }
}

/// The encodings other than JSON, which the type `form` accepts.
fn shapes_of_pairs() -> [Shape; 5] {
    let pairs = |name, part: &dyn Fn(usize) -> String| Shape {
        content_type: URL_ENCODED,
        ..json(name, "/form/", "data=1", "", part)
    };
    let disposition = "--b\r\nContent-Disposition:form-data;name=";
    let parts = |name, part: &dyn Fn(usize) -> String| Shape {
        content_type: MULTIPART,
        ..json(name, "/form/", "", "--b--\r\n", part)
    };
    [
        pairs("repeated pairs", &|_| "&=".to_owned()),
        pairs("falling pairs", &|n| format!("&{}=", 999_999 - n)),
        pairs("percent escapes", &|_| "&%01=%01".to_owned()),
        parts("repeated parts", &|_| format!("{disposition}a\r\n\r\n\r\n")),
        parts("falling parts", &|n| format!("{disposition}{}\r\n\r\n\r\n", 99_999 - n)),
    ]
}

fn shapes() -> Vec<Shape> {
    let object = r#"{"":0},"#;
    let nested = r#"{"":{"":{"":{"":0}}}},"#;
    let deep = format!("{}0{},", r#"{"":"#.repeat(124), "}".repeat(124));
    let (list, end) = (r#"{"data":["#, "0]}");
    let mut shapes = vec![
        json("objects", "/form/", list, end, |_| object.to_owned()),
        json("nested objects", "/form/", list, end, |_| nested.to_owned()),
        json("deep objects", "/form/", list, end, |_| deep.clone()),
        json("zeros", "/form/", list, end, |_| "0,".to_owned()),
        json("empty texts", "/form/", list, end, |_| "\"\",".to_owned()),
        json("exponents", "/form/", list, end, |_| "1e9,".to_owned()),
        json("repeated fields", "/form/", r#"{"data":1"#, "}", |_| r#","":0"#.to_owned()),
        json("falling names", "/form/", r#"{"data":1"#, "}", |n| {
            format!(r#","{}":0"#, 999_999 - n)
        }),
        json("falling names inside", "/form/", r#"{"data":{"":1"#, "}}", |n| {
            format!(r#","{}":0"#, 999_999 - n)
        }),
    ];
    let path = "/lists/";
    shapes.extend([
        json("checked objects", path, list, end, |_| object.to_owned()),
        json("checked nested objects", path, list, end, |_| nested.to_owned()),
        json("checked zeros", path, list, end, |_| "0,".to_owned()),
        json("checked fields", path, r#"{"data":1"#, "}", |n| format!(r#","{n}":0"#)),
    ]);
    // Below the limit of trees, each zero is a fault.
    let mut fewer = json("fewer checked zeros", path, list, end, |_| "0,".to_owned());
    fewer.body = format!("{list}{}{end}", "0,".repeat(400_000)).into_bytes();
    shapes.push(fewer);
    shapes.extend(shapes_of_pairs());
    shapes
}

async fn api(stack: &Stack) -> (Service, TempDir) {
    let types = tempfile::tempdir().unwrap();
    fs::write(types.path().join("lists.schema.json"), LISTS).unwrap();
    let directory = types.path().to_str().unwrap();
    let own = [("FORM_TYPES", "form,lists"), ("FORM_TYPES_DIR", directory)];
    let api = stack.ready_api(&[&LIMITS[..], &own].concat()).await;
    (api, types)
}

fn request(api: &Service, shape: &Shape) -> Vec<u8> {
    let request = api.request("POST", shape.path).content_type(shape.content_type);
    request.body(shape.body.clone()).signed().to_bytes()
}

/// Sends each shape to a new api, `count` times at once, and gives the shapes that took more than
/// `limit` MiB.
async fn shapes_above(limit: u64, count: usize) -> Vec<String> {
    let stack = Stack::start();
    stack.allow_messages_left("a body whose repeated fields are dropped is accepted");
    let mut above = Vec::new();
    for shape in shapes().iter().filter(|shape| count == 1 || LARGEST.contains(&shape.name)) {
        let (api, _types) = api(&stack).await;
        let before = api.memory().now;
        let request = request(&api, shape);
        let mut senders = JoinSet::new();
        for _ in 0..count {
            let (address, request) = (api.address(), request.clone());
            senders.spawn(async move { raw::exchange(address, &request, MINUTE).await.status });
        }
        for status in senders.join_all().await {
            assert!(
                [202, 400, 413].contains(&status),
                "{} at {}: {status}",
                shape.name,
                shape.path
            );
        }
        let growth = api.memory().most.saturating_sub(before) / MIB;
        let line = format!("{growth} MiB for {count} x {} at {}", shape.name, shape.path);
        println!("{line}");
        if growth > limit {
            above.push(line);
        }
    }
    above
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_body_takes_at_most_64_mib() {
    let above = shapes_above(64, 1).await;
    assert!(above.is_empty(), "{}", above.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_bodies_at_once_take_at_most_160_mib() {
    let above = shapes_above(160, 8).await;
    assert!(above.is_empty(), "{}", above.join("\n"));
}
