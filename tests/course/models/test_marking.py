"""Entries whose outputs are those of another one are marked, and those that only came as near are not."""

import numpy as np
import pytest
import torch

from milestones.instructor.models.marking import marks
from milestones.instructor.models.records import clip_path, reference_name
from milestones.model_scoring import normalised
from speech_enhancement.audio import save
from tests.course.models.entries import entry, failed, score
from tests.course.models.making import speech_like

CLEAN = {name: speech_like(seed).numpy() for seed, name in enumerate(("one", "two"))}
SHIPPED = entry(reference_name("shipped model"), kind="reference", title="shipped model", hash="0" * 64)


def noise(seed):
    """Errors of a model, 20 dB below the speech, for each recording."""
    generator = np.random.default_rng(seed)
    return {name: 0.1 * clean.std() * generator.normal(size=len(clean)) for name, clean in CLEAN.items()}


@pytest.fixture
def marked(tmp_path):
    """Function that grades outputs, given by name as a function of a clean recording, and marks their entries."""

    def mark(max_delay_seconds=0.1, **outputs):
        records = [SHIPPED]
        all_outputs = {"shipped": lambda name: CLEAN[name] + noise(0)[name], **outputs}
        for number, (name, output) in enumerate(all_outputs.items()):
            own = (score(si_sdr=float(number)), score("two"))
            record = SHIPPED if name == "shipped" else entry(name, own, hash=str(number) * 64)
            records += [record] * (name != "shipped")
            for clip, clean in CLEAN.items():
                samples = output(clip)
                path = clip_path(tmp_path, record.hash, clip)
                path.parent.mkdir(exist_ok=True, parents=True)
                if samples is not None:
                    save(path, torch.from_numpy(normalised(samples, clean, 0.1)[0])[None].float())
        return marks(records, tmp_path, CLEAN, max_delay_seconds)

    return mark


def shipped(name):
    return CLEAN[name] + noise(0)[name]


def test_the_same_up_to_gain_offset_and_delay(marked):
    found = marked(ada=lambda name: np.pad(-3 * shipped(name) + 0.2, (100, 0))[:-100])
    assert found == {"ada": ("outputs equal those of the shipped model",)}


def test_a_little_noise_hides_nothing(marked):
    """Of a hundred and fiftieth of the errors' energy, which costs no score that anyone sees."""
    assert marked(ada=lambda name: shipped(name) + noise(1)[name] / 12.5)["ada"]


def test_a_failure_on_a_public_recording_hides_nothing(marked):
    found = marked(ada=lambda name: shipped(name) if name == "one" else None)
    assert found == {"ada": ("outputs equal those of the shipped model",)}


def test_broken_models_are_not_marked(marked):
    """Both outputs are noise, which is scaled to near silence."""
    found = marked(ada=lambda name: noise(1)[name], ben=lambda name: noise(2)[name])
    assert found == {"ada": (), "ben": ()}


def test_equally_good_models_are_not_marked(marked):
    """Neither those that share nine tenths of the energy of their errors."""
    found = marked(
        ada=lambda name: CLEAN[name] + noise(1)[name],
        ben=lambda name: CLEAN[name] + 0.95 * noise(0)[name] + 0.31 * noise(2)[name],
    )
    assert found == {"ada": (), "ben": ()}


def test_without_delays_nothing_is_cut_off(marked):
    found = marked(max_delay_seconds=0, ada=lambda name: CLEAN[name] + noise(1)[name], ben=shipped)
    assert found == {"ada": (), "ben": ("outputs equal those of the shipped model",)}


def test_submissions_are_compared_with_each_other(marked):
    """Both are marked; references are not."""
    found = marked(ada=lambda name: CLEAN[name] + noise(1)[name], ben=lambda name: 2 * CLEAN[name] + 2 * noise(1)[name])
    assert found == {"ada": ("outputs equal those of ben",), "ben": ("outputs equal those of ada",)}


@pytest.mark.parametrize(
    ("own", "is_marked"),
    [
        ([score(pesq=2.001), score("two", stoi=0.8)], True),
        ([score(), score("two", stoi=0.81)], False),
        ([score(), failed("two")], False),
        ([score(), score("two", stoi=None)], False),
    ],
)
def test_hidden_scores_tell_a_copy_that_knows_the_public_recordings(tmp_path, own, is_marked):
    """It answers otherwise on these, and so has other clips, or none."""
    ada, ben = entry("ada", [score(), score("two", stoi=0.8)]), entry("ben", own)
    remark = ("scores on hidden recordings equal those of ben",) if is_marked else ()
    assert marks([ada, ben], tmp_path, CLEAN, 0.1)["ada"] == remark


def test_entries_that_fail_everywhere_are_not_equal(tmp_path):
    assert marks([entry("ada", [failed()]), entry("ben", [failed()])], tmp_path, CLEAN, 0.1) == {"ada": (), "ben": ()}


def test_one_recording_is_not_enough(marked):
    """An output that is missing is like no other, even if that is missing too."""
    found = marked(
        ada=lambda name: shipped(name) if name == "one" else CLEAN[name] + noise(1)[name],
        ben=lambda name: None,
        eve=lambda name: None,
    )
    assert found == {"ada": (), "ben": (), "eve": ()}
