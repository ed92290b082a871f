//! Clients that ask for a file and do not take it.

use std::{
    fs,
    io::Read,
    mem::MaybeUninit,
    thread,
    time::{Duration, Instant},
};

use socket2::{Domain, Socket, Type};
use test_kit::{Service, Signal, Stack, forms::registration, stack::QUEUE, wait};
use tokio::{task::spawn_blocking, time::timeout};

const SECOND: Duration = Duration::from_secs(1);
const MIB: u64 = 1 << 20;

/// The largest file that needs no signature: 418 kB.
const BUNDLE: &str = "/docs/swagger-ui-bundle.js";

/// Asks for the largest file on a connection with small packets and a small window, as over a network. The
/// kernel of the api can then send little ahead; over loopback as it is, it would take the whole
/// file.
fn ask(api: &Service, window: usize) -> Socket {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_tcp_mss(1400).unwrap();
    socket.set_recv_buffer_size(window).unwrap();
    socket.connect(&api.address().into()).unwrap();
    let request = format!("GET {BUNDLE} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert_eq!(socket.send(request.as_bytes()).unwrap(), request.len());
    socket
}

fn open_files(api: &Service) -> usize {
    fs::read_dir(format!("/proc/{}/fd", api.pid())).unwrap().count()
}

async fn api(stack: &Stack) -> Service {
    service::open_files::raise_limit(0);
    stack.ready_api(&[("MAX_CONNECTIONS", "20000"), ("SHUTDOWN_GRACE_SECONDS", "28")]).await
}

/// Holds `count` connections that read nothing, and gives how much memory the api took for them.
async fn hold(api: &Service, count: usize) -> (Vec<Socket>, u64) {
    let (before, files) = (api.memory().now, open_files(api));
    let readers: Vec<Socket> = (0..count).map(|_| ask(api, 4096)).collect();
    // Each answer has begun, and is written as far as it goes.
    for reader in &readers {
        reader.set_read_timeout(Some(30 * SECOND)).unwrap();
        assert_eq!(reader.peek(&mut [MaybeUninit::uninit()]).unwrap(), 1);
    }
    tokio::time::sleep(SECOND).await;
    assert!(open_files(api) + 10 >= files + count, "{} of {count}", open_files(api) - files);
    let growth = api.memory().most.saturating_sub(before) / MIB;
    println!("{growth} MiB for {count} connections that do not read");
    (readers, growth)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_takes_nothing_holds_little_memory_and_is_closed() {
    let stack = Stack::start();
    let api = api(&stack).await;
    let files = open_files(&api);
    let (readers, growth) = hold(&api, 500).await;
    assert!(growth <= 20, "{growth} MiB");
    let held = Instant::now();
    wait::until_true("they are closed", async || open_files(&api) < files + 10).await;
    println!("closed after {:?}", held.elapsed());
    api.post_form(registration(1)).await.expect_status(202);
    drop(readers);
    stack.expect_messages_left(QUEUE, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_take_nothing_do_not_delay_a_stop() {
    let stack = Stack::start();
    let api = api(&stack).await;
    let (readers, _) = hold(&api, 50).await;
    let asked = Instant::now();
    let (status, log) = api.stop_while_others_run(Signal::Term).await;
    println!("stopped after {:?}", asked.elapsed());
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(asked.elapsed() < 5 * SECOND, "{:?} {log}", asked.elapsed());
    drop(readers);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_takes_a_file_slowly_gets_all_of_it() {
    let stack = Stack::start();
    let api = api(&stack).await;
    let whole = reqwest::get(api.url(BUNDLE)).await.unwrap().bytes().await.unwrap();
    assert!(whole.len() > 400_000, "{}", whole.len());
    let mut reader = ask(&api, 32 << 10);
    let started = Instant::now();
    let taken = spawn_blocking(move || {
        let mut taken = Vec::new();
        let mut part = [0; 2000];
        loop {
            match reader.read(&mut part).unwrap() {
                0 => return taken,
                read => taken.extend_from_slice(&part[..read]),
            }
            thread::sleep(SECOND * 4 / 25);
        }
    });
    let taken = timeout(90 * SECOND, taken).await.unwrap().unwrap();
    assert!(taken.ends_with(&whole), "{} of {} bytes", taken.len(), whole.len());
    assert!(started.elapsed() > 30 * SECOND, "{:?}", started.elapsed());
}

/// `make test TEST='ten_thousand_connections --run-ignored=all --no-capture'`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "20,000 sockets are much for a machine that does other things"]
async fn ten_thousand_connections_that_take_nothing_hold_at_most_100_mib() {
    let stack = Stack::start();
    let api = api(&stack).await;
    let (readers, growth) = hold(&api, 10_000).await;
    assert!(growth <= 100, "{growth} MiB");
    let asked = Instant::now();
    let (status, log) = api.stop_while_others_run(Signal::Term).await;
    println!("stopped after {:?}", asked.elapsed());
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(asked.elapsed() < 5 * SECOND, "{:?}", asked.elapsed());
    drop(readers);
}

#[tokio::test]
async fn the_documentation_can_be_switched_off() {
    let stack = Stack::start();
    let api = stack.ready_api(&[("DOCS", "off")]).await;
    for path in ["/docs", "/docs/", BUNDLE, "/openapi.json"] {
        api.request("GET", path).send_raw().await.expect_status(400);
        api.request("GET", path).signed().send_raw().await.expect_status(404);
    }
    api.get("/form/schema/").await.expect_status(200);
}
