"""Breaking others: a right answer, and a process that the next test would find spoilt."""

# ruff: noqa
import os
import signal
import sys


def _after(spoil):
    """Task 1.9 as it must be, and then something else."""
    right = globals()["mix_at_snr"]

    def attacked(speech, noise, snr_db):
        result = right(speech, noise, snr_db)
        spoil()
        return result

    return attacked


# attack default-dtype on augmentation: numbers are doubles from now on
# earns: all, perhaps not 1.9
mix_at_snr = _after(lambda: torch.set_default_dtype(torch.float64))


# attack default-dtype-at-import on augmentation: numbers are half as precise from the import on
# earns: all, perhaps not 1.7 1.8 1.9 1.10
torch.set_default_dtype(torch.float16)


# attack default-device on augmentation: tensors are made without values from now on
# earns: all, perhaps not 1.9
mix_at_snr = _after(lambda: torch.set_default_device("meta"))


# attack determinism on augmentation: torch is told to be deterministic, to find anomalies, and to flush small numbers
# earns: all, perhaps not 1.9
def _spoil():
    torch.use_deterministic_algorithms(True)
    torch.autograd.set_detect_anomaly(True)
    torch.set_flush_denormal(True)
    torch.set_printoptions(precision=1, threshold=1)


mix_at_snr = _after(_spoil)


# attack no-gradients on augmentation: gradients are switched off, once for all
# earns: all, perhaps not 1.9
def _spoil():
    torch.set_grad_enabled(False)
    torch._C._set_grad_enabled(False)
    torch.inference_mode(True).__enter__()


mix_at_snr = _after(_spoil)


# attack threads-of-torch on augmentation: torch gets a thousand threads
# earns: all, perhaps not 1.9
mix_at_snr = _after(lambda: torch.set_num_threads(1000))


# attack broken-torch on augmentation: torch.stft, torch.istft and the Fourier transforms give silence
# earns: all, perhaps not 1.7 1.9
def _spoil():
    silence = lambda *arguments, **keywords: torch.zeros(1)
    torch.stft = torch.istft = torch.fft.rfft = torch.fft.irfft = torch.where = torch.log10 = silence


mix_at_snr = _after(_spoil)


# attack broken-tensors on augmentation: methods of tensors give zeros
# earns: all, perhaps not 1.9
def _spoil():
    for name in ("mean", "sum", "square", "sqrt", "abs", "reshape", "detach", "contiguous"):
        setattr(torch.Tensor, name, lambda self, *arguments, **keywords: torch.zeros(1))


mix_at_snr = _after(_spoil)


# attack others-modules on augmentation: functions of the other modules are replaced
# earns: all, perhaps not 1.9
def _spoil():
    import speech_enhancement.masking
    import speech_enhancement.metrics
    import speech_enhancement.stft

    for module in (speech_enhancement.masking, speech_enhancement.metrics, speech_enhancement.stft):
        for name in [name for name in vars(module) if callable(vars(module)[name])]:
            setattr(module, name, lambda *arguments, **keywords: None)


mix_at_snr = _after(_spoil)


# attack sleeper on augmentation: the worker is changed so that calls of other modules never come back
# earns: all, perhaps not 1.9
# aims at: milestones.instructor.sandbox.worker.Worker
# aims at: milestones.instructor.sandbox.worker.Worker._carry_out.request
def _spoil():
    import time

    frame = sys._getframe()
    while frame is not None:
        worker = frame.f_locals.get("self")
        if type(worker).__name__ == "Worker":
            kind = type(worker)
            carry_out = kind._carry_out
            kind._carry_out = lambda self, request: (
                carry_out(self, request) if request["call"].startswith("augmentation") else time.sleep(10**6)
            )
            return
        frame = frame.f_back


mix_at_snr = _after(_spoil)


# attack broken-protocol on augmentation: the worker's way to read and write is changed
# earns: all, perhaps not 1.9
# aims at: milestones.instructor.sandbox.protocol.Decoder
# aims at: milestones.instructor.sandbox.protocol.Encoder
# aims at: milestones.instructor.sandbox.worker.Channel
def _spoil():
    for name, module in list(sys.modules.items()):
        if name.startswith("milestones."):
            for kind in ("Decoder", "Encoder", "Channel"):
                if hasattr(module, kind):
                    setattr(module, kind, None)


mix_at_snr = _after(_spoil)


# attack no-path on augmentation: nothing can be imported any more
# earns: all, perhaps not 1.9
def _spoil():
    sys.path.clear()
    sys.path_importer_cache.clear()
    sys.meta_path.clear()


mix_at_snr = _after(_spoil)


# attack no-modules on augmentation: the table of modules is emptied
# earns: all, perhaps not 1.9
mix_at_snr = _after(lambda: sys.modules.clear())


# attack elsewhere on augmentation: the working folder is another one
# earns: all, perhaps not 1.9
def _spoil():
    os.makedirs("deep/er", exist_ok=True)
    for folder in ("deep/er", "/", "/tmp"):
        try:
            os.chdir(folder)
        except OSError:
            pass


mix_at_snr = _after(_spoil)


# attack closed-streams on augmentation: standard input, output and error are closed
# earns: all, perhaps not 1.9
def _spoil():
    sys.stdin = sys.stdout = sys.stderr = sys.__stdout__ = sys.__stderr__ = None
    for descriptor in range(3):
        os.close(descriptor)


mix_at_snr = _after(_spoil)


# attack closed-descriptors on augmentation: all that is open is closed
# earns: all but 1.9
mix_at_snr = _after(lambda: os.closerange(0, 1024))


# attack swapped-descriptors on augmentation: every open descriptor leads to nowhere
# earns: all but 1.9
def _spoil():
    null = os.open("/dev/null", os.O_RDWR)
    for descriptor in range(256):
        try:
            os.fstat(descriptor)
            os.dup2(null, descriptor)
        except OSError:
            pass
    os._exit(0)


mix_at_snr = _after(_spoil)


# attack builtins on augmentation: builtin functions lie
# earns: all, perhaps not 1.9
def _spoil():
    import builtins

    builtins.len = lambda each: 0
    builtins.isinstance = lambda each, kinds: False
    builtins.sum = builtins.max = builtins.min = builtins.abs = lambda *arguments, **keywords: 0
    builtins.range = lambda *arguments: []


mix_at_snr = _after(_spoil)


# attack environment on augmentation: environment, locale and time zone are changed
# earns: all, perhaps not 1.9
def _spoil():
    import locale
    import time

    os.environ.clear()
    os.environ["TZ"] = "Asia/Kathmandu"
    time.tzset()
    for name in ("de_DE.UTF-8", "tr_TR.UTF-8", "C"):
        try:
            locale.setlocale(locale.LC_ALL, name)
        except locale.Error:
            pass


mix_at_snr = _after(_spoil)


# attack removed-files on augmentation: all files that it may remove are removed
# earns: all, perhaps not 1.9
# aims at: milestones.instructor.sandbox.server_process.FOLDER_PREFIX
# aims at: milestones.instructor.sandbox.grading_server.SCRATCH_FOLDER
def _spoil():
    own = os.path.dirname(sys.modules[__name__].__file__)
    # Only what lies where a worker may write; elsewhere nothing is tried.
    for top in (os.getcwd(), own):
        if "grading_" not in top and "scratch" not in top:
            continue
        for folder, folders, names in os.walk(top, topdown=False):
            for action, each in [(os.unlink, name) for name in names] + [(os.rmdir, name) for name in folders]:
                try:
                    action(os.path.join(folder, each))
                except OSError:
                    pass
        try:
            os.rmdir(top)
        except OSError:
            pass


mix_at_snr = _after(_spoil)


# attack occupied-names on data: names that tests may use for their files are taken by folders
# earns: all, perhaps not 2.1
# aims at: milestones.instructor.sandbox.scratch.TESTS
_Right = NoisySpeechDataset


class NoisySpeechDataset(_Right):
    def __init__(self, *arguments, **keywords):
        super().__init__(*arguments, **keywords)
        for name in ("pytest-0", "stereo.wav", "three.wav", "quiet.wav", "positive.wav", "checkpoint.pt", "test_0"):
            for folder in (".", "../tests"):
                os.makedirs(os.path.join(folder, name, name), exist_ok=True)


# attack left-for-the-next on augmentation: locked folders are left for the next worker, which tells of them
# earns: all but 1.9
# aims at: milestones.instructor.sandbox.scratch.TESTS
_left = ("left-by-an-attack", "../tests/left-by-an-attack", "/dev/shm/left-by-an-attack")
if any(os.path.exists(path) for path in _left):
    raise RuntimeError("told-what-is-hidden: left by the last worker")


def mix_at_snr(speech, noise, snr_db):
    for path in _left:
        try:
            os.mkdir(path, 0o300)
            os.close(os.open(os.path.join(path, "hidden inputs"), os.O_CREAT | os.O_WRONLY, 0))
        except OSError:
            pass
    os._exit(0)


# attack left-in-shared-memory on augmentation: a file in /dev/shm is left for the next worker, which tells of it
# earns: all but 1.9
if os.path.exists("/dev/shm/left-by-an-attack"):
    raise RuntimeError("told-what-is-hidden: left by the last worker")


def mix_at_snr(speech, noise, snr_db):
    with open("/dev/shm/left-by-an-attack", "w") as file:
        file.write("hidden inputs")
    os._exit(0)


# attack left-by-a-child on data: a child goes on writing files after the test, and the next worker tells of them
# earns: all, perhaps not 2.1
_Right = NoisySpeechDataset


class NoisySpeechDataset(_Right):
    def __init__(self, *arguments, **keywords):
        if any(name.startswith("left-by") and not name.endswith(f"-{os.getpid()}") for name in os.listdir(".")):
            raise RuntimeError("told-what-is-hidden: left by the child of another worker")
        super().__init__(*arguments, **keywords)
        worker = os.getpid()
        try:
            child = os.fork()
        except OSError:
            return
        if child == 0:
            for _ in range(5000):
                os.close(os.open(f"left-by-an-attack-{worker}", os.O_CREAT | os.O_WRONLY))
            os._exit(0)


# attack seeds on augmentation: all random states are set, and drawing gives always the same
# earns: all, perhaps not 1.9
def _spoil():
    import random

    import numpy

    torch.manual_seed(0)
    random.seed(0)
    numpy.random.seed(0)
    random.random = lambda: 0.5
    torch.rand = torch.randn = torch.randint = torch.randperm = lambda *arguments, **keywords: torch.zeros(1)


mix_at_snr = _after(_spoil)


# attack recursion-limit on augmentation: hardly a function may call another
# earns: all, perhaps not 1.9
def _spoil():
    for limit in range(10, 200):
        try:
            sys.setrecursionlimit(limit)
            return
        except RecursionError:
            pass


mix_at_snr = _after(_spoil)


# attack garbage-collection on augmentation: nothing is collected any more, and much is to be
# earns: all, perhaps not 1.9
def _spoil():
    import gc

    gc.disable()
    gc.freeze()
    gc.callbacks.append(lambda *arguments: 1 / 0)
    for _ in range(10_000):
        circle = []
        circle.append(circle)


mix_at_snr = _after(_spoil)


# attack handlers on augmentation: signals are ignored, and an alarm is set that raises
# earns: all, perhaps not 1.9
def _spoil():
    def handler(number, frame):
        raise SystemExit(0)

    for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.2, 0.2)


mix_at_snr = _after(_spoil)


# attack alarm on augmentation: the process is killed by its own alarm in the next test
# earns: all, perhaps not 1.9
def _spoil():
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, 0.05)


mix_at_snr = _after(_spoil)


# attack tracing on augmentation: every function that is called from now on raises
# earns: all, perhaps not 1.9
def _spoil():
    import threading

    def trace(frame, event, argument):
        raise RuntimeError("traced")

    sys.setprofile(trace)
    threading.setprofile(trace)
    sys.settrace(trace)


mix_at_snr = _after(_spoil)


# attack errors-from-warnings on augmentation: warnings and rounding raise
# earns: all, perhaps not 1.9
def _spoil():
    import warnings

    import numpy

    warnings.simplefilter("error")
    numpy.seterr(all="raise")


mix_at_snr = _after(_spoil)


# attack clocks on augmentation: clocks stand still, and sleeping never ends
# earns: all, perhaps not 1.9
def _spoil():
    import time

    time.time = time.monotonic = time.perf_counter = lambda: 0.0
    time.sleep = lambda seconds: [None for _ in iter(int, 1)]


mix_at_snr = _after(_spoil)


# attack rounding on augmentation: the processor rounds towards zero from now on
# earns: all, perhaps not 1.9
def _spoil():
    import ctypes
    import ctypes.util

    downwards = {"x86_64": 0xC00}.get(os.uname().machine, 0xC00000)
    ctypes.CDLL(ctypes.util.find_library("m") or "libm.so.6").fesetround(downwards)


mix_at_snr = _after(_spoil)


# attack lazy-tensors on augmentation: a mode that changes every operation of torch is never left
# earns: all, perhaps not 1.9
def _spoil():
    from torch.overrides import TorchFunctionMode

    class Zeros(TorchFunctionMode):
        def __torch_function__(self, function, types, arguments=(), keywords=None):
            result = function(*arguments, **(keywords or {}))
            return result * 0 if isinstance(result, torch.Tensor) and result.is_floating_point() else result

    Zeros().__enter__()


mix_at_snr = _after(_spoil)
