//! Keeps a virtual machine's processors from falling asleep while sound is measured in real time.
//!
//! A virtual processor with nothing to do is given back to the host, which lends it to others; when a timer or a byte wakes it,
//! it waits for its turn: for many milliseconds where the host is busy. Programs that pass sound on sleep and wake hundreds of
//! times a second. One that never sleeps, and makes way for every other, spares them most of that wait.

use std::process::{Child, Command, Stdio};

use crate::process;

/// Spins until the process named by its only argument is gone, or dead and not yet buried. By itself in a session of its own, and
/// lowest there is: Linux shares time out between sessions first (`sched(7)`, autogroups), then between the programs in one.
const SPIN: &str = "{ echo 19 > /proc/self/autogroup; } 2>/dev/null
while [ -e /proc/$1/exe ]; do i=0; while [ $i -lt 100000 ]; do i=$((i + 1)); done; done";

/// Holds a virtual machine's processors awake as long as it lives.
pub(crate) struct Awake(Vec<Child>);

impl Awake {
    /// Does nothing on a machine that is not virtual, or that lacks util-linux; nor where this program has a share of the
    /// processors only, which spinning would use up.
    pub(crate) fn keep() -> Self {
        let has_share = std::fs::read_to_string("/sys/fs/cgroup/cpu.max").is_ok_and(|quota| !quota.starts_with("max"));
        let cpus = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let virtual_ones = cpus.lines().filter(|line| line.starts_with("flags") && line.contains(" hypervisor")).count();
        if has_share || process::which("setsid").is_none() || process::which("chrt").is_none() {
            return Self(Vec::new());
        }
        Self((0..virtual_ones).filter_map(|_| spin(std::process::id()).spawn().ok()).collect())
    }
}

/// SCHED_IDLE: only when nothing else wants the processor.
fn spin(while_there_is: u32) -> Command {
    let mut command = process::with_args("setsid", &["chrt", "--idle", "0", "sh", "-c", SPIN, "sh"]);
    command.arg(while_there_is.to_string());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

impl Drop for Awake {
    fn drop(&mut self) {
        for spinner in &mut self.0 {
            // It ends by itself otherwise, with this program.
            let _ = spinner.kill();
            let _ = spinner.wait();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spinners_end_with_what_keeps_the_machine_awake() {
        let awake = Awake::keep();
        let ids: Vec<u32> = awake.0.iter().map(Child::id).collect();
        let policy = |id: &u32| {
            let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
            // proc(5): policy is field 41, and the name in field 2 may hold spaces.
            stat.rsplit_once(") ")?.1.split(' ').nth(38)?.parse::<u32>().ok()
        };
        // `setsid` and `chrt` become the shell, each in its own time.
        const SCHED_IDLE: u32 = 5;
        for id in &ids {
            let idle = (0..500).any(|_| {
                std::thread::sleep(std::time::Duration::from_millis(10));
                policy(id) == Some(SCHED_IDLE)
            });
            assert!(idle, "process {id} makes way for all others");
        }
        drop(awake);
        assert!(ids.iter().all(|id| policy(id).is_none()));
    }

    #[test]
    fn a_spinner_ends_when_what_it_watches_is_dead_though_nobody_buries_it() {
        if process::which("setsid").is_none() || process::which("chrt").is_none() {
            return;
        }
        let mut watched = process::with_args("sleep", &["100"]).spawn().expect("sleep is everywhere");
        let mut spinner = spin(watched.id()).spawn().expect("setsid is there");
        let mut has_ended = |tries: usize| {
            (0..tries).any(|_| {
                std::thread::sleep(std::time::Duration::from_millis(10));
                spinner.try_wait().expect("it is a child").is_some()
            })
        };
        assert!(!has_ended(50), "it spins");
        watched.kill().expect("it runs");
        assert!(has_ended(1000));
        watched.wait().expect("it is a child");
    }
}
