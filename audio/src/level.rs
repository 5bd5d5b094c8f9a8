//! How loud a frame is, in the unit that travels in every voice header.
//!
//! Knows RFC 6464 and refuses to know whether that loudness is speech.

/// What silence measures: the quietest level RFC 6464 can say.
pub const LEVEL_DBOV_SILENCE: u8 = 127;

/// The level of `samples` (full scale ±1) in −dBov: 0 is a full-scale square wave, 3 a
/// full-scale sine, 127 silence (RFC 6464, section 3).
pub fn level_dbov(samples: &[f32]) -> u8 {
    if samples.is_empty() {
        return LEVEL_DBOV_SILENCE;
    }
    let energy: f64 = samples.iter().map(|&sample| f64::from(sample) * f64::from(sample)).sum();
    let power = energy / samples.len() as f64;
    if power.is_nan() || power <= 0.0 {
        return LEVEL_DBOV_SILENCE;
    }
    let level = (-10.0 * power.log10()).round();
    // The clamp keeps the value within a byte, whatever came in.
    level.clamp(0.0, f64::from(LEVEL_DBOV_SILENCE)) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_scale_sine_is_three_below_overload() {
        let sine: Vec<f32> = (0..960).map(|n| (n as f32 * std::f32::consts::TAU * 10.0 / 960.0).sin()).collect();
        assert_eq!(level_dbov(&sine), 3);
        let quiet: Vec<f32> = sine.iter().map(|sample| sample * 0.01).collect();
        assert_eq!(level_dbov(&quiet), 43);
    }

    #[test]
    fn the_scale_ends_are_square_wave_and_silence() {
        assert_eq!(level_dbov(&[1.0, -1.0, 1.0, -1.0]), 0);
        assert_eq!(level_dbov(&[0.0; 480]), 127);
        assert_eq!(level_dbov(&[]), 127);
        assert_eq!(level_dbov(&[f32::NAN; 4]), 127, "an unmeasurable frame is not loud");
    }
}
