"""The handout of milestone 3: its commands are ones, its numbers were measured, and its words fit its picture."""

import re
import shlex
from dataclasses import replace

import pytest
import torch
import tyro

from milestones.__main__ import COMMANDS
from milestones.course import ROOT, CourseError, load_milestone
from milestones.instructor.figures.comparing import interval_of_mean, public_scores
from milestones.instructor.models.standings import WORST
from milestones.instructor.release.handouts import check_rules
from speech_enhancement.configuration import Command
from tests.course.test_handouts import EXAMPLE, failed

MILESTONE = load_milestone(3)
NAME = "milestones/milestone3/README.md"
TEXT = (ROOT / NAME).read_text(encoding="utf-8")
BLOCKS = re.findall(r"^ *```sh\n(.*?)^ *```$", TEXT, re.MULTILINE | re.DOTALL)
LINES = "".join(BLOCKS).replace("\\\n", " ").splitlines()
SCORES = re.compile(r"\| \**(?P<row>[A-G])\** \|.* (\d\.\d\d) (?:/|\|) (\d+\.\d) (?:/|\|) (0\.\d{3}) \|$", re.MULTILINE)


@pytest.mark.parametrize("line", LINES)
def test_each_command_has_such_options(line):
    python, option, package, *words = shlex.split(line)
    assert (python, option) == ("python", "-m")
    if package == "milestones":
        kinds = {name: kind for name, (kind, _) in COMMANDS.items()}
        tyro.extras.subcommand_cli_from_dict(kinds, args=words)
    else:
        assert package == "speech_enhancement"
        tyro.cli(Command, args=words, config=(tyro.conf.OmitSubcommandPrefixes, tyro.conf.OmitArgPrefixes))


def test_each_run_has_a_folder_of_its_own():
    """A run in the folder of another would be refused, or resume that one."""
    folders = [re.search(r"--out (\S+)", line)[1] for line in LINES if " train " in line]
    assert len(folders) > 8 and len(set(folders)) == len(folders)


def test_the_block_that_remembers_is_python():
    assert len(EXAMPLE.findall(TEXT)) == 1
    assert failed(TEXT, {"torch": torch}, "milestone 3") == 0


def test_what_was_tried_has_the_scores_of_the_models_log():
    log = (ROOT / "docs" / "model.md").read_text(encoding="utf-8")
    told, measured = ({row: scores for row, *scores in SCORES.findall(text)} for text in (TEXT, log))
    assert list(told) == list("ABCDEFG") and told == measured


def test_speeds_of_training_are_those_of_the_bench():
    page = (ROOT / "docs" / "speed.md").read_text(encoding="utf-8")
    (unet,) = re.findall(r"audio-seconds a second of training in bfloat16 beside float32, .*?\| (\d+) \|", page)
    (dual_path,) = re.findall(r"the default model, with varied mixtures; .*?\| (\d+) \|", page)
    told = f"{dual_path} seconds of sound in a second of its training, with varied mixtures, and {unet} for"
    assert told in " ".join(TEXT.split())


def test_words_about_the_picture_hold():
    noisy, wiener, log_mmse = public_scores().values()
    low, high = interval_of_mean(noisy)
    assert low < log_mmse.mean() < high
    assert (log_mmse >= noisy).all() and (log_mmse > noisy + 3).sum() == 4
    assert log_mmse.mean() > wiener.mean() and not (log_mmse >= wiener).all()
    assert interval_of_mean(log_mmse - noisy)[0] > 0 > interval_of_mean(log_mmse - wiener)[0]
    assert 14 < noisy.max() - noisy.min() <= 15.5


def test_a_recording_without_a_score_counts_as_the_handout_says():
    words = " ".join(TEXT.split())
    assert f"a PESQ of {WORST['pesq']:g}, an SI-SDR of {WORST['si_sdr']:g} dB and a STOI of {WORST['stoi']:g}" in words


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (replace(MILESTONE.answers[1], rubric="many pages"), r"\| Experiments \| 8 \| many pages \|"),
        (replace(MILESTONE.answers[1], points=9), "The model earns up to 60 points and the report up to 41"),
    ],
)
def test_another_rubric_is_refused(changed, words):
    answers = (MILESTONE.answers[0], changed, *MILESTONE.answers[2:])
    check_rules(TEXT, NAME, MILESTONE)
    with pytest.raises(CourseError, match=f"expected the words '{words}'"):
        check_rules(TEXT, NAME, replace(MILESTONE, answers=answers))
