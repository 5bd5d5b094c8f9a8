//! A server that is killed while people change things: whatever was acknowledged has happened.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use dais_bots::engine::{Command, Failure};
use dais_shared::room::{Command as RoomCommand, Mode, Setting};
use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio::time::{Duration, sleep, timeout};

use super::{Bot, End, OPTIONS, restarted};
use crate::harness::{PATIENCE, ServerProcess};

/// Each the host of a room.
const HOSTS: usize = 25;
/// The kill comes after so many changes in all rooms, while others are under way.
const CHANGES: usize = 300;
const KILLS: usize = 3;

/// A host of a room that is about a number.
async fn host(url: &str, index: usize) -> Bot {
    let bot = Bot::start(url, format!("Host {index}")).await;
    bot.asks(Command::CreateRoom { room: None, title: "Counting".into(), mode: Mode::Open, unlisted: false, passcode: None })
        .await;
    bot.does(RoomCommand::Set(Setting::Topic("0".into()))).await;
    bot
}

fn number(bot: &Bot) -> usize {
    bot.view().settings.topic.parse().unwrap()
}

/// Counts up until nobody answers; the last number that was acknowledged.
async fn counts(bot: &Bot, acknowledged: &AtomicUsize) -> usize {
    let mut last = number(bot);
    loop {
        match bot.tries(Command::Room(RoomCommand::Set(Setting::Topic((last + 1).to_string())))).await {
            Ok(()) => {
                last += 1;
                acknowledged.fetch_add(1, Ordering::Relaxed);
            }
            Err(Failure::Offline) => return last,
            Err(Failure::Denied(denied)) => panic!("{denied}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_before_a_kill_has_happened() {
    let folder = TempDir::with_prefix("dais-midway-").unwrap();
    let mut server = ServerProcess::start_with(folder.path(), 0, &OPTIONS, None);
    let url = format!("ws://{}/ws", server.address);
    let mut bots = Vec::new();
    for index in 0..HOSTS {
        bots.push(Arc::new(host(&url, index).await));
    }
    for kill in 1..=KILLS {
        let snapshots: Vec<u32> = bots.iter().map(|bot| bot.shown.borrow().snapshots).collect();
        let acknowledged = Arc::new(AtomicUsize::new(0));
        let mut counting = JoinSet::new();
        for (index, bot) in bots.iter().enumerate() {
            let (bot, acknowledged) = (Arc::clone(bot), Arc::clone(&acknowledged));
            counting.spawn(async move { (index, counts(&bot, &acknowledged).await) });
        }
        let changed = async {
            while acknowledged.load(Ordering::Relaxed) < CHANGES {
                sleep(Duration::from_millis(1)).await;
            }
        };
        timeout(PATIENCE, changed).await.expect("they change their rooms");
        server = restarted(server, End::Killed, folder.path()).await;
        let mut unheard_of = 0;
        for (index, last) in counting.join_all().await {
            bots[index].until("coming back", |shown| shown.snapshots > snapshots[index]).await;
            let now = number(&bots[index]);
            assert!(now == last || now == last + 1, "kill {kill}, host {index}: {now}, and {last} was acknowledged");
            unheard_of += now - last;
        }
        println!("kill {kill}: {unheard_of} of {HOSTS} last changes were made, and nobody heard of it");
    }
}
