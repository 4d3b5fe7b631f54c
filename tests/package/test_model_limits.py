"""What `bench` measures beyond pairs of files: levels left of what is no speech, rooms, and levels of cases."""

import pytest
import torch

from bench.model_limits import LEVEL_DECIBELS, cases, chords, in_a_room
from bench.quality import Method
from bench.silence import at_level, levels_left, whole_stretches
from speech_enhancement.audio import save


def noise(seconds, seed=0):
    return 0.1 * torch.randn(int(16000 * seconds), generator=torch.Generator().manual_seed(seed))


def level(waveform):
    return 10 * torch.log10(waveform.square().mean()).item()


def test_levels_left_are_those_beside_the_input_and_silence_has_a_floor():
    waveforms = [noise(1), noise(1, seed=1) / 100]
    quieter = Method("quieter", lambda: lambda noisy, clean: torch.nn.functional.pad(noisy / 10, (400, 1600)))
    assert levels_left(quieter, waveforms) == pytest.approx([-20, -20], abs=1e-3)
    silent = Method("silent", lambda: lambda noisy, clean: clean)
    assert levels_left(silent, waveforms) == [-100, -100]


def test_stretches_are_whole_and_scaled(tmp_path):
    save(tmp_path / "a.wav", noise(25)[None])
    stretches = whole_stretches(tmp_path / "a.wav")
    assert [len(each) for each in stretches] == [160000, 160000]
    assert level(at_level(stretches[0], -30)) == pytest.approx(-30, abs=1e-3)


def test_the_tail_of_a_room_holds_four_times_the_direct_sound_and_decays_by_60_db():
    click = torch.zeros(16000)
    click[0] = 1
    response = in_a_room(click, torch.Generator().manual_seed(0))
    assert response[0] == pytest.approx(1, abs=1e-4)
    assert response[1:].square().sum() == pytest.approx(4, rel=0.02)
    assert level(response[8000:8800]) - level(response[1:801]) == pytest.approx(-60 * 8000 / 12800, abs=2)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    data = tmp_path_factory.mktemp("data")
    for folder, names in (("speech/val", "abc"), ("noise/val", "r")):
        (data / folder).mkdir(parents=True)
        for name in names:
            save(data / folder / f"x-{name}-1.wav", noise(3, seed=ord(name))[None])
    return cases(data)


@pytest.mark.parametrize(("case", "ratio"), [("noise at 10 dB", 10), ("noise at -5 dB", -5), ("two talkers", 80)])
def test_cases_keep_to_their_ratio_and_level(made, case, ratio):
    assert len(made[case]) == 20
    for noisy, clean in made[case].values():
        assert level(noisy) == pytest.approx(LEVEL_DECIBELS, abs=0.01)
        assert min(80, level(clean) - level(noisy - clean + 1e-12)) == pytest.approx(ratio, abs=0.1)


def test_plucked_chords_decay_and_bowed_ones_do_not():
    for is_plucked, change in ((True, -5 * 0.6 * 8.7), (False, 0)):
        first, last = ([level(piece[i : i + 1600]) for piece in chords(is_plucked)] for i in (1600, 11200))
        assert sum(last) / len(last) - sum(first) / len(first) == pytest.approx(change, abs=3)
