"""The page of the command `live`: before and after, the limit, errors in one line, and nothing that is kept or sent."""

import base64
import io
import urllib.error
import urllib.request

import numpy as np
import pytest
import soundfile

from speech_enhancement.live.sounds import LONGEST_MINUTES
from tests.package.systems.signals import batch

pytestmark = pytest.mark.slow
# A browser takes its own time.
SECONDS = 1.5


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    """Noisy voices, in stereo."""
    noisy, clean = batch(SECONDS)
    path = tmp_path_factory.mktemp("recordings") / "noisy & loud.wav"
    soundfile.write(path, noisy[:, 0].T.numpy(), 16000)
    return path


def give(page, path):
    page.locator("input[type=file]").set_input_files(path)


def heard(page, side):
    """Return the samples of a player, `(time, channels)`."""
    source = page.locator(f"#{side} audio").get_attribute("src")
    return soundfile.read(io.BytesIO(base64.b64decode(source.partition(",")[2])), always_2d=True)[0]


def wait_for_both(page):
    """Wait until both sides can be played and seen."""
    page.wait_for_function(
        """() => ["before", "after"].every(side => {
            const player = document.querySelector(`#${side} audio`), picture = document.querySelector(`#${side} img`)
            return player && player.duration > 0 && picture.complete && picture.naturalWidth > 0
        })"""
    )


def test_a_file_is_heard_and_seen_before_and_after(page, recording, photograph):
    photograph(page, "live_start")
    give(page, recording)
    wait_for_both(page)
    photograph(page, "live_after")
    durations = page.evaluate("[...document.querySelectorAll('audio[controls]')].map(player => player.duration)")
    assert durations == pytest.approx([SECONDS, SECONDS], abs=0.01)
    noisy, enhanced = soundfile.read(recording)[0], heard(page, "after")
    assert np.array_equal(heard(page, "before"), noisy)
    assert enhanced.shape == noisy.shape
    assert 0.01 < np.square(enhanced).mean() / np.square(noisy).mean() < 0.9
    assert page.locator("#after img").get_attribute("alt") == f"Spectrogram. After: {recording.name}"


def test_the_limit_at_zero_gives_the_recording_back(page, recording):
    give(page, recording)
    wait_for_both(page)
    first, noisy = heard(page, "after"), soundfile.read(recording)[0]
    source = page.locator("#after audio").get_attribute("src")
    page.locator("input[type=range]").press("Home")
    page.wait_for_function("source => document.querySelector('#after audio').src != source", arg=source)
    # Rounding to 16 bits, twice.
    assert np.abs(heard(page, "after") - noisy).max() <= 2**-15
    assert np.abs(first - noisy).max() > 0.01


def test_the_microphone(page):
    page.get_by_role("button", name="Record").click()
    page.locator("#microphone").get_by_text("0:01").wait_for()
    page.locator(".stop-button").click()
    wait_for_both(page)
    assert len(heard(page, "before")) > 0.5 * 44100
    assert page.get_by_role("button", name="Record").is_visible()


UNUSABLE = {
    "notes.txt": (lambda path: path.write_text("not audio"), "expected audio, got"),
    "nothing.wav": (lambda path: path.write_bytes(b""), "expected audio, got"),
    "empty.wav": (lambda path: soundfile.write(path, np.zeros(0), 16000), "a file without samples"),
    "long.flac": (
        lambda path: soundfile.write(path, np.zeros(60 * 8000 * LONGEST_MINUTES + 8000), 8000),
        f"expected at most {LONGEST_MINUTES} minutes, got 5.0; the command enhance takes longer ones",
    ),
}


def test_what_cannot_be_used_is_named_in_one_line(page, tmp_path, recording, photograph):
    give(page, recording)
    wait_for_both(page)
    for name, (write, expected) in UNUSABLE.items():
        write(tmp_path / name)
        give(page, tmp_path / name)
        line = page.locator("#error").filter(has_text=f"{name}: ")
        line.wait_for()
        assert line.inner_text().startswith(f"{name}: expected ") and "\n" not in line.inner_text()
        assert expected in line.inner_text() and page.locator("#after audio").count() == 0
        if name == "notes.txt":
            photograph(page, "live_error")


def test_a_file_that_is_too_large_is_refused(page, tmp_path):
    with (tmp_path / "large.wav").open("wb") as file:
        file.truncate(101 << 20)
    give(page, tmp_path / "large.wav")
    page.get_by_text("exceed the maximum allowed size of 100").wait_for()


def test_columns_stand_one_below_the_other_in_a_narrow_window(page, recording, photograph):
    give(page, recording)
    wait_for_both(page)
    before, after = (page.locator(f"#{side} audio").bounding_box() for side in ("before", "after"))
    assert before["y"] == after["y"] and before["x"] + before["width"] < after["x"]
    page.set_viewport_size({"width": 400, "height": 800})
    before, after = (page.locator(f"#{side} audio").bounding_box() for side in ("before", "after"))
    assert before["x"] == after["x"] and before["y"] < after["y"]
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    photograph(page, "live_narrow", full_page=True)


@pytest.mark.parametrize("header", [{"Host": "example.org"}, {"Origin": "http://example.org"}])
def test_other_pages_are_refused(server, header):
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(urllib.request.Request(server.address, headers=header), timeout=30)
    urllib.request.urlopen(server.address, timeout=30).close()


def test_nothing_is_kept_and_nothing_goes_elsewhere(server, page, recording, elsewhere):
    """The last test, since it ends the server."""
    give(page, recording)
    wait_for_both(page)
    # The file of an upload that was refused is empty.
    assert not [path for path in server.folder.rglob("*") if path.is_file() and path.stat().st_size]
    assert page.evaluate("localStorage.length") == 0
    status, output = server.stop()
    assert status == 130 and output.splitlines()[-1] == "stopped"
    assert not [path for path in server.folder.rglob("*") if path.is_file()]
    told = [line for line in output.splitlines() if line.startswith("connection:")]
    assert not [line for line in told if "127.0.0.1" not in line], told
    assert elsewhere == []
