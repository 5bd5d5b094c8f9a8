"""Judges speech: python judge.py SPOKEN.wav HEARD.wav prints PESQ (ITU-T P.862.2, wideband) and STOI as JSON.

HEARD may begin and end anywhere around SPOKEN, and may hold it several times over; the best match by
cross-correlation is judged. Both are resampled to PESQ's 16 kHz.
"""

import json
import sys

import numpy as np
import soundfile
from pesq import pesq
from pystoi import stoi
from scipy.signal import correlate, resample_poly

RATE_HZ = 16_000


def load(path):
    samples, rate = soundfile.read(path, dtype="float64")
    if samples.ndim > 1:
        samples = samples.mean(axis=1)
    return resample_poly(samples, RATE_HZ, rate) if rate != RATE_HZ else samples


def main():
    spoken, heard = load(sys.argv[1]), load(sys.argv[2])
    if len(heard) < len(spoken):
        sys.exit("what was heard is shorter than what was spoken")
    lags = correlate(heard, spoken, mode="valid")
    start = int(np.argmax(np.abs(lags)))
    part = heard[start : start + len(spoken)]
    level = 20 * np.log10((np.sqrt(np.mean(part**2)) + 1e-9) / (np.sqrt(np.mean(spoken**2)) + 1e-9))
    print(
        json.dumps(
            {
                "pesq": float(pesq(RATE_HZ, spoken, part, "wb")),
                "stoi": float(stoi(spoken, part, RATE_HZ)),
                "offset_ms": start * 1000 / RATE_HZ,
                "level_db": float(level),
            }
        )
    )


main()
