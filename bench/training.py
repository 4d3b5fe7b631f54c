"""The share of a training step that waits for data, and audio-seconds per second, with the defaults of `train`.

    python -m bench.training CORPUS

CORPUS is a prepared corpus; without it a small one of voices is made for the run.
"""

import json
import sys
import tempfile
from pathlib import Path

from speech_enhancement.configuration import Train
from speech_enhancement.corpora import voices
from speech_enhancement.engine.distributed import Process, choose_device
from speech_enhancement.engine.trainer import train

EPOCHS = 3


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(folder) / "voices"
        if len(sys.argv) == 1:
            voices.prepare(corpus, hours=0.1, seed=0)
        out = Path(folder) / "run"
        train(Train(corpus, out, epochs=EPOCHS, crops_per_file=1), Process(0, 1, choose_device("auto")))
        records = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()][1:]
    for record in records:
        print(f"{record['audio_seconds_per_second']:.1f} audio-s/s, waiting {record['waiting_share']:.2%} of the time")
    worst = max(record["waiting_share"] for record in records)
    print(f"largest share of waiting: {worst:.2%} (to be under 5 %)")


if __name__ == "__main__":
    main()
