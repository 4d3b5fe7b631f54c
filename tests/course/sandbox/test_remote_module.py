"""Networks of a submission in the judge: weights, gradients and buffers are as if the network were in this process."""

import pytest
import torch

from milestones.graded_tests import TestState
from milestones.instructor.sandbox.failures import WorkerStopped
from milestones.instructor.sandbox.protocol import Decoder
from milestones.instructor.sandbox.remote_module import RemoteModule
from milestones.instructor.sandbox.remote_package import RemotePackage
from milestones.instructor.sandbox.worker import Worker
from milestones.instructor.sandbox.worker_client import WorkerClient
from speech_enhancement.unet import MaskingEnhancer, UNet


class InThisProcess(WorkerClient):
    """A worker client that answers requests itself, the way a worker does.

    Attributes:
        n_workers: number of workers so far.
        change: function of a request and the answer's entries, which a hostile worker may have changed.
    """

    def __init__(self):
        self.writes_back, self.has_changed_inputs = True, False
        self.change = lambda request, entries: None
        self.n_workers = 0
        self.worker = None

    running = property(lambda self: self.worker)
    _process = property(lambda self: self)

    def stop(self, state, message):
        return WorkerStopped(state, message)

    def discard(self):
        self.worker = None

    def import_module(self, name):
        if self.worker is None:
            self.worker, self.n_workers = Worker(), self.n_workers + 1

    def send(self, message):
        self.import_module("")
        decoder = Decoder(self.worker.objects.__getitem__)
        request = decoder.read(receiver(message.frame))
        answered = Decoder()
        entries = answered.read(receiver(self.worker.frame(request, decoder)))
        self.change(request, entries)
        return entries, answered


def receiver(data):
    position = [0]

    def receive(size):
        position[0] += size
        return bytearray(data[position[0] - size : position[0]])

    return receive


@pytest.fixture
def package():
    package = RemotePackage("")
    package.worker = InThisProcess()
    return package


@pytest.fixture
def pair(package):
    """The same U-Net in the judge and in this process."""
    torch.manual_seed(1)
    remote, local = RemoteModule(package, "unet.UNet", ((4, 6),), {}), UNet((4, 6))
    local.load_state_dict(remote.state_dict())
    return remote, local


def magnitude(seed=2):
    return torch.rand(2, 1, 20, 13, generator=torch.Generator().manual_seed(seed))


def test_names_and_values_are_those_of_the_network(pair):
    remote, local = pair
    assert [*remote.state_dict()] == [*local.state_dict()]
    assert [name for name, _ in remote.named_parameters()] == [name for name, _ in local.named_parameters()]
    assert torch.equal(remote.eval()(magnitude()), local.eval()(magnitude()))


def test_the_judges_weights_are_used(pair):
    remote, local = pair
    with torch.no_grad():
        for each in (remote, local):
            for parameter in each.parameters():
                parameter.mul_(1.5)
    assert torch.equal(remote.eval()(magnitude()), local.eval()(magnitude()))


def test_training_in_the_judge_is_training(pair):
    """After 40 steps of Adam, weights, buffers and losses are those of a network that never left this process."""
    losses = []
    for each in pair:
        optimizer = torch.optim.Adam(each.train().parameters(), 1e-2)
        for step in range(40):
            loss = (each(magnitude(step)) - 0.3).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        losses.append(loss.item())
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    for (name, one), other in zip(pair[0].state_dict().items(), pair[1].state_dict().values(), strict=True):
        assert torch.allclose(one, other, atol=1e-5), name


def test_evaluation_after_training_has_a_fresh_worker(package, pair):
    remote, local = pair
    remote.train()(magnitude()).sum().backward()
    local.train()(magnitude())
    assert package.worker.n_workers == 1
    assert torch.allclose(remote.eval()(magnitude()), local.eval()(magnitude()), atol=1e-6)
    assert package.worker.n_workers == 2
    remote.eval()(magnitude())
    assert package.worker.n_workers == 2


def test_a_network_may_be_part_of_another(package, pair):
    remote, local = pair
    noisy = torch.randn(2, 1, 4000, generator=torch.Generator().manual_seed(3))
    enhancer = RemoteModule(package, "unet.MaskingEnhancer", (remote,), {}).eval()
    assert torch.allclose(enhancer(noisy), MaskingEnhancer(local).eval()(noisy), atol=1e-6)
    package.worker.discard()
    assert torch.allclose(enhancer(noisy), MaskingEnhancer(local).eval()(noisy), atol=1e-6)


def test_dtype_and_device_are_the_judges(pair):
    remote, _ = pair
    assert remote.double().eval()(magnitude().double()).dtype == torch.float64
    assert remote.to("meta")(torch.empty(1, 1, 9, 9, device="meta", dtype=torch.float64)).is_meta


@pytest.mark.parametrize("name", ["training", "", "a..b", "forward.x", "x" * 300, "inlet.0.weight.deeper"])
def test_names_that_no_network_has_are_refused(package, name):
    package.worker.change = lambda request, entries: entries["result"]["parameters"].update({name: torch.ones(1)})
    with pytest.raises(WorkerStopped) as stopped:
        RemoteModule(package, "unet.UNet", ((4, 6),), {})
    assert stopped.value.state == TestState.REFUSED


@pytest.mark.parametrize("entry", ["module", "parameters", "buffers"])
def test_an_answer_of_another_form_is_refused(package, entry):
    package.worker.change = lambda request, entries: entries["result"].update({entry: [1, 2]})
    with pytest.raises(WorkerStopped):
        RemoteModule(package, "unet.UNet", ((4, 6),), {}).eval()(magnitude())
