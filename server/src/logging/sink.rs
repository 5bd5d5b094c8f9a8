//! The way of log lines to standard error: a queue of bounded size, and a thread of its own that writes.
//!
//! Whoever logs holds a lock for as long as it takes to put a line into the queue, and knows no more of it. A disk that is
//! full, a reader that is gone and one that stands still are the thread's business: what it cannot write is lost and
//! counted, and said as soon as something can be written again.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, ErrorKind, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use dais_shared::limits::{LOG_QUEUE_BYTES_MAX, LOG_RETRY_MS};

/// What a line costs besides its bytes: without it a queue of empty ones would be endless.
const LINE_BYTES: usize = size_of::<Vec<u8>>();
/// A stream that never blocks and takes nothing at the moment is asked again after so long.
const FULL_PAUSE: Duration = Duration::from_millis(10);

thread_local! {
    /// What the writing thread itself logs: it goes where that thread wants it, and not into the queue.
    static OWN: RefCell<Option<Vec<u8>>> = const { RefCell::new(None) };
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Sink {
    queue: Mutex<Queue>,
    /// There is something to write.
    filled: Condvar,
    /// There is nothing more to write.
    emptied: Condvar,
    /// Lines that were not written and never will be.
    lost: AtomicU64,
}

#[derive(Debug, Default)]
struct Queue {
    lines: VecDeque<Vec<u8>>,
    bytes: usize,
    /// Some were taken out and are not written yet.
    is_writing: bool,
}

impl Sink {
    /// One whose thread writes to `stream`.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(super) fn before(stream: impl Write + Send + 'static) -> io::Result<Arc<Self>> {
        let sink = Arc::<Self>::default();
        let (writing, mut writer) = (Arc::clone(&sink), Writer::new(stream));
        std::thread::Builder::new().name("log".into()).spawn(move || {
            // A fault of the writer's own is no reason to log no more.
            while catch_unwind(AssertUnwindSafe(|| writer.run(&writing))).is_err() {}
        })?;
        Ok(sink)
    }

    /// Takes a line, which ends with its line break. Never waits for whoever writes.
    pub(super) fn push(&self, line: &[u8]) {
        let is_own = OWN.with_borrow_mut(|own| own.as_mut().map(|own| own.extend_from_slice(line)).is_some());
        if is_own {
            return;
        }
        let mut queue = self.queue();
        if queue.bytes + line.len() + LINE_BYTES > LOG_QUEUE_BYTES_MAX {
            self.lost.fetch_add(1, Ordering::Relaxed);
        } else {
            queue.bytes += line.len() + LINE_BYTES;
            queue.lines.push_back(line.to_vec());
        }
        drop(queue);
        self.filled.notify_one();
    }

    /// How many lines are lost.
    pub(super) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Waits until all that was taken so far is written or lost, but no longer than `at_most`.
    pub(super) fn flush(&self, at_most: Duration) {
        let until = Instant::now() + at_most;
        let mut queue = self.queue();
        while queue.is_writing || !queue.lines.is_empty() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            queue = self.emptied.wait_timeout(queue, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// All that waits, as soon as something does; nothing where that takes longer than `at_most`.
    fn take(&self, at_most: Option<Duration>) -> VecDeque<Vec<u8>> {
        let mut queue = self.queue();
        queue.is_writing = false;
        if queue.lines.is_empty() {
            self.emptied.notify_all();
        }
        while queue.lines.is_empty() {
            match at_most {
                None => queue = self.filled.wait(queue).unwrap_or_else(PoisonError::into_inner),
                Some(at_most) => {
                    let (filled, waited) = self.filled.wait_timeout(queue, at_most).unwrap_or_else(PoisonError::into_inner);
                    queue = filled;
                    if waited.timed_out() {
                        break;
                    }
                }
            }
        }
        queue.is_writing = true;
        queue.bytes = 0;
        std::mem::take(&mut queue.lines)
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        // Nobody panics while he holds it; and if somebody did, a line more or less is all there is to it.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The thread's side.
struct Writer<W> {
    stream: W,
    /// The last line that was begun is not whole.
    is_torn: bool,
    /// How many lost lines the log tells of.
    told: u64,
    /// Why the last write failed.
    failed: Option<io::Error>,
}

impl<W: Write> Writer<W> {
    const fn new(stream: W) -> Self {
        Self { stream, is_torn: false, told: 0, failed: None }
    }

    fn run(&mut self, sink: &Sink) -> std::convert::Infallible {
        loop {
            let owes = sink.lost() > self.told;
            let lines = sink.take(owes.then_some(Duration::from_millis(LOG_RETRY_MS)));
            self.write_all(lines, sink);
        }
    }

    fn write_all(&mut self, lines: VecDeque<Vec<u8>>, sink: &Sink) {
        let lost = sink.lost();
        if lost > self.told {
            if self.write(&notice(lost - self.told, self.failed.as_ref())) {
                self.told = lost;
                self.failed = None;
            } else {
                // As little can be written of what came behind it.
                sink.lost.fetch_add(lines.len() as u64, Ordering::Relaxed);
                return;
            }
        }
        for line in lines {
            if !self.write(&line) {
                sink.lost.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Writes a line, however long that takes. Returns whether it could.
    fn write(&mut self, line: &[u8]) -> bool {
        let whole = if self.is_torn { [b"\n", line].concat() } else { line.to_vec() };
        let mut rest = whole.as_slice();
        while !rest.is_empty() {
            match self.stream.write(rest) {
                Ok(0) => self.failed = Some(ErrorKind::WriteZero.into()),
                Ok(count) => {
                    rest = &rest[count..];
                    self.is_torn = !rest.is_empty();
                    continue;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    std::thread::sleep(FULL_PAUSE);
                    continue;
                }
                Err(error) => self.failed = Some(error),
            }
            return false;
        }
        true
    }
}

/// What the log says of the lines that it does not hold, in its own form. Empty where it is not to say such things.
fn notice(lines: u64, reason: Option<&io::Error>) -> Vec<u8> {
    OWN.set(Some(Vec::new()));
    match reason {
        Some(reason) => tracing::error!(lines, %reason, "lines of the log could not be written and are lost"),
        None => tracing::error!(lines, "lines of the log are lost: nobody read it"),
    }
    OWN.take().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;

    /// What was written, and how much more is taken.
    #[derive(Clone, Default)]
    struct Disk(Arc<Mutex<(Vec<u8>, usize)>>);

    impl Disk {
        fn with_room(bytes: usize) -> Self {
            let disk = Self::default();
            disk.has_room(bytes);
            disk
        }

        fn has_room(&self, bytes: usize) {
            self.0.lock().unwrap().1 = bytes;
        }

        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().0.clone()).unwrap()
        }
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let (written, room) = &mut *self.0.lock().unwrap();
            let count = bytes.len().min(*room);
            if count == 0 {
                return Err(ErrorKind::StorageFull.into());
            }
            written.extend_from_slice(&bytes[..count]);
            *room -= count;
            Ok(count)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Writes what waits, as the thread does.
    fn write_on(writer: &mut Writer<Disk>, sink: &Sink) {
        let lines = sink.take(Some(Duration::ZERO));
        let subscriber = tracing_subscriber::fmt().with_writer(|| Lines).without_time().with_ansi(false).finish();
        tracing::subscriber::with_default(subscriber, || writer.write_all(lines, sink));
    }

    /// What is logged, for the writing thread alone.
    struct Lines;

    impl Write for Lines {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            OWN.with_borrow_mut(|own| own.as_mut().unwrap().extend_from_slice(line));
            Ok(line.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_that_finds_no_room_is_counted_and_told_of_when_there_is_room() {
        let (sink, disk) = (Sink::default(), Disk::with_room(9));
        let mut writer = Writer::new(disk.clone());
        for line in ["first\n", "second\n", "third\n"] {
            sink.push(line.as_bytes());
        }
        write_on(&mut writer, &sink);
        assert_eq!((disk.text().as_str(), sink.lost()), ("first\nsec", 2));
        sink.push(b"fourth\n");
        write_on(&mut writer, &sink);
        assert_eq!((disk.text().as_str(), sink.lost()), ("first\nsec", 3), "the notice itself is no line");
        disk.has_room(1000);
        sink.push(b"fifth\n");
        write_on(&mut writer, &sink);
        let text = disk.text();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!([lines[0], lines[1], lines[3]], ["first", "sec", "fifth"], "each on a line of its own: {text}");
        assert!(lines[2].contains("ERROR") && lines[2].contains("lines=3") && lines[2].contains("reason="), "{text}");
        write_on(&mut writer, &sink);
        assert_eq!(disk.text(), text, "once");
    }

    #[test]
    fn what_nobody_takes_out_is_bounded() {
        let sink = Sink::default();
        let line = vec![b'x'; 1000];
        for _ in 0..2 * LOG_QUEUE_BYTES_MAX / line.len() {
            sink.push(&line);
        }
        let kept = sink.take(None).len();
        assert!(kept * line.len() <= LOG_QUEUE_BYTES_MAX && kept * line.len() > LOG_QUEUE_BYTES_MAX / 2, "{kept}");
        assert_eq!(sink.lost(), (2 * LOG_QUEUE_BYTES_MAX / line.len() - kept) as u64);
    }

    #[test]
    fn flushing_ends_when_all_is_written_or_its_time_is_over() {
        struct Stuck(std::sync::mpsc::Receiver<()>);
        impl Write for Stuck {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                let _ = self.0.recv();
                Ok(bytes.len())
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let (go, stuck) = std::sync::mpsc::channel();
        let sink = Sink::before(Stuck(stuck)).unwrap();
        sink.push(b"line\n");
        sink.flush(Duration::from_millis(20));
        assert!(sink.queue().is_writing || !sink.queue().lines.is_empty(), "it waits no longer than that");
        drop(go);
        sink.flush(Duration::from_secs(20));
        assert!(!sink.queue().is_writing && sink.queue().lines.is_empty());
    }
}
