"""Weights for frames twice as dense: a steady sound is heard as before."""

import torch

from bench.denser_frames import denser
from speech_enhancement.systems.dual_path_masking import DualPathMasking


def test_the_first_layer_answers_a_steady_spectrum_as_before():
    torch.manual_seed(0)
    sizes = {"channels": 4, "width": 8, "n_blocks": 1}
    old, new = DualPathMasking(**sizes, hop_length=256), DualPathMasking(**sizes, hop_length=128)
    new.load_state_dict(denser(old.state_dict(), new.state_dict()))
    steady = torch.randn(1, 3, 1, 256).expand(-1, -1, 12, -1)
    answers = [system.network.first(steady)[:, :, 0] for system in (old, new)]
    assert torch.allclose(*answers, atol=1e-5)
    recurrence = [system.network.blocks[0].recurrence for system in (old, new)]
    change = (recurrence[1].bias_ih_l0 - recurrence[0].bias_ih_l0).view(4, 8)
    assert (change[0] < 0).all() and (change[1] > 0).all() and not change[2:].any()
