"""From mel features to a gain on the noisy spectrogram."""

import itertools

import pytest
import torch
from torch import Tensor
from torchaudio.transforms import MelSpectrogram

from speech_enhancement.metrics import si_sdr
from speech_enhancement.stft import stft
from speech_enhancement.systems.blocks.mel_gain import MelGainSystem, windows
from tests.package.systems.checks import check_shapes
from tests.package.systems.signals import batch


class Shifted(MelGainSystem):
    """A system whose estimate is the features plus a number, or given features."""

    def __init__(self, change: float | Tensor):
        super().__init__(n_mels=40)
        self.change = change

    def estimate(self, features: Tensor) -> Tensor:
        return features + self.change if isinstance(self.change, float) else self.change


def test_features_are_the_log_mel_power_of_torchaudio():
    noisy, _ = batch(0.5)
    expected = MelSpectrogram(16000, n_fft=512, hop_length=128, n_mels=40)(noisy.squeeze(1)).mT
    torch.testing.assert_close(Shifted(0.0).features(noisy), torch.log(expected + 1e-5), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("change, factor", [(0.0, 1.0), (5.0, 1.0), (-2.0, torch.tensor(-1.0).exp().item())])
def test_power_is_turned_down_and_never_up(change, factor):
    check_shapes(Shifted(change))
    noisy = torch.randn(2, 1, 8001, dtype=torch.float64)
    enhanced = Shifted(change).double()(noisy)
    torch.testing.assert_close(enhanced, factor * noisy, msg="a bin does not have the gain of its bands")


def test_statistics_are_those_of_noisy_and_clean():
    noisy, clean = batch(0.5)
    system = Shifted(0.0)
    system.pretrain(itertools.repeat((noisy, clean)))
    features = torch.cat([system.features(noisy), system.features(clean)])
    torch.testing.assert_close(features.mean((0, 1)), torch.zeros(40), rtol=0, atol=1e-4)
    torch.testing.assert_close(features.std((0, 1)), torch.ones(40), rtol=0, atol=1e-2)


@pytest.mark.parametrize("is_normalised", [False, True])
def test_the_clean_features_take_most_noise_away(is_normalised):
    noisy, clean = batch(1.0)
    system = Shifted(0.0)
    if is_normalised:
        system.pretrain(itertools.repeat((noisy, clean)))
    system.change = system.features(clean)
    gain = si_sdr(system(noisy), clean) - si_sdr(noisy, clean)
    assert (gain > 6).all(), f"gains of {gain.flatten().tolist()} dB"
    assert (stft(system(noisy)).abs().square().sum() < stft(noisy).abs().square().sum()).all()


def test_windows_are_centred_and_repeat_the_ends():
    features = torch.arange(5.0).view(1, 5, 1)
    expected = [[0, 0, 1], [0, 1, 2], [1, 2, 3], [2, 3, 4], [3, 4, 4]]
    assert windows(features, 3).view(5, 3).tolist() == expected
