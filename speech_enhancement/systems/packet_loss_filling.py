"""Filling of lost packets: a network that hides parts of speech from itself and predicts them from their surroundings.

A call arrives in packets of 20 ms, and a missing packet leaves nothing: a mask cannot restore what has become zero, it
must be predicted. The network learns this by masked prediction, as it is done for words (Devlin et al., "BERT:
pre-training of deep bidirectional transformers", NAACL 2019) and images (He et al., "Masked autoencoders are scalable
vision learners", CVPR 2022): drop packets from a recording, predict them, compare. Speech is all that this needs.

**Losses.** Packets are lost in bursts, by the two-state chain of Gilbert ("Capacity of a burst-noise channel", Bell
System Technical Journal 39, 1960): with a share r of all packets lost, in bursts of B on average,

    P(lost | the one before was lost) = 1 - 1 / B,    P(lost | the one before arrived) = r / (B (1 - r))

with r = 0.2 and B = 2. The grid of packets begins at a random sample, because recordings are cut anywhere. Each
training step draws its losses anew, drops these packets from the noisy input, and predicts the clean speech that was
there: noise cannot be predicted, and if the input is clean, the target is the input itself.

**Missing samples** are found in the waveform: at least 20 ms of samples that are exactly 0. So a packet that was cut
off at either end of the file is not found, digital silence is taken for a loss, and audio that passed a lossy codec
after the loss has no zeros to find. Only missing samples are replaced; all others leave as they came.

**Network.** It has two input channels: the waveform divided by its level, and the indicator of missing samples. Strided
convolutions (strides 4, 4, 5, 4, kernels twice as long, ReLU) lead down to one step in 20 ms; an LSTM in both
directions and a linear layer back to the channels follow; transposed convolutions lead up, with the output of each
level added to that of its partner. The arrangement is that of Défossez et al., "Real time speech enhancement in the
waveform domain" (Interspeech 2020), cut down. The sizes are ours, as no table of a paper for this task is at hand:
"paper" has 64, 128, 256, 512 channels (7.6 million parameters), "small" half of that (1.9 million). The LSTM hears the
whole file, so there is no `context`, and live calls are out of its reach.

**Loss.** The mean absolute error of the missing samples, both signals divided by the level, plus the distance of the
compressed spectra (`speech_enhancement.losses`) of clean speech and clean speech with filled gaps. The first alone
would let the prediction fade to silence as soon as its phase is uncertain.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from speech_enhancement.losses import CompressedSpectralLoss
from speech_enhancement.systems.system import System

PACKET = 320
"""Samples in a packet, which is also the product of the strides."""
STRIDES = (4, 4, 5, 4)


def draw_losses(size: int, time: int, rate: float = 0.2, burst: float = 2.0) -> Tensor:
    """Draw the samples that are lost, by torch's global generator.

    Args:
        size, time: number of items, and of samples in each.
        rate: share of packets that are lost.
        burst: mean number of packets in a burst.

    Returns:
        Boolean, `(size, 1, time)`; each item has its own losses on a grid of its own.
    """
    n_packets = time // PACKET + 2
    draws = torch.rand(n_packets, size)
    after_loss, after_arrival = 1 - 1 / burst, rate / (burst * (1 - rate))
    packets = [draws[0] < rate]
    for draw in draws[1:]:
        packets.append(draw < torch.where(packets[-1], after_loss, after_arrival))
    lost = torch.stack(packets, dim=1).repeat_interleave(PACKET, dim=1)  # (size, n_packets * PACKET)
    starts = torch.randint(PACKET, (size, 1))
    return lost.gather(1, starts + torch.arange(time)).unsqueeze(1)


def find_missing(waveform: Tensor) -> Tensor:
    """Find the samples in runs of at least `PACKET` zeros: `(batch, 1, time)` -> boolean, the same shape."""
    if waveform.shape[-1] < PACKET:
        return torch.zeros_like(waveform, dtype=torch.bool)
    loudest = functional.max_pool1d(waveform.abs(), PACKET, stride=1)  # of the packet that begins here
    begins = functional.pad((loudest == 0).to(waveform), (PACKET - 1, PACKET - 1))
    return functional.max_pool1d(begins, PACKET, stride=1) > 0


def level_of(received: Tensor, missing: Tensor) -> Tensor:
    """Compute the RMS of the samples that arrived, `(batch, 1, 1)`, at least 1e-4."""
    n_present = (~missing).sum(dim=-1, keepdim=True).clamp_min(1)
    return (received.square().sum(dim=-1, keepdim=True) / n_present).sqrt().clamp_min(1e-4)


class PacketLossFilling(System):
    """Convolutions down to one step a packet, an LSTM over the steps in both directions, and convolutions up.

    Args:
        channels: after each of the four convolutions down.
    """

    title = "packet-loss filling"
    task = "packet-loss filling"
    needs_rumble_filter = False
    sizes = {"paper": {"channels": (64, 128, 256, 512)}, "small": {"channels": (32, 64, 128, 256)}}

    def __init__(self, channels: Sequence[int]):
        super().__init__()
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        for index, (stride, after) in enumerate(zip(STRIDES, channels, strict=True)):
            given, made = (channels[index - 1],) * 2 if index else (2, 1)
            self.down.append(nn.Conv1d(given, after, 2 * stride, stride))
            self.up.insert(0, nn.ConvTranspose1d(after, made, 2 * stride, stride))
        self.lstm = nn.LSTM(channels[-1], channels[-1], batch_first=True, bidirectional=True)
        self.linear = nn.Linear(2 * channels[-1], channels[-1])
        self.spectral_loss = CompressedSpectralLoss(snr_weight=0.0)

    def predict(self, received: Tensor, missing: Tensor) -> Tensor:
        """Predict every sample from a waveform with gaps and the places of the gaps, all `(batch, 1, time)`."""
        time = received.shape[-1]
        level = level_of(received, missing)
        x = functional.pad(torch.cat([received / level, missing.to(received)], dim=1), (0, -time % PACKET))
        skips = []
        for convolution, stride in zip(self.down, STRIDES, strict=True):
            centred = functional.pad(x, (stride // 2, stride - stride // 2))
            x = functional.relu(convolution(centred))  # (batch, channels, time / stride)
            skips.append(x)
        x = self.linear(self.lstm(x.mT)[0]).mT
        for convolution, stride in zip(self.up, reversed(STRIDES), strict=True):
            length = stride * x.shape[-1]
            x = convolution(functional.relu(x + skips.pop())).narrow(-1, stride // 2, length)
        return level * x[..., :time]

    def received(self, noisy: Tensor, clean: Tensor) -> Tensor:
        """Drop packets from the clean speech, drawn by torch's global generator."""
        return clean.masked_fill(draw_losses(len(clean), clean.shape[-1]).to(clean.device), 0)

    def forward(self, noisy: Tensor) -> Tensor:
        missing = find_missing(noisy)
        return torch.where(missing, self.predict(noisy, missing), noisy)

    def objective(self, noisy: Tensor, clean: Tensor) -> Tensor:
        lost = draw_losses(len(noisy), noisy.shape[-1]).to(noisy.device)
        received = noisy.masked_fill(lost, 0)
        missing = lost | find_missing(received)
        estimate = self.predict(received, missing)
        error = (estimate - clean).abs() / level_of(received, missing) * missing
        filled = torch.where(missing, estimate, clean)
        return error.sum() / missing.sum().clamp_min(1) + self.spectral_loss(filled, clean)
