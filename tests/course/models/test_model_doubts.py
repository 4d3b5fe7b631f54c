"""The doubts of a model before it is handed in: results, limits, log, training and report."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from milestones.course import load_milestone
from milestones.model_check import Trial
from milestones.model_doubts import doubts_of_report, doubts_of_training, doubts_of_trial

TERMS = load_milestone(3).model
NOISY = np.random.default_rng(0).standard_normal(16000).astype(np.float32)
PAIRS = dict.fromkeys(("01", "02"), (NOISY, NOISY))
FINE = Trial(seconds_to_load=0.1, seconds=dict.fromkeys(PAIRS, 0.1), memory=2**29, outputs=dict.fromkeys(PAIRS, NOISY))

RUN = Path("runs/mine")
RECORDS = [{"epoch": epoch, "validation_loss": loss, "seconds": 30} for epoch, loss in enumerate((0.6, 0.5, 0.5))]
GOES_ON = "the same command goes on with it"
NO_LOG = f"{RUN}/log.jsonl: expected a record of each epoch, got something else"

REPORT = "notebooks/milestone3.ipynb"
NO_RUN = f"{REPORT}: expected the folder of your run in RUN, got None, which shows the model of the package"
NOT_RUN = f"{REPORT}: expected cells that were run from top to bottom, got some that were not, or in another order"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, []),
        (
            {"outputs": {"01": NOISY, "02": NOISY * np.nan}},
            ["results of 1 of 2 public recordings: expected finite samples, got NaN or infinity"],
        ),
        ({"seconds_to_load": 31}, ["loading: expected at most 30 s, got 31.0 s"]),
        (
            {"seconds": {"01": 0.1, "02": 2.25}},
            ["time: expected at most 2 s for each second of sound, got 2.25 s"],
        ),
        ({"memory": 2**33}, ["memory: expected at most 3072 MiB beyond PyTorch's own, got 8192 MiB in all"]),
        ({"memory": None}, []),
    ],
)
def test_of_a_trial(changes, expected):
    terms = replace(TERMS, seconds_to_load=30, seconds_per_second=2, memory_mebibytes=3072)
    assert list(doubts_of_trial(replace(FINE, **changes), PAIRS, terms)) == expected


@pytest.mark.parametrize(
    ("records", "training", "expected"),
    [
        (RECORDS, None, []),
        (RECORDS, {"minutes": None, "epochs": 3}, []),
        (RECORDS, {"minutes": None, "epochs": 4}, [f"{RUN}: expected a training of 4 epochs, got 3; {GOES_ON}"]),
        (RECORDS, {"minutes": 1.5, "epochs": 40}, []),
        (RECORDS, {"minutes": 2.5, "epochs": 1}, [f"{RUN}: expected a training of 2.5 minutes, got 1.5; {GOES_ON}"]),
        (
            RECORDS[:1],
            None,
            [f"{RUN}/best.ckpt: expected the model of epoch 1, the best in log.jsonl, got that of another"],
        ),
        ([], None, [NO_LOG]),
        (["mine"], None, [NO_LOG]),
        ([{"epoch": 0}], None, [NO_LOG]),
    ],
)
def test_of_a_training_whose_model_is_of_the_second_epoch(records, training, expected):
    """Of two epochs with the same loss, training keeps the earlier."""
    log = "".join(json.dumps(record) + "\n" for record in records).encode()
    assert list(doubts_of_training(RUN, log, 1, training)) == expected


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ([("a = 1", 1), ('RUN = "runs/mine"', 2)], []),
        ([("a = 1\nRUN = None  # mine", 1)], [NO_RUN]),
        ([("a = 1", 1), ("a", None)], [NOT_RUN]),
        ([("a = 1", 2), ("a", 1)], [NOT_RUN]),
        ([("a = 1", 1), (" ", None)], []),
        (None, []),
    ],
)
def test_of_a_report(cells, expected):
    names = ("source", "execution_count")
    listed = cells and [{"cell_type": "code"} | dict(zip(names, cell, strict=True)) for cell in cells]
    notebook = json.dumps({"cells": listed} if cells else {}).encode()
    assert list(doubts_of_report(REPORT, notebook)) == expected


def test_the_notebook_that_is_handed_out_names_no_run():
    path = load_milestone(3).folder.parents[1] / REPORT
    assert list(doubts_of_report(REPORT, path.read_bytes())) == [NO_RUN]
