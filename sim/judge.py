"""Judges what `dais-sim speech` wrote: python judge.py SPEECH HEARD prints PESQ (ITU-T P.862.2, wideband) and STOI.

A row per kind of network: the mean over all clips and seeds, with its 95 % interval. The speech is synthetic, which
these measures were not made for: differences between rows mean more than the figures themselves.
"""

import multiprocessing
import pathlib
import sys

import numpy as np
import soundfile
from pesq import PesqError, pesq
from pystoi import stoi
from scipy.signal import correlate, resample_poly

RATE_HZ = 16_000
# A clip is looked for between where it was said and this much later, in seconds.
LATEST_S = 0.8
PESQ_LEAST = 1.04


def load(path):
    samples, rate = soundfile.read(path, dtype="float64")
    return resample_poly(samples, RATE_HZ, rate)


def quality(spoken, heard):
    """PESQ; where nothing at all was heard, the least it gives."""
    mark = pesq(RATE_HZ, spoken, heard, "wb", on_error=PesqError.RETURN_VALUES)
    return mark if mark > 0 else PESQ_LEAST


def judge(job):
    heard_path, spoken_paths = job
    heard = load(heard_path)
    begins = [int(line) for line in heard_path.with_suffix(".csv").read_text().splitlines()]
    marks = []
    for path, begin in zip(spoken_paths, begins):
        spoken = load(path)
        start = begin * RATE_HZ // 48_000
        window = heard[start : start + len(spoken) + int(LATEST_S * RATE_HZ)]
        lag = int(np.argmax(correlate(window, spoken, mode="valid"))) if len(window) > len(spoken) else 0
        part = window[lag : lag + len(spoken)]
        spoken = spoken[: len(part)]
        marks.append((quality(spoken, part), stoi(spoken, part, RATE_HZ)))
    # The first clip is where the way is learned; the last may be cut short.
    return heard_path.stem.rsplit("-", 1)[0], marks[1:-1]


def main():
    speech, folder = map(pathlib.Path, sys.argv[1:3])
    spoken = sorted(speech.glob("*.wav"))
    jobs = [(path, spoken) for path in sorted(folder.glob("*.wav"))]
    kinds = {}
    with multiprocessing.Pool() as pool:
        for kind, marks in pool.imap(judge, jobs):
            kinds.setdefault(kind, []).extend(marks)
    print("\n| network | clips | PESQ | STOI |\n|---|---|---|---|")
    for kind, marks in kinds.items():
        mean, error = np.mean(marks, axis=0), 1.96 * np.std(marks, axis=0) / np.sqrt(len(marks))
        print(f"| {kind} | {len(marks)} | {mean[0]:.2f} ± {error[0]:.2f} | {mean[1]:.3f} ± {error[1]:.3f} |")
    difference = np.mean(kinds["clean"], axis=0)[0] - np.mean(kinds["jitter-50"], axis=0)[0]
    print(f"\nJitter of 0 to 50 ms costs {difference:.2f} PESQ.")
    if difference > 0.1:
        sys.exit("More than the 0.1 that it may.")


main()
