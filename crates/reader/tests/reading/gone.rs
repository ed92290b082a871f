//! Clients that have gone, and clients that take nothing.

use std::{
    io::Read as _,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use socket2::{Domain, Socket, Type};
use test_kit::wait::{until, until_true};
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use crate::support::{DATASET, Reading};

const MIB: u64 = 1 << 20;

/// The first relation is slow at its first statement, the second at its rows.
const SLOW: &str = r#"
    CREATE SCHEMA "org.ds";
    CREATE VIEW "org.ds"."L0" AS SELECT n AS id, pg_sleep(20)::text AS slow FROM generate_series(1::bigint, 9) n;
    CREATE FUNCTION slow(n bigint) RETURNS text LANGUAGE plpgsql STABLE AS $$ BEGIN PERFORM pg_sleep(20); RETURN n; END $$;
    CREATE VIEW "org.ds"."L1" AS SELECT n AS id, slow(n) FROM generate_series(1::bigint, 9) n;
    INSERT INTO relations VALUES ('org.ds', 'L0', 'id', 'a view'), ('org.ds', 'L1', 'id', 'a view')"#;

#[tokio::test(flavor = "multi_thread")]
async fn the_query_of_a_client_that_has_gone_ends_within_a_second() {
    let reading = Reading::start_with(&[("READER_STATEMENT_SECONDS", "60")]).await;
    reading.database.sql(SLOW);
    for query in [
        "L0?orientation=records",
        "L0?format=csv",
        "L1?orientation=records",
        "L1?slow=eq.1",
        "L1?format=csv",
        "L1?format=csv&slow=eq.1",
        "L1?format=parquet",
        "L1?format=xlsx",
    ] {
        let mut client = TcpStream::connect(reading.reader.address()).await.unwrap();
        let request = format!(
            "GET /api/v1/table-data/org.ds/{query} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {}\r\n\r\n",
            reading.bearer()
        );
        client.write_all(request.as_bytes()).await.unwrap();
        let running = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'";
        let pid = until("it runs", async || {
            Some(reading.database.sql(running)).filter(|pid| !pid.is_empty())
        });
        let pid = pid.await;
        drop(client);
        let gone = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
        // As PostgreSQL says: this test asks too seldom to know.
        let ended = format!(
            "SELECT extract(epoch FROM state_change) FROM pg_stat_activity WHERE pid = {pid} AND state = 'idle'"
        );
        let ended =
            until("it has ended", async || reading.database.sql(&ended).parse::<f64>().ok());
        let took = ended.await - gone;
        println!("{query}: {took:.3} s");
        assert!(took < 1.0, "{query}: {took} s");
    }
}

/// Asks on a connection with small packets and a small window, as over a network. The kernel can then
/// send little ahead; over loopback as it is, it would take the whole page.
fn ask(reading: &Reading, path: &str) -> Socket {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_tcp_mss(1400).unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.connect(&reading.reader.address().into()).unwrap();
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: {}\r\n\r\n",
        reading.bearer()
    );
    assert_eq!(socket.send(request.as_bytes()).unwrap(), request.len());
    socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    socket
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_connections_that_take_nothing_are_bounded_and_keep_no_others_away() {
    service::open_files::raise_limit(0);
    let settings = [("MAX_CONNECTIONS", "3000"), ("READER_REQUESTS_PER_MINUTE", "100000")];
    let reading = Reading::start_with(&settings).await;
    reading.dataset(0);
    // A page of 4 MiB, the largest.
    reading.database.sql(
        r#"INSERT INTO "org.ds"."L0" SELECT n, repeat('x', 5000), 0 FROM generate_series(1, 1000) n"#,
    );
    let other = reading.known_client("other", "*/*", None).await;
    reading.get_as(&other, DATASET).await.expect_status(200);
    let before = reading.reader.memory().now;
    let sockets: Vec<Socket> = (0..1000).map(|_| ask(&reading, DATASET)).collect();
    // Others get their pages meanwhile.
    for _ in 0..5 {
        let begin = Instant::now();
        reading.get_as(&other, DATASET).await.expect_status(200);
        println!("another client waited {:?}", begin.elapsed());
    }
    let (mut pages, mut refusals) = (0, 0);
    for socket in &sockets {
        let (mut socket, mut begin) = (socket, [0; 12]);
        socket.read_exact(&mut begin).unwrap();
        match &begin {
            b"HTTP/1.1 200" => pages += 1,
            b"HTTP/1.1 503" => refusals += 1,
            other => panic!("{}", String::from_utf8_lossy(other)),
        }
    }
    assert!((1..=8).contains(&pages) && pages + refusals == 1000, "{pages} {refusals}");
    let growth = reading.reader.memory().most.saturating_sub(before) / MIB;
    println!("{growth} MiB, {pages} pages");
    assert!(growth <= 96, "{growth} MiB");
    // The connections are closed, so the client may read again.
    let is_served = async || reading.get(DATASET).await.status == 200;
    until_true("the client itself is served again", is_served).await;
}
