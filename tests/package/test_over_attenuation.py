"""The share of speech taken away in `bench`: frames scaled by known gains, absolute levels, and rumble."""

import math

import numpy as np
import pytest

from bench.over_attenuation import FRAME, taken_away


def frames_of_noise(n_frames):
    return 0.1 * np.random.default_rng(0).standard_normal((n_frames, FRAME)).astype(np.float32)


def scaled(frames, decibels):
    return (frames * 10 ** (np.array(decibels)[:, None] / 20)).reshape(-1).astype(np.float32)


@pytest.mark.parametrize(("decibels", "share"), [(0, 0), (-8, 0), (-12, 0.3), (-100, 0.3), (20, 0)])
def test_the_frames_that_are_too_low_are_counted(decibels, share):
    frames = frames_of_noise(40)
    gains = [decibels if 10 <= i < 22 else 0 for i in range(40)]
    # The filter of rumble reaches over the borders of frames, but only with what lies below 50 Hz.
    assert taken_away(scaled(frames, gains), frames.reshape(-1)) == pytest.approx(share)


def test_frames_far_below_the_loudest_are_no_speech():
    levels = [0] * 10 + [-27] * 10 + [-35] * 20
    clean = scaled(frames_of_noise(40), levels)
    estimate = scaled(clean.reshape(40, FRAME), [0] * 15 + [-40] * 25)
    assert taken_away(estimate, clean) == pytest.approx(5 / 20)


def test_an_absolute_level_counts():
    clean = frames_of_noise(20).reshape(-1)
    assert taken_away(clean / 4, clean) == 1
    assert taken_away(clean / 3, clean) == 0


def test_rumble_is_no_speech_and_does_not_hide_what_is_missing():
    time = np.arange(40 * FRAME) / 16000
    rumble = (np.hanning(len(time)) * np.sin(2 * np.pi * 20 * time)).astype(np.float32)
    clean = scaled(frames_of_noise(40), [0] * 20 + [-60] * 20)
    assert taken_away(clean, clean + rumble) == 0
    estimate = clean * (np.arange(len(clean)) >= 10 * FRAME)
    assert taken_away(estimate + rumble, clean) == pytest.approx(0.5)


def test_silence_holds_no_speech_and_lengths_are_checked():
    silence = np.zeros(4 * FRAME, dtype=np.float32)
    assert math.isnan(taken_away(silence, silence))
    with pytest.raises(ValueError, match="got 2048 and 2047"):
        taken_away(silence, silence[1:])
