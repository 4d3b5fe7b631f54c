"""The command `evaluate`: a model beside classical methods and the oracle, on pairs of noisy and clean files."""

from collections.abc import Mapping
from pathlib import Path

from speech_enhancement.audio import AudioError
from speech_enhancement.configuration import Evaluate
from speech_enhancement.enhancement import Enhancer
from speech_enhancement.evaluation.html_report import write_report
from speech_enhancement.evaluation.scoring import (
    Method,
    choose_clips,
    find_pairs,
    load_pair,
    methods_beside,
    score_pairs,
    scoring_pool,
    write_scores,
)
from speech_enhancement.evaluation.tables import method_table
from speech_enhancement.files.atomic import replacing
from speech_enhancement.files.failures import Failures
from speech_enhancement.plotting import save_spectrograms
from speech_enhancement.systems.model_file import load_system


def run(configuration: Evaluate) -> int:
    """Measure, write and print; 1 if a file could not be used or a metric had no value."""
    system = load_system(configuration.system, configuration.checkpoint)
    enhancer, title = Enhancer(system), system.title
    methods = methods_beside(lambda noisy, _: enhancer.enhance(noisy), title)
    failures = Failures()
    pairs = find_pairs(configuration.noisy, configuration.clean, failures)
    if configuration.picture is not None and configuration.picture not in pairs:
        raise ValueError(
            f"--picture: expected a clip's name, {next(iter(pairs), '')} for one, got {configuration.picture}"
        )
    configuration.out.mkdir(parents=True, exist_ok=True)
    with scoring_pool(configuration.workers) as pool:
        scores = score_pairs(pairs, methods, failures, pool)
    if not scores:
        raise AudioError(f"{configuration.noisy}: expected pairs that can be read, got none")
    write_scores(configuration.out / "scores.csv", scores)
    table = method_table(scores)
    with replacing(configuration.out / "table.md") as temporary:
        temporary.write_text(table.markdown(), encoding="utf-8")
    chosen = choose_clips(scores, configuration.players, title)
    order = "From the clip whose SI-SDR the model improves least to the one that it improves most."
    write_report(configuration.out / "report.html", scores, chosen, pairs, methods, table, order)
    # There is no clip to choose if every clean file is silent.
    if clip := configuration.picture or (chosen and chosen[len(chosen) // 2]):
        save_picture(configuration.out / "spectrograms.png", clip, pairs, methods, title)
    print(table.markdown())
    print(f"report: {configuration.out / 'report.html'}")
    return 1 if failures or any(score.reasons for score in scores) else 0


def save_picture(
    path: Path, name: str, pairs: Mapping[str, tuple[Path, Path]], methods: Mapping[str, Method], title: str
) -> None:
    """Save the spectrograms of one clip: noisy, enhanced by the model, and clean."""
    noisy, clean = load_pair(*pairs[name])
    enhanced = methods[title](noisy, clean)
    save_spectrograms(path, {"noisy": noisy, f"enhanced by {title}": enhanced, "clean": clean}, name)
