"""The ideal ratio mask, an oracle: the best that masking could do if it knew the speech and the noise.

    M = sqrt(S / (S + N))

Source: Wang, Narayanan and Wang, "On training targets for supervised speech separation", IEEE/ACM Trans. ASLP 22(12),
2014, equation 4 with an exponent of 1/2.
"""

from torch import Tensor

from speech_enhancement.masking import apply_mask, wiener_mask
from speech_enhancement.stft import istft, stft


def mask_ideally(noisy: Tensor, clean: Tensor) -> Tensor:
    """Enhance a noisy waveform by the mask of its clean one: both `(..., time)` -> the same shape."""
    mask = wiener_mask(stft(clean).abs().square(), stft(noisy - clean).abs().square()).sqrt()
    return istft(apply_mask(stft(noisy), mask), length=noisy.shape[-1])
