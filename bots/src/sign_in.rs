//! Signing in where people have to, with the house's password: as the form of the sign-in page does it.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};
use hyper::client::conn::http1;
use hyper::header::{CONTENT_TYPE, HOST, SET_COOKIE};
use hyper::{Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::MaybeTlsStream;

use crate::trust;

/// An answer that takes longer than this is not coming.
const PATIENCE: Duration = Duration::from_secs(10);
/// No password is longer than its file may be.
const PASSWORD_FILE_BYTES_MAX: u64 = 4096;

/// The password in a file: its one line.
///
/// # Errors
/// A sentence naming the file, where it cannot be read or holds none.
pub fn read_password(file: &Path) -> Result<String> {
    let name = file.display();
    let size = file.metadata().with_context(|| format!("cannot read {name}"))?.len();
    ensure!(size <= PASSWORD_FILE_BYTES_MAX, "{name} is no file of a password: it has {size} bytes");
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {name}"))?;
    let password = text.trim_end_matches(['\r', '\n']);
    ensure!(!password.is_empty() && !password.contains('\n'), "{name} has to hold a password in one line");
    Ok(password.to_owned())
}

/// The cookie of a session on the server whose WebSocket this is; `None` where nobody has to sign in.
///
/// # Errors
/// A sentence, where the server cannot be reached or the password is not its own.
pub async fn with_password(url: &str, trusted: Option<&Path>, password: &str) -> Result<Option<String>> {
    let answer = timeout(PATIENCE, post(url, trusted, password)).await.map_err(|_| anyhow!("{url} does not answer"))?;
    let (status, cookie) = answer.with_context(|| format!("cannot sign in at {url}"))?;
    match status {
        StatusCode::SEE_OTHER => Ok(cookie),
        StatusCode::UNAUTHORIZED => bail!("{url} does not take this password"),
        StatusCode::TOO_MANY_REQUESTS => bail!("{url} takes no password from here at the moment: too many were wrong"),
        status => bail!("{url} answers the password with {status}: it is no Dais, or something stands in between"),
    }
}

/// The status, and the cookie that is set.
async fn post(url: &str, trusted: Option<&Path>, password: &str) -> Result<(StatusCode, Option<String>)> {
    let uri: Uri = url.parse().context("this is no address")?;
    let authority = uri.authority().context("this is no address of a WebSocket")?;
    let stream = dial(&uri, trusted).await?;
    let form = form_urlencoded::Serializer::new(String::new()).append_pair("password", password).finish();
    let request = Request::post("/sign-in").header(HOST, authority.as_str());
    let request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(form)?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // Ends when the answer is dropped.
    tokio::spawn(connection);
    let answer = sender.send_request(request).await?;
    let set = answer.headers().get(SET_COOKIE).map(|set| set.to_str()).transpose()?;
    let cookie = set.and_then(|set| set.split(';').next()).map(|cookie| cookie.trim().to_owned());
    Ok((answer.status(), cookie))
}

async fn dial(uri: &Uri, trusted: Option<&Path>) -> Result<MaybeTlsStream<TcpStream>> {
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let is_encrypted = match uri.scheme_str() {
        Some("ws") => false,
        Some("wss") => true,
        _ => bail!("an address of a WebSocket begins with ws:// or wss://"),
    };
    let port = uri.port_u16().unwrap_or(if is_encrypted { 443 } else { 80 });
    let socket = TcpStream::connect((host, port)).await?;
    if !is_encrypted {
        return Ok(MaybeTlsStream::Plain(socket));
    }
    let name = ServerName::try_from(host.to_owned())?;
    Ok(MaybeTlsStream::Rustls(TlsConnector::from(trust::config(trusted)?).connect(name, socket).await?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_the_one_line_of_its_file() {
        let path = std::env::temp_dir().join(format!("dais-bots-password-{}", std::process::id()));
        let read = |text: &str| {
            std::fs::write(&path, text)?;
            read_password(&path)
        };
        assert!(matches!(read("open sesame\r\n"), Ok(password) if password == "open sesame"));
        for wrong in ["", "\n", "two\nlines\n", &"x".repeat(5000)] {
            let refused = read(wrong).map_err(|error| error.to_string());
            assert!(matches!(&refused, Err(said) if said.contains("dais-bots-password")), "{refused:?}");
        }
        let _ = std::fs::remove_file(&path);
    }
}
