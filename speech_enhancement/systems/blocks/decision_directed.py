"""The filter behind Wiener and log-MMSE: a decision-directed a-priori SNR, and an adaptive noise estimate.

With Y the noisy power and N the noise estimate, the a-posteriori SNR is gamma = Y / N, and the a-priori SNR

    xi[m] = a * |S[m - 1]|^2 / N + (1 - a) * max(gamma[m] - 1, 0)

remembers the decision of the frame before. Source: Ephraim and Malah, "Speech enhancement using a minimum mean-square
error short-time spectral amplitude estimator", IEEE Trans. ASSP 32(6), 1984, equation 51. A frame in which the mean
log-likelihood ratio of speech stays small counts as noise and moves the estimate: Sohn, Kim and Sung, "A statistical
model-based voice activity detection", IEEE Signal Processing Letters 6(1), 1999. Here a = 0.98. The rest is ours: xi is
at least -25 dB, gamma at most 30 dB, and in a frame of noise N becomes 0.98 N + 0.02 Y.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from speech_enhancement.masking import apply_mask, estimate_noise_power
from speech_enhancement.stft import istft, stft

MEMORY = 0.98
LOWEST_A_PRIORI_SNR = 10**-2.5
HIGHEST_A_POSTERIORI_SNR = 1000.0
SPEECH_LOG_LIKELIHOOD = 0.15
NOISE_MEMORY = 0.98


def filter_frames(noisy: Tensor, gain_function: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """Apply a gain that depends on a-priori and a-posteriori SNR.

    Args:
        noisy: shape `(..., time)`.
        gain_function: `(xi, gamma)`, each `(..., freq, 1)`, -> gain of the same shape.

    Returns:
        Enhanced waveform, shape of `noisy`.
    """
    spectrogram = stft(noisy)
    noisy_power = spectrogram.abs().square()  # (..., freq, frames)
    noise_power = estimate_noise_power(noisy_power).clamp_min(1e-12)  # (..., freq, 1)
    speech_power = torch.zeros_like(noise_power)
    gains = []
    for frame in noisy_power.split(1, dim=-1):
        gamma = (frame / noise_power).clamp_max(HIGHEST_A_POSTERIORI_SNR)
        xi = MEMORY * speech_power / noise_power + (1 - MEMORY) * (gamma - 1).clamp_min(0)
        xi = xi.clamp_min(LOWEST_A_PRIORI_SNR)
        log_likelihood = (gamma * xi / (1 + xi) - torch.log1p(xi)).mean(dim=-2, keepdim=True)
        followed = NOISE_MEMORY * noise_power + (1 - NOISE_MEMORY) * frame
        noise_power = torch.where(log_likelihood < SPEECH_LOG_LIKELIHOOD, followed.clamp_min(1e-12), noise_power)
        gain = gain_function(xi, gamma)
        speech_power = gain.square() * frame
        gains.append(gain)
    return istft(apply_mask(spectrogram, torch.cat(gains, dim=-1)), length=noisy.shape[-1])
