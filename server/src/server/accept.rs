//! Accepting connections, and what becomes of a socket until it is closed or upgraded.

use std::convert::Infallible;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{self, Poll};
use std::time::Instant;

use axum::Router;
use dais_shared::limits::{ACCEPT_RETRY_MS, HTTP_HEAD_BYTES_MAX, HTTP_HEAD_MS_MAX, HTTP_UNREAD_MS_MAX, TLS_HANDSHAKE_MS_MAX};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper::{Request, rt};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::time::{Duration, timeout};

use super::{House, Peer, told_to_stop};
use crate::door::Entrance;
use crate::refusal::Refusal;
use crate::routes;
use crate::supervise::Part;
use crate::tls::{self, Greeting};

/// Accepts until the server stops. Whatever goes wrong meanwhile, the listener stays.
pub(super) async fn accept(
    listener: Arc<TcpListener>,
    tls: Option<tls::Current>,
    house: Arc<House>,
    alive: mpsc::Sender<Infallible>,
) {
    let (router, to_https) = (routes::router(&house), routes::to_https(&house));
    let mut shutdown = house.shutdown.clone();
    let mut failures = 0_u64;
    loop {
        let accepted = tokio::select! {
            accepted = next(&listener, &house) => accepted,
            () = told_to_stop(&mut shutdown) => return,
        };
        house.supervisor.look(Part::Accepting);
        let (socket, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) if is_of_the_other_end(&error) => continue,
            Err(error) => {
                // Out of files although the door counts them: the system as a whole has no more. Said once, not twenty times
                // a second.
                if failures == 0 {
                    tracing::warn!(%error, "accept: tried on until it goes");
                }
                failures += 1;
                tokio::time::sleep(Duration::from_millis(ACCEPT_RETRY_MS)).await;
                continue;
            }
        };
        if std::mem::take(&mut failures) > 0 {
            tracing::warn!("accept: it goes again");
        }
        set_up(&socket);
        let entrance = house.door.enter(peer.ip().into());
        let visit = Visit { peer, entrance, house: Arc::clone(&house), shutdown: house.shutdown.clone(), _alive: alive.clone() };
        match &tls {
            None => house.supervisor.guard(Part::Socket, visit.serve_http(socket, router.clone()), || {}),
            Some(tls) => {
                let config = Arc::clone(&tls.borrow());
                let visit = visit.serve_https(socket, config, router.clone(), to_https.clone());
                house.supervisor.guard(Part::Socket, visit, || {});
            }
        }
    }
}

/// The next socket, when there is a file for it.
async fn next(listener: &TcpListener, house: &House) -> std::io::Result<(TcpStream, SocketAddr)> {
    // Each leaves as soon as its task is told; should one not, the others come in all the same.
    let _ = timeout(Duration::from_millis(ACCEPT_RETRY_MS), house.door.settled()).await;
    listener.accept().await
}

/// Whether it is about a connection that was gone before it was accepted.
fn is_of_the_other_end(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset | ErrorKind::ConnectionRefused)
}

/// A socket that is gone already, and refuses, says so when it is read.
fn set_up(socket: &TcpStream) {
    let _ = socket.set_nodelay(true);
    // RFC 5482, and on Linux also while the peer's window is closed: who asks and never reads is given up.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let _ = SockRef::from(socket).set_tcp_user_timeout(Some(Duration::from_millis(HTTP_UNREAD_MS_MAX)));
}

/// What hyper waits by: nobody's time is up because the process stood still.
struct Timer(Arc<House>);

/// Somebody's time, see [`Timer`].
struct Time(Pin<Box<dyn Future<Output = ()> + Send + Sync>>);

impl Future for Time {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut task::Context<'_>) -> Poll<()> {
        self.0.as_mut().poll(context)
    }
}

impl rt::Sleep for Time {}

impl rt::Timer for Timer {
    fn sleep(&self, time: Duration) -> Pin<Box<dyn rt::Sleep>> {
        let house = Arc::clone(&self.0);
        Box::pin(Time(Box::pin(async move { house.clock.up(time).await })))
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn rt::Sleep>> {
        self.sleep(deadline.saturating_duration_since(self.now()))
    }

    fn now(&self) -> Instant {
        tokio::time::Instant::now().into_std()
    }
}

/// Why hyper refuses what comes, if it does: a connection that has had its answers may stand idle and end as it likes.
fn fault_of(error: &hyper::Error, has_asked: bool) -> Option<Refusal> {
    if error.is_parse_too_large() {
        Some(Refusal::HttpHeadTooLarge)
    } else if error.is_parse() {
        Some(Refusal::HttpMalformed)
    } else {
        (error.is_timeout() && !has_asked).then_some(Refusal::HttpSlow)
    }
}

/// A socket from its acceptance until it is closed or upgraded.
struct Visit {
    peer: SocketAddr,
    entrance: Entrance,
    house: Arc<House>,
    shutdown: watch::Receiver<bool>,
    _alive: mpsc::Sender<Infallible>,
}

impl Visit {
    async fn serve_https(mut self, socket: TcpStream, config: Arc<ServerConfig>, router: Router, to_https: Router) {
        let deadline = Duration::from_millis(TLS_HANDSHAKE_MS_MAX);
        let greeting = tokio::select! {
            greeting = self.house.clock.within(deadline, tls::greet(socket, config)) => greeting,
            () = self.entrance.put_out() => return,
            () = told_to_stop(&mut self.shutdown) => return,
        };
        match greeting {
            Some(Ok(Greeting::Tls(stream))) => self.serve_http(stream, router).await,
            Some(Ok(Greeting::Http(socket))) => self.serve_http(socket, to_https).await,
            Some(Err(error)) => {
                if let Some(refusal) = tls::refusal_of(&error) {
                    self.house.refusals.refuse_over(refusal, Some(self.peer), Some(&error));
                }
            }
            None => self.house.refusals.refuse(Refusal::TlsSlow, Some(self.peer)),
        }
    }

    async fn serve_http(mut self, stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static, router: Router) {
        let (peer, router) = (Peer(self.peer), TowerToHyperService::new(router));
        let has_asked = AtomicBool::new(false);
        let service = service_fn(|mut request: Request<Incoming>| {
            has_asked.store(true, Ordering::Relaxed);
            request.extensions_mut().insert(peer);
            router.call(request)
        });
        let connection = http1::Builder::new()
            .timer(Timer(Arc::clone(&self.house)))
            .header_read_timeout(Duration::from_millis(HTTP_HEAD_MS_MAX))
            .max_buf_size(HTTP_HEAD_BYTES_MAX)
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades();
        let mut connection = std::pin::pin!(connection);
        let served = tokio::select! {
            served = connection.as_mut() => served,
            () = self.entrance.put_out() => return,
            () = told_to_stop(&mut self.shutdown) => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        let Err(error) = served else { return };
        match fault_of(&error, has_asked.load(Ordering::Relaxed)) {
            Some(refusal) => self.house.refusals.refuse_over(refusal, Some(self.peer), Some(&error)),
            None => tracing::debug!(%error, "http"),
        }
    }
}
