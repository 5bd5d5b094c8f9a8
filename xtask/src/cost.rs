//! What a command has cost so far: time, and the processors' time of this program and everything it started. Knows nothing
//! of what was done.

use std::time::{Duration, Instant};

/// A part that takes less is not worth a line.
const WORTH_A_LINE: Duration = Duration::from_secs(1);

/// Linux counts processors' time in hundredths of a second for programs, on every machine.
const TICK: Duration = Duration::from_millis(10);

/// Does a part of the work, and prints what it has cost.
///
/// # Errors
/// Those of the part.
pub(crate) fn part<T, E>(name: &str, work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    let (started, before) = (Instant::now(), processors());
    let outcome = work();
    if let (Some(before), Some(after)) = (before, processors())
        && after.saturating_sub(before) >= WORTH_A_LINE
    {
        println!("  {name}: {}", Cost { time: started.elapsed(), processors: after.saturating_sub(before) });
    }
    outcome
}

/// Time and processors' time since the command was given: with what cargo took to build this program, since cargo turns into
/// it. `None` where the system does not tell.
pub(crate) fn total() -> Option<Cost> {
    let uptime = std::fs::read_to_string("/proc/uptime").ok()?;
    let uptime = Duration::try_from_secs_f64(uptime.split(' ').next()?.parse().ok()?).ok()?;
    let stat = stat()?;
    Some(Cost { time: uptime.saturating_sub(stat.started), processors: stat.processors })
}

/// Time, and processors' time, which is more where several work at once and less where others work, too.
#[derive(Debug)]
pub(crate) struct Cost {
    time: Duration,
    processors: Duration,
}

impl std::fmt::Display for Cost {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let minutes = |time: Duration| time.as_secs_f64() / 60.0;
        write!(formatter, "{:.1} min ({:.1} CPU-minutes)", minutes(self.time), minutes(self.processors))
    }
}

fn processors() -> Option<Duration> {
    Some(stat()?.processors)
}

/// What Linux knows of this process.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    /// When it was started, after the machine.
    started: Duration,
    /// In its own code and the system's for it, and the same for its children that have ended.
    processors: Duration,
}

fn stat() -> Option<Stat> {
    parse(&std::fs::read_to_string("/proc/self/stat").ok()?)
}

/// The fields that proc(5) counts from 1: utime, stime, cutime and cstime are 14 to 17, starttime is 22.
fn parse(stat: &str) -> Option<Stat> {
    // The second is the program's name in parentheses, which may itself hold any of both.
    let (_, fields) = stat.rsplit_once(") ")?;
    let ticks = |field: usize| fields.split(' ').nth(field - 3)?.trim_end().parse::<u32>().ok();
    let processors = ticks(14)?.saturating_add(ticks(15)?).saturating_add(ticks(16)?).saturating_add(ticks(17)?);
    Some(Stat { started: TICK.checked_mul(ticks(22)?)?, processors: TICK * processors })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processors_time_is_this_programs_and_its_childrens() {
        let line = "7 (a) b) (c) S 1 7 7 0 -1 4194304 9 9 9 9 100 20 3000 400 20 0 1 0 5000 1 2 3\n";
        let expected = Stat { started: Duration::from_secs(50), processors: Duration::from_millis(35_200) };
        assert_eq!(parse(line), Some(expected));
        assert_eq!(parse("7 (a) S 1"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_a_child_has_used_counts_once_it_has_ended() {
        let before = processors().expect("Linux tells");
        let burn = "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done";
        let status = std::process::Command::new("sh").args(["-c", burn]).status();
        assert!(status.is_ok_and(|status| status.success()));
        assert!(processors().expect("Linux tells") > before);
        let total = total().expect("Linux tells");
        assert!(total.processors > before && total.time < Duration::from_secs(24 * 60 * 60), "{total}");
    }

    #[test]
    fn a_cost_is_told_in_minutes() {
        let cost = Cost { time: Duration::from_secs(90), processors: Duration::from_secs(150) };
        assert_eq!(cost.to_string(), "1.5 min (2.5 CPU-minutes)");
    }
}
