"""Sounds, pictures and players of the lectures."""

import base64
import io
import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier, BrokenBarrierError

import matplotlib.pyplot as plt
import pytest
import soundfile
import torch

from speech_enhancement import lecture
from speech_enhancement.audio import save
from speech_enhancement.corpora.manifest import Entry, write_manifest
from speech_enhancement.lecture_unet import LectureUNet
from speech_enhancement.plotting import spectrogram_db
from speech_enhancement.recorder import Recorder


@pytest.fixture
def corpus(tmp_path):
    """Make a corpus of three files of speech, one of them short, and two noises."""
    entries = []
    for name, kind, seconds in (
        ("ann_1", "speech", 1.0),
        ("ann_2", "speech", 0.2),
        ("ben_1", "speech", 1.5),
        ("babble_1", "noise", 1.0),
        ("hum_1", "noise", 1.0),
    ):
        waveform = 0.1 * torch.randn(1, round(16000 * seconds), generator=torch.Generator().manual_seed(0))
        save(tmp_path / f"{name}.wav", waveform)
        entries.append(Entry(f"{name}.wav", kind, "train", "", seconds, "test"))
    write_manifest(tmp_path, entries)
    return tmp_path


def tone(frequency, seconds=0.5, amplitude=0.5):
    return amplitude * torch.sin(2 * torch.pi * frequency * torch.arange(round(16000 * seconds)) / 16000)


def test_corpus_is_the_one_that_was_named(corpus, monkeypatch):
    assert lecture.find_corpus(corpus) == corpus
    monkeypatch.setenv("SPEECH_ENHANCEMENT_CORPUS", str(corpus))
    assert lecture.find_corpus() == corpus


def test_voices_are_made_once(tmp_path, monkeypatch):
    monkeypatch.delenv("SPEECH_ENHANCEMENT_CORPUS", raising=False)
    monkeypatch.setattr(lecture, "CORPUS", tmp_path / "voices")
    made = []
    monkeypatch.setattr(lecture.voices, "prepare", lambda out, hours, seed: (made.append(hours), out.mkdir()))
    assert lecture.find_corpus() == lecture.find_corpus() == tmp_path / "voices"
    assert made == [lecture.HOURS]


def test_notebooks_opened_at_once_make_them_once(tmp_path, monkeypatch):
    """The first waits briefly for the second, which gets in only if no lock holds it back."""
    monkeypatch.delenv("SPEECH_ENHANCEMENT_CORPUS", raising=False)
    monkeypatch.setattr(lecture, "CORPUS", tmp_path / "data" / "voices")
    met = Barrier(2)
    made = []

    def prepare(out, hours, seed):
        made.append(out)
        with suppress(BrokenBarrierError):
            met.wait(0.3)
        out.mkdir(exist_ok=True)

    monkeypatch.setattr(lecture.voices, "prepare", prepare)
    with ThreadPoolExecutor(2) as pool:
        assert [*pool.map(lambda _: lecture.find_corpus(), range(2))] == 2 * [lecture.CORPUS]
    assert made == [lecture.CORPUS]


def test_files_are_chosen_by_name(corpus):
    names = [file.rpartition("/")[2] for file in lecture.find_files(corpus, "noise", "train", "babble")]
    assert names == ["babble_1.wav"]
    assert len(lecture.find_files(corpus, "speech", "train")) == 3


def test_short_files_are_passed_over(corpus):
    files = lecture.find_files(corpus, "speech", "train")
    assert lecture.load_clips(files, 2, 1.0).shape == (2, 1, 16000)
    with pytest.raises(ValueError, match="count: expected 3 files of 1 s or more, got 2 among 3"):
        lecture.load_clips(files, 3, 1.0)


def test_pictures_share_their_colours():
    figure = lecture.show_spectrograms({"loud": tone(1000), "soft": tone(1000, amplitude=0.05)}, "Figure 1.")
    loud, soft = (axes.images[0] for axes in figure.axes[:2])
    assert loud.get_clim() == soft.get_clim()
    assert loud.get_array().max() - soft.get_array().max() == pytest.approx(20, abs=0.01)
    assert [axes.get_title() for axes in figure.axes[:2]] == ["loud", "soft"]
    assert figure.axes[0].get_xlabel() == "time (s)" and figure.axes[0].get_ylabel() == "frequency (kHz)"
    plt.close(figure)


def test_players_share_one_scale():
    """A waveform half as loud is played half as loud, and a loud one is scaled, not clipped."""
    page = lecture.listen({"a <b>": tone(440, amplitude=4.0), "soft": tone(440, amplitude=2.0)}).data
    assert "a &lt;b&gt;" in page and "a <b>" not in page
    sounds = [soundfile.read(io.BytesIO(base64.b64decode(text))) for text in re.findall("base64,([^']+)", page)]
    levels = [abs(waveform[2000:6000]).max() for waveform, _ in sounds]
    assert [rate for _, rate in sounds] == [16000, 16000]
    # MP3 was seen to change the level of a tone by 2 %.
    assert levels[0] == pytest.approx(0.9, rel=0.05) and levels[1] == pytest.approx(0.45, rel=0.05)


def test_a_network_that_diverged_has_no_player():
    with pytest.raises(ValueError, match="expected finite samples, got NaN or infinity"):
        lecture.listen({"clean": tone(440), "enhanced": torch.full((16000,), float("nan"))})


def test_the_sample_is_speech_in_noise():
    sample = lecture.noisy_sample()
    assert sample.shape[0] == 1 and 3 < sample.shape[1] / 16000 < 10 and 0.1 < sample.abs().max() <= 1
    levels = sample[0, :8000].std(), sample[0].std()
    assert 0.01 < levels[0] < levels[1], "expected noise alone at first, and then a voice that is louder"


def test_an_exercise_that_is_not_written_is_skipped(capsys):
    with lecture.exercise():
        raise NotImplementedError
    assert capsys.readouterr().out == "Exercise: not written yet.\n"


def test_a_mistake_in_an_exercise_is_seen():
    with pytest.raises(ZeroDivisionError), lecture.exercise():
        print(1 / 0)


def test_a_sentence_that_does_not_hold_is_told(capsys):
    lecture.check("water is wet", True)
    lecture.check("the oracle wins", torch.tensor(False))
    assert capsys.readouterr().err == "Not so in this run: the oracle wins\n"


def test_pictures_need_no_task():
    """A tone of 1 kHz has its power in bin 32, and a signal of less than a frame is drawn too."""
    levels = spectrogram_db(tone(1000))
    assert levels.shape == (257, 63) and (levels[:, 4:-4].argmax(dim=0) == 32).all()
    assert spectrogram_db(tone(1000, seconds=0.001)).shape == (257, 1)


def test_a_recording_comes_at_16_khz():
    """The page's message holds views of memory, as ipywidgets passes it on."""
    recorder = Recorder()
    assert recorder.waveform() is None
    sent = memoryview(tone(440).repeat_interleave(3).numpy().tobytes())
    recorder.set_state({"sample_rate": 48000, "samples": sent})
    recorded = recorder.waveform()
    assert recorded.shape == (1, 8000)
    assert (recorded[0, 100:-100] - tone(440)[100:-100]).abs().max() < 0.1


@pytest.mark.parametrize("size", [(257, 126), (65, 7)])
def test_the_network_of_the_lectures_makes_masks_of_any_size(size):
    torch.manual_seed(0)
    unet = LectureUNet((2, 3, 4)).eval()
    magnitude = torch.rand(2, 1, *size)
    with torch.no_grad():
        mask, louder = unet(magnitude), unet(100 * magnitude)
    assert mask.shape == magnitude.shape and mask.min() >= 0 and mask.max() <= 1
    assert torch.allclose(mask, louder, atol=1e-3)
