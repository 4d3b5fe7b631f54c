"""The command `benchmark`: all systems, trained for the same time and measured on the same files."""

from collections.abc import Sequence

from speech_enhancement.audio import AudioError
from speech_enhancement.configuration import Benchmark
from speech_enhancement.evaluation.benchmark import find_entrants, scored
from speech_enhancement.evaluation.html_report import write_report
from speech_enhancement.evaluation.quality_picture import save_quality_against_cost
from speech_enhancement.evaluation.scoring import Entrant, find_pairs, scoring_pool
from speech_enhancement.evaluation.tables import system_table
from speech_enhancement.files.atomic import replacing
from speech_enhancement.files.failures import Failures


def run(configuration: Benchmark, marks: Sequence[Entrant] = ()) -> int:
    """Train, measure and write; 1 if a system or a file failed, or a metric had no value.

    Args:
        configuration: systems, corpus, pairs and folder.
        marks: further entrants for comparison, stars in the pictures.
    """
    configuration.out.mkdir(parents=True, exist_ok=True)
    failures = Failures()
    pairs = find_pairs(configuration.noisy, configuration.clean, failures)
    if not pairs:
        raise AudioError(f"{configuration.noisy}: expected pairs, got none")
    entrants = [*find_entrants(configuration, failures), *marks]
    with scoring_pool(configuration.workers) as pool:
        scores = [score for entrant in entrants for score in scored(entrant, pairs, failures, pool)]
    entrants = [entrant for entrant in entrants if any(score.method == entrant.title for score in scores)]
    table = system_table(scores, entrants, configuration.minutes)
    with replacing(configuration.out / "table.md") as temporary:
        temporary.write_text(table.markdown(), encoding="utf-8")
    for metric in ("si_sdr", "pesq"):
        picture = configuration.out / f"quality_{metric}.png"
        save_quality_against_cost(picture, scores, entrants, metric, [mark.title for mark in marks])
    names = sorted({score.file for score in scores})
    chosen = names[:: max(1, len(names) // configuration.players)][: configuration.players]
    methods = {entrant.title: entrant.method for entrant in entrants}
    order = "Clips evenly spaced in the order of their names."
    write_report(configuration.out / "report.html", scores, chosen, pairs, methods, table, order)
    print(table.markdown())
    return 1 if failures or any(score.reasons for score in scores) else 0
