"""Speech synthesis by eSpeak NG, whose library comes with the package `espeakng-loader`.

The library is GPL-3; it is loaded at run time, and only to prepare the voices corpus.
"""

import ctypes
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torchaudio.transforms import Resample

from speech_enhancement.audio import SAMPLE_RATE

_RETRIEVAL = 1  # AUDIO_OUTPUT_RETRIEVAL: samples go to a callback, not to a loudspeaker
_UTF8 = 1  # espeakCHARS_UTF8
_RATE, _PITCH, _RANGE = 1, 3, 4  # espeak_PARAMETER

_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


class SpeechSynthesisError(ValueError):
    """eSpeak NG is missing, or refused a voice or a text."""


class Synthesizer:
    """eSpeak NG. Make only one in a process: a second start hangs the library.

    Example:
        >>> Synthesizer().speak("A tone.", "en-us+f1", rate=170, pitch=50, pitch_range=50).ndim  # doctest: +SKIP
        2
    """

    def __init__(self):
        try:
            import espeakng_loader
        except ImportError:
            raise SpeechSynthesisError("the voices corpus needs the package espeakng-loader, got none") from None
        try:
            self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        except OSError as error:
            raise SpeechSynthesisError(f"eSpeak NG: its library could not be loaded: {error}") from None
        self._source_rate = self._library.espeak_Initialize(
            _RETRIEVAL, 0, str(espeakng_loader.get_data_path()).encode(), 0
        )
        if self._source_rate <= 0:
            raise SpeechSynthesisError("eSpeak NG: expected it to start, got an error from espeak_Initialize")
        self._resample = Resample(self._source_rate, SAMPLE_RATE)
        self._pieces: list[np.ndarray] = []
        self._callback = self._make_callback()
        self._library.espeak_SetSynthCallback(self._callback)

    def speak(self, text: str, voice: str, rate: int, pitch: int, pitch_range: int) -> Tensor:
        """Speak a text: float32, shape `(1, time)`, at 16 kHz.

        Args:
            text: words to speak.
            voice: language and variant, `en-us+f1` for instance.
            rate: words a minute.
            pitch, pitch_range: 0 to 100.

        Raises:
            SpeechSynthesisError: there is no such voice, or no sound came.
        """
        if self._library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise SpeechSynthesisError(f"eSpeak NG: expected a voice that it has, got {voice}")
        for parameter, value in ((_RATE, rate), (_PITCH, pitch), (_RANGE, pitch_range)):
            self._library.espeak_SetParameter(parameter, value, 0)
        self._pieces.clear()
        data = text.encode() + b"\0"
        status = self._library.espeak_Synth(data, ctypes.c_size_t(len(data)), 0, 1, 0, _UTF8, None, None)
        if status != 0 or self._library.espeak_Synchronize() != 0 or not self._pieces:
            raise SpeechSynthesisError(f"eSpeak NG: expected speech, got none for {text!r} with the voice {voice}")
        samples = torch.from_numpy(np.concatenate(self._pieces)).to(torch.float32).div_(32768)
        return self._resample(samples.unsqueeze(0))

    def _make_callback(self) -> Callable:
        pieces = self._pieces

        @_Callback
        def collect(samples, count, _events):
            if samples and count > 0:
                pieces.append(np.ctypeslib.as_array(samples, shape=(count,)).copy())
            return 0

        return collect
