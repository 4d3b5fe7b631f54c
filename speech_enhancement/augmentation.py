"""Noisy speech made from clean speech: noises, mixtures at a signal-to-noise ratio, and crops."""

from collections.abc import Sequence

import torch
from torch import Generator, Tensor
from torch.nn import functional


def white_noise(*shape: int, generator: Generator) -> Tensor:
    """Task 1.7. Gaussian noise whose power is the same at every frequency.

    Args:
        shape: shape of the result; the last dimension is time.
        generator: the only source of randomness; its device is that of the result.

    Returns:
        float32, of the given shape, with an RMS of 1 (within 3 % over a second).
    """
    ### BEGIN SOLUTION
    return torch.randn(*shape, generator=generator, device=generator.device, dtype=torch.float32)
    ### END SOLUTION


def pink_noise(*shape: int, generator: Generator) -> Tensor:
    """Task 1.7. Gaussian noise whose power falls by 3 dB per octave.

    White noise is shaped in the frequency domain, with |X(f)|^2 proportional to 1 / f and no constant part. Source:
    Timmer and Koenig, "On generating power law noise", Astronomy and Astrophysics 300, 1995, section 3.

    Args:
        shape: shape of the result; the last dimension is time, any length from 2.
        generator: the only source of randomness; its device is that of the result.

    Returns:
        float32, of the given shape. Each signal has an RMS of 1 to 1e-3. On average over several signals of a
        second or more, the power falls by 3 +- 0.3 dB per octave between 0.5 % and 40 % of the sample rate.
    """
    ### BEGIN SOLUTION
    time = shape[-1]
    spectrum = torch.fft.rfft(white_noise(*shape, generator=generator))
    frequency = torch.arange(spectrum.shape[-1], device=spectrum.device)
    gain = torch.where(frequency > 0, frequency.clamp_min(1) ** -0.5, 0.0)
    noise = torch.fft.irfft(spectrum * gain, n=time)
    return noise / noise.square().mean(dim=-1, keepdim=True).sqrt()
    ### END SOLUTION


def babble_noise(talkers: Sequence[Tensor], length: int, n_talkers: int, generator: Generator) -> Tensor:
    """Task 1.8. The murmur of several people who talk at once.

    `n_talkers` different talkers are drawn at random, each as likely as the others. Each gives a stretch of `length`
    samples with a start of its own, drawn as `random_crop` draws it and the same for all its leading dimensions. The
    stretches, padding included, are scaled to equal RMS and added, and the sum is scaled to an RMS of 1; with leading
    dimensions, each signal on its own.

    Args:
        talkers: one signal per talker, shapes `(..., time)` with equal leading dimensions and any times. A talker
            shorter than `length` is zero-padded at the end.
        length: number of samples to return.
        n_talkers: number of talkers that speak.
        generator: the only source of randomness.

    Returns:
        Shape `(..., length)`, RMS 1. A silent stretch adds nothing; silence alone gives silence.

    Raises:
        ValueError: `n_talkers` is above `len(talkers)`.
    """
    ### BEGIN SOLUTION
    if n_talkers > len(talkers):
        raise ValueError(f"n_talkers: expected at most {len(talkers)}, the number of talkers, got {n_talkers}")

    def level(signal: Tensor) -> Tensor:
        rms = signal.square().mean(dim=-1, keepdim=True).sqrt()
        return signal / torch.where(rms > 0, rms, 1)

    chosen = torch.randperm(len(talkers), generator=generator, device=generator.device)[:n_talkers]
    stretches = [random_crop(talkers[i], length=length, generator=generator)[0] for i in chosen.tolist()]
    return level(sum(level(stretch) for stretch in stretches))
    ### END SOLUTION


def mix_at_snr(speech: Tensor, noise: Tensor, snr_db: float | Tensor) -> Tensor:
    """Task 1.9. Add noise to speech at a signal-to-noise ratio.

    The speech stays as it is and the noise is scaled by g, for each item, that is each example of the batch:

        y = s + g * n,    g = sqrt(mean(s^2) / (mean(n^2) * 10^(snr_db / 10)))

    Source: Loizou, "Speech Enhancement: Theory and Practice", 2nd edition, CRC Press 2013, section 11.1.

    Args:
        speech: shape `(batch, ..., time)`, or `(time,)` for one signal.
        noise: of the same shape.
        snr_db: ratio of the mean squares in dB, taken over everything but the batch dimension: a number, or one for
            each item, shape `(batch,)`.

    Returns:
        The mixture, shape of `speech`. Where the noise is silent, it is the speech.

    Raises:
        ValueError: the shapes of `speech` and `noise` differ, even if they would broadcast.
    """
    ### BEGIN SOLUTION
    if speech.shape != noise.shape:
        raise ValueError(f"noise: expected the shape of speech, {tuple(speech.shape)}, got {tuple(noise.shape)}")
    # Norms over everything but the batch, (batch,), or () for one signal: the ratio needs no mean.
    first = min(1, speech.dim() - 1)
    speech_norm = torch.linalg.vector_norm(speech.flatten(first), dim=-1)
    noise_norm = torch.linalg.vector_norm(noise.flatten(first), dim=-1)
    snr_db = snr_db.to(speech) if isinstance(snr_db, Tensor) else snr_db
    scaled_norm = noise_norm * 10 ** (snr_db / 20)
    gain = speech_norm / torch.where(scaled_norm > 0, scaled_norm, torch.inf)
    return torch.addcmul(speech, gain.reshape(-1, *[1] * (speech.dim() - 1)), noise)
    ### END SOLUTION


def random_crop(*signals: Tensor, length: int, generator: Generator) -> tuple[Tensor, ...]:
    """Task 1.10. Cut the same random window from several signals that belong together.

    The signals are first zero-padded at the end to the longest of them and to `length`; the start is uniform over
    0 ... longest - length, both included.

    Args:
        signals: shapes `(..., time)`, of any times, leading dimensions and types.
        length: number of samples to keep.
        generator: the only source of randomness.

    Returns:
        A tuple, also for one signal: each signal's window, shapes `(..., length)`, in its own type.
    """
    ### BEGIN SOLUTION
    longest = max(length, *(signal.shape[-1] for signal in signals))
    start = int(torch.randint(longest - length + 1, (), generator=generator, device=generator.device))
    stretches = (signal[..., start : start + length] for signal in signals)
    return tuple(functional.pad(stretch, (0, length - stretch.shape[-1])) for stretch in stretches)
    ### END SOLUTION
