"""Audible disturbance of enhanced speech, differentiable, by the model of hearing of wide-band PESQ.

Both signals are brought to one level and turned into loudness N(frame, band) on the Bark scale. A difference counts
where it exceeds a quarter of the softer loudness,

    d = max(|N_estimate - N_clean| - min(N_estimate, N_clean) / 4, 0),

and once more, 3 to 12 times, where the estimate has at least 2.5 times the power of the clean speech, since what is
added annoys more than what is missing. The norms D and A of these two over bands and frames make

    disturbance = 0.1 D + 0.0309 A,    MOS-LQO = 0.999 + 4 / (1 + exp(1.3669 (disturbance - 4.5) + 3.8224)).

Source: ITU-T recommendations P.862 (2001), section 10.2, and P.862.2 (2007), with all constants that have no comment
here. Left out: the search for delays and the second look at bad intervals that belongs to it, since an enhancer has
one delay, and the weights of time for recordings longer than 16 s.
"""

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import conv1d, one_hot, pad

from speech_enhancement.audio import SAMPLE_RATE

FRAME, HOP = 512, 256
BINS = (1, 1, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1, 1, 2, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 4, 3, 4, 5, 4, 5, 6, 6, 7)
BINS += (8, 9, 9, 12, 12, 15, 16, 18, 21, 25, 20)
"""Numbers of frequency bins in the 48 bands above the one of bin 0, which is never heard."""
HERTZ = (31.8, 32.2, 32.7, 33.1, 33.6, 34.1, 34.5, 35.0, 35.5, 36.0, 36.5, 37.0, 37.5, 40.3, 42.3, 46.0, 51.3, 55.0)
HERTZ += (56.8, 58.7, 62.4, 64.8, 69.2, 76.7, 84.0, 90.8, 97.9, 103.3, 107.8, 113.6, 121.5, 130.4, 143.4, 158.5, 176.9)
HERTZ += (198.3, 219.5, 240.6, 268.7, 306.1, 349.9, 398.7, 454.7, 506.8, 564.9, 637.3, 794.7, 931.1)
"""Widths of the bands, Hz."""
BARK = np.polyval([8.81293e-8, 2.234793e-5, 4.383484e-3, 0.3135769], np.arange(1, len(BINS) + 1))
"""Widths of the bands, Bark, by a polynomial that is within 0.01 % of the table."""
BARK_OF_BIN_0 = 0.157344
THRESHOLD_DB = (63.9, 48.5, 36.9, 30.7, 25.9, 20.2, 16.6, 12.5, 9.9, 6.9, 4.9, 2.8, 1.0, -0.1, -1.4, -2.5, -3.4, -4.1)
THRESHOLD_DB += (-4.8, -5.3, -5.7, -5.9, -6.0, -6.0, -6.0, -6.0, -5.8, -5.4, -5.1, -4.7, -4.3, -4.0, -3.6, -3.3, -3.1)
THRESHOLD_DB += (-3.0, -3.0, -2.9, -2.8, -2.8, -2.8, -2.9, -3.2, -3.7, -4.3, -4.4, -3.8, -2.7)
"""Powers in the bands at the threshold of hearing, dB."""
POWER_SCALE, LOUDNESS_SCALE = 6.910853e-6, 0.1866055
ALIGNED_POWER = 1e7
PADDING = 5120
"""Samples of silence behind each signal, over which the standard's software takes means too."""
INPUT_FILTER = ((2.740826, -5.4816519, 2.740826), (1.0, -1.9444777, 0.94597794))
"""Numerator and denominator of a high-pass at 100 Hz."""
QUIET_SAMPLE = 100.0
"""Mean magnitude of five aligned samples below which a recording has not begun or is over."""
SYLLABLE = 20
_SILENCE = 1e-8
"""Power below which a signal has no speech, so that it cannot be brought to a level."""


def perceptual_quality(estimate: Tensor, clean: Tensor) -> Tensor:
    """Estimate the MOS-LQO of wide-band PESQ, from 1 to 4.64; arguments and result as of `perceptual_disturbance`."""
    return 0.999 + 4 * torch.sigmoid(1.3669 * (4.5 - perceptual_disturbance(estimate, clean)) - 3.8224)


def perceptual_disturbance(estimate: Tensor, clean: Tensor) -> Tensor:
    """Compute 0.1 D + 0.0309 A: 0 for equal signals, some 4 for noise alone, and 0 where the clean signal is silent.

    Args:
        estimate, clean: waveforms `(batch, time)` at 16 kHz, full scale at 1.

    Returns:
        Shape `(batch,)`, float32 under autocast too.

    Raises:
        ValueError: the shapes differ, are not `(batch, time)`, or hold less than a quarter of a second.
    """
    if estimate.dim() != 2 or estimate.shape != clean.shape or estimate.shape[-1] < SAMPLE_RATE // 4:
        expected = f"expected the same (batch, time) twice, with a time of at least {SAMPLE_RATE // 4}"
        raise ValueError(f"estimate and clean: {expected}, got {(*estimate.shape,)} and {(*clean.shape,)}")
    with torch.autocast(estimate.device.type, enabled=False):
        estimate_waveform, clean_waveform = _filtered(estimate.float()), _filtered(clean.float())
        symmetric, asymmetric = _frame_disturbances(_densities(estimate_waveform), _densities(clean_waveform))
        spoken = _spoken_frames(clean_waveform)
        disturbance = 0.1 * _over_time(symmetric, *spoken) + 0.0309 * _over_time(asymmetric, *spoken)
        return disturbance * (clean.float().square().mean(-1) > _SILENCE)


def _filtered(waveform: Tensor) -> Tensor:
    """Bring the power between 350 Hz and 3.25 kHz to `ALIGNED_POWER`, and apply the input filter."""
    time = waveform.shape[-1]
    # Imported here, since it takes 20 MiB, and enhancing does not need it.
    from scipy.fft import next_fast_len

    # The impulse response of the filter has died away after a frame.
    size = next_fast_len(time + FRAME, real=True)
    response, is_speech_band = (torch.from_numpy(values).to(waveform.device) for values in _response(size))
    ramp = torch.arange(time, dtype=torch.float32, device=waveform.device).clamp(max=15) / 16
    spectrum = torch.fft.rfft(waveform * ramp * ramp.flip(0), size)
    energy = 2 * torch.view_as_real(spectrum[..., is_speech_band]).square().sum((-1, -2)) / size
    gain = (ALIGNED_POWER * (time + PADDING) / energy.clamp_min(_SILENCE * time)).sqrt()
    return torch.fft.irfft(spectrum * (gain.unsqueeze(-1) * response), size)[..., :time]


@lru_cache(maxsize=8)
def _response(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Compute the response of the input filter at each frequency, and which frequencies set the level."""
    # Imported here, since it takes 70 MiB, and enhancing does not need it.
    from scipy.signal import freqz

    frequency = np.fft.rfftfreq(size, 1 / SAMPLE_RATE)
    _, response = freqz(*INPUT_FILTER, worN=frequency, fs=SAMPLE_RATE)
    return response.astype(np.complex64), (frequency > 350) & (frequency < 3250)


def _spoken_frames(clean: Tensor) -> tuple[Tensor, Tensor]:
    """Find the first and the last frame that are not in the silence before or after all speech, each `(batch,)`."""
    is_loud = (clean.abs().unfold(-1, 5, 1).mean(-1) >= QUIET_SAMPLE).int()
    before, after = is_loud.argmax(-1), is_loud.flip(-1).argmax(-1)
    return before // HOP, (clean.shape[-1] - after) // HOP - 1


def _densities(waveform: Tensor) -> Tensor:
    """Compute power densities on the Bark scale: `(batch, time)` -> `(batch, frames, bands)`."""
    n_frames = waveform.shape[-1] // HOP
    frames = pad(waveform, (0, FRAME))[..., : (n_frames + 1) * HOP].unfold(-1, FRAME, HOP)
    spectrum = torch.fft.rfft(frames * torch.hann_window(FRAME, device=waveform.device))
    power = torch.view_as_real(spectrum[..., 1:-1]).square().sum(-1)
    band_of_bin = torch.from_numpy(np.repeat(np.arange(len(BINS)), BINS)).to(waveform.device)
    scales = POWER_SCALE * _row(HERTZ, waveform) / (_row(BINS, waveform) * _row(BARK, waveform))
    return power @ (one_hot(band_of_bin) * scales)


def _row(values: object, like: Tensor) -> Tensor:
    return torch.as_tensor(values, dtype=torch.float32, device=like.device)


def _frame_disturbances(estimate: Tensor, clean: Tensor) -> tuple[Tensor, Tensor]:
    """Compute the symmetric and the asymmetric disturbance of each frame from densities, each `(batch, frames)`."""
    threshold, widths = 10 ** (_row(THRESHOLD_DB, clean) / 10), _row(BARK, clean)
    estimate, clean = _compensated(estimate, clean, threshold)
    estimate_loudness, clean_loudness = _loudness(estimate, threshold), _loudness(clean, threshold)
    # At most one of the two differs from 0, and their sum is d.
    added = (estimate_loudness - 1.25 * clean_loudness).relu()
    missing = (clean_loudness - 1.25 * estimate_loudness).relu()
    disturbance = (added + missing) * widths
    asymmetry = ((estimate + 50) / (clean + 50)) ** 1.2
    asymmetry = torch.where(asymmetry < 3, 0.0, asymmetry.clamp(max=12))
    weight = ((_audible(clean, threshold).sum(-1) + 1e5) / 1e7) ** -0.04
    symmetric = torch.linalg.vector_norm(disturbance, dim=-1) * widths.sum().sqrt() * weight
    asymmetric = (disturbance * asymmetry).sum(-1) * weight
    return symmetric.clamp(max=45), asymmetric.clamp(max=45)


def _compensated(estimate: Tensor, clean: Tensor, threshold: Tensor) -> tuple[Tensor, Tensor]:
    """Give the clean densities the estimate's mean spectrum, and the estimate the gain of the clean in each frame."""
    n_frames = clean.shape[1] + PADDING // HOP - 1
    is_silent = _audible(clean, 100 * threshold).sum(-1, keepdim=True) < 1e7
    means = [_audible(each, 100 * threshold).masked_fill(is_silent, 0).sum(1) / n_frames for each in (estimate, clean)]
    clean = clean * ((means[0] + 1000) / (means[1] + 1000)).clamp(0.01, 100).unsqueeze(1)
    gain = (_audible(clean, threshold).sum(-1) + 5e3) / (_audible(estimate, threshold).sum(-1) + 5e3)
    # The recursion g[m] = 0.8 gain[m] + 0.2 g[m - 1] has forgotten everything after eight frames.
    memory = 0.8 * 0.2 ** torch.arange(7, -1, -1, dtype=torch.float32, device=clean.device)
    gain = conv1d(pad(gain.unsqueeze(1), (7, 0), mode="replicate"), memory.view(1, 1, -1)).squeeze(1)
    return estimate * gain.clamp(3e-4, 5).unsqueeze(-1), clean


def _audible(density: Tensor, threshold: Tensor) -> Tensor:
    return density.masked_fill(density <= threshold, 0)


def _loudness(density: Tensor, threshold: Tensor) -> Tensor:
    """Apply Zwicker's law, with exponents that rise below 4 Bark."""
    widths = _row(BARK, density)
    center = BARK_OF_BIN_0 + widths.cumsum(0) - widths / 2
    exponent = 0.23 * (6 / (center + 2)).clamp(1, 2) ** 0.15
    growth = (0.5 + 0.5 * (density / threshold).clamp_min(1)) ** exponent - 1
    return LOUDNESS_SCALE * (threshold / 0.5) ** exponent * growth


def _over_time(disturbance: Tensor, first: Tensor, last: Tensor) -> Tensor:
    """Take the L6 mean of 20 frames, every ten frames, and the root mean square of these: -> `(batch,)`."""
    n_frames = disturbance.shape[-1]
    frame = first.unsqueeze(-1) + torch.arange(n_frames + SYLLABLE, device=first.device)
    is_spoken = frame <= last.unsqueeze(-1)
    spoken = disturbance.gather(-1, frame.clamp(max=n_frames - 1)) * is_spoken
    # The gradient of a root has no bound at 0, hence the small constant.
    syllables = ((spoken.unfold(-1, SYLLABLE, SYLLABLE // 2) ** 6).mean(-1) + 1e-12) ** (1 / 6)
    begins = is_spoken[..., :: SYLLABLE // 2][..., : syllables.shape[-1]]
    return ((syllables.square() * begins).sum(-1) / begins.sum(-1).clamp_min(1)).sqrt()
