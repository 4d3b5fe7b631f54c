"""Peak memory of training the log-spectrogram U-Net on 20,000 examples, beside 1,700.

    python -m bench.training_memory CORPUS

CORPUS is a prepared corpus; without it a small one of voices is made for the run. Every example, a quarter of a second,
is mixed and learned from once, in some minutes.
"""

import sys
import tempfile
from pathlib import Path

import torch

from bench.measuring import peak_mebibytes, print_peak
from speech_enhancement.configuration import Train
from speech_enhancement.corpora import voices
from speech_enhancement.corpora.manifest import files
from speech_enhancement.engine import trainer
from speech_enhancement.engine.distributed import Process

EXAMPLES = (1_700, 20_000)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(folder) / "voices"
        if len(sys.argv) == 1:
            voices.prepare(corpus, hours=0.1, seed=0)
        peaks = [peak_mebibytes("bench.training_memory", corpus, count) for count in EXAMPLES]
    for count, peak in zip(EXAMPLES, peaks, strict=True):
        print(f"{count:6} examples: peak {peak:.0f} MiB, {peak / peaks[0]:.3f} times that of {EXAMPLES[0]}")


def train(corpus: Path, count: int) -> None:
    """One epoch of at least so many examples."""
    with tempfile.TemporaryDirectory() as folder:
        crops = -(-count // sum(1 for _ in files(corpus, "speech", "train")))
        options = {"epochs": 1, "crops_per_file": crops, "segment_seconds": 0.25, "workers": 0, "device": "cpu"}
        configuration = Train(corpus, Path(folder), system="log-spectrogram-unet", **options)
        trainer.train(configuration, Process(0, 1, torch.device("cpu")))
    print_peak()


if __name__ == "__main__":
    if len(sys.argv) == 3:
        train(Path(sys.argv[1]), int(sys.argv[2]))
    else:
        main()
