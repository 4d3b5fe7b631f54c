"""A button in a notebook that records from the microphone of the browser."""

from pathlib import Path

import anywidget
import torch
import traitlets
from torch import Tensor

from speech_enhancement.audio import SAMPLE_RATE, resample


class Recorder(anywidget.AnyWidget):
    """Button in a notebook: the first click starts a recording, the second one ends it.

    Browsers give a page the microphone if it comes from this machine or over https. The recording is what the
    microphone delivers: the page asks the browser to leave out its own noise suppression.

    Attributes:
        samples: the last recording, float32 and little-endian; empty before the first one.
        sample_rate: its rate in Hz.
    """

    _esm = Path(__file__).with_name("recorder.js")
    # The page sends a view of memory, of which this kind of trait makes bytes.
    samples = traitlets.CBytes().tag(sync=True)
    sample_rate = traitlets.Int(SAMPLE_RATE).tag(sync=True)

    def __repr__(self) -> str:
        return "Recorder()"

    def waveform(self) -> Tensor | None:
        """Return the last recording at 16 kHz, shape `(1, time)`, or None before the first one."""
        if not self.samples:
            return None
        samples = torch.frombuffer(bytearray(self.samples), dtype=torch.float32)
        return resample(samples.unsqueeze(0), self.sample_rate, SAMPLE_RATE)
