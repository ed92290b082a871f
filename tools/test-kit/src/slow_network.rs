//! A network between a client and a server on this machine that delays what the client sends.

use std::{
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

/// A port whose connections lead to a server, with a delay. On drop it takes no new connections.
#[derive(Debug)]
pub struct SlowNetwork {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    server: SocketAddr,
    delay: Duration,
    round_trips: AtomicUsize,
    frozen: AtomicBool,
    closed: AtomicBool,
}

impl SlowNetwork {
    /// Everything that a client sends arrives at the server this much later; answers are not
    /// delayed, so a round trip takes this long.
    ///
    /// # Panics
    /// There is no free port.
    pub fn before(server: SocketAddr, delay: Duration) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let address = listener.local_addr().expect("the port that was bound");
        let shared = Arc::new(Shared {
            server,
            delay,
            round_trips: AtomicUsize::new(0),
            frozen: AtomicBool::new(false),
            closed: AtomicBool::new(false),
        });
        thread::spawn({
            let shared = Arc::clone(&shared);
            move || {
                for client in listener.incoming().map_while(Result::ok) {
                    if shared.closed.load(Ordering::Acquire) {
                        return;
                    }
                    // If the server refuses, the client sees that its connection is closed.
                    let _ = shared.connect(&client);
                }
            }
        });
        Self { address, shared }
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// From now on nothing reaches the server: it seems frozen, although its network is up.
    pub fn freeze(&self) {
        self.shared.frozen.store(true, Ordering::Release);
    }

    /// How often a client has sent something after an answer, on all connections.
    pub fn round_trips(&self) -> usize {
        self.shared.round_trips.load(Ordering::Acquire)
    }
}

impl Drop for SlowNetwork {
    fn drop(&mut self) {
        self.shared.closed.store(true, Ordering::Release);
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(self.address);
    }
}

impl Shared {
    fn connect(self: &Arc<Self>, client: &TcpStream) -> std::io::Result<()> {
        let server = TcpStream::connect(self.server)?;
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        let answered = Arc::new(AtomicBool::new(true));
        let (sent, arrivals) = mpsc::channel();
        let (from_client, to_server) = (client.try_clone()?, server.try_clone()?);
        thread::spawn({
            let (shared, answered) = (Arc::clone(self), Arc::clone(&answered));
            move || shared.read_client(from_client, &answered, &sent)
        });
        let shared = Arc::clone(self);
        thread::spawn(move || shared.write_when_due(to_server, &arrivals));
        let to_client = client.try_clone()?;
        thread::spawn(move || copy_answers(server, to_client, &answered));
        Ok(())
    }

    fn read_client(
        &self,
        mut client: TcpStream,
        answered: &AtomicBool,
        sent: &mpsc::Sender<(Instant, Vec<u8>)>,
    ) {
        let mut chunk = vec![0; 64 << 10];
        while let Ok(length @ 1..) = client.read(&mut chunk) {
            if answered.swap(false, Ordering::AcqRel) {
                self.round_trips.fetch_add(1, Ordering::AcqRel);
            }
            let bytes = chunk.iter().take(length).copied().collect();
            if sent.send((Instant::now() + self.delay, bytes)).is_err() {
                return;
            }
        }
    }

    fn write_when_due(&self, mut server: TcpStream, arrivals: &mpsc::Receiver<(Instant, Vec<u8>)>) {
        while let Ok((due, bytes)) = arrivals.recv() {
            thread::sleep(due.saturating_duration_since(Instant::now()));
            if self.frozen.load(Ordering::Acquire) {
                continue;
            }
            if server.write_all(&bytes).is_err() {
                return;
            }
        }
        let _ = server.shutdown(Shutdown::Write);
    }
}

fn copy_answers(mut server: TcpStream, mut client: TcpStream, answered: &AtomicBool) {
    let mut chunk = vec![0; 64 << 10];
    while let Ok(length @ 1..) = server.read(&mut chunk) {
        answered.store(true, Ordering::Release);
        let Some(bytes) = chunk.get(..length) else { return };
        if client.write_all(bytes).is_err() {
            return;
        }
    }
    let _ = client.shutdown(Shutdown::Both);
}
