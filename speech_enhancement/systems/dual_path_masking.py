"""Dual-path masking: recurrence over time in each band, attention over the bands, and a complex mask.

A band-wise network sees that noise is steady and speech is not, a frame-wise one sees harmonics and formants. A
dual-path network goes both ways in turn. Sources: Luo, Chen and Yoshioka, "Dual-path RNN", ICASSP 2020; for spectra of
few bands and few parameters, Ahn et al., "FastEnhancer: speed-optimized streaming neural speech enhancement", 2025.

**Spectrum.** Windows of 32 ms (512 samples, Hann) and hops of 8 ms, unless told otherwise. The magnitude is compressed
to the power 0.3 and the phase is kept, X = |Y|^0.3 Y / |Y|, so that quiet bins count too (Ephrat et al., "Looking to
listen at the cocktail party", ACM Trans. Graphics 2018). The network sees real and imaginary part of X, and |X|. The
highest of the 257 frequencies is left out and comes back as zero.

**Network.** Sizes of one frame, for 48 channels, a width of 64 and hops of 8 ms:

    256 x 3   -> 64 x 48    convolution over 8 frequencies, stride 4, and 7 frames: two before, four after
              -> 64 x 48    convolution over 3 frequencies, added
              -> 32 x 64    linear, of 2 neighbouring places
              -> 32 x 64    3 blocks: LSTM over time for each of the 32 bands; self-attention over the bands; both added
              -> 64 x 48    linear, joined with the place's own value from the way down; convolution over 3, added
              -> 64 x 48    joined with the first layer's result
              -> 256 x 2    convolution over 3: the complex mask M, by 4 neighbouring frequencies at each place

Batch normalisation and SiLU follow each of these but the last. Tensors lie in memory as (batch, frames, frequencies,
channels), so that linear layers and the joining of neighbours copy nothing.

**Result.** M X, expanded to the power 1 / 0.3, and transformed back. A sample depends on everything before it, and on
at most 64 ms after it: 32 ms to the end of the last window that holds it, and 32 ms of further frames. So the system
can run block by block, see `systems/dual_path_stream.py`, and `systems/dual_path_step.py` for runtimes without torch.

**Loss.** Errors of compressed spectra and SI-SDR, see `systems/blocks/compressed_spectrum_loss.py`; the envelope loss
of `losses.py`, which follows STOI; the disturbance of `systems/blocks/perceptual_disturbance.py`, which follows PESQ.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Optimizer

from speech_enhancement.audio import SAMPLE_RATE
from speech_enhancement.losses import EnvelopeLoss
from speech_enhancement.systems.blocks.channels_last import ChannelNorm, FrequencyConvolution
from speech_enhancement.systems.blocks.compressed_spectrum import compress, expand
from speech_enhancement.systems.blocks.compressed_spectrum_loss import compressed_spectrum_loss
from speech_enhancement.systems.blocks.perceptual_disturbance import perceptual_disturbance
from speech_enhancement.systems.dual_path_step import DualPathStep
from speech_enhancement.systems.dual_path_stream import DualPathStream
from speech_enhancement.systems.system import StreamingStep, System

N_FFT = 512
N_FREQUENCIES = N_FFT // 2
N_BANDS = 32
ENVELOPE_WEIGHT, PERCEPTUAL_WEIGHT = 3.0, 0.3
LSTMState = tuple[Tensor, Tensor]


class DualPathBlock(nn.Module):
    """Recurrence over time in each band, then attention over the bands of each frame.

    Shape:
        `(batch, frames, N_BANDS, width)` and the state before -> the same shape and the state after
    """

    def __init__(self, width: int, n_heads: int = 4):
        super().__init__()
        self.n_heads = n_heads
        # On a CPU an LSTM is one fused call, a GRU a loop of small ones.
        self.recurrence = nn.LSTM(width, width)
        self.recurrence_out = nn.Linear(width, width, bias=False)
        self.recurrence_norm = ChannelNorm(width)
        self.position = nn.Parameter(0.02 * torch.randn(N_BANDS, width))
        self.attention_in = nn.Linear(width, 3 * width, bias=False)
        self.attention_out = nn.Linear(width, width, bias=False)
        self.attention_norm = ChannelNorm(width)

    def forward(self, x: Tensor, state: LSTMState | None) -> tuple[Tensor, LSTMState]:
        y, state = self._over_time(x, state)
        x = x + y
        return x + self._over_bands(x), state

    def _over_time(self, x: Tensor, state: LSTMState | None) -> tuple[Tensor, LSTMState]:
        batch, frames, bands, width = x.shape
        y, state = self.recurrence(x.transpose(0, 1).reshape(frames, batch * bands, width), state)
        y = self.recurrence_norm(self.recurrence_out(y))
        return y.view(frames, batch, bands, width).transpose(0, 1), state

    def _over_bands(self, x: Tensor) -> Tensor:
        batch, frames, bands, width = x.shape
        y = self.attention_in(x + self.position).view(batch * frames, bands, 3, self.n_heads, width // self.n_heads)
        # Each (batch * frames, heads, bands, width / heads).
        query, key, value = y.permute(2, 0, 3, 1, 4)
        if y.is_cpu and y.dtype != torch.bfloat16:
            y = functional.scaled_dot_product_attention(query, key, value)
        else:
            # In bfloat16 on a CPU, PyTorch's fused attention is slower than this.
            y = (query * (width // self.n_heads) ** -0.5 @ key.transpose(-1, -2)).softmax(-1) @ value
        y = y.transpose(1, 2).reshape(batch, frames, bands, width)
        return self.attention_norm(self.attention_out(y))


class MaskNetwork(nn.Module):
    """The network between the compressed spectrum and the mask.

    Args:
        channels: channels at 64 places over frequency.
        width: channels in each of the 32 bands.
        n_blocks: dual-path blocks.
        n_past, n_future: frames before and after its own that the first layer sees.

    Shape:
        `(batch, n_past + frames + n_future, 256, 3)` and the blocks' states before, none at the beginning ->
        `(batch, frames, 256, 2)` and the states after
    """

    def __init__(self, channels: int, width: int, n_blocks: int, n_past: int, n_future: int):
        super().__init__()
        self.n_past, self.n_future = n_past, n_future
        self.first = nn.Conv2d(3, channels, (n_past + 1 + n_future, 8), (1, 4), (0, 2), bias=False)
        self.first_norm = ChannelNorm(channels)
        self.encoder = FrequencyConvolution(channels, channels)
        self.encoder_norm = ChannelNorm(channels)
        self.merge = nn.Linear(2 * channels, width, bias=False)
        self.merge_norm = ChannelNorm(width)
        self.blocks = nn.Sequential(*(DualPathBlock(width) for _ in range(n_blocks)))
        self.split = nn.Linear(width, 2 * channels, bias=False)
        self.split_norm = ChannelNorm(2 * channels)
        self.join = nn.Linear(2 * channels, channels, bias=False)
        self.join_norm = ChannelNorm(channels)
        self.decoder = FrequencyConvolution(channels, channels)
        self.decoder_norm = ChannelNorm(channels)
        self.join_first = nn.Linear(2 * channels, channels, bias=False)
        self.join_first_norm = ChannelNorm(channels)
        self.last = FrequencyConvolution(channels, 4 * 2, bias=True)

    def forward(self, features: Tensor, states: Sequence[LSTMState] = ()) -> tuple[Tensor, list[LSTMState]]:
        first = self.first(features.permute(0, 3, 1, 2)).permute(0, 2, 3, 1).contiguous()
        batch, frames = first.shape[:2]
        first = functional.silu(self.first_norm(first))
        encoded = first + functional.silu(self.encoder_norm(self.encoder(first)))
        x = self.merge_norm(self.merge(encoded.reshape(batch, frames, N_BANDS, -1)))
        after = []
        for block, state in zip(self.blocks, states or [None] * len(self.blocks), strict=True):
            x, state = block(x, state)
            after.append(state)
        x = self.split_norm(self.split(x)).view(batch, frames, 2 * N_BANDS, -1)
        x = functional.silu(self.join_norm(self.join(torch.cat([x, encoded], dim=-1))))
        x = x + functional.silu(self.decoder_norm(self.decoder(x)))
        x = functional.silu(self.join_first_norm(self.join_first(torch.cat([x, first], dim=-1))))
        return self.last(x).reshape(batch, frames, N_FREQUENCIES, 2), after


class DualPathMasking(System):
    """Dual-path masking of the compressed complex spectrum.

    Args:
        channels, width, n_blocks: see `MaskNetwork`.
        hop_length: samples between frames; the network sees as many more of them as they are denser.

    Shape:
        `(batch, 1, time)` -> the same
    """

    title = "Dual-path masking"
    sizes = {name: {"channels": 48, "width": 64, "n_blocks": 3, "hop_length": 128} for name in ("paper", "small")}
    clip_norm = 5.0
    average_decay = 0.998
    needs_rumble_filter = False
    stream_kind = DualPathStream
    # Reflection needs one sample more than it mirrors.
    shortest = N_FFT // 2 + 1

    def __init__(self, channels: int, width: int, n_blocks: int, hop_length: int):
        super().__init__()
        self.hop_length = self.alignment = hop_length
        self.network = MaskNetwork(channels, width, n_blocks, n_past=256 // hop_length, n_future=512 // hop_length)
        self.register_buffer("window", torch.hann_window(N_FFT), persistent=False)
        self.envelope_loss = EnvelopeLoss()

    def forward(self, noisy: Tensor) -> Tensor:
        return self.enhance(noisy)[0]

    def enhance(self, noisy: Tensor) -> tuple[Tensor, Tensor]:
        """Enhance waveforms, and return with them the compressed spectrum that the network has made.

        Args:
            noisy: `(batch, 1, time)`.

        Returns:
            The enhanced waveforms, of the same shape, and `(batch, 257, frames)`, complex. The transform of the former
            is not quite the latter, since neighbouring frames of a masked spectrum contradict each other.
        """
        time = noisy.shape[-1]
        compressed = compress(self.spectrum(noisy[:, 0])).transpose(1, 2)[..., :N_FREQUENCIES]
        surrounded = functional.pad(compressed, (0, 0, self.network.n_past, self.network.n_future))
        masked = self.mask(surrounded)[0]
        spectra = [functional.pad(each, (0, 1)).transpose(1, 2) for each in (expand(masked), masked)]
        whole_hops = time + -time % self.hop_length
        enhanced = torch.istft(spectra[0], N_FFT, self.hop_length, window=self.window, length=whole_hops)
        return enhanced[:, None, :time], spectra[1]

    def mask(self, compressed: Tensor, states: Sequence[LSTMState] = ()) -> tuple[Tensor, list[LSTMState]]:
        """Mask frames of a compressed spectrum.

        Args:
            compressed: `(batch, n_past + frames + n_future, 256)`, complex: the frames, and those around them, which
                are zero where there are none.
            states: of the recurrence after the frame before the first; none at the beginning.

        Returns:
            The masked frames, `(batch, frames, 256)`, and the states after the last.
        """
        features = torch.cat([torch.view_as_real(compressed), compressed.abs()[..., None]], dim=-1)
        mask, states = self.network(features, states)
        # Under autocast the network answers in bfloat16, of which PyTorch has no complex numbers.
        mask = torch.view_as_complex(mask.to(features.dtype).contiguous())
        return compressed[:, self.network.n_past :][:, : mask.shape[1]] * mask, states

    def streaming_step(self) -> StreamingStep:
        return DualPathStep(self)

    def objective(self, noisy: Tensor, clean: Tensor) -> Tensor:
        """Compute the loss of a batch."""
        waveform, estimate = self.enhance(noisy)
        consistent, target = (compress(self.spectrum(each[:, 0])) for each in (waveform, clean))
        loss = compressed_spectrum_loss(estimate, consistent, target, waveform[:, 0], clean[:, 0])
        loss = loss + ENVELOPE_WEIGHT * self.envelope_loss(waveform, clean)
        # PESQ has no value for less than a quarter of a second.
        if clean.shape[-1] < SAMPLE_RATE // 4:
            return loss
        return loss + PERCEPTUAL_WEIGHT * perceptual_disturbance(waveform[:, 0], clean[:, 0]).mean()

    def optimizers(self) -> Sequence[Optimizer]:
        return [torch.optim.AdamW(self.parameters(), lr=1e-3, betas=(0.9, 0.98), weight_decay=1e-3)]

    def spectrum(self, waveform: Tensor) -> Tensor:
        """Compute the spectrum of `(batch, time)`, mirrored up to whole hops: complex, `(batch, 257, frames)`."""
        # Zeros would be a step after a recording with an offset, and a click in the result.
        waveform = functional.pad(waveform, (0, -waveform.shape[-1] % self.hop_length), mode="reflect")
        return torch.stft(waveform, N_FFT, self.hop_length, window=self.window, return_complex=True)
