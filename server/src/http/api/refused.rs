//! Why a request to the API comes to nothing: a status, a word for programs and a sentence for people.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use dais_shared::limits::{ADMIN_TOKEN_CHARS_MIN, ADMIN_TOKEN_SECONDS, API_BODY_BYTES_MAX, LINKS_PER_ROOM_MAX};
use dais_shared::room::Denied;
use serde::Serialize;

use crate::http::noted::{because, because_of};
use crate::http::origin::Foreign;
use crate::refusal::Refusal;

/// See the module.
#[derive(Debug)]
pub(crate) enum Refused {
    /// Somebody else asks.
    NotOperator,
    /// Somebody asks with a token that is not the operator's.
    WrongToken,
    /// Too many wrong tokens came from there of late.
    TooManyTries,
    /// Another site's page asks.
    ForeignOrigin(Foreign),
    /// Nobody may change anything.
    NoAdminToken,
    /// There is no such thing.
    UnknownPath,
    /// It is not done there.
    UnknownMethod,
    /// The query says something else than `after`.
    Query,
    /// The body is no JSON, by its own word.
    NotJson,
    /// Or too long.
    TooLarge,
    /// Or does not come.
    TooSlow,
    /// Or says something wrong: what.
    Body(String),
    /// There is no such link, or none any more.
    UnknownLink,
    /// The room has as many as one may have.
    TooManyLinks,
    /// Somebody is erased, but for the file, which is being copied.
    StillCopied,
    /// The rules say no.
    Denied(Denied),
}

impl From<Denied> for Refused {
    fn from(denied: Denied) -> Self {
        Self::Denied(denied)
    }
}

#[derive(Serialize)]
struct Told {
    error: &'static str,
    detail: String,
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let (status, error) = self.code();
        let answer = (status, Json(Told { error, detail: self.detail() }));
        let mut answer = match &self {
            Self::ForeignOrigin(foreign) => because_of(self.refusal(), foreign.to_string(), answer),
            _ => because(self.refusal(), answer),
        };
        match status {
            StatusCode::UNAUTHORIZED => {
                answer.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            StatusCode::TOO_MANY_REQUESTS => {
                answer.headers_mut().insert(header::RETRY_AFTER, ADMIN_TOKEN_SECONDS.into());
            }
            _ => {}
        }
        answer
    }
}

impl Refused {
    /// Under which reason it is counted.
    pub(crate) const fn refusal(&self) -> Refusal {
        match self {
            Self::NotOperator => Refusal::NotOperator,
            Self::WrongToken => Refusal::AdminTokenWrong,
            Self::TooManyTries => Refusal::AdminTokens,
            Self::ForeignOrigin(_) => Refusal::ForeignPage,
            Self::NoAdminToken => Refusal::NoAdminToken,
            Self::UnknownPath => Refusal::UnknownPath,
            Self::UnknownMethod => Refusal::UnknownMethod,
            Self::Query => Refusal::InvalidQuery,
            Self::NotJson => Refusal::NotJson,
            Self::TooLarge => Refusal::BodyTooLarge,
            Self::TooSlow => Refusal::BodyTooSlow,
            Self::Body(_) => Refusal::InvalidBody,
            Self::UnknownLink => Refusal::LinkUnknown,
            Self::TooManyLinks => Refusal::TooManyLinks,
            Self::StillCopied => Refusal::Unavailable,
            Self::Denied(denied) => match Refusal::of_denied(*denied) {
                Some(refusal) => refusal,
                None => Refusal::Other,
            },
        }
    }

    const fn code(&self) -> (StatusCode, &'static str) {
        match self {
            Self::NotOperator | Self::WrongToken => (StatusCode::UNAUTHORIZED, "not_operator"),
            Self::TooManyTries => (StatusCode::TOO_MANY_REQUESTS, "too_many_tries"),
            Self::ForeignOrigin(_) => (StatusCode::FORBIDDEN, "foreign_origin"),
            Self::NoAdminToken => (StatusCode::FORBIDDEN, "no_admin_token"),
            Self::UnknownPath => (StatusCode::NOT_FOUND, "unknown_path"),
            Self::UnknownMethod => (StatusCode::METHOD_NOT_ALLOWED, "unknown_method"),
            Self::Query => (StatusCode::BAD_REQUEST, "invalid_query"),
            Self::NotJson => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "not_json"),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "too_large"),
            Self::TooSlow => (StatusCode::REQUEST_TIMEOUT, "too_slow"),
            Self::Body(_) => (StatusCode::BAD_REQUEST, "invalid_body"),
            Self::UnknownLink => (StatusCode::NOT_FOUND, "unknown_link"),
            Self::TooManyLinks => (StatusCode::CONFLICT, "too_many_links"),
            Self::StillCopied => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
            Self::Denied(denied) => match denied {
                gone if gone.is_no_such_room() => (StatusCode::NOT_FOUND, "unknown_room"),
                Denied::NoSuchPerson => (StatusCode::NOT_FOUND, "unknown_person"),
                Denied::RoomIdTaken => (StatusCode::CONFLICT, "room_id_taken"),
                Denied::TooManyRooms | Denied::TooManyRoomsOfNetwork => (StatusCode::CONFLICT, "too_many_rooms"),
                Denied::TooManyBans => (StatusCode::CONFLICT, "too_many_bans"),
                Denied::InvalidName(_) | Denied::InvalidTitle(_) | Denied::InvalidPasscode(_) | Denied::UnlistedIdChosen => {
                    (StatusCode::BAD_REQUEST, "invalid_body")
                }
                Denied::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
                _ => (StatusCode::CONFLICT, "denied"),
            },
        }
    }

    fn detail(&self) -> String {
        match self {
            Self::NotOperator | Self::WrongToken => {
                "This is for the operator: send the server's admin token as a bearer token, or, where it has \
                                  none, ask from its own machine by the name of localhost."
                    .into()
            }
            Self::TooManyTries => {
                "This token is wrong, as were many before it from this address: try again later, with the right one.".into()
            }
            Self::ForeignOrigin(foreign) => foreign.sentence(),
            Self::NoAdminToken => format!(
                "Nothing is changed over HTTP, and nobody's data are given out, without an admin token: start the server with --admin-token and \
                 {ADMIN_TOKEN_CHARS_MIN} characters or more."
            ),
            Self::UnknownPath => "There is nothing at this path: /api/openapi.json says what there is.".into(),
            Self::UnknownMethod => "This is not done at this path: the header Allow says what is.".into(),
            Self::Query => "The query can be after=, with what the page before named as next.".into(),
            Self::NotJson => "The body has to be of the type application/json.".into(),
            Self::TooLarge => format!("The body has more than {API_BODY_BYTES_MAX} bytes."),
            Self::TooSlow => "The body did not come in time.".into(),
            Self::Body(what) => sentence(what),
            Self::UnknownLink => "There is no such link into this room, or none any more.".into(),
            Self::TooManyLinks => format!("A room has {LINKS_PER_ROOM_MAX} links at most: revoke some."),
            Self::StillCopied => {
                "The person is forgotten, but the database's file cannot be cleared of him while somebody makes a copy \
                                  of it: ask again when that is done."
                    .into()
            }
            Self::Denied(denied) => sentence(&denied.to_string()),
        }
    }
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| format!("{}{}.", first.to_uppercase(), letters.as_str()))
}
