"""Forged answers: bytes that a submission writes itself where its worker answers."""

# ruff: noqa
import json
import os
import stat
import struct
import sys


def _frame(value, sizes=(), rest=b""):
    """A frame with a body as it is given, right or not."""
    text = json.dumps({"value": value, "sizes": list(sizes)}).encode()
    return struct.pack(">I", len(text)) + text + rest


def _write_everywhere(data):
    """Write to all that is open and no plain file."""
    for descriptor in range(3, 256):
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                os.write(descriptor, data)
        except OSError:
            pass


# aims at: milestones.instructor.sandbox.worker.serve.request
def _number():
    """The number of the request that is being answered, from the frames that called."""
    frame = sys._getframe()
    while frame is not None:
        request = frame.f_locals.get("request")
        if isinstance(request, dict) and "id" in request:
            return request["id"]
        frame = frame.f_back
    return 0


def _answer(**entries):
    """The worker's own form of an answer to the request at hand, each entry as it travels."""
    whole = {
        "id": _number(),
        "result": None,
        "changed": ["dict", []],
        "generators": ["list", []],
        **entries,
    }
    return ["dict", [[key, value] for key, value in whole.items()]]


# attack garbage on augmentation: random bytes on every open descriptor
# earns: all but 1.9
def mix_at_snr(speech, noise, snr_db):
    _write_everywhere(os.urandom(10_000))
    return torch.zeros(1)


# attack false-verdict on augmentation: a well-formed frame that says that the test passed
# earns: all but 1.9
def mix_at_snr(speech, noise, snr_db):
    lines = [["state", "passed"], ["verdict", "passed"], ["points", 99], ["task", "1.9"], ["id", 0]]
    _write_everywhere(_frame(["dict", lines]))
    return torch.zeros(1)


# attack false-record on augmentation: a line of the results' file on every open descriptor
# earns: all but 1.9
# aims at: milestones.instructor.records.JobResult.tests
# aims at: milestones.instructor.records.TestResult.state
def mix_at_snr(speech, noise, snr_db):
    line = {"tests": [{"id": "test_augmentation.py::test", "task": "1.9", "points": 99, "state": "passed"}]}
    _write_everywhere(json.dumps(line).encode() + b"\n")
    return torch.zeros(1)


# attack answering-twice on augmentation: a right answer before the wrong one, and many afterwards
# earns: all but 1.9
_right = mix_at_snr


def mix_at_snr(speech, noise, snr_db):
    _write_everywhere(_frame(_answer(result=True)) * 20)
    return torch.zeros(1)


# attack huge-length on augmentation: a length of four gigabytes, and nothing that follows
# earns: all but 1.9
def mix_at_snr(speech, noise, snr_db):
    _write_everywhere(b"\xff\xff\xff\xff")
    return torch.zeros(1)


# attack huge-sizes on augmentation: buffers of an exabyte are announced
# earns: all but 1.9
def mix_at_snr(speech, noise, snr_db):
    tensor = ["tensor", 0, "float32", [10**17], False]
    _write_everywhere(_frame(_answer(result=tensor), [4 * 10**17]))
    return torch.zeros(1)


# attack wrong-sizes on augmentation: sizes that are negative, NaN, infinite, true, text, or lists
# earns: all but 1.9
def mix_at_snr(speech, noise, snr_db):
    sizes = {1: -1, 2: float("nan"), 3: float("inf")}.get(speech.dim(), True)
    _write_everywhere(_frame(_answer(), [sizes, "12", [1], None, 2**63, -(2**63)]))
    return torch.zeros(1)


# attack deep-json on augmentation: a hundred thousand lists within one another
# earns: all but 1.9
def mix_at_snr(speech, noise, snr_db):
    text = b'{"value": ' + b"[" * 100_000 + b"]" * 100_000 + b', "sizes": []}'
    _write_everywhere(struct.pack(">I", len(text)) + text)
    return torch.zeros(1)


# attack many-parts on augmentation: a million empty parts in an answer
# earns: all but 1.9
def mix_at_snr(speech, noise, snr_db):
    parts = ",".join(["0"] * 1_000_000)
    text = f'{{"value": ["list", [{parts}]], "sizes": []}}'.encode()
    _write_everywhere(struct.pack(">I", len(text)) + text)
    return torch.zeros(1)


# attack long-integer on augmentation: an integer of three million digits, which takes minutes to read
# earns: all but 1.9
def mix_at_snr(speech, noise, snr_db):
    text = b'{"value": ' + b"9" * 3_000_000 + b', "sizes": []}'
    _write_everywhere(struct.pack(">I", len(text)) + text)
    return torch.zeros(1)


# attack pickle on augmentation: a pickle that makes a folder where it is read
# earns: all but 1.9
import pickle


class _Maker:
    def __reduce__(self):
        return os.mkdir, ("/tmp/left-by-an-attack",)


def mix_at_snr(speech, noise, snr_db):
    data = pickle.dumps(_Maker())
    _write_everywhere(data)
    _write_everywhere(struct.pack(">I", len(data)) + data)
    return torch.zeros(1)


# attack returned-pickle on augmentation: an object that would do something where it is unpickled is returned
# earns: all but 1.9
class _Maker:
    def __reduce__(self):
        return os.mkdir, ("/tmp/left-by-an-attack",)


def mix_at_snr(speech, noise, snr_db):
    return _Maker()


# attack wrong-tensors on augmentation: tensors whose shapes, dtypes and buffers do not fit together
# earns: all but 1.9
def mix_at_snr(speech, noise, snr_db):
    forged = {
        1: ["tensor", 0, "float32", [2, -1], False],
        2: ["tensor", -1, "float32", [1], True],
        3: ["tensor", 0, "object", [1], False],
    }.get(speech.dim(), ["tensor", 0, "float32", [2**20] * 4, False])
    _write_everywhere(_frame(_answer(result=forged), [4], b"\0\0\0\0"))
    return torch.zeros(1)


# attack wrong-changes on augmentation: changes of inputs that are not there, or of another shape
# earns: all but 1.9
def mix_at_snr(speech, noise, snr_db):
    tensor = ["tensor", None, "float32", [2**39], False]
    index = str(-1 if speech.dim() > 2 else 10**6)
    _write_everywhere(_frame(_answer(changed=["dict", [[index, tensor], ["x", "y"], ["0", 1]]])))
    return torch.zeros(1)


# attack wrong-generator on augmentation: a state of a random generator whose position lies outside it
# earns: all but 1.7
_right_noise = white_noise


def white_noise(*shape, generator):
    state = bytes(generator.get_state().numpy())
    forged = state[:8] + b"\x7f" * (len(state) - 8)
    generators = ["list", [["generator", 0]] * (1 if shape[-1] % 2 else 3)]
    _write_everywhere(_frame(_answer(generators=generators), [len(forged)], forged))
    return torch.zeros(1)


def pink_noise(*shape, generator):
    return white_noise(*shape, generator=generator)


# attack wrong-error on augmentation: an error whose class and text are not text, or are the grader's own
# earns: all but 1.9
def mix_at_snr(speech, noise, snr_db):
    error = {
        1: ["dict", [["type", ["list", []]], ["builtin", 3], ["message", None]]],
        2: ["dict", [["type", "GraderFault"], ["builtin", "GraderFault"], ["message", "x" * 10**6]]],
    }.get(speech.dim(), ["list", []])
    _write_everywhere(_frame(["dict", [["id", _number()], ["error", error]]]))
    return torch.zeros(1)


# attack half-a-frame on augmentation: the process ends in the middle of an answer
# earns: all but 1.9
def mix_at_snr(speech, noise, snr_db):
    _write_everywhere(_frame(_answer(result=True))[:-9])
    os._exit(0)


# attack dripping on stft: an answer of which a byte comes now and then
# earns: all but 1.2, perhaps not 1.1
import time


def istft(spectrogram, length=None, n_fft=512, hop_length=128):
    for byte in _frame(_answer(result=True)) * 1000:
        _write_everywhere(bytes([byte]))
        time.sleep(0.3)


# attack flooding-frames on stft: frames without end
# earns: all but 1.2, perhaps not 1.1
def istft(spectrogram, length=None, n_fft=512, hop_length=128):
    while True:
        _write_everywhere(_frame(_answer(id=0)) * 100)


# attack odd-text on augmentation: an error's text with lone surrogates, markup, formulas, escapes and line ends
# earns: all but 1.9
def mix_at_snr(speech, noise, snr_db):
    parts = [
        "\ud800\udfff\x00\x1b[2J\x1b]0;owned\x07\u202e",
        "</td></table><script>document.title='left-by-an-attack'</script><img src=x onerror=alert(1)>",
        "=HYPERLINK(1)\r\n=cmd|' /C calc'!A0,passed,99\n{{ 7 * 7 }}{% for %}",
    ]
    raise RuntimeError("".join(parts))
