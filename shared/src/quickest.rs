//! The least of the last values: a way is judged by its quickest messages of late.

/// Looks back over `WINDOW` values at least, and twice as many at most.
#[derive(Debug)]
pub struct Quickest<T, const WINDOW: u32> {
    /// The least of this window and of the one before.
    least: [Option<T>; 2],
    /// How many this window has had.
    count: u32,
}

impl<T, const WINDOW: u32> Default for Quickest<T, WINDOW> {
    fn default() -> Self {
        Self { least: [None, None], count: 0 }
    }
}

impl<T: Copy + Ord, const WINDOW: u32> Quickest<T, WINDOW> {
    /// One more value; those from two windows ago are forgotten.
    pub fn note(&mut self, value: T) {
        if self.count == WINDOW {
            self.count = 0;
            self.least = [None, self.least[0]];
        }
        self.count += 1;
        self.least[0] = Some(self.least[0].map_or(value, |least| least.min(value)));
    }

    /// The least of late; `None` before the first value.
    #[must_use]
    pub fn get(&self) -> Option<T> {
        self.least.into_iter().flatten().min()
    }
}
