"""One self-contained HTML page: the table, and clips with pictures and players."""

import io
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path

import jinja2
from matplotlib.figure import Figure
from tqdm.auto import tqdm

from speech_enhancement.audio import load, sound_uri
from speech_enhancement.evaluation.scoring import METRICS, Method, Score
from speech_enhancement.evaluation.tables import Table
from speech_enhancement.files.atomic import replacing
from speech_enhancement.files.data_uri import data_uri
from speech_enhancement.plotting import clip_picture, scores_picture, spectrogram_db


def write_report(
    path: Path,
    scores: Sequence[Score],
    chosen: Sequence[str],
    pairs: Mapping[str, tuple[Path, Path]],
    methods: Mapping[str, Method],
    table: Table,
    order: str,
) -> None:
    """Write the page.

    Args:
        path: file to write.
        scores: scores of all files and methods.
        chosen: files to see and hear.
        pairs: noisy and clean file of each clip.
        methods: methods to show for each clip, by name; the clean clip comes last.
        table: means of the scores.
        order: a sentence on the choice and the order of the clips.
    """
    values = {(score.file, score.method): score.values for score in scores}
    clips = []
    for name in tqdm(chosen, desc="page", unit="clip"):
        noisy, clean = (load(side).mean(dim=0) for side in pairs[name])
        highest_db = float(spectrogram_db(noisy).max())
        versions = [(method, function(noisy, clean)) for method, function in methods.items()] + [("clean", clean)]
        clips.append(
            {
                "name": name,
                "versions": [
                    {
                        "method": method,
                        "picture": _picture(clip_picture(waveform, highest_db)),
                        "sound": sound_uri(waveform) if waveform.isfinite().all() else None,
                        "values": values.get((name, method), {}),
                    }
                    for method, waveform in versions
                ],
            }
        )
    template = jinja2.Template(
        (files("speech_enhancement.evaluation") / "templates" / "report.html").read_text(encoding="utf-8"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    titles = {name: metric.title for name, metric in METRICS.items()}
    page = template.render(
        table=table,
        clips=clips,
        order=order,
        metrics=METRICS,
        overview=_picture(scores_picture(scores, list(methods), titles)),
    )
    with replacing(path) as temporary:
        temporary.write_text(page, encoding="utf-8")


def _picture(figure: Figure) -> str:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return data_uri("image/png", buffer.getvalue())
