//! A proxy between one client and the reader, which holds the answer at an exact byte.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex};
use socket2::{Domain, Socket, Type};

/// Small, so that the reader cannot be far ahead of the client.
const RECEIVE_BUFFER: usize = 64 << 10;
const CHUNK: usize = 16 << 10;
const END_OF_HEAD: &[u8] = b"\r\n\r\n";

/// A port that leads to the reader. On drop it takes no new connections.
#[derive(Debug)]
pub struct Relay {
    address: SocketAddr,
    shared: Arc<Shared>,
}

/// What became of the answer.
#[derive(Clone, Debug, Default)]
pub struct Passed {
    /// Its head, once it is complete.
    pub head: Option<String>,
    /// The bytes of its body that the client was sent, with the framing of HTTP.
    pub bytes: u64,
    is_held: bool,
    is_over: bool,
    then: Option<Then>,
}

/// What happens to an answer that is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// The proxy dies: the connection ends, although more has arrived.
    Die,
    /// Everything that still arrives is passed on.
    PassOn,
}

#[derive(Debug)]
struct Shared {
    server: SocketAddr,
    hold_at: u64,
    passed: Mutex<Passed>,
    changed: Condvar,
}

impl Relay {
    /// Holds the answer after this many bytes of its body.
    pub fn before(server: SocketAddr, hold_at: u64) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?;
        let (passed, changed) = (Mutex::default(), Condvar::new());
        let shared = Arc::new(Shared { server, hold_at, passed, changed });
        let relay = Self { address, shared: Arc::clone(&shared) };
        thread::spawn(move || {
            if let Ok((client, _)) = listener.accept() {
                // An error ends the connection, and the client sees nothing else of it.
                let _ = shared.carry(client);
            }
            shared.change(|passed| passed.is_over = true);
        });
        Ok(relay)
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Waits until the answer is held, or is over before; whether it is held.
    pub fn wait_until_held(&self, limit: Duration) -> bool {
        self.shared.wait(limit, |passed| passed.is_held || passed.is_over);
        self.shared.passed.lock().is_held
    }

    /// Lets the answer go on.
    pub fn release(&self, then: Then) {
        self.shared.change(|passed| passed.then = Some(then));
    }

    pub fn passed(&self) -> Passed {
        self.shared.passed.lock().clone()
    }
}

impl Passed {
    /// A header of the answer.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.as_deref()?.lines();
        lines.find_map(|line| {
            let (found, value) = line.split_once(": ")?;
            found.eq_ignore_ascii_case(name).then_some(value)
        })
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.release(Then::Die);
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(self.address);
    }
}

impl Shared {
    fn carry(&self, client: TcpStream) -> io::Result<()> {
        let server = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        server.set_recv_buffer_size(RECEIVE_BUFFER)?;
        server.connect(&self.server.into())?;
        let server = TcpStream::from(server);
        let (mut from_client, mut to_server) = (client.try_clone()?, server.try_clone()?);
        thread::spawn(move || {
            let _ = io::copy(&mut from_client, &mut to_server);
            let _ = to_server.shutdown(Shutdown::Write);
        });
        let carried = self.carry_answer(server, &client);
        // An orderly end, as of a proxy that stops: a reset would make it too easy for the client.
        let _ = client.shutdown(Shutdown::Both);
        carried
    }

    fn carry_answer(&self, mut server: TcpStream, mut client: &TcpStream) -> io::Result<()> {
        let mut head = Vec::new();
        while !head.ends_with(END_OF_HEAD) {
            let mut byte = [0];
            server.read_exact(&mut byte)?;
            head.extend(byte);
        }
        client.write_all(&head)?;
        let head = String::from_utf8_lossy(&head).into_owned();
        self.change(|passed| passed.head = Some(head));
        let mut left = self.hold_at;
        while left > 0 {
            let most = usize::try_from(left).unwrap_or(CHUNK).min(CHUNK);
            let mut bytes = vec![0; most];
            let length = server.read(&mut bytes)?;
            if length == 0 {
                return Ok(());
            }
            bytes.truncate(length);
            client.write_all(&bytes)?;
            left -= length as u64;
            self.change(|passed| passed.bytes += length as u64);
        }
        self.change(|passed| passed.is_held = true);
        self.wait(Duration::MAX, |passed| passed.then.is_some());
        if self.passed.lock().then == Some(Then::PassOn) {
            let rest = io::copy(&mut server, &mut client)?;
            self.change(|passed| passed.bytes += rest);
        }
        Ok(())
    }

    fn change(&self, change: impl FnOnce(&mut Passed)) {
        change(&mut self.passed.lock());
        self.changed.notify_all();
    }

    fn wait(&self, limit: Duration, is_so: impl Fn(&Passed) -> bool) {
        let mut passed = self.passed.lock();
        match Instant::now().checked_add(limit) {
            None => self.changed.wait_while(&mut passed, |passed| !is_so(passed)),
            Some(deadline) => {
                while !is_so(&passed) {
                    if self.changed.wait_until(&mut passed, deadline).timed_out() {
                        return;
                    }
                }
            }
        }
    }
}
