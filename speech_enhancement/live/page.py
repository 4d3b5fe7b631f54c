"""The page, made of Gradio's parts: a file or the microphone in, the recording before and after out."""

import shutil
from html import escape
from pathlib import Path

import gradio

from speech_enhancement.files.failures import one_line
from speech_enhancement.live.sounds import NO_LIMIT_DB, Sound, before_and_after, read_sound
from speech_enhancement.systems.system import System

_HEAD = """
# Speech without the noise
Drop a recording, or speak into the microphone. It stays on this machine, and nothing of it is kept.
"""
_NARROWEST = 320
"""Width of a column, in pixels, below which columns stand one below the other."""
_MEMORY_SECONDS = 1800
"""Time after which a recording that nobody has heard with another limit is forgotten."""


def make_page(model: System) -> gradio.Blocks:
    """Lay out the page, and connect its parts with a model."""

    def take(path: str, limit_db: float) -> tuple:
        """Enhance an uploaded file and delete it; return new values of what has `changed`."""
        file = Path(path)
        try:
            sound = read_sound(file)
            return sound, *before_and_after(sound, model, limit_db), "", None, None
        except (ValueError, OSError) as error:
            return None, "", "", _error(error, file), None, None
        finally:
            shutil.rmtree(file.parent)

    def limit_again(sound: Sound | None, limit_db: float) -> tuple:
        """Enhance the recording in memory with another limit."""
        return before_and_after(sound, model, limit_db) if sound else (gradio.skip(), gradio.skip())

    with gradio.Blocks(title="Speech without the noise", analytics_enabled=False) as page:
        noisy = gradio.State(time_to_live=_MEMORY_SECONDS)
        gradio.Markdown(_HEAD)
        with gradio.Row():
            with gradio.Column(min_width=_NARROWEST):
                file = gradio.File(label="Recording", height=140)
            with gradio.Column(min_width=_NARROWEST):
                microphone = gradio.Audio(
                    sources=["microphone"],
                    type="filepath",
                    label="Microphone",
                    elem_id="microphone",
                    editable=False,
                    buttons=[],
                )
        limit = gradio.Slider(
            *(0, NO_LIMIT_DB, NO_LIMIT_DB),
            step=1,
            label="Take away at most (dB)",
            info=f"0 leaves the recording as it is; {NO_LIMIT_DB} sets no limit",
            buttons=[],
        )
        message = gradio.HTML(elem_id="message", padding=False)
        with gradio.Row():
            with gradio.Column(min_width=_NARROWEST):
                before = gradio.HTML(elem_id="before", padding=False)
            with gradio.Column(min_width=_NARROWEST):
                after = gradio.HTML(elem_id="after", padding=False)
        changed = [noisy, before, after, message, file, microphone]
        how = {"show_progress_on": message, "api_visibility": "private"}
        file.upload(take, [file, limit], changed, **how)
        microphone.stop_recording(take, [microphone, limit], changed, **how)
        # While the slider moves, the last of its values counts.
        limit.change(limit_again, [noisy, limit], [before, after], trigger_mode="always_last", **how)
    return page


def _error(error: ValueError | OSError, file: Path) -> str:
    """Write an error as HTML, with the name of the file in place of its path."""
    reason = getattr(error, "strerror", None) or one_line(error)
    line = f"{file.name}: {reason.removeprefix(f'{file}: ')}"
    return f'<p id="error" role="alert">{escape(line)}</p>'
