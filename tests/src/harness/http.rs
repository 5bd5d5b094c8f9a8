//! Plain HTTP by hand, so that nothing is added to a request or taken from an answer.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::{PATIENCE, TestServer, Way};

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .lines()
            .filter_map(|line| line.split_once(": "))
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn parse(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("a head");
        let head = std::str::from_utf8(&bytes[..end]).unwrap();
        let (line, headers) = head.split_once("\r\n").unwrap_or((head, ""));
        let status = line.split(' ').nth(1).unwrap().parse().unwrap();
        Self { status, headers: headers.into(), body: bytes[end + 4..].to_vec() }
    }
}

/// Any request: header lines as they are, `Host` added where none of them is one, and a body, if any, with its length.
pub(crate) async fn call(way: impl Into<Way>, method: &str, path: &str, headers: &[&str], body: Option<&str>) -> Answer {
    let way = way.into();
    let mut request = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n");
    if !headers.iter().any(|line| line.starts_with("Host:")) {
        request += &format!("Host: {}\r\n", way.address);
    }
    for line in headers {
        request += &format!("{line}\r\n");
    }
    if let Some(body) = body {
        request += &format!("Content-Length: {}\r\n", body.len());
    }
    request += &format!("\r\n{}", body.unwrap_or_default());
    Answer::parse(&sends_raw(way, request.as_bytes()).await)
}

/// Sends bytes and reads until the server hangs up.
pub(crate) async fn sends_raw(way: impl Into<Way>, bytes: &[u8]) -> Vec<u8> {
    let mut socket = way.into().dial().await.unwrap();
    socket.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    timeout(PATIENCE, socket.read_to_end(&mut answer)).await.unwrap().unwrap();
    answer
}

impl TestServer {
    /// `GET` with extra header lines.
    pub(crate) async fn get_with(&self, path: &str, headers: &[&str]) -> Answer {
        call(self.way().clone(), "GET", path, headers, None).await
    }

    /// The same without TLS, whatever the server speaks.
    pub(crate) async fn answers_plainly(&self, request: &str) -> Answer {
        Answer::parse(&sends_raw(self.address(), request.as_bytes()).await)
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.get_with(path, &[]).await
    }

    /// What a handshake with these header lines is answered, and nothing more of it.
    pub(crate) async fn handshake_status(&self, headers: &[&str]) -> u16 {
        let mut socket = self.way().dial().await.unwrap();
        let lines: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
        let request = format!("GET /ws HTTP/1.1\r\nHost: {}\r\n{lines}\r\n", self.address());
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut head = [0; "HTTP/1.1 101".len()];
        timeout(PATIENCE, socket.read_exact(&mut head)).await.unwrap().unwrap();
        std::str::from_utf8(&head).unwrap().rsplit_once(' ').unwrap().1.parse().unwrap()
    }
}
