//! A playout buffer of fixed length that knew the whole trace before it began: what an adaptive one is
//! measured against.

use super::trace::Trace;

/// The least lag, in ms, with which no more than `lost_percent` of all frames come too late or never.
/// `None` where more than that never come at all.
pub(crate) fn fixed_delay_ms(trace: &Trace, lost_percent: f64) -> Option<f64> {
    let mut delays: Vec<f64> = trace.delays_ms().map(|delay| delay.unwrap_or(f64::INFINITY)).collect();
    delays.sort_by(f64::total_cmp);
    let may_be_lost = (delays.len() as f64 * lost_percent / 100.0 + 1e-9).floor() as usize;
    let last = delays.len().checked_sub(1 + may_be_lost)?;
    Some(delays[last]).filter(|delay| delay.is_finite())
}
