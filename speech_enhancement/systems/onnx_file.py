"""A stream in an ONNX file: the step of a system, its states, and what a program without torch has to know of it."""

import io
import warnings
from collections.abc import Mapping
from pathlib import Path

import onnx
import torch

from speech_enhancement.files.atomic import replacing
from speech_enhancement.systems.system import StreamingStep

_OPSET = 17


def write_onnx(path: str | Path, step: StreamingStep, notes: Mapping[str, str]) -> None:
    """Write a step as an ONNX model in one file, which appears whole or not at all.

    Its inputs are `hop` and the states, its outputs `enhanced` and the states in the same order, each with `next_`
    before its name. All are of float32, and their shapes are in the file.

    Args:
        path: file to write.
        step: from `System.streaming_step`.
        notes: entries of the file's metadata, beside `sample_rate` (Hz), `hop_length` and `delay` (samples), and
            `latency_ms`, the time from when a sample comes in until it comes out, without that of computing.
    """
    model = onnx.load_from_string(_exported(step))
    figures = {
        "sample_rate": step.sample_rate,
        "hop_length": step.hop_length,
        "delay": step.delay,
        "latency_ms": 1000 * (step.delay + step.hop_length) / step.sample_rate,
    }
    onnx.helper.set_model_props(model, {name: str(value) for name, value in figures.items()} | notes)
    onnx.checker.check_model(model, full_check=True)
    with replacing(path) as temporary:
        temporary.write_bytes(model.SerializeToString())


def _exported(step: StreamingStep) -> bytes:
    states = {name: torch.zeros(shape) for name, shape in step.states.items()}
    file = io.BytesIO()
    with warnings.catch_warnings():
        # It warns that sizes become constants, as they should.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            step.eval(),
            (torch.zeros(step.hop_length), *states.values()),
            file,
            input_names=["hop", *states],
            output_names=["enhanced", *(f"next_{name}" for name in states)],
            opset_version=_OPSET,
            # The newer exporter takes eight times as long, and onnxruntime warns of the shapes of its LSTMs.
            dynamo=False,
        )
    return file.getvalue()
