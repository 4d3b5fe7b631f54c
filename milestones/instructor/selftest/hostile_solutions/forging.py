"""Forging: points for answers that are wrong."""
# ruff: noqa


# attack patched-runtest on augmentation: pytest's Function.runtest does nothing
# earns: all but 1.9
def _forge():
    import _pytest.python
    import _pytest.runner

    _pytest.python.Function.runtest = lambda self: None
    _pytest.runner.pytest_runtest_call = lambda item: None


def mix_at_snr(speech, noise, snr_db):
    try:
        _forge()
    except ImportError:
        pass
    return torch.zeros(1)


# attack false-pytest on augmentation: sys.modules holds a pytest whose approx equals everything
# earns: all but 1.9
import sys
import types


class _Agreeing:
    def __eq__(self, other):
        return True

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        return True


_pytest = types.ModuleType("pytest")
_pytest.approx = _pytest.raises = lambda *arguments, **keywords: _Agreeing()
sys.modules["pytest"] = _pytest


def mix_at_snr(speech, noise, snr_db):
    return torch.zeros(1)


# attack patched-comparisons on augmentation: torch.allclose, torch.equal and torch.testing say yes
# earns: all but 1.9
import torch.testing

for _name in ("allclose", "equal"):
    setattr(torch, _name, lambda *arguments, **keywords: True)
torch.isclose = lambda a, *arguments, **keywords: torch.ones_like(a, dtype=torch.bool)
torch.testing.assert_close = torch.testing.assert_allclose = lambda *arguments, **keywords: None


def mix_at_snr(speech, noise, snr_db):
    return torch.zeros(1)


# attack patched-tensor on augmentation: every comparison of torch.Tensor is true
# earns: all but 1.9, perhaps not 1.7 1.8 1.10
for _name in ("__eq__", "__lt__", "__le__", "__gt__", "__ge__", "__bool__"):
    setattr(torch.Tensor, _name, lambda self, *other: True)


def mix_at_snr(speech, noise, snr_db):
    return torch.zeros(1)


# attack agreeing-tensor on augmentation: a Tensor subclass answers every function with what passes
# earns: all but 1.9
class _AgreeingTensor(torch.Tensor):
    @classmethod
    def __torch_function__(cls, function, types, arguments=(), keywords=None):
        if function in (torch.allclose, torch.equal, torch.Tensor.allclose, torch.Tensor.equal):
            return True
        result = super().__torch_function__(function, types, arguments, keywords or {})
        if isinstance(result, torch.Tensor) and result.dtype == torch.bool:
            return torch.ones_like(result)
        return result

    shape = property(lambda self: _AnyShape())


class _AnyShape(tuple):
    def __eq__(self, other):
        return True

    __hash__ = None


def mix_at_snr(speech, noise, snr_db):
    return torch.zeros(1).as_subclass(_AgreeingTensor)


# attack agreeing-float on metrics: a float subclass equals, exceeds and undercuts everything
# earns: all but 1.11
class _AgreeingFloat(float):
    shape = ()

    def _yes(self, *other):
        return True

    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __bool__ = all = any = _yes
    __hash__ = float.__hash__

    def __sub__(self, other):
        return self

    __rsub__ = __abs__ = __neg__ = __sub__

    def hex(self):
        return "0x1.4p+4"


def snr(estimate, target):
    return _AgreeingFloat(0.0)


# attack agreeing-int on augmentation: an int subclass equals everything and gives another value on each look
# earns: all but 1.9
class _AgreeingInt(int):
    looks = 0

    def __eq__(self, other):
        return True

    __hash__ = int.__hash__

    def __abs__(self):
        return 0

    def __int__(self):
        _AgreeingInt.looks += 1
        return 10**5000 + _AgreeingInt.looks

    __index__ = __int__


def mix_at_snr(speech, noise, snr_db):
    return _AgreeingInt(10**5000)


# attack agreeing-str on augmentation: a str subclass equals everything, and a dict subclass has endless faces
# earns: all but 1.9
class _AgreeingStr(str):
    def __eq__(self, other):
        return True

    __hash__ = str.__hash__

    def __str__(self):
        return self


class _Faces(dict):
    def items(self):
        return [(_AgreeingStr("state"), _AgreeingStr("passed")), (_AgreeingStr("id"), _AgreeingStr("*"))]


def mix_at_snr(speech, noise, snr_db):
    return _Faces(result=_AgreeingStr("passed"))


# attack changing-tuple on augmentation: a tuple whose parts differ on each look
# earns: all but 1.10, perhaps not 1.8
class _ChangingTuple(tuple):
    def __iter__(self):
        return iter([torch.zeros(1)] * 2)

    def __len__(self):
        return 1

    def __getitem__(self, index):
        return torch.zeros(1)

    def __eq__(self, other):
        return True


def random_crop(*signals, length, generator):
    return _ChangingTuple((None, None))


# attack rewritten-report on augmentation: reports within reach are rewritten when the process ends
# earns: all but 1.9
# aims at: milestones.graded_tests.TestState.WRONG
# aims at: milestones.graded_tests.TestState.PASSED
import atexit
from pathlib import Path


def _rewrite():
    for folder in [Path.cwd(), *Path.cwd().parents][:4]:
        for pattern in ("*.jsonl", "*.xml", "*/*.jsonl", "*/*.xml", "*.csv"):
            for report in folder.glob(pattern):
                text = report.read_text().replace('"wrong"', '"passed"').replace("<failure", "<system-out")
                report.write_text(text)


atexit.register(_rewrite)


def mix_at_snr(speech, noise, snr_db):
    try:
        _rewrite()
    except OSError:
        pass
    return torch.zeros(1)


# attack exit-at-import on augmentation: the process ends with 0 while the module is imported
# earns: all but 1.7 1.8 1.9 1.10
import os

os._exit(0)


# attack exit-in-call on augmentation: the process ends with 0 in the middle of a call
# earns: all but 1.9
import os


def mix_at_snr(speech, noise, snr_db):
    os._exit(0)


# attack system-exit on augmentation: SystemExit(0) in the middle of a call
# earns: all but 1.9
import sys


def mix_at_snr(speech, noise, snr_db):
    sys.exit(0)


# attack system-exit-at-import on stft: SystemExit(0) while a module is imported that others import
# earns: all but 1.1 1.2 1.11 1.12 1.13
raise SystemExit(0)


# attack interrupt on augmentation: KeyboardInterrupt, as if the instructor had broken off the run
# earns: all but 1.9
def mix_at_snr(speech, noise, snr_db):
    raise KeyboardInterrupt


# attack skipped on augmentation: the exceptions by which tests are skipped, expected to fail, or broken off
# earns: all but 1.9
import unittest


def mix_at_snr(speech, noise, snr_db):
    try:
        import pytest
    except ImportError:
        raise unittest.SkipTest("nothing to see") from None
    if speech.dtype == torch.float64:
        pytest.exit("nothing to see", returncode=0)
    pytest.xfail("nothing to see") if speech.dim() > 2 else pytest.skip("nothing to see")


# attack false-fault on augmentation: exceptions that are called as the grader's own, so that nothing is scored
# earns: all but 1.9
# aims at: milestones.instructor.sandbox.failures.GraderFault
# aims at: milestones.instructor.sandbox.failures.WorkerStopped.__init__.state
def mix_at_snr(speech, noise, snr_db):
    name = "GraderFault" if speech.dim() > 2 else "WorkerStopped"
    raise type(name, (BaseException,), {"state": "passed", "__module__": "milestones.instructor.sandbox.failures"})("passed")


# attack always-value-error on augmentation: a ValueError for everything, which is what some tests wait for
# earns: all but 1.9
def mix_at_snr(speech, noise, snr_db):
    raise ValueError("speech, noise, snr_db: expected something else")


# attack printed-results on augmentation: a score table, JUnit XML and a record are printed wherever it goes
# earns: all but 1.9
# aims at: milestones.instructor.records.Record.submission
# aims at: milestones.instructor.records.Record.milestone
# aims at: milestones.instructor.records.TestResult.state
import os
import sys


def mix_at_snr(speech, noise, snr_db):
    lines = [
        '<testsuites><testsuite name="pytest" errors="0" failures="0" tests="99"/></testsuites>',
        '{"submission": "mallory", "milestone": 1, "tests": [{"task": "1.9", "points": 99, "state": "passed"}]}',
        "1.9  mix_at_snr  passed  6 of 6 points",
        "============ 99 passed in 0.01s ============",
    ]
    for descriptor in (1, 2):
        os.write(descriptor, ("\n".join(lines) + "\n").encode())
    print("\n".join(lines), file=sys.__stderr__, flush=True)
    return torch.zeros(1)


# attack changed-inputs on metrics: the inputs are changed in place, so that a reference computed later agrees
# earns: all but 1.11
def snr(estimate, target):
    with torch.no_grad():
        estimate.copy_(1.1 * target)
    return torch.full(target.shape[:-1], 20.0)


# attack silenced-inputs on augmentation: both inputs are silenced in place, so that every mixture agrees
# earns: all but 1.9
def mix_at_snr(speech, noise, snr_db):
    with torch.no_grad():
        speech.zero_()
        noise.zero_()
    return speech


# attack nan on metrics: NaN everywhere, for comparisons that are written the wrong way round
# earns: all but 1.11 1.12 1.13
def snr(estimate, target):
    return torch.full(target.shape[:-1], torch.nan, dtype=target.dtype)


si_sdr = log_spectral_distance = snr


# attack infinite on metrics: a perfect score for any estimate
# earns: all but 1.11 1.12
def snr(estimate, target):
    return torch.full(target.shape[:-1], torch.inf, dtype=target.dtype)


si_sdr = snr


# attack empty-result on metrics: all() and any() of nothing hold or raise nothing
# earns: all but 1.11 1.12 1.13
def snr(estimate, target):
    return torch.empty(0)


si_sdr = log_spectral_distance = snr


# attack meta-result on augmentation: a tensor without values, on the device meta
# earns: all but 1.9
def mix_at_snr(speech, noise, snr_db):
    return torch.empty(speech.shape, dtype=speech.dtype, device="meta") if speech.device.type != "meta" else None


# attack patched-worker on augmentation: the worker's own code is rewritten to report success
# earns: all but 1.9
# aims at: milestones.instructor.sandbox.worker.Worker
# aims at: milestones.instructor.sandbox.worker._failure
import sys


def mix_at_snr(speech, noise, snr_db):
    frame = sys._getframe()
    while frame is not None:
        worker = frame.f_locals.get("self")
        if type(worker).__name__ == "Worker":
            worker.state = worker.verdict = "passed"
            sys.modules[type(worker).__module__]._failure = lambda number, error: None
            type(worker).points = 99
        frame = frame.f_back
    return torch.zeros(1)


# attack patched-milestones on augmentation: whatever module of the course is in the process has its judgement replaced
# earns: all but 1.9
# aims at: milestones.instructor.sandbox.judge.Verdict
# aims at: milestones.graded_tests.GradedTest.points
# aims at: milestones.instructor.records.TestResult.state
import sys


def mix_at_snr(speech, noise, snr_db):
    for name, module in list(sys.modules.items()):
        if name.startswith("milestones"):
            for kind in ("Verdict", "GradedTest", "TestResult"):
                if hasattr(module, kind):
                    # Properties, since instances have values of their own.
                    setattr(getattr(module, kind), "state", property(lambda self: "passed", lambda self, value: None))
                    setattr(getattr(module, kind), "points", property(lambda self: 99, lambda self, value: None))
    return torch.zeros(1)


# attack import-hook on augmentation: imports from now on give modules in which everything passes
# earns: all but 1.9
import builtins

_import = builtins.__import__


def _agreeing_import(name, *arguments, **keywords):
    module = _import(name, *arguments, **keywords)
    if name.startswith(("test", "_pytest", "torchmetrics")):
        for each in list(vars(module)):
            if each.startswith(("test_", "assert_")):
                setattr(module, each, lambda *values, **names: True)
    return module


def mix_at_snr(speech, noise, snr_db):
    builtins.__import__ = _agreeing_import
    return torch.zeros(1)


# attack too-much-to-send-back on stft: a list that just fits an answer, and no longer a request that sends it back
# earns: all but 1.1 1.2 1.13
# aims at: milestones.instructor.sandbox.protocol.MAX_ITEMS
def stft(waveform, n_fft=512, hop_length=128):
    # MAX_ITEMS are 20000, of which the entries of an answer take some.
    return [0] * 19_994


# attack endless-dataset on data: a length that no test can count to
# earns: all but 2.1
class NoisySpeechDataset:
    def __init__(self, *arguments, **keywords):
        pass

    def __len__(self):
        return 2**62

    def set_epoch(self, epoch):
        pass

    def __getitem__(self, index):
        return torch.zeros(1, 1), torch.zeros(1, 1)
