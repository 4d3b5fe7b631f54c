"""Audio-seconds per second of training in float32 and in bfloat16, and the share of a step that waits for data.

    python -m bench.training CORPUS

CORPUS is a prepared corpus; without it a small one of voices is made for the run.
"""

import json
import sys
import tempfile
from itertools import product
from pathlib import Path
from statistics import median

from speech_enhancement.configuration import Train
from speech_enhancement.corpora import voices
from speech_enhancement.engine.distributed import Process, choose_device
from speech_enhancement.engine.trainer import train

EPOCHS = 3
SYSTEMS = {"unet": "filtered", "dual-path": "varied"}
"""The U-Net with the mixtures that `train` makes by default, and the default model with those that it learnt from."""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(folder) / "voices"
        if len(sys.argv) == 1:
            voices.prepare(corpus, hours=0.1, seed=0)
        rates = {}
        for (system, mixtures), precision in product(SYSTEMS.items(), ("float32", "bfloat16")):
            out = Path(folder) / f"{system}-{precision}"
            options = {"system": system, "mixtures": mixtures, "precision": precision}
            train(Train(corpus, out, epochs=EPOCHS, crops_per_file=1, **options), Process(0, 1, choose_device("auto")))
            records = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()][1:]
            rates[system, precision] = median(record["audio_seconds_per_second"] for record in records)
            waiting = max(record["waiting_share"] for record in records)
            print(f"{system}, {precision}: {rates[system, precision]:.1f} audio-s/s, waiting at most {waiting:.2%}")
    for system in SYSTEMS:
        print(f"{system}: {rates[system, 'bfloat16'] / rates[system, 'float32']:.2f} times as fast in bfloat16")


if __name__ == "__main__":
    main()
