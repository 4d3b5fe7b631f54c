"""Masks between 0 and 1 that keep speech and remove noise, and the classical ways to find them."""

import torch
from torch import Tensor


def apply_mask(spectrogram: Tensor, mask: Tensor) -> Tensor:
    """Task 1.3. Scale the magnitude of a spectrogram and keep its phase.

        S[k, m] = M[k, m] * |Y[k, m]| * exp(j * arg Y[k, m])

    Source: Wang and Chen, "Supervised speech separation based on deep learning: an overview", IEEE/ACM Trans. ASLP
    26(10), 2018, section III.

    Args:
        spectrogram: complex, shape `(..., freq, frames)`.
        mask: real, of the same or a broadcastable shape.

    Returns:
        Complex spectrogram, shape of `spectrogram`. The mask is applied as it is, without a clamp, and
        gradients flow to it.
    """
    ### BEGIN SOLUTION
    return spectrogram * mask.to(spectrogram.real.dtype)
    ### END SOLUTION


def wiener_mask(speech_power: Tensor, noise_power: Tensor) -> Tensor:
    """Task 1.4. The gain of the Wiener filter, the linear filter with the least mean squared error.

        M = S / (S + N)

    Source: Lim and Oppenheim, "Enhancement and bandwidth compression of noisy speech", Proc. IEEE 67(12), 1979,
    equation 10.

    Args:
        speech_power: power spectrum of the speech, not negative, shape `(..., freq, frames)`.
        noise_power: power spectrum of the noise, of a shape that broadcasts with it.

    Returns:
        Mask in [0, 1]; 0 where both powers are 0. The relative error stays under 1e-3 for powers of 1e-5 and more.
    """
    ### BEGIN SOLUTION
    total = speech_power + noise_power
    return speech_power / torch.where(total > 0, total, 1)
    ### END SOLUTION


def estimate_noise_power(noisy_power: Tensor, n_frames: int = 10) -> Tensor:
    """Task 1.5. A stationary noise estimate from the first frames, before anybody speaks.

        N[k] = 1 / M * sum_{m < M} Y[k, m], where M frames are averaged

    Source: Boll, "Suppression of acoustic noise in speech using spectral subtraction", IEEE Trans. ASSP 27(2), 1979,
    section II, with powers in place of magnitudes.

    Args:
        noisy_power: power spectrum, shape `(..., freq, frames)`.
        n_frames: number of frames to average, which hold only noise. If the spectrum has fewer, all are averaged.

    Returns:
        Power spectrum of the noise, shape `(..., freq, 1)`.
    """
    ### BEGIN SOLUTION
    return noisy_power[..., :n_frames].mean(dim=-1, keepdim=True)
    ### END SOLUTION


def spectral_subtraction(noisy_power: Tensor, noise_power: Tensor, floor: float = 0.01) -> Tensor:
    """Task 1.6. Subtract the noise power, and keep a floor of the noisy power against musical noise.

        S = max(Y - N, floor * Y)

    Source: Berouti, Schwartz and Makhoul, "Enhancement of speech corrupted by acoustic noise", ICASSP 1979, with the
    floor taken from the noisy power, so that the gain never falls below `sqrt(floor)`.

    Args:
        noisy_power: power spectrum, shape `(..., freq, frames)`.
        noise_power: power spectrum of the noise, of a shape that broadcasts with it.
        floor: smallest share of the noisy power that is kept.

    Returns:
        Estimated power spectrum of the speech, shape `(..., freq, frames)`.
    """
    ### BEGIN SOLUTION
    return torch.maximum(noisy_power - noise_power, floor * noisy_power)
    ### END SOLUTION
