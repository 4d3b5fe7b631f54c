"""The command `export`: a model as an ONNX file."""

from importlib.resources import files

from speech_enhancement.configuration import Export
from speech_enhancement.systems.model_file import load_model
from speech_enhancement.systems.onnx_file import write_onnx


def run(configuration: Export) -> int:
    """Write the file and print what it holds; always 0, since everything that goes wrong raises."""
    out = configuration.out
    if out.exists() and not configuration.overwrite:
        raise ValueError(f"--out: expected a new file, got {out}, which exists; --overwrite replaces it")
    system = load_model(configuration.checkpoint)
    step = system.streaming_step()
    if step is None:
        raise ValueError(f"--checkpoint: expected a system that runs block by block, as dual-path, got {system.title}")
    notes = {"title": system.title}
    if configuration.checkpoint is None:
        notes["licence"] = (files("speech_enhancement") / "weights" / "LICENSE").read_text(encoding="utf-8")
    out.parent.mkdir(parents=True, exist_ok=True)
    write_onnx(out, step, notes)
    size = f"{out.stat().st_size / 1e6:.1f} MB"
    print(f"{out}: {system.title}, {size}, hops of {step.hop_length} samples at {step.sample_rate} Hz")
    return 0
