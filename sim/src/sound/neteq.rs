//! The playout delay of WebRTC's NetEq, rebuilt from its parameters as a yardstick; no sound, only time.
//!
//! Delay manager: the largest relative delay of each 500 ms, over a history of 2 s, goes into a histogram of
//! 20 ms buckets that forgets by 0.983 (faster at first, as NetEq does); a quantile of it is the target, 80 ms before
//! anything is known. Decision: accelerate from 20 ms above the target, in a hurry from four times that; slow down
//! below three quarters of it; at most one stretch in 50 ms; after concealment speech goes on when half the target
//! is there.

use std::collections::{BTreeMap, VecDeque};

use super::trace::Trace;

const TICK_MS: f64 = 10.0;
const BUCKET_MS: f64 = 20.0;
const BUCKETS: usize = 100;
const START_TARGET_MS: f64 = 80.0;
const FORGET: f64 = 0.983;
const WINDOW_MS: f64 = 500.0;
const HISTORY_MS: f64 = 2_000.0;
const STRETCH_EVERY_MS: f64 = 50.0;
/// What one stretch takes away or adds: a period of a deep voice, or two in a hurry.
const STRETCH_MS: f64 = 10.0;
const HURRIED_STRETCH_MS: f64 = 20.0;
/// Concealment is not prolonged beyond this for the sake of the target.
const WAIT_MS_MAX: f64 = 500.0;

/// What a playout buffer made of a trace.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Outcome {
    /// Mean lag behind the quickest frames, in ms.
    pub(crate) delay_ms: f64,
    /// Concealed, in percent of speech.
    pub(crate) lost_percent: f64,
}

impl Outcome {
    /// Lag and loss as one number: 1 % of loss is as bad as 20 ms.
    pub(crate) fn cost(&self) -> f64 {
        self.delay_ms + 20.0 * self.lost_percent
    }
}

struct DelayManager {
    quantile: f64,
    history: VecDeque<(f64, f64)>,
    window_ends_ms: f64,
    window_max_ms: f64,
    histogram: [f64; BUCKETS],
    updates: u32,
    target_ms: f64,
}

impl DelayManager {
    fn new(quantile: f64) -> Self {
        Self {
            quantile,
            history: VecDeque::new(),
            window_ends_ms: f64::NEG_INFINITY,
            window_max_ms: 0.0,
            histogram: [0.0; BUCKETS],
            updates: 0,
            target_ms: START_TARGET_MS,
        }
    }

    fn handle_arrival(&mut self, transit_ms: f64, now_ms: f64) {
        self.history.push_back((now_ms, transit_ms));
        while self.history.front().is_some_and(|(at_ms, _)| *at_ms < now_ms - HISTORY_MS) {
            self.history.pop_front();
        }
        let quickest_ms = self.history.iter().map(|(_, transit_ms)| *transit_ms).fold(f64::INFINITY, f64::min);
        self.window_max_ms = self.window_max_ms.max(transit_ms - quickest_ms);
        if self.window_ends_ms == f64::NEG_INFINITY {
            self.window_ends_ms = now_ms + WINDOW_MS;
        }
        if now_ms >= self.window_ends_ms {
            self.update();
            self.window_ends_ms = now_ms + WINDOW_MS;
            self.window_max_ms = 0.0;
        }
    }

    fn update(&mut self) {
        self.updates += 1;
        let forget = FORGET.min(1.0 - 2.0 / (f64::from(self.updates) + 1.0)).max(0.0);
        self.histogram.iter_mut().for_each(|weight| *weight *= forget);
        let bucket = ((self.window_max_ms / BUCKET_MS) as usize).min(BUCKETS - 1);
        self.histogram[bucket] += 1.0 - forget;
        let total: f64 = self.histogram.iter().sum();
        let mut reached = 0.0;
        let index = self.histogram.iter().position(|weight| {
            reached += weight;
            reached >= self.quantile * total
        });
        self.target_ms = (index.unwrap_or(BUCKETS - 1) + 1) as f64 * BUCKET_MS;
    }
}

/// Plays a trace with this quantile as NetEq's; 0.95 is its own.
pub(crate) fn play(trace: &Trace, frame_ms: f64, quantile: f64) -> Outcome {
    let mut arrivals: Vec<(f64, u32, f64)> =
        (trace.passages.iter()).filter_map(|passage| Some((passage.arrived_ms?, passage.sequence, passage.sent_ms))).collect();
    arrivals.sort_by(|one, other| one.0.total_cmp(&other.0));
    let path_ms = trace.path_ms();
    let end_ms = arrivals.last().map_or(0.0, |last| last.0);
    let mut player = Player::new(quantile, frame_ms, path_ms, trace.passages.first().map_or(0, |passage| passage.sequence));
    let mut arrivals = arrivals.into_iter().peekable();
    let mut now_ms = arrivals.peek().map_or(0.0, |first| first.0);
    while now_ms <= end_ms {
        while let Some((arrived_ms, sequence, sent_ms)) = arrivals.next_if(|arrival| arrival.0 <= now_ms) {
            player.manager.handle_arrival(arrived_ms - sent_ms, arrived_ms);
            if sequence >= player.expected {
                player.buffer.insert(sequence, sent_ms);
            }
        }
        player.tick(now_ms);
        now_ms += TICK_MS;
    }
    let spoken_ms = trace.passages.len() as f64 * frame_ms;
    Outcome { delay_ms: player.delay_sum_ms / player.played_ms.max(1.0), lost_percent: 100.0 * player.concealed_ms / spoken_ms }
}

struct Player {
    manager: DelayManager,
    frame_ms: f64,
    path_ms: f64,
    buffer: BTreeMap<u32, f64>,
    expected: u32,
    /// Decoded and not played, in ms; when its first sample had been sent.
    decoded_ms: f64,
    sent_ms: f64,
    conceals: bool,
    waited_ms: f64,
    stretched_at_ms: f64,
    delay_sum_ms: f64,
    played_ms: f64,
    concealed_ms: f64,
}

impl Player {
    fn new(quantile: f64, frame_ms: f64, path_ms: f64, expected: u32) -> Self {
        Self {
            manager: DelayManager::new(quantile),
            frame_ms,
            path_ms,
            buffer: BTreeMap::new(),
            expected,
            decoded_ms: 0.0,
            sent_ms: 0.0,
            conceals: true,
            waited_ms: 0.0,
            stretched_at_ms: f64::NEG_INFINITY,
            delay_sum_ms: 0.0,
            played_ms: 0.0,
            concealed_ms: 0.0,
        }
    }

    fn tick(&mut self, now_ms: f64) {
        while self.decoded_ms < TICK_MS {
            if !self.decode(now_ms) {
                self.concealed_ms += TICK_MS;
                self.waited_ms += TICK_MS;
                return;
            }
        }
        self.delay_sum_ms += (now_ms - self.sent_ms - self.path_ms) * TICK_MS;
        self.played_ms += TICK_MS;
        self.decoded_ms -= TICK_MS;
        self.sent_ms += TICK_MS;
    }

    /// Decodes the next frame, if there is one and it is time for it.
    fn decode(&mut self, now_ms: f64) -> bool {
        let Some((&sequence, &sent_ms)) = self.buffer.first_key_value() else {
            self.conceals = true;
            return false;
        };
        let level_ms = self.buffer.len() as f64 * self.frame_ms + self.decoded_ms;
        if self.conceals && level_ms < self.manager.target_ms / 2.0 && self.waited_ms < WAIT_MS_MAX {
            return false;
        }
        let missing_ms = f64::from(sequence - self.expected) * self.frame_ms;
        if self.waited_ms < missing_ms {
            self.conceals = true;
            return false;
        }
        self.buffer.pop_first();
        self.expected = sequence + 1;
        self.sent_ms = sent_ms - self.decoded_ms;
        self.decoded_ms += self.frame_ms;
        self.conceals = false;
        self.waited_ms = 0.0;
        self.stretch(level_ms, now_ms);
        true
    }

    fn stretch(&mut self, level_ms: f64, now_ms: f64) {
        if now_ms - self.stretched_at_ms < STRETCH_EVERY_MS {
            return;
        }
        let low_ms = (self.manager.target_ms * 0.75).max(self.manager.target_ms - 85.0);
        let high_ms = self.manager.target_ms + 20.0;
        let change_ms = if level_ms >= 4.0 * high_ms {
            -HURRIED_STRETCH_MS
        } else if level_ms >= high_ms {
            -STRETCH_MS
        } else if level_ms < low_ms {
            STRETCH_MS
        } else {
            return;
        };
        self.stretched_at_ms = now_ms;
        // What is left out is the beginning of what was decoded; what is said twice too.
        let change_ms = change_ms.max(-self.decoded_ms);
        self.decoded_ms += change_ms;
        self.sent_ms -= change_ms;
    }
}
