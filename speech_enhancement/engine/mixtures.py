"""Mixtures of varied speech and noise, drawn a batch at a time: no two are alike, so that a small corpus goes far.

A network that hears one corpus in one noise learns their microphones too. What carries over to other recordings is
variety, so speech and noise are drawn by source and varied apart: speed, equalisation, tails of rooms (which stay in
the target, since the network takes out noise and not rooms), sums of two noises, babble of other voices, shaped white
noise, rumble, telephone bands and levels. Some mixtures are noise alone, whose target is silence, and some are clean.
Targets hold nothing below 30 Hz, where no voice reaches.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.utils.data import Dataset

from speech_enhancement.audio import SAMPLE_RATE
from speech_enhancement.corpora.packed import PackedRecordings
from speech_enhancement.engine.variation import (
    Draw,
    active_power,
    at_speed,
    band_limited,
    equalised,
    power,
    reverberated,
    rumble,
    without_rumble,
)
from speech_enhancement.seeding import item_generator, shared_epoch

N_BABBLERS = 6
BABBLE, WHITE, ALONE, CLEAN, RUMBLE = 0.10, 0.07, 0.05, 0.07, 0.5
"""Shares of mixtures with babble, with shaped white noise, without speech, without noise, and with rumble."""
_ENOUGH_MINUTES = {"speech": 10, "noise": 4}


class Mixtures(Dataset):
    """Pairs of noisy and clean speech, made in batches: `dataset.__getitems__(indices)` -> `(noisy, clean)`.

    Args:
        speech, noise: recordings to draw from.
        length: number of mixtures in an epoch.
        segment_length: samples of each.
        snr_db: range of signal-to-noise ratios, drawn uniformly.
        seed: determines, with the epoch and the first index of a batch, everything that is drawn.
        weights: relative weights of sources by kind and name, 1 where none is given.
        device: where batches are mixed; the recordings are kept there.

    Shape:
        noisy and clean `(batch, 1, segment_length)`
    """

    def __init__(
        self,
        speech: PackedRecordings,
        noise: PackedRecordings,
        length: int,
        segment_length: int,
        snr_db: tuple[float, float] = (-5, 20),
        seed: int = 0,
        weights: Mapping[tuple[str, str], float] | None = None,
        device: torch.device | str = "cpu",
    ):
        self.pools = {
            kind: _Pool(recordings, kind, weights or {}, device)
            for kind, recordings in (("speech", speech), ("noise", noise))
        }
        self.length = length
        self.n_samples = segment_length
        self.lowest_snr, self.highest_snr = snr_db
        self.seed = seed
        self.device = device
        self.current_epoch = shared_epoch()

    def __len__(self) -> int:
        return self.length

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch of the batches that follow, also in workers that are already running."""
        self.current_epoch.fill_(epoch)

    def __getitems__(self, indices: Sequence[int]) -> tuple[Tensor, Tensor]:
        seed = item_generator(self.seed, self.current_epoch, indices[0]).initial_seed()
        draw = Draw(len(indices), torch.Generator(self.device).manual_seed(seed))
        noisy, clean = self._mix(draw)
        return noisy.unsqueeze(1), clean.unsqueeze(1)

    def _mix(self, draw: Draw) -> tuple[Tensor, Tensor]:
        """Mix a batch, `(batch, time)` each."""
        kind = draw.uniform(0, 1)
        recorded = self._speech(draw)
        clean = without_rumble(recorded)
        noise = self._noise(draw, kind)
        level = active_power(clean)
        noise = noise * (level / power(noise) * 10 ** (-draw.uniform(self.lowest_snr, self.highest_snr) / 10)).sqrt()
        low = rumble(self.n_samples, draw)
        low = low * (level / power(low) * 10 ** (draw.uniform(-15, 20) / 10)).sqrt()
        # What the speech was recorded with below the voice is noise, too.
        noise = noise + torch.where(draw.chance(RUMBLE), low, 0.0) + recorded - clean
        noise = torch.where(kind > 1 - CLEAN, noise * 1e-3, noise)
        clean = torch.where((kind > 1 - CLEAN - ALONE) & (kind <= 1 - CLEAN), 0.0, clean)
        cutoff, is_narrow = draw.uniform(3300, 7500), draw.chance(0.08)
        clean, noise = (band_limited(each, cutoff, is_narrow) for each in (clean, noise))
        gain = 10 ** (draw.uniform(-36, -14) / 20) / level.sqrt()
        noisy = (clean + noise) * gain
        headroom = (0.99 / noisy.abs().amax(1, keepdim=True)).clamp_max(1)
        return noisy * headroom, clean * gain * headroom

    def _speech(self, draw: Draw) -> Tensor:
        """Draw voices; one in eight begins or ends without speech."""
        voices = equalised(reverberated(self._voices(draw), 0.3, draw), 7, 0.6, draw)
        share = torch.arange(self.n_samples, device=self.device) / self.n_samples
        edge = draw.uniform(0.2, 0.8)
        silent = torch.where(draw.chance(0.5), share < edge, share > edge)
        return torch.where(draw.chance(0.12) & silent, 0.0, voices)

    def _noise(self, draw: Draw, kind: Tensor) -> Tensor:
        """Draw noises, and in their place babble where `kind` is small, and shaped white noise where it is larger."""
        noise = self._noises(draw)
        second = self._noises(draw) * 10 ** (draw.uniform(-8, 6) / 20)
        noise = noise + torch.where(draw.chance(0.35), second, 0.0)
        is_babble, is_white = kind < BABBLE, (kind >= BABBLE) & (kind < BABBLE + WHITE)
        if is_babble.any():
            babble = sum(self._voices(draw) * 10 ** (draw.uniform(-6, 0) / 20) for _ in range(N_BABBLERS))
            noise = torch.where(is_babble, babble, noise)
        if is_white.any():
            noise = torch.where(is_white, equalised(draw.noise(self.n_samples), 25, 1, draw), noise)
        return equalised(noise, 10, 0.6, draw)

    def _voices(self, draw: Draw) -> Tensor:
        speed = torch.where(draw.chance(0.6), draw.uniform(0.86, 1.16), 1.0)
        return at_speed(self.pools["speech"].stretches(draw, speed, self.n_samples), speed, self.n_samples)

    def _noises(self, draw: Draw) -> Tensor:
        speed = torch.where(draw.chance(0.5), draw.uniform(0.7, 1.4), 1.0)
        return at_speed(self.pools["noise"].stretches(draw, speed, self.n_samples), speed, self.n_samples)


class _Pool:
    """The recordings of one kind, drawn by source.

    A source weighs as the root of its minutes, up to some minutes that are enough, times its relative weight.
    """

    def __init__(
        self,
        recordings: PackedRecordings,
        kind: str,
        weights: Mapping[tuple[str, str], float],
        device: torch.device | str,
    ):
        self.recordings = recordings
        self.device = torch.device(device)
        # A GPU gets a copy; for the CPU the map stays a map.
        self.copy = None if self.device.type == "cpu" else self._read(0, len(recordings.samples)).to(device)
        ranges = [recordings.starts[[first, last]].tolist() for first, last in recordings.sources.values()]
        self.begins, self.ends = zip(*ranges, strict=True)
        minutes = torch.tensor([end - begin for begin, end in ranges]) / (60 * SAMPLE_RATE)
        relative = torch.tensor([weights.get((kind, source), 1.0) for source in recordings.sources])
        self.weights = (relative * minutes.clamp_max(_ENOUGH_MINUTES[kind]).sqrt()).to(device)

    def stretches(self, draw: Draw, speed: Tensor, time: int) -> Tensor:
        """Draw a stretch for each speed, long enough for `at_speed`, and repeated if its source is shorter."""
        needed = int(time * float(speed.max())) + 8
        stretches = []
        for source, place in zip(draw.sources(self.weights).tolist(), draw.uniform(0, 1)[:, 0].tolist(), strict=True):
            begin, end = self.begins[source], self.ends[source]
            begin += int(place * max(1, end - begin - needed + 1))
            length = min(needed, end - begin)
            stretch = self._read(begin, length) if self.copy is None else self.copy[begin : begin + length]
            stretches.append(stretch.repeat(-(-needed // length))[:needed])
        return torch.stack(stretches)

    def _read(self, begin: int, length: int) -> Tensor:
        return torch.from_numpy(self.recordings.read_levelled(begin, length))
