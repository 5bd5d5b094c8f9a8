//! What only the operator is told: how the server does, as Prometheus reads it
//! (<https://prometheus.io/docs/instrumenting/exposition_formats/>).

use std::fmt::Write as _;
use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use dais_shared::room::Unheard;

use super::access::{MayRead, Way};
use super::api::Refused;
use super::noted::because;
use crate::logging;
use crate::metrics::{Counter, Histogram};
use crate::refusal::Refusal;
use crate::server::{House, Peer};

/// What whoever is not the operator is told, by the way that he came: `dais doctor` reads it, too.
pub(crate) const CAME_SILENTLY: &str =
    "This is for the operator: send the server's admin token, or ask from its own machine if it has none.\n";
/// See [`CAME_SILENTLY`].
pub(crate) const CAME_UNNAMED: &str =
    "This is for the operator, with the server's admin token. The proxy on the way adds no X-Forwarded-For.\n";
/// See [`CAME_SILENTLY`].
pub(crate) const CAME_DISTRUSTED: &str =
    "This is for the operator, with the server's admin token. The proxy on the way is not one that --trust-proxy names.\n";
/// See [`CAME_SILENTLY`].
pub(crate) const CAME_TRUSTED: &str =
    "This is for the operator, with the server's admin token. The proxy on the way says for whom it speaks.\n";

/// `GET /metrics`.
pub(crate) async fn metrics(
    access: Result<MayRead, Refused>,
    State(house): State<Arc<House>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
) -> Response {
    if let Err(refused) = access {
        if matches!(refused, Refused::TooManyTries | Refused::ForeignOrigin(_)) {
            return refused.into_response();
        }
        let why = refused.refusal();
        let challenge = [(header::WWW_AUTHENTICATE, "Bearer")];
        let hint = match Way::of(&headers, peer, &house) {
            Way::Silent => CAME_SILENTLY,
            Way::Unnamed => CAME_UNNAMED,
            Way::Distrusted => CAME_DISTRUSTED,
            Way::Trusted => CAME_TRUSTED,
        };
        return because(why, (StatusCode::UNAUTHORIZED, challenge, hint));
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], render(&house)).into_response()
}

/// Everything, by the names of docs/metrics.md.
fn render(house: &House) -> String {
    let (metrics, totals) = (&house.metrics, house.rooms.totals_with_unlisted());
    let mut page = Page(String::new());
    page.number("dais_uptime_seconds", "gauge", house.clock.uptime().as_secs_f64());
    page.number("dais_rooms", "gauge", totals.rooms as f64);
    page.number("dais_members", "gauge", totals.members as f64);
    page.number("dais_store_failing", "gauge", f64::from(u8::from(house.store.is_failing())));
    let depths = house.outboxes.depths();
    page.number("dais_connections", "gauge", depths.outboxes as f64);
    for (name, depth) in [("dais_outbox_bytes", depths.total), ("dais_outbox_bytes_max", depths.largest)] {
        let kinds = [("voice", depth.voice_bytes), ("control", depth.control_bytes)];
        page.labelled(name, "gauge", "kind", kinds.into_iter().map(|(kind, bytes)| (kind, bytes as u64)));
    }
    for (name, counter) in [
        ("dais_connections_total", &metrics.connections_total),
        ("dais_sockets_put_out_total", &metrics.sockets_put_out_total),
        ("dais_misbehaved_total", &metrics.misbehaved_total),
        ("dais_voice_frames_heard_total", &metrics.voice_frames_heard_total),
        ("dais_voice_frames_fanned_out_total", &metrics.voice_frames_fanned_out_total),
        ("dais_control_frames_discarded_total", &metrics.control_frames_discarded_total),
        ("dais_room_restarts_total", &metrics.room_restarts_total),
        ("dais_connection_faults_total", &metrics.connection_faults_total),
        ("dais_task_faults_total", &metrics.task_faults_total),
        ("dais_pauses_total", &metrics.pauses_total),
    ] {
        page.number(name, "counter", counter.get() as f64);
    }
    page.number("dais_log_lines_lost_total", "counter", logging::lines_lost() as f64);
    let refused = Refusal::ALL.map(|refusal| (refusal.label(), metrics.refused(refusal)));
    page.labelled("dais_refused_total", "counter", "reason", refused.into_iter());
    let dropped: [(&str, &Counter); 7] = [
        ("too_fast", &metrics.voice_frames_too_fast_total),
        ("duplicate", &metrics.voice_frames_duplicate_total),
        ("stale", &metrics.voice_frames_stale_total),
        ("mailbox_full", &metrics.voice_frames_mailbox_full_total),
        ("late", &metrics.voice_frames_late_total),
        ("overflow", &metrics.voice_frames_overflow_total),
        ("silenced", &metrics.voice_frames_silenced_total),
    ];
    let unheard = Unheard::ALL.map(|reason| (reason_name(reason), metrics.voice_frames_unheard(reason)));
    let dropped = dropped.into_iter().map(|(reason, counter)| (reason, counter.get())).chain(unheard);
    page.labelled("dais_voice_frames_dropped_total", "counter", "reason", dropped);
    page.histogram("dais_delivery_delay_seconds", &metrics.delivery_delay);
    page.histogram("dais_store_commit_seconds", &metrics.store_commit);
    page.0
}

const fn reason_name(reason: Unheard) -> &'static str {
    match reason {
        Unheard::NotAMember => "not_a_member",
        Unheard::NotOnStage => "not_on_stage",
        Unheard::MutedByHost => "muted_by_host",
        Unheard::MutedBySelf => "muted_by_self",
    }
}

struct Page(String);

impl Page {
    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        // A string takes anything.
        let _ = self.0.write_fmt(line);
        self.0.push('\n');
    }

    fn number(&mut self, name: &str, kind: &str, value: f64) {
        self.line(format_args!("# TYPE {name} {kind}"));
        self.line(format_args!("{name} {value}"));
    }

    fn labelled(&mut self, name: &str, kind: &str, label: &str, values: impl Iterator<Item = (&'static str, u64)>) {
        self.line(format_args!("# TYPE {name} {kind}"));
        for (of, value) in values {
            self.line(format_args!("{name}{{{label}=\"{of}\"}} {value}"));
        }
    }

    fn histogram(&mut self, name: &str, histogram: &Histogram) {
        let (cumulative, sum) = histogram.read();
        self.line(format_args!("# TYPE {name} histogram"));
        for (bound, count) in &cumulative {
            let bound = if bound.is_finite() { bound.to_string() } else { "+Inf".to_owned() };
            self.line(format_args!("{name}_bucket{{le=\"{bound}\"}} {count}"));
        }
        self.line(format_args!("{name}_sum {sum}"));
        self.line(format_args!("{name}_count {}", cumulative.last().map_or(0, |(_, count)| *count)));
    }
}
