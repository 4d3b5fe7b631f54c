"""The judge of models: it never runs their code, and computes the scores of the arrays that workers return."""

import math
from concurrent.futures import Executor, TimeoutError
from concurrent.futures.process import BrokenProcessPool

from numpy.typing import NDArray

from milestones import model_scoring
from milestones.instructor.models.recordings import Pair
from milestones.instructor.models.records import RecordingScore, RecordingState
from milestones.instructor.models.running import MAX_ATTEMPTS, Output
from milestones.model_terms import ModelTerms
from speech_enhancement.audio import SAMPLE_RATE
from speech_enhancement.evaluation import perceptual
from speech_enhancement.evaluation.scoring import scoring_pool

_DIGITS = 4
_MAX_MESSAGE = 300


class Judge:
    """The judge, with a process for PESQ and STOI, whose libraries an odd output could end or hold up.

    Args:
        terms: terms of the model.
    """

    def __init__(self, terms: ModelTerms):
        self._terms = terms
        self._pool: Executor | None = None

    def close(self) -> None:
        """End the process."""
        pool, self._pool = self._pool, None
        if pool is not None:
            # One that is held up would never end by itself.
            for process in list(pool._processes.values()):
                process.kill()
            pool.shutdown(cancel_futures=True)

    def score(self, pair: Pair, output: Output, is_hidden: bool) -> tuple[RecordingScore, NDArray | None]:
        """Score an output.

        Args:
            pair: the recording.
            output: what a model made of it.
            is_hidden: True to leave out what the model's code has said, since it has seen the noisy samples.

        Returns:
            The scores, and the normalised output in double precision, None where there is none.
        """
        if output.samples is None:
            said = f" ({output.said})" if output.said and not is_hidden else ""
            return self._failed(pair, output, output.state, output.message + said), None
        fault = model_scoring.fault(output.samples, pair.noisy)
        if fault is not None:
            # A shape holds numbers, too.
            told = fault.partition(", got ")[0] if is_hidden else fault
            return self._failed(pair, output, RecordingState.WRONG_OUTPUT, told), None
        estimate, target = model_scoring.normalised(output.samples, pair.clean, self._terms.max_delay_seconds)
        values, message = self._perceptual(estimate, target)
        values["si_sdr"] = model_scoring.si_sdr(estimate, target)
        kept = {name: None if math.isnan(value) else round(value, _DIGITS) for name, value in values.items()}
        state, times = RecordingState.SCORED, {"seconds": round(output.seconds, _DIGITS), "duration": pair.duration}
        return RecordingScore(pair.name, **kept, **times, state=state, message=message[:_MAX_MESSAGE]), estimate

    def _failed(self, pair: Pair, output: Output, state: RecordingState, message: str) -> RecordingScore:
        times = round(output.seconds, _DIGITS), pair.duration
        return RecordingScore(pair.name, None, None, None, *times, state, message[:_MAX_MESSAGE])

    def _perceptual(self, estimate: NDArray, target: NDArray) -> tuple[dict[str, float], str]:
        """Compute PESQ and STOI, NaN for a missing one, and the reasons."""
        limit = 60 + 10 * len(target) / SAMPLE_RATE
        # A process that the system has killed is no fault of the output, unless it happens again and again.
        for _ in range(MAX_ATTEMPTS):
            self._pool = self._pool or scoring_pool(1)
            try:
                values, reasons = self._pool.submit(perceptual.scores, estimate, target).result(limit)
                return values, "; ".join(reasons.values())
            except (BrokenProcessPool, TimeoutError):
                self.close()
        return {"pesq": math.nan, "stoi": math.nan}, "PESQ and STOI: expected values, got a library that failed"
