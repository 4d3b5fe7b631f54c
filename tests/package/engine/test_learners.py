"""Learners: what is validated and kept is the moving average of the weights, where a system asks for one."""

import torch

from speech_enhancement.engine.distributed import Process
from speech_enhancement.engine.learners import SystemLearner
from speech_enhancement.systems import registry


def test_the_average_follows_the_weights():
    """Each weight of the average is where the decay puts it, between the first weights and those of now."""
    system = registry.build("convolutional-autoencoder")
    type(system).average_decay, before = 0.75, type(system).average_decay
    try:
        learner = SystemLearner(system, Process(0, 1, torch.device("cpu")), noisy_targets=False)
    finally:
        type(system).average_decay = before
    name, weight = next(iter(system.named_parameters()))
    expected = None
    for value in (1.0, 5.0, 9.0):
        with torch.no_grad():
            weight.fill_(value)
        learner.average.update_parameters(system)
        expected = value if expected is None else 0.75 * expected + 0.25 * value
    kept = dict(learner.result.named_parameters())[name]
    assert torch.allclose(kept, torch.full_like(kept, expected))
    assert learner.result is not system and learner.result.description == system.description


def test_a_system_without_an_average_is_kept_itself():
    learner = SystemLearner(
        registry.build("convolutional-autoencoder"), Process(0, 1, torch.device("cpu")), noisy_targets=False
    )
    assert learner.result is learner.system
