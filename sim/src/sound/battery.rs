//! Networks of many kinds, each from a seed: to compare playout buffers on what nobody tuned them for.

use super::random::Random;
use super::trace::{Sending, Trace};

/// How long each trace lasts, in seconds.
const SECONDS: f64 = 120.0;

/// The trace of this seed: its family is the seed's remainder, all else is drawn.
pub(crate) fn trace(seed: u64) -> Trace {
    let mut random = Random::new(seed);
    let random = &mut random;
    match seed % 6 {
        0 => uniform(seed, random),
        1 => ordered_steady(seed, random),
        2 => ordered_changing(seed, random),
        3 => spikes(seed, random),
        4 => wandering(seed, random),
        _ => heavy_tailed(seed, random),
    }
}

fn uniform(seed: u64, random: &mut Random) -> Trace {
    let width_ms = random.between(5.0, 90.0);
    Sending::new(&format!("uniform-{seed}"), SECONDS).datagrams(|_| Some(random.between(0.0, width_ms)))
}

fn ordered_steady(seed: u64, random: &mut Random) -> Trace {
    let loss = random.between(0.002, 0.06);
    Sending::new(&format!("tcp-{seed}"), SECONDS).ordered(random, |_| loss)
}

/// Clean and lossy times in turn.
fn ordered_changing(seed: u64, random: &mut Random) -> Trace {
    let (clean_ms, lossy_ms) = (random.between(5_000.0, 40_000.0), random.between(3_000.0, 20_000.0));
    let loss = random.between(0.01, 0.08);
    let is_lossy = move |sent_ms: f64| sent_ms % (clean_ms + lossy_ms) > clean_ms;
    Sending::new(&format!("tcp-changing-{seed}"), SECONDS).ordered(random, |sent_ms| if is_lossy(sent_ms) { loss } else { 0.0 })
}

/// A radio that is busy elsewhere now and then: everything waits and comes at once.
fn spikes(seed: u64, random: &mut Random) -> Trace {
    let (every_ms, most_ms) = (random.between(300.0, 5_000.0), random.between(40.0, 200.0));
    let noise_ms = random.between(1.0, 8.0);
    let (mut next_ms, mut free_ms) = (random.exponential(every_ms), 0.0f64);
    Sending::new(&format!("spikes-{seed}"), SECONDS).datagrams(|sent_ms| {
        if sent_ms >= next_ms {
            free_ms = next_ms + random.between(most_ms / 4.0, most_ms);
            next_ms = free_ms + random.exponential(every_ms);
        }
        Some((free_ms - sent_ms).max(0.0) + random.between(0.0, noise_ms))
    })
}

/// A queue somewhere that fills and drains.
fn wandering(seed: u64, random: &mut Random) -> Trace {
    let (most_ms, period_ms) = (random.between(20.0, 150.0), random.between(4_000.0, 30_000.0));
    let noise_ms = random.between(2.0, 15.0);
    Sending::new(&format!("wandering-{seed}"), SECONDS).datagrams(|sent_ms| {
        let swing = 0.5 - 0.5 * (std::f64::consts::TAU * sent_ms / period_ms).cos();
        Some(most_ms * swing * swing + random.between(0.0, noise_ms))
    })
}

/// Mostly quick, seldom very late, each frame on its own.
fn heavy_tailed(seed: u64, random: &mut Random) -> Trace {
    let (mean_ms, tail) = (random.between(2.0, 12.0), random.between(0.005, 0.05));
    let far_ms = random.between(20.0, 80.0);
    Sending::new(&format!("tail-{seed}"), SECONDS).datagrams(|_| {
        let far = random.unit() < tail;
        Some(random.exponential(if far { far_ms } else { mean_ms }))
    })
}
