//! What the server itself needs dies: it begins anew, or the process ends in order.

use std::time::Duration;

use dais_shared::wire::Goodbye;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{PATIENCE, creating, logged_in, start};
use crate::refusal::Refusal;
use crate::server::serve;
use crate::signals::Signals;
use crate::supervise::Part;
use crate::{Config, Error};

async fn status(server: &crate::Running) -> String {
    let mut socket = TcpStream::connect(server.addr).await.unwrap();
    socket.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    let _ = socket.read_to_string(&mut answer).await; // who is accepted and forgotten is reset
    answer.lines().next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn accepting_goes_on_whatever_happens() {
    let (server, _folder) = start().await;
    let (mut host, _) = logged_in(&server).await;
    for faults in 1..=3 {
        server.house().supervisor.fail(Part::Accepting);
        assert_eq!(status(&server).await, "", "lost with whoever accepted it");
        assert_eq!(server.metrics().task_faults_total.get(), faults);
        assert_eq!(timeout(PATIENCE, status(&server)).await.unwrap(), "HTTP/1.1 200 OK");
    }
    host.ask(creating("hall")).await.0.unwrap();
    timeout(PATIENCE, server.shutdown()).await.expect("it can be told to stop");
}

#[tokio::test]
async fn what_is_done_now_and_then_begins_anew_after_a_fault() {
    for part in [Part::Wiping, Part::Time] {
        let (server, _folder) = start().await;
        for faults in 1..=2 {
            server.house().supervisor.fail(part);
            let noted = async {
                while server.metrics().task_faults_total.get() < faults {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            };
            timeout(PATIENCE, noted).await.unwrap_or_else(|_| panic!("{part} looks again"));
        }
        timeout(PATIENCE, server.shutdown()).await.expect("it can be told to stop");
    }
}

#[tokio::test]
async fn a_request_that_fails_is_answered() {
    let (server, _folder) = start().await;
    server.house().supervisor.fail(Part::Request);
    assert_eq!(status(&server).await, "HTTP/1.1 500 Internal Server Error");
    assert_eq!(server.metrics().refused(Refusal::Fault), 1, "it is counted among what came to nothing");
    assert_eq!(status(&server).await, "HTTP/1.1 200 OK");
    assert_eq!((server.metrics().task_faults_total.get(), server.metrics().refused(Refusal::Fault)), (1, 1));
}

#[tokio::test]
async fn a_store_that_died_ends_the_process_in_order() {
    let (server, _folder) = start().await;
    let (mut host, _) = logged_in(&server).await;
    host.ask(creating("hall")).await.0.unwrap();
    let (address, store) = (server.addr, server.house().store.clone());
    let serving = tokio::spawn(async move {
        let options = Box::new(|| Ok(Config::default()));
        serve(server, &mut Signals::none(), Config::default(), options).await
    });
    store.die().await;
    assert_eq!(timeout(PATIENCE, host.goodbye()).await.unwrap(), Goodbye::ShuttingDown, "pages come back");
    drop(host);
    let ended = timeout(PATIENCE, serving).await.expect("it ends").unwrap();
    assert!(matches!(&ended, Err(Error::Fault { what }) if what == "the store"), "{ended:?}");
    assert!(TcpStream::connect(address).await.is_err());
}
