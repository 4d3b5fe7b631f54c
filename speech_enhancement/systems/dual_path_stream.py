"""Dual-path masking block by block, at the recording's own sample rate.

**Rate.** Nothing is resampled. Window and hop are as long at any rate as at 16 kHz, rounded to whole samples and hops
down, by less than 1 % from 16 kHz up. So the lowest 256 frequencies are those that the network knows, and its mask is
put on the spectrum of the recording itself. Above 8 kHz gains are continued, see `blocks/high_band.py`.

**Channels.** The network enhances each channel. All of them then get one gain G for each bin, the one that comes
closest to all results in the sum of squares, so that directions stay:

    G = sum(conj(Y_c) E_c) / sum(|Y_c|^2)     Y_c noisy, E_c enhanced spectrum of channel c

This is the mean of the channels' masks, weighted by power: an empty channel has no say, opposite phases cancel nothing,
and G Y = E for one channel.

**Limit.** With g = 10^(-limit / 20), the result is g Y + (1 - g) E. What was noisy is in it at `limit` dB below itself,
whatever the mask is.

**State.** Carried from block to block: samples that do not fill a window yet, frames that the first layer still needs,
the state of the recurrence, and the end of the result to which further windows will be added. A sample of the result is
final once the next 64 ms of the input are there, less a sample.
"""

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

from speech_enhancement.audio import SAMPLE_RATE
from speech_enhancement.systems.blocks.channels_last import for_inference
from speech_enhancement.systems.blocks.compressed_spectrum import compress, expand
from speech_enhancement.systems.blocks.high_band import continue_gains
from speech_enhancement.systems.blocks.in_context import InContext
from speech_enhancement.systems.blocks.rumble_filter import half_length, rumble
from speech_enhancement.systems.system import Stream, kept_share

if TYPE_CHECKING:
    from speech_enhancement.systems.dual_path_masking import DualPathMasking

_BLOCK_SECONDS = 1.0
"""Longest stretch that goes through the network at once, of one channel, less of more; memory grows with it."""


class DualPathStream(Stream):
    """A stream of dual-path masking, through a copy of the system as it is now."""

    def __init__(
        self,
        system: "DualPathMasking",
        sample_rate: int = SAMPLE_RATE,
        channels: int = 1,
        attenuation_limit: float | None = None,
        apart: bool = False,
        keep_rumble: bool = False,
    ):
        self.system = for_inference(system)
        self.hop_length, n_fft = framing(system.hop_length, len(system.window), sample_rate)
        self.window = torch.hann_window(n_fft).to(system.window)
        self.apart, self.keep_rumble = apart or channels == 1, keep_rumble
        self.kept = kept_share(attenuation_limit)
        self._scale = len(system.window) / n_fft
        self._n_low = min(len(system.window) // 2, n_fft // 2 + 1)
        super().__init__(sample_rate, channels, n_fft + system.network.n_future * self.hop_length - 1)

    def _begin(self) -> None:
        self._windows = MirroredWindows(self.window, self.hop_length, self.channels)
        spectra = self.window.new_zeros(self.channels, self.system.network.n_past, len(self.window) // 2 + 1)
        self._spectra = torch.complex(spectra, spectra)
        self._states = ()
        self._synthesis = OverlapAdd(self.window, self.hop_length, self.channels)
        self._rumble = InContext(lambda piece: rumble(piece, self.sample_rate), half_length(self.sample_rate))
        self._kept_rumble = self.window.new_zeros(self.channels, 0)
        self._n_received = self._n_returned = 0

    def _advance(self, samples: Tensor) -> Tensor:
        samples = samples.to(self.window)
        blocks = samples.split(max(1, round(_BLOCK_SECONDS * self.sample_rate / self.channels)), dim=-1)
        return torch.cat([self._advance_short(block) for block in blocks], dim=-1)

    def _advance_short(self, samples: Tensor) -> Tensor:
        self._n_received += samples.shape[-1]
        windows = self._windows.take(samples)
        enhanced = self._enhance(self._transformed(windows)) if windows.shape[1] else samples[:, :0]
        if self.keep_rumble:
            self._kept_rumble = torch.cat([self._kept_rumble, self._rumble.take(samples)], dim=-1)
        return self._with_rumble(enhanced)

    def _end(self) -> Tensor:
        short_of = max(0, len(self.window) // 2 + 1 - self._n_received)
        windows = [self._windows.take(self.window.new_zeros(self.channels, short_of)), self._windows.end()]
        spectra = self._transformed(torch.cat(windows, dim=1))
        frames = functional.pad(spectra, (0, 0, 0, self.system.network.n_future))
        enhanced = torch.cat([self._enhance(frames), self._synthesis.end()], dim=-1)
        if self.keep_rumble and self._n_received:
            self._kept_rumble = torch.cat([self._kept_rumble, self._rumble.end()], dim=-1)
        return self._with_rumble(enhanced[:, : self._n_received - self._n_returned])

    def _with_rumble(self, enhanced: Tensor) -> Tensor:
        length = enhanced.shape[-1]
        self._n_returned += length
        if not self.keep_rumble:
            return enhanced
        kept, self._kept_rumble = self._kept_rumble.tensor_split([length], dim=-1)
        return enhanced + (1 - self.kept) * kept

    def _transformed(self, windows: Tensor) -> Tensor:
        """Transform windows `(channels, frames, n_fft)` to spectra."""
        return torch.fft.rfft(windows * self.window)

    def _enhance(self, spectra: Tensor) -> Tensor:
        """Mask the frames whose look-ahead is there; return the samples that are final by then."""
        network = self.system.network
        self._spectra = torch.cat([self._spectra, spectra], dim=1)
        n_frames = self._spectra.shape[1] - network.n_past - network.n_future
        if n_frames <= 0:
            return self.window.new_zeros(self.channels, 0)
        low = functional.pad(self._spectra[..., : self._n_low], (0, len(self.system.window) // 2 - self._n_low))
        masked, self._states = self.system.mask(compress(self._scale * low), self._states)
        noisy = self._spectra[:, network.n_past :][:, :n_frames]
        self._spectra = self._spectra[:, n_frames:]
        enhanced = self._in_full_band(noisy, expand(masked)[..., : self._n_low] / self._scale)
        return self._synthesis.add(torch.fft.irfft(self.kept * noisy + (1 - self.kept) * enhanced, len(self.window)))

    def _in_full_band(self, noisy: Tensor, enhanced: Tensor) -> Tensor:
        """Give all channels the same gains, unless they are apart, and continue these above 8 kHz.

        Args:
            noisy: spectra `(channels, frames, bins)`.
            enhanced: the same up to 8 kHz.
        """
        low, high = noisy.tensor_split([self._n_low], dim=-1)
        power = high.abs().square() * (2 * self._scale / self.window.square().sum())
        if self.apart:
            gains = enhanced.abs() / low.abs().clamp_min(torch.finfo(power.dtype).tiny)
        else:
            common = common_gains(low, enhanced)
            enhanced, gains, power = common * low, common.abs(), power.mean(0, keepdim=True)
        # At 16 kHz only the highest bin is left, of which the network says nothing.
        if high.shape[-1] <= 1:
            return functional.pad(enhanced, (0, high.shape[-1]))
        return torch.cat([enhanced, continue_gains(gains, power) * high], dim=-1)


def framing(hop_length: int, n_fft: int, sample_rate: int) -> tuple[int, int]:
    """Compute hop and window in samples at a sample rate, from those at 16 kHz.

    The hop is the largest with which window and look-ahead, 64 ms together, are no longer than that.
    """
    reach = 2 * n_fft
    hop = max(1, (sample_rate * reach // SAMPLE_RATE + 1) * hop_length // reach)
    return hop, 2 * round(hop * n_fft / (2 * hop_length))


def common_gains(noisy: Tensor, enhanced: Tensor) -> Tensor:
    """Compute the gains that, given to all channels, come closest to each channel's own result.

    Args:
        noisy, enhanced: complex, `(channels, ...)`.

    Returns:
        Complex, `(1, ...)`.
    """
    power = noisy.abs().square().sum(0, keepdim=True)
    return (noisy.conj() * enhanced).sum(0, keepdim=True) / power.clamp_min(torch.finfo(power.dtype).tiny)


class MirroredWindows:
    """Windows of a recording that comes in blocks, mirrored about its first and last sample as in `torch.stft`."""

    def __init__(self, window: Tensor, hop_length: int, channels: int):
        self.n_fft, self.hop_length = len(window), hop_length
        self._waiting = self._last = window.new_zeros(channels, 0)
        self._has_begun = False
        self._n_taken = 0

    def take(self, samples: Tensor) -> Tensor:
        """Take samples `(channels, time)`; return the windows that they complete, `(channels, frames, n_fft)`."""
        n_mirrored = self.n_fft // 2
        self._n_taken += samples.shape[-1]
        self._waiting = torch.cat([self._waiting, samples], dim=-1)
        self._last = torch.cat([self._last, samples], dim=-1)[:, -n_mirrored - 1 :]
        if not self._has_begun and self._waiting.shape[-1] > n_mirrored:
            self._waiting = torch.cat([self._waiting[:, 1 : n_mirrored + 1].flip(-1), self._waiting], dim=-1)
            self._has_begun = True
        return self._cut()

    def end(self) -> Tensor:
        """Return the windows that hold the end, mirrored to whole hops, and its mirror image."""
        filled = self.take(self._last[:, :-1].flip(-1)[:, : -self._n_taken % self.hop_length])
        self._waiting = torch.cat([self._waiting, self._last[:, :-1].flip(-1)], dim=-1)
        return torch.cat([filled, self._cut()], dim=1)

    def _cut(self) -> Tensor:
        if not self._has_begun or self._waiting.shape[-1] < self.n_fft:
            return self._waiting.new_zeros(len(self._waiting), 0, self.n_fft)
        windows = self._waiting.unfold(-1, self.n_fft, self.hop_length)
        self._waiting = self._waiting[:, windows.shape[1] * self.hop_length :]
        return windows


class OverlapAdd:
    """The inverse transform of frames that come in blocks, as `torch.istft`: a sum divided by that of squared windows.

    The result begins in the middle of the first frame.
    """

    def __init__(self, window: Tensor, hop_length: int, channels: int):
        self.window, self.hop_length = window, hop_length
        # Sum and divisor of the samples to which further frames will be added; the last row is the divisor.
        self._begun = window.new_zeros(channels + 1, len(window) - hop_length)
        self._n_before = len(window) // 2

    def add(self, frames: Tensor) -> Tensor:
        """Add frames `(channels, frames, n_fft)`; return the samples that no further frame can change."""
        n_frames, n_fft = frames.shape[1:]
        weighted = torch.cat([frames * self.window, self.window.square().expand(1, n_frames, n_fft)])
        length = (n_frames - 1) * self.hop_length + n_fft
        sums = functional.fold(weighted.transpose(1, 2), (1, length), (1, n_fft), stride=(1, self.hop_length))
        sums = sums.view(-1, length)
        sums[:, : self._begun.shape[1]] += self._begun
        n_final = n_frames * self.hop_length
        self._begun = sums[:, n_final:]
        return self._divided(sums[:, :n_final])

    def end(self) -> Tensor:
        """Return the samples to which no frame was added any more."""
        return self._divided(self._begun)

    def _divided(self, sums: Tensor) -> Tensor:
        total, divisor = sums[:-1, self._n_before :], sums[-1, self._n_before :]
        self._n_before = max(0, self._n_before - sums.shape[1])
        return total / divisor
