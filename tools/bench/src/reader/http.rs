//! A client of the reader that does as little as it can: it keeps pages, and throws the bytes of streams away.

use std::{
    io::{BufRead, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};

/// Nothing that is measured takes this long.
const PATIENCE: Duration = Duration::from_secs(120);
const BUFFER: usize = 256 << 10;
/// A page has `last_id` and `next` before its rows.
const BEGIN: usize = 1 << 10;

/// A connection that has one request in flight at a time.
pub struct Client {
    stream: BufReader<TcpStream>,
    authorization: String,
    /// The body of the last page.
    pub body: Vec<u8>,
}

/// What comes before a body.
#[derive(Clone, Debug, Default)]
pub struct Head {
    pub status: u16,
    pub etag: Option<String>,
    /// `None` for a body in chunks.
    length: Option<u64>,
}

impl Client {
    pub fn connect(address: SocketAddr, key: &str) -> Result<Self> {
        Self::with_buffer(address, key, BUFFER)
    }

    /// A client that reads so many bytes at once.
    pub fn with_buffer(address: SocketAddr, key: &str, buffer: usize) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let stream = BufReader::with_capacity(buffer, stream);
        Ok(Self { stream, authorization: format!("Bearer {key}"), body: Vec::new() })
    }

    /// Gets a page; its body stays in `body`. Only 200 and 304 are no errors.
    pub fn get(&mut self, path: &str, headers: &[(&str, &str)]) -> Result<Head> {
        let head = self.ask(path, headers)?;
        self.body.clear();
        let length =
            if head.status == 304 { 0 } else { head.length.context("a page in chunks")? };
        self.stream.by_ref().take(length).read_to_end(&mut self.body)?;
        ensure!(self.body.len() as u64 == length, "a page broke off");
        ensure!(
            matches!(head.status, 200 | 304),
            "{path}: {}: {}",
            head.status,
            String::from_utf8_lossy(&self.body)
        );
        Ok(head)
    }

    /// After which id the next page begins; `None` if the last page, which has records, was the last of all.
    pub fn next_after(&self) -> Result<Option<i64>> {
        let is_last = self.after("\"next\":")?.starts_with("null");
        if is_last { Ok(None) } else { self.last_id().map(Some) }
    }

    /// Up to which id the last page, which has records, has looked.
    pub fn last_id(&self) -> Result<i64> {
        let rest = self.after("\"last_id\":")?;
        Ok(rest.split(',').next().unwrap_or_default().parse()?)
    }

    /// What follows this, before the rows of the last page.
    fn after(&self, name: &str) -> Result<String> {
        let begin = self.body.get(..BEGIN.min(self.body.len())).unwrap_or_default();
        let begin = String::from_utf8_lossy(begin);
        let rest = begin.split_once(name).map(|(_, rest)| rest.to_owned());
        rest.with_context(|| format!("a page without {name}"))
    }

    /// Reads a stream to its end, and returns its bytes.
    pub fn drain(&mut self, path: &str, headers: &[(&str, &str)]) -> Result<u64> {
        let head = self.begin(path, headers)?;
        match head.length {
            Some(length) => self.skip(length).map(|()| length),
            None => self.skip_chunks(|| false),
        }
    }

    /// Reads a stream in chunks to its end, or until the condition holds; then nothing can be asked over this connection
    /// any more.
    pub fn drain_until(&mut self, path: &str, stop: impl Fn() -> bool) -> Result<u64> {
        self.begin(path, &[])?;
        self.skip_chunks(stop)
    }

    fn skip_chunks(&mut self, stop: impl Fn() -> bool) -> Result<u64> {
        let mut bytes = 0;
        while !stop() {
            let size = self.line()?;
            let size = u64::from_str_radix(&size, 16).context("a chunk without a size")?;
            self.skip(size + 2)?;
            bytes += size;
            if size == 0 {
                break;
            }
        }
        Ok(bytes)
    }

    /// Asks for a stream and reads its head.
    pub fn begin(&mut self, path: &str, headers: &[(&str, &str)]) -> Result<Head> {
        let head = self.ask(path, headers)?;
        ensure!(head.status == 200, "{path}: {}", head.status);
        Ok(head)
    }

    /// Throws so many bytes away.
    pub fn skip(&mut self, mut bytes: u64) -> Result<()> {
        while bytes > 0 {
            let ready = self.stream.fill_buf()?.len() as u64;
            ensure!(ready > 0, "a stream broke off");
            let taken = ready.min(bytes);
            self.stream.consume(taken as usize);
            bytes -= taken;
        }
        Ok(())
    }

    fn ask(&mut self, path: &str, headers: &[(&str, &str)]) -> Result<Head> {
        let more: String =
            headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {}\r\n{more}\r\n",
            self.authorization
        );
        self.stream.get_mut().write_all(request.as_bytes())?;
        let first = self.line()?;
        let status = first.split(' ').nth(1).and_then(|status| status.parse().ok());
        let mut head = Head { status: status.context("no status")?, ..Head::default() };
        loop {
            let line = self.line()?;
            if line.is_empty() {
                return Ok(head);
            }
            let Some((name, value)) = line.split_once(": ") else {
                bail!("a header without value")
            };
            match name.to_ascii_lowercase().as_str() {
                "content-length" => head.length = Some(value.parse()?),
                "etag" => head.etag = Some(value.to_owned()),
                _ => {}
            }
        }
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        ensure!(self.stream.read_line(&mut line)? > 0, "the connection was closed");
        Ok(line.trim_end().to_owned())
    }
}
