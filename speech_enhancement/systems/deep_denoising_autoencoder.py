"""A deep denoising autoencoder on mel frames, trained layer by layer before it is trained as a whole.

Lu, Tsao, Matsuda and Hori, "Speech enhancement based on deep denoising autoencoder", Interspeech 2013, learn a map from
noisy to clean mel spectra by a stack of autoencoders. Each autoencoder has one hidden layer of sigmoids,

    h(y) = sigmoid(W y + b),    x = V h(y) + c,

and learns to give the clean frame for the noisy one. In 2013 a network of many sigmoids hardly learned from random
weights, so they are pre-trained greedily: the first autoencoder on pairs of noisy and clean speech; the second on the
values of the first hidden layer for noisy and for clean speech, h_1(y) -> h_1(x); and so on. Then the encoders and, in
reverse, the decoders are stacked,

    y -> W_1 -> W_2 -> W_3 -> V_3 -> V_2 -> V_1 -> x,

with a sigmoid after every layer but the last, and the whole is fine-tuned to the least squared error.

Here a frame has 40 mel bands and comes with 3 frames on either side, 7 * 40 = 280 numbers in and out, and each of three
autoencoders has 500 hidden units: 280-500-500-500-500-500-280. The paper's tables are not at hand, so these widths are
ours. So are the logarithm of the features, the windows of 32 ms (in which the mel bands are finer than a shorter
transform resolves), Adam, and a V that is free instead of tied to the transpose of W. All 7 frames are learned, as an
autoencoder's output, and the middle one is used. It becomes sound by a gain on the noisy spectrogram (`mel_gain`), so
that the recording provides the fine structure that 40 bands lack.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import torch
from torch import Tensor, nn
from torch.nn import functional

from speech_enhancement.systems.blocks.mel_gain import FRAME_REACH, HOP_LENGTH, MelGainSystem, windows
from speech_enhancement.systems.system import descend


class DeepDenoisingAutoencoder(MelGainSystem):
    """Autoencoders of one hidden layer each, stacked.

    Args:
        n_mels: mel bands.
        n_frames: frames in a window, an odd number.
        widths: hidden units of each autoencoder, outermost first.
        pretraining_steps: number of batches that pre-train each autoencoder.
    """

    title = "deep denoising autoencoder"

    def __init__(
        self,
        n_mels: int = 40,
        n_frames: int = 7,
        widths: Sequence[int] = (500, 500, 500),
        pretraining_steps: int = 200,
    ):
        super().__init__(n_mels)
        self.n_frames = n_frames
        self.pretraining_steps = pretraining_steps
        self.context = 2 * FRAME_REACH + n_frames // 2 * HOP_LENGTH
        self.alignment = HOP_LENGTH
        sizes = [n_mels * n_frames, *widths]
        pairs = list(zip(sizes[:-1], sizes[1:], strict=True))
        self.encoders = nn.ModuleList(nn.Linear(outer, inner) for outer, inner in pairs)
        self.decoders = nn.ModuleList(nn.Linear(inner, outer) for outer, inner in pairs)  # outermost first, too

    def estimate(self, features: Tensor) -> Tensor:
        reconstruction = self._reconstruct(self._vectors(features))
        return reconstruction.unflatten(-1, (self.n_mels, self.n_frames))[..., self.n_frames // 2]

    def objective(self, noisy: Tensor, clean: Tensor) -> Tensor:
        """Compute the mean squared error of all frames of a window."""
        noisy, clean = (self._vectors(self.features(waveform)) for waveform in (noisy, clean))
        return functional.mse_loss(self._reconstruct(noisy), clean)

    def pretrain(self, batches: Iterable[tuple[Tensor, Tensor]]) -> None:
        """Take the statistics, then train each autoencoder on the hidden values of those before it."""
        batches = iter(batches)
        super().pretrain(batches)
        for depth in range(len(self.encoders)):
            self._pretrain_one(depth, islice(batches, self.pretraining_steps))

    def _pretrain_one(self, depth: int, batches: Iterator[tuple[Tensor, Tensor]]) -> None:
        parameters = [*self.encoders[depth].parameters(), *self.decoders[depth].parameters()]
        optimizer = torch.optim.Adam(parameters, lr=1e-3)
        for pair in batches:
            with torch.no_grad():
                noisy, clean = (self._encode(self._vectors(self.features(waveform)), depth) for waveform in pair)
            hidden = torch.sigmoid(self.encoders[depth](noisy))
            loss = functional.mse_loss(self._decode_one(hidden, depth), clean)
            descend(optimizer, loss)

    def _vectors(self, features: Tensor) -> Tensor:
        return windows(features, self.n_frames).flatten(2)  # (batch, frames, n_mels * n_frames)

    def _encode(self, vectors: Tensor, depth: int) -> Tensor:
        for encoder in self.encoders[:depth]:
            vectors = torch.sigmoid(encoder(vectors))
        return vectors

    def _decode_one(self, hidden: Tensor, depth: int) -> Tensor:
        """Decode to the next outer layer, which holds sigmoids unless it is the outermost."""
        outer = self.decoders[depth](hidden)
        return torch.sigmoid(outer) if depth > 0 else outer

    def _reconstruct(self, vectors: Tensor) -> Tensor:
        hidden = self._encode(vectors, len(self.encoders))
        for depth in reversed(range(len(self.decoders))):
            hidden = self._decode_one(hidden, depth)
        return hidden
