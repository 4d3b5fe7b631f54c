"""PESQ and STOI over 100 clips: a pool of processes on all cores against torchmetrics one by one.

python -m bench.metrics
"""

import multiprocessing
import warnings
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import torch
from torchmetrics.functional.audio import perceptual_evaluation_speech_quality, short_time_objective_intelligibility

from bench.measuring import rates
from speech_enhancement.corpora.espeak import Synthesizer
from speech_enhancement.evaluation import perceptual

CLIPS = 100


def main() -> None:
    synthesizer = Synthesizer()
    text = "the old captain carried seven wooden boxes across the road"
    targets = [synthesizer.speak(text, f"en-us+f{1 + n % 5}", 120 + n, 50, 50)[0] for n in range(CLIPS)]
    random = np.random.default_rng(0)
    clips = [
        (clip.numpy() + 0.02 * random.standard_normal(len(clip)).astype(np.float32), clip.numpy()) for clip in targets
    ]
    with ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn")) as pool:

        def ours() -> int:
            return len(list(pool.map(perceptual.scores, *zip(*clips, strict=True))))

        def one_by_one() -> int:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                for estimate, target in clips:
                    pair = torch.from_numpy(estimate), torch.from_numpy(target)
                    perceptual_evaluation_speech_quality(*pair, 16000, "wb")
                    short_time_objective_intelligibility(*pair, 16000)
            return CLIPS

        seen = rates({"pool on all cores": ours, "torchmetrics": one_by_one}, rounds=3)
    for name, rate in seen.items():
        print(f"{name:18} {rate:6.1f} clips/s")
    print(f"ratio: {seen['pool on all cores'] / seen['torchmetrics']:.2f}")


if __name__ == "__main__":
    main()
