"""The exported model in onnxruntime beside torch, hop by hop on one core: difference, speed, and size of the file.

python -m bench.exported NOISY_FOLDER
"""

import os
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from torch.nn import functional
from tqdm.auto import tqdm

from bench.measuring import rates
from speech_enhancement.audio import find, load
from speech_enhancement.systems.model_file import load_model
from speech_enhancement.systems.onnx_file import write_onnx
from speech_enhancement.systems.system import System

SECONDS = 4


def main(folder: Path) -> None:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    torch.set_num_threads(1)
    system = load_model()
    step = system.streaming_step()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    with tempfile.TemporaryDirectory() as name:
        path = Path(name, "model.onnx")
        write_onnx(path, step, {})
        print(f"{path.stat().st_size / 1e6:.1f} MB")
        session = onnxruntime.InferenceSession(path, options)
    noisy = [load(file)[0] for file in find(folder)]
    differences = [difference(system, session, waveform) for waveform in tqdm(noisy, desc="comparing", unit="file")]
    print(f"largest difference over {len(noisy)} files: {max(differences):.1e}, full scale 1")
    waveform = torch.cat(noisy)[: SECONDS * step.sample_rate]

    def in_onnxruntime() -> int:
        stepped(session, waveform)
        return SECONDS

    def in_torch() -> int:
        stream = system.stream()
        for hop in waveform.split(step.hop_length):
            stream.process(hop)
        return SECONDS

    def in_one_pass() -> int:
        with torch.inference_mode():
            system(waveform[None, None])
        return SECONDS

    seen = rates({"onnxruntime": in_onnxruntime, "torch": in_torch, "torch in one pass": in_one_pass})
    for way, rate in seen.items():
        print(f"{way:17} real-time factor {1 / rate:.3f}, {seen['onnxruntime'] / rate:.2f} times onnxruntime's")


def stepped(session: onnxruntime.InferenceSession, waveform: torch.Tensor) -> np.ndarray:
    """Enhance a waveform of whole hops, `(time,)`, with the step's delay."""
    names = [each.name for each in session.get_inputs()]
    hop_shape, *shapes = (each.shape for each in session.get_inputs())
    states, results = [np.zeros(shape, np.float32) for shape in shapes], []
    for hop in waveform.numpy().reshape(-1, *hop_shape):
        result, *states = session.run(None, dict(zip(names, [hop, *states], strict=True)))
        results.append(result)
    return np.concatenate(results)


def difference(system: System, session: onnxruntime.InferenceSession, waveform: torch.Tensor) -> float:
    """Find the largest difference between the step's results and those of one pass over a recording and silence."""
    delay = int(session.get_modelmeta().custom_metadata_map["delay"])
    followed = functional.pad(waveform, (0, 2 * delay + -len(waveform) % system.hop_length))
    with torch.inference_mode():
        whole = system(followed[None, None])[0, 0].numpy()
    result = stepped(session, followed)[delay:][: len(waveform)]
    return float(np.abs(result - whole[: len(waveform)]).max())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
