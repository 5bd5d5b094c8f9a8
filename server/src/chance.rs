//! Where what nobody can guess comes from.

/// The system's generator, or a seed's in a simulation.
#[derive(Clone, Debug)]
pub(crate) enum Chance {
    System,
    #[cfg(feature = "simulation")]
    Seeded(crate::simulation::Seeded),
}

impl Chance {
    /// Bytes that nobody can guess.
    pub(crate) fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        match self {
            Self::System => getrandom::fill(&mut bytes)
                .expect("the system's generator, once it works, goes on working; start-up has tried it"),
            #[cfg(feature = "simulation")]
            Self::Seeded(seeded) => seeded.fill(&mut bytes),
        }
        bytes
    }
}
