//! The page that stands before the app where people have to sign in, and what becomes of what they say there.
//!
//! It is made here and not by the app, so that somebody who is not let in loads none of it. What is said travels in the body
//! of a form: no address holds it, and so no log, history or referrer does.

use std::sync::{Arc, LazyLock};

use axum::Extension;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Response};
use dais_shared::ids::RoomId;
use dais_shared::limits::{API_BODY_BYTES_MAX, API_BODY_MS_MAX, SIGN_IN_SECONDS};
use data_encoding::HEXLOWER;
use tokio::time::Duration;

use super::noted::{because, because_of};
use super::{assets, csp, origin};
use crate::auth::token_hash;
use crate::refusal::Refusal;
use crate::server::{House, Peer};
use crate::sign_in::{Kept, Session, SignIn};
use crate::store::{ByLink, Unavailable};

/// Holds a session in a browser.
const COOKIE: &str = "dais-session";
/// What stands before the secret of a link in that cookie.
const LINK_MARK: &str = "i.";
const FORM: &str = "application/x-www-form-urlencoded";
const PAGE: &str = include_str!("sign_in/page.html");
const LOBBY: &str = "/";

/// Its own script and style, and forms that lead back here.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let hashes = csp::hashes_of_inline;
    format!(
        "default-src 'none'; script-src{}; style-src{}; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        hashes(PAGE, "script"),
        hashes(PAGE, "style"),
    )
});

/// What the page says first. Before a signature holds nobody learns what is wrong with what he brings.
fn sentence(refusal: Refusal, asks_password: bool) -> String {
    let said = match refusal {
        Refusal::NotSignedIn if asks_password => "This server is for those who know its password.",
        Refusal::NotSignedIn => "This server is entered from another site: open the link that you have from there.",
        Refusal::SessionOver if asks_password => "Your session here is over. Enter the password again.",
        Refusal::TokenExpired => "Your link from the other site has expired. Go back there and open it again.",
        Refusal::TokenTooEarly => {
            "Your link from the other site is not valid yet. Wait a minute and open it again; if that does not help, tell whoever \
             runs that site that its clock is wrong, or this server's."
        }
        Refusal::LinkOver => "The time of your link is over. Ask whoever invited you for another.",
        Refusal::LinkTooEarly => "Your link is not valid yet. Open it again when its time has come.",
        Refusal::SignIns => "Too many tries from your network failed. Wait a minute, then try again.",
        Refusal::SignInForm => "That could not be understood. Try again.",
        Refusal::ForeignPage => {
            "This page's address is not the one that the server was asked by, so it may not sign you in. Open the server's own \
             address. If you look after this server: let the proxy pass on the Host header, or see --allow-origin."
        }
        Refusal::Unavailable => {
            "The server cannot look up your link at the moment, since its disk does not answer. Try again soon."
        }
        refusal => match signed_claim(refusal) {
            Some(claim) => {
                return format!(
                    "The other site sent you here with something that this server cannot use ({claim}). Tell whoever runs that \
                     site; to try again does not help."
                );
            }
            None if asks_password => "That was not right, or its time is over. Try again, or ask whoever invited you.",
            None => "That link is not valid, or its time is over. Open it anew from where you have it.",
        },
    };
    said.to_owned()
}

/// What is wrong in a token whose signature holds, by the names of RFC 7519 and docs/api.md.
const fn signed_claim(refusal: Refusal) -> Option<&'static str> {
    match refusal {
        Refusal::TokenCritical => Some("crit"),
        Refusal::TokenEnd => Some("exp"),
        Refusal::TokenBegin => Some("nbf"),
        Refusal::TokenAudience => Some("aud"),
        Refusal::TokenName => Some("name"),
        Refusal::TokenRoom => Some("room"),
        Refusal::TokenRole => Some("role"),
        Refusal::TokenSkips => Some("skips"),
        _ => None,
    }
}

/// Whether nothing was guessed: what was brought is somebody's, and cannot be used or not now.
const fn is_no_guess(refusal: Refusal) -> bool {
    let is_early_or_late = matches!(
        refusal,
        Refusal::TokenExpired | Refusal::TokenTooEarly | Refusal::LinkOver | Refusal::LinkTooEarly | Refusal::Unavailable
    );
    is_early_or_late || signed_claim(refusal).is_some()
}

const fn status(refusal: Refusal) -> StatusCode {
    match refusal {
        Refusal::SignIns => StatusCode::TOO_MANY_REQUESTS,
        Refusal::SignInForm => StatusCode::BAD_REQUEST,
        Refusal::ForeignPage => StatusCode::FORBIDDEN,
        Refusal::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::UNAUTHORIZED,
    }
}

/// What a program is told that may not connect: what a person is, and what it can send.
pub(super) fn sentence_for_programs(refusal: Refusal) -> String {
    let hint = "This server lets in only who is signed in: send the cookie of a session, or a token as a bearer token.";
    match refusal {
        Refusal::NotSignedIn => format!("{hint}\n"),
        refusal => format!("{} {hint}\n", sentence(refusal, false)),
    }
}

/// The session that a browser keeps.
///
/// # Errors
/// [`Refusal`] says why it keeps none, or none any more; [`Refusal::Unavailable`] if the store cannot say.
pub(super) async fn session(house: &House, sign_in: &SignIn, headers: &HeaderMap) -> Result<Session, Refusal> {
    let values = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut cookies = values.flat_map(|value| value.split(';')).filter_map(|cookie| cookie.trim().split_once('='));
    let (_, value) = cookies.find(|(name, _)| *name == COOKIE).ok_or(Refusal::NotSignedIn)?;
    match value.strip_prefix(LINK_MARK) {
        Some(secret) => Ok(with_link(house, secret).await?.session),
        None => sign_in.with_cookie(value, house.clock.admission_ms()),
    }
}

/// A session for whoever has a link into a room, as long as that holds.
async fn with_link(house: &House, secret: &str) -> Result<Kept, Refusal> {
    // What is no secret is not looked for: anybody may say anything, and every page load asks.
    let bytes = HEXLOWER.decode(secret.as_bytes()).ok().and_then(|bytes| <[u8; 16]>::try_from(bytes).ok());
    let bytes = bytes.ok_or(Refusal::LinkUnknown)?;
    let found = house.store.find_link(ByLink::Secret(token_hash(&bytes))).await.map_err(|Unavailable| Refusal::Unavailable)?;
    let link = found.ok_or(Refusal::LinkUnknown)?;
    let now_ms = house.clock.admission_ms();
    if !link.holds(now_ms) {
        return Err(if now_ms < link.not_before_ms { Refusal::LinkTooEarly } else { Refusal::LinkOver });
    }
    let session = Session::by(&link);
    Ok(Kept { cookie: format!("{LINK_MARK}{secret}"), until_ms: link.expires_ms, session })
}

/// The page in place of the app, for whoever is not signed in.
pub(super) async fn instead(house: &House, uri: &Uri, headers: &HeaderMap) -> Option<Response> {
    let sign_in = house.sign_in.as_ref()?;
    let refusal = session(house, sign_in, headers).await.err()?;
    Some(shown(sign_in, refusal, &destination(uri.path())))
}

/// `GET /sign-in`: the page for whoever brings a token, signed in or not.
pub(crate) async fn page(State(house): State<Arc<House>>) -> Response {
    match &house.sign_in {
        Some(sign_in) => shown(sign_in, Refusal::NotSignedIn, LOBBY),
        None => led(LOBBY),
    }
}

/// What the form says.
#[derive(Debug, Default)]
struct Form {
    to: String,
    password: Option<String>,
    token: Option<String>,
    invite: Option<String>,
}

impl Form {
    fn parse(body: &[u8]) -> Self {
        let mut form = Self { to: LOBBY.into(), ..Self::default() };
        for (name, value) in form_urlencoded::parse(body) {
            match &*name {
                "to" => form.to = destination(&value),
                "password" => form.password = Some(value.into_owned()),
                "token" => form.token = Some(value.into_owned()),
                "invite" => form.invite = Some(value.into_owned()),
                _ => {}
            }
        }
        form
    }
}

/// `POST /sign-in`: a session in a cookie, and on to where the person wanted to go.
pub(crate) async fn enter(State(house): State<Arc<House>>, Extension(peer): Extension<Peer>, request: Request) -> Response {
    let Some(sign_in) = &house.sign_in else { return led(LOBBY) };
    let (parts, body) = request.into_parts();
    let headers = &parts.headers;
    if let Err(foreign) = origin::check(headers, house.is_https, &house.allow_origins) {
        return because_of(Refusal::ForeignPage, foreign.to_string(), shown(sign_in, Refusal::ForeignPage, LOBBY));
    }
    let is_form = headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(FORM.as_bytes()));
    let time = Duration::from_millis(API_BODY_MS_MAX);
    let body = house.clock.within(time, to_bytes(body, API_BODY_BYTES_MAX)).await;
    let Some(body) = body.and_then(Result::ok).filter(|_| is_form) else {
        return shown(sign_in, Refusal::SignInForm, LOBBY);
    };
    let form = Form::parse(&body);
    let address = origin::address(peer.0.ip(), headers, &house.trust_proxies).into();
    if !house.door.may_try_sign_in(address, house.clock.now_ms()) {
        return shown(sign_in, Refusal::SignIns, &form.to);
    }
    let now_ms = house.clock.admission_ms();
    let kept = match (&form.token, &form.invite, &form.password) {
        (Some(token), ..) => sign_in.with_token(token, now_ms),
        (None, Some(secret), _) => with_link(&house, secret).await,
        (None, None, Some(password)) => sign_in.with_password(password, now_ms),
        // Nothing is no password.
        (None, None, None) => Err(Refusal::PasswordWrong),
    };
    if kept.as_ref().err().is_none_or(|refusal| is_no_guess(*refusal)) {
        house.door.forgive_sign_in(address);
    }
    let kept = match kept {
        Ok(kept) => kept,
        Err(refusal) => return shown(sign_in, refusal, &form.to),
    };
    // Who is sent to one room goes there, and with him what the app is to know of the link.
    let to = match (&kept.session.room, &form.invite) {
        (Some(room), Some(secret)) if kept.session.link.is_some() => format!("/r/{room}#invite={secret}"),
        (Some(room), _) => format!("/r/{room}"),
        (None, _) => form.to,
    };
    let is_encrypted = house.is_https || is_from_https(headers);
    let mut answer = led(&to);
    if let Ok(cookie) = HeaderValue::from_str(&cookie(&kept, now_ms, is_encrypted)) {
        answer.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    answer
}

/// Not `Strict`: a link on another site has to lead in whoever is signed in. Nothing is changed by a request that such a link
/// makes, and a WebSocket is no link.
fn cookie(kept: &Kept, now_ms: u64, is_encrypted: bool) -> String {
    let seconds = (kept.until_ms.saturating_sub(now_ms) / 1000).max(1);
    let secure = if is_encrypted { "; Secure" } else { "" };
    format!("{COOKIE}={}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}", kept.cookie)
}

/// Whether the page that asks came over HTTPS: behind a proxy this server does not see that, and the browser says it.
fn is_from_https(headers: &HeaderMap) -> bool {
    headers.get(header::ORIGIN).is_some_and(|origin| origin.as_bytes().starts_with(b"https://"))
}

/// Where somebody may be led: to the lobby, or to a room with what stands behind its hash. Never to another site.
fn destination(wanted: &str) -> String {
    let (path, fragment) = wanted.split_once('#').unwrap_or((wanted, ""));
    let Some(room) = path.strip_prefix("/r/").and_then(|id| RoomId::parse(id).ok()) else { return LOBBY.into() };
    let is_plain = fragment.len() <= 128 && fragment.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'=');
    if fragment.is_empty() || !is_plain { format!("/r/{room}") } else { format!("/r/{room}#{fragment}") }
}

fn led(to: &str) -> Response {
    let headers = [(header::LOCATION, to), (header::CACHE_CONTROL, "no-store")];
    (StatusCode::SEE_OTHER, headers).into_response()
}

/// The page. `to` is a [`destination`], which holds nothing that HTML knows.
fn shown(sign_in: &SignIn, refusal: Refusal, to: &str) -> Response {
    let asks_password = sign_in.asks_password();
    let hidden = if asks_password { "" } else { " hidden" };
    let page = PAGE.replace("{sentence}", &sentence(refusal, asks_password)).replace("{hidden}", hidden).replace("{to}", to);
    let status = status(refusal);
    let mut answer = because(refusal, assets::with_page_headers((status, Html(page)).into_response()));
    let headers = answer.headers_mut();
    let mut set = |name, value: &str| {
        let value = HeaderValue::from_str(value).expect("these are printable ASCII throughout");
        headers.insert(name, value);
    };
    set(header::CONTENT_SECURITY_POLICY, &POLICY);
    set(header::CACHE_CONTROL, "no-store");
    // Without a referrer browsers would call the form's origin `null`.
    set(header::REFERRER_POLICY, "same-origin");
    match status {
        StatusCode::UNAUTHORIZED => set(header::WWW_AUTHENTICATE, "Bearer"),
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => set(header::RETRY_AFTER, &SIGN_IN_SECONDS.to_string()),
        _ => {}
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_led_to_another_site() {
        for kept in ["/", "/r/hall", "/r/hall#host=0123456789abcdef"] {
            assert_eq!(destination(kept), kept);
        }
        for (wanted, led) in [
            ("", "/"),
            ("//evil.example", "/"),
            ("https://evil.example/r/hall", "/"),
            ("/r//evil.example", "/"),
            ("/r/../sign-in", "/"),
            ("/r/Hall", "/"),
            ("/\\evil.example", "/"),
            ("/r/hall#\"><script>", "/r/hall"),
            ("/r/hall#a\r\nb", "/r/hall"),
            ("/sign-in", "/"),
        ] {
            assert_eq!(destination(wanted), led, "{wanted}");
        }
    }

    #[test]
    fn nobody_learns_what_is_wrong_with_what_is_not_signed() {
        let unsigned = [
            Refusal::TokenTooLong,
            Refusal::TokenMalformed,
            Refusal::TokenAlgorithm,
            Refusal::TokenSignature,
            Refusal::TokenUnwanted,
            Refusal::LinkUnknown,
            Refusal::PasswordWrong,
        ];
        for asks_password in [true, false] {
            let said = unsigned.map(|refusal| sentence(refusal, asks_password));
            assert!(said.iter().all(|sentence| *sentence == said[0]), "{said:?}");
        }
        for (refusal, word) in [
            (Refusal::TokenExpired, "expired"),
            (Refusal::TokenTooEarly, "not valid yet"),
            (Refusal::TokenRole, "(role)"),
            (Refusal::TokenAudience, "(aud)"),
            (Refusal::LinkOver, "over"),
            (Refusal::SessionOver, "over"),
        ] {
            assert!(sentence(refusal, false).contains(word), "{refusal:?}");
        }
    }

    #[test]
    fn the_page_runs_its_own_script_and_no_other() {
        assert_eq!(POLICY.matches("'sha256-").count(), 2, "{}", *POLICY);
        assert!(!PAGE.contains("style=") && !PAGE.contains("onclick"));
    }
}
