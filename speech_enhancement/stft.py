"""Waveforms to complex spectrograms and back: the short-time Fourier transform and its inverse."""

import torch
from torch import Tensor


def stft(waveform: Tensor, n_fft: int = 512, hop_length: int = 128) -> Tensor:
    """Task 1.1. Short-time Fourier transform.

    Frame m is centred on sample `m * hop_length` and weighted by a periodic Hann window w of `n_fft` samples:

        X[k, m] = sum_n  x[n + m * hop_length - n_fft // 2] * w[n] * exp(-2j * pi * k * n / n_fft),  n = 0 ... n_fft - 1

    Past its ends the signal is continued by reflection about its first or last sample. The sum is not normalised.
    Source: Allen and Rabiner, "A unified approach to short-time Fourier analysis and synthesis", Proc. IEEE 65(11),
    1977.

    Args:
        waveform: real signal, shape `(..., time)`.
        n_fft: length of window and transform, in samples (512 are 32 ms at 16 kHz).
        hop_length: distance between neighbouring frames, in samples.

    Returns:
        Complex spectrogram, shape `(..., n_fft // 2 + 1, 1 + time // hop_length)`, of the precision of `waveform`. For
        an odd `n_fft` it may have one frame fewer if `time` is a multiple of `hop_length`.

    Raises:
        ValueError: `time` is at most `n_fft // 2`, too short for the reflection.

    Example:
        >>> stft(torch.zeros(1, 1, 24800)).shape
        torch.Size([1, 1, 257, 194])
    """
    ### BEGIN SOLUTION
    time = waveform.shape[-1]
    if time <= n_fft // 2:
        raise ValueError(f"waveform: expected more than n_fft // 2 = {n_fft // 2} samples, got {time}")
    window = torch.hann_window(n_fft, dtype=waveform.dtype, device=waveform.device)
    spectrogram = torch.stft(
        waveform.reshape(-1, time),
        n_fft,
        hop_length,
        window=window,
        center=True,
        pad_mode="reflect",
        return_complex=True,
    )
    return spectrogram.reshape(*waveform.shape[:-1], *spectrogram.shape[-2:])
    ### END SOLUTION


def istft(spectrogram: Tensor, length: int | None = None, n_fft: int = 512, hop_length: int = 128) -> Tensor:
    """Task 1.2. Inverse short-time Fourier transform, by least squares.

    The result is the signal whose spectrogram is nearest to the given one. With y[i, m] the inverse transform of frame
    m, the frames are windowed again, added where they overlap, and divided by the sum of the squared windows:

        x[n] = sum_m w[i] * y[i, m]  /  sum_m w[i]^2,    i = n - m * hop_length + n_fft // 2

    Source: Griffin and Lim, "Signal estimation from modified short-time Fourier transform", IEEE Trans. ASSP 32(2),
    1984, equation 6.

    Args:
        spectrogram: complex spectrogram as `stft` makes it, shape `(..., n_fft // 2 + 1, frames)`.
        length: number of samples to return. The samples after the last whole hop, which the last frame still covers,
            come back only if it is given; a smaller number gives the beginning.
        n_fft: length of window and transform, in samples.
        hop_length: distance between neighbouring frames, in samples.

    Returns:
        Real signal, shape `(..., length)`, or `(..., hop_length * (frames - 1))` without `length`. For a float32
        signal with an RMS of 1 it undoes `stft` to 1e-5 at every sample where some window is at least 0.1: at all
        samples if `hop_length` is at most `n_fft / 3`.

    Example:
        >>> waveform = torch.sin(torch.arange(24800.0))
        >>> torch.allclose(istft(stft(waveform), length=24800), waveform, atol=1e-5)
        True
    """
    ### BEGIN SOLUTION
    window = torch.hann_window(n_fft, dtype=spectrogram.real.dtype, device=spectrogram.device)
    waveform = torch.istft(
        spectrogram.reshape(-1, *spectrogram.shape[-2:]), n_fft, hop_length, window=window, center=True, length=length
    )
    return waveform.reshape(*spectrogram.shape[:-2], waveform.shape[-1])
    ### END SOLUTION
