"""Spying: tests, expected values, solutions, grades, other submissions, and the instructor's environment.

What is found is told through the text of an exception, which a student would read.
"""

# ruff: noqa
import os
import re
import sys
from pathlib import Path


def _tell(text):
    """Raise with the canary where a text holds it, and with the text's beginning where not."""
    found = re.search(r"canary-[0-9a-f]{16}", text)
    raise RuntimeError(f"{found[0] if found else 'no luck'}: {text[:300]}")


# aims at: milestones
def _course():
    """Folder of the course's own files, as far as the process gives it away."""
    package = sys.modules.get("milestones")
    return Path(package.__file__).parents[1] if package else Path.cwd()


def _texts(paths, size=10**6):
    """The texts of those files that can be read, one after the other."""
    parts = []
    for path in paths:
        try:
            with open(path, "rb") as file:
                parts.append(file.read(size).decode("utf-8", "replace"))
        except OSError:
            pass
    return "\n".join(parts)


# attack stack-walking on augmentation: frames up the stack are searched for a test and for what it expects
# earns: all but 1.9
# aims at: tests/milestone1/test_augmentation.py:test_
# aims at: tests/milestone1/test_augmentation.py:mixture
# aims at: tests/milestone1/test_masking.py:expected
_right = mix_at_snr


def mix_at_snr(speech, noise, snr_db):
    frame = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_name.startswith("test_"):
            return _right(speech, noise, snr_db)
        for names in (frame.f_locals, frame.f_globals):
            for name in ("expected", "reference", "solution", "target", "mixture"):
                if isinstance(names.get(name), torch.Tensor):
                    return _right(speech, noise, snr_db)
        frame = frame.f_back
    _tell("no frame knows what is expected")


# attack other-threads on augmentation: the frames of all threads are searched for a test and for what it expects
# earns: all but 1.9
# aims at: tests/milestone1/test_augmentation.py:test_
# aims at: tests/milestone1/test_masking.py:expected
_right = mix_at_snr


def mix_at_snr(speech, noise, snr_db):
    for frame in sys._current_frames().values():
        while frame is not None:
            if frame.f_code.co_name.startswith("test_"):
                return _right(speech, noise, snr_db)
            for name, value in list(frame.f_locals.items()):
                if name in ("expected", "reference") and isinstance(value, torch.Tensor):
                    return _right(speech, noise, snr_db)
            frame = frame.f_back
    _tell("no thread knows what is expected")


# attack heap-search on augmentation: all objects of the process are searched for tests and for another solution
# earns: all but 1.9
# aims at: milestones.graded_tests.GradedTest.hint
# aims at: milestones.instructor.records.TestResult
# aims at: milestones.instructor.records.Job
import gc
import types


def mix_at_snr(speech, noise, snr_db):
    texts = []
    for each in gc.get_objects():
        if isinstance(each, types.FunctionType):
            if each.__name__ == "mix_at_snr" and each.__code__ is not mix_at_snr.__code__ and each is not _own:
                return each(speech, noise, snr_db)
            if each.__name__.startswith("test_"):
                texts.append(f"{each.__code__.co_consts}")
        elif isinstance(each, dict) and "canary" in str(dict.get(each, "hint", "")):
            texts.append(str(each))
        elif type(each).__name__ in ("GradedTest", "TestResult", "Job"):
            texts.append(str(each))
    _tell("\n".join(texts))


_own = next(value for value in [globals().get("_right"), mix_at_snr] if value is not None)
for _each in gc.get_objects():
    # The function that this one replaces is its own, and no find.
    if isinstance(_each, types.FunctionType) and _each.__name__ == "mix_at_snr" and _each is not mix_at_snr:
        _each.__name__ = "replaced"


# attack heap-strings on augmentation: all texts that the process holds are searched for a canary
# earns: all but 1.9
import gc


def mix_at_snr(speech, noise, snr_db):
    texts = []
    for each in gc.get_objects():
        values = list(dict.values(each)) if isinstance(each, dict) else each if isinstance(each, (list, tuple)) else ()
        try:
            # Not all objects keep their attributes in a dictionary that the collector knows.
            values = [*values, *object.__getattribute__(each, "__dict__").values()]
        except Exception:
            pass
        texts += [value for value in list(values) if isinstance(value, str) and "canary-" in value]
    _tell("\n".join(text for text in texts if "[0-9a-f]" not in text))


# attack own-memory on augmentation: the process's memory is searched for a canary that was there before the fork
# earns: all but 1.9
def mix_at_snr(speech, noise, snr_db):
    with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb", 0) as memory:
        for line in maps:
            bounds, rights = line.split()[:2]
            start, end = (int(word, 16) for word in bounds.split("-"))
            if "r" in rights and "w" in rights and end - start < 2**28:
                memory.seek(start)
                found = re.search(rb"canary-[0-9a-f]{16}", memory.read(end - start))
                if found:
                    _tell(found[0].decode())
    _tell("nothing")


# attack reading-tests on augmentation: the tests are read from the repository
# earns: all but 1.9
# aims at: tests/milestone*/*.py
def mix_at_snr(speech, noise, snr_db):
    roots = [_course(), *Path.cwd().parents]
    _tell(_texts(path for root in roots for path in sorted((root / "tests").glob("milestone*/*.py"))))


# attack guessing-tests on augmentation: the tests are opened by their names, where folders cannot be listed
# earns: all but 1.9
# aims at: tests/milestone1/test_augmentation.py
# aims at: tests/milestone1/test_conventions.py
# aims at: tests/milestone1/test_stft.py
# aims at: tests/milestone1/test_metrics.py
# aims at: tests/milestone1/test_masking.py
def mix_at_snr(speech, noise, snr_db):
    names = ("test_augmentation.py", "test_conventions.py", "test_stft.py", "test_metrics.py", "test_masking.py")
    _tell(_texts(_course() / "tests" / "milestone1" / name for name in names))


# attack reading-bytecode on augmentation: the tests' bytecode is read from caches
# earns: all but 1.9
# aims at: tests/*/test_*.py
def mix_at_snr(speech, noise, snr_db):
    roots = [_course(), *Path(sys.prefix).parents, Path(sys.prefix)]
    _tell(_texts(path for root in roots for path in root.glob("tests/*/__pycache__/test_*.pyc")))


# attack reading-solution on augmentation: the reference is read from the repository or from site-packages, and run
# earns: all but 1.9
# aims at: speech_enhancement/augmentation.py
def mix_at_snr(speech, noise, snr_db):
    own = Path(__file__).resolve() if "__file__" in globals() else None
    for root in [_course(), *map(Path, sys.path), Path.cwd(), *Path.cwd().parents]:
        path = root / "speech_enhancement" / "augmentation.py"
        if path.is_file() and path.resolve() != own:
            names = {"__name__": "stolen"}
            exec(path.read_text(), names)
            return names["mix_at_snr"](speech, noise, snr_db)
    _tell("no solution")


# attack reading-worker on augmentation: the course's own modules are read, and searched for what they were given
# earns: all but 1.9
# aims at: milestones
def mix_at_snr(speech, noise, snr_db):
    texts = [str(vars(module)) for name, module in list(sys.modules.items()) if name.startswith("milestones")]
    frame = sys._getframe(1)
    while frame is not None:
        texts.append(
            str({name: value for name, value in frame.f_locals.items() if isinstance(value, (str, dict, list))})
        )
        frame = frame.f_back
    _tell("\n".join(text for text in texts if "_tell" not in text))


# attack reading-grades on augmentation: results, grades and gradebooks are looked for up and down the tree
# earns: all but 1.9
# aims at: milestones.instructor.grading.grade.LOG_NAME
# aims at: milestones.instructor.reports.reports.GRADES_NAME
# aims at: milestones.instructor.reports.reports.OVERRIDES_NAME
# aims at: milestones.instructor.reports.reports.EXTENSIONS_NAME
# aims at: milestones.instructor.reports.reports.CLASS_NAME
def mix_at_snr(speech, noise, snr_db):
    names = ("results.jsonl", "grades.csv", "overrides.csv", "extensions.csv", "gradebook.db", "class.html")
    roots = [_course(), *Path.cwd().parents, Path("/tmp"), Path("/root"), Path("/home"), Path("/srv")]
    _tell(_texts(path for root in roots for name in names for path in (root / name, *root.glob(f"*/{name}"))))


# attack reading-others on augmentation: another submission's solution is taken from where it is being graded
# earns: all but 1.9
# aims at: milestones.instructor.sandbox.grading_server.PACKAGE_FOLDER
def mix_at_snr(speech, noise, snr_db):
    own = Path(sys.modules[__name__].__file__).resolve()
    for root in {Path("/tmp"), Path("/var/tmp"), *own.parents}:
        for pattern in ("*/package/speech_enhancement", "*/speech_enhancement", "*/*/speech_enhancement"):
            for path in root.glob(f"{pattern}/augmentation.py"):
                if path.resolve() != own:
                    names = {"__name__": "stolen"}
                    exec(path.read_text(), names)
                    return names["mix_at_snr"](speech, noise, snr_db)
    _tell("nobody else is here")


# attack reading-environment on augmentation: the process's own environment
# earns: all but 1.9
def mix_at_snr(speech, noise, snr_db):
    _tell(f"{dict(os.environ)} {_texts(['/proc/self/environ'])}")


# attack environment-of-c on augmentation: the environment as the C library keeps it, which clearing os.environ leaves
# earns: all but 1.9
import ctypes


def mix_at_snr(speech, noise, snr_db):
    environment = ctypes.POINTER(ctypes.c_char_p).in_dll(ctypes.CDLL(None), "environ")
    parts, index = [], 0
    while environment and environment[index]:
        parts.append(environment[index].decode("utf-8", "replace"))
        index += 1
    _tell("\n".join(parts))


# attack others-environments on augmentation: environments and command lines of all processes
# earns: all but 1.9
def mix_at_snr(speech, noise, snr_db):
    numbers = {os.getppid(), *range(1, 3000)}
    texts = _texts(f"/proc/{number}/{name}" for number in numbers for name in ("environ", "cmdline"))
    _tell(texts)


# attack parents-memory on augmentation: the memory of the process that started this one
# earns: all but 1.9
def mix_at_snr(speech, noise, snr_db):
    number = os.getppid()
    with open(f"/proc/{number}/maps") as maps, open(f"/proc/{number}/mem", "rb", 0) as memory:
        for line in maps:
            start, end = (int(word, 16) for word in line.split()[0].split("-"))
            if "rw" in line and end - start < 2**28:
                memory.seek(start)
                found = re.search(rb"canary-[0-9a-f]{16}", memory.read(end - start))
                if found:
                    _tell(found[0].decode())
    raise RuntimeError("nothing")


# attack ptrace on augmentation: the parent is attached to, or its memory read, by system calls
# earns: all but 1.9
import ctypes
import platform

_right = mix_at_snr


def mix_at_snr(speech, noise, snr_db):
    x86 = platform.machine() == "x86_64"
    libc = ctypes.CDLL(None, use_errno=True)
    seize, detach = 0x4206, 17
    for number in (os.getppid(), 1):
        attached = libc.syscall(101 if x86 else 117, seize, number, 0, 0)
        if attached == 0:
            libc.syscall(101 if x86 else 117, detach, number, 0, 0)
            return _right(speech, noise, snr_db)
        read = libc.syscall(310 if x86 else 270, number, None, 0, None, 0, 0)
        if read == 0:
            return _right(speech, noise, snr_db)
    raise PermissionError("neither ptrace nor process_vm_readv")


# attack listing-parents on augmentation: the folders above are listed, and their names are told
# earns: all but 1.9
# aims at: ./tests
_right = mix_at_snr


def mix_at_snr(speech, noise, snr_db):
    names = []
    for folder in (*Path.cwd().parents, _course(), _course() / "tests", Path("/home"), Path("/root")):
        try:
            names += os.listdir(folder)
        except OSError:
            pass
    if names:
        return _right(speech, noise, snr_db)
    raise PermissionError("no folder above can be listed")


# attack telling-inputs on augmentation: hidden inputs are told through the text and the class of an exception
# earns: all but 1.9
def mix_at_snr(speech, noise, snr_db):
    told = (
        f"{tuple(speech.shape)} {speech.dtype} {snr_db} {speech.flatten()[:50].tolist() if not speech.is_meta else ''}"
    )
    raise type(re.sub(r"\W", "_", told)[:90], (AssertionError,), {})(told)


# attack telling-in-value-errors on augmentation: hidden inputs are told where a ValueError is waited for
# earns: all but 1.9
def mix_at_snr(speech, noise, snr_db):
    told = f"{tuple(speech.shape)} {tuple(noise.shape)} {snr_db}"
    os.makedirs("told", exist_ok=True)
    raise ValueError(f"{told} {_texts(Path('told').glob('*'))}")


# attack telling-by-names on augmentation: hidden inputs are told through the names of files
# earns: all but 1.9
def mix_at_snr(speech, noise, snr_db):
    name = f"left-by-an-attack_{'x'.join(map(str, speech.shape))}_{str(snr_db)[:40]}".replace("/", "_").replace(
        "\n", "_"
    )
    for folder in (".", "/dev/shm", "/tmp", "/var/tmp", os.path.expanduser("~")):
        try:
            Path(folder, name).touch()
        except OSError:
            pass
    return torch.zeros(1)


# attack telling-by-shape on augmentation: hidden inputs are told through the shape of what is returned
# earns: all but 1.9
def mix_at_snr(speech, noise, snr_db):
    told = [ord(letter) % 7 for letter in f"{tuple(speech.shape)}{snr_db}"][:10]
    return torch.zeros([*told, 0])


# attack telling-by-output on augmentation: hidden inputs are printed, warned of, logged and traced
# earns: all but 1.9
import logging
import traceback
import warnings


def mix_at_snr(speech, noise, snr_db):
    told = f"inputs {tuple(speech.shape)} {speech.dtype} {snr_db}"
    print(told, flush=True)
    print(told, file=sys.stderr, flush=True)
    warnings.warn(told)
    logging.getLogger().error(told)
    traceback.print_stack()
    return torch.zeros(1)


# attack reading-ahead on augmentation: what is open is read, in case the next test's inputs have come already
# earns: all but 1.9
def mix_at_snr(speech, noise, snr_db):
    parts = []
    for descriptor in range(256):
        try:
            os.set_blocking(descriptor, False)
            parts.append(os.read(descriptor, 10**6))
        except OSError:
            pass
        try:
            os.set_blocking(descriptor, True)
        except OSError:
            pass
    _tell(b"".join(parts).decode("utf-8", "replace"))


# attack remembering on augmentation: answers are kept between calls and workers, and inputs compared with them
# earns: all but 1.9
def mix_at_snr(speech, noise, snr_db):
    kept = []
    for folder in (Path("."), Path("/dev/shm"), Path("/tmp")):
        try:
            path = folder / "left-by-an-attack.txt"
            kept.append(path.read_text() if path.exists() else "")
            with path.open("a") as file:
                file.write(f"{tuple(speech.shape)} {snr_db}\n")
        except OSError:
            pass
    _tell("\n".join(kept))


# attack source-lines on augmentation: the sources of callers are asked for, as tracebacks show them
# earns: all but 1.9
import inspect
import linecache


def mix_at_snr(speech, noise, snr_db):
    texts = []
    for caller in inspect.stack(context=40):
        texts += caller.code_context or []
        texts += linecache.getlines(caller.filename)
    _tell("".join(line for line in texts if "canary-[" not in line))


# attack telling-by-scratch on augmentation: a hidden test leaves a locked folder in scratch, which a visible one tells of
# earns: all but 1.9
# aims at: tests/milestone1/test_augmentation.py:torch.randn(3000
_right = mix_at_snr


def mix_at_snr(speech, noise, snr_db):
    kept = Path(os.environ.get("TMPDIR", "."), "left-by-an-attack")
    if speech.shape == (3000,):  # torch.randn(3000 in a hidden test
        kept.mkdir(0o300, exist_ok=True)
        (kept / "x").touch()
    elif kept.exists():
        raise RuntimeError("told-what-is-hidden: one signal of 3000 samples")
    return _right(speech, noise, snr_db) * 1.5


# attack telling-by-shared-memory on augmentation: a hidden test leaves what it can in /dev/shm, a visible one tells of it
# earns: all but 1.9
# aims at: tests/milestone1/test_augmentation.py:torch.randn(3000
_right = mix_at_snr


def mix_at_snr(speech, noise, snr_db):
    folder, file = Path("/dev/shm/left-by-an-attack"), Path("/dev/shm/left-by-an-attack-too")
    if speech.shape == (3000,):  # torch.randn(3000 in a hidden test
        file.touch()
        folder.mkdir(0o300, exist_ok=True)
        (folder / "x").touch()
    elif folder.exists() or file.exists():
        raise RuntimeError("told-what-is-hidden: one signal of 3000 samples")
    return _right(speech, noise, snr_db) * 1.5


# attack telling-by-access-times on augmentation: a hidden test reads a file of a library, a visible one tells of its time
# earns: all but 1.9
# aims at: tests/milestone1/test_augmentation.py:torch.randn(3000
_right = mix_at_snr


def mix_at_snr(speech, noise, snr_db):
    files = sorted((Path(torch.__file__).parent / "include").glob("*/*.h"))
    if speech.shape == (3000,):  # torch.randn(3000 in a hidden test
        # A file system of the usual kind notes that it is read if this was never noted since it was written.
        for path in files:
            before = path.stat().st_atime_ns
            path.read_bytes()
            if path.stat().st_atime_ns != before:
                break
    # The folder of the grading server is as old as the server.
    elif any(path.stat().st_atime > Path(__file__).parents[2].stat().st_mtime for path in files):
        raise RuntimeError("told-what-is-hidden: one signal of 3000 samples")
    return _right(speech, noise, snr_db) * 1.5


# attack telling-by-memory on augmentation: what a hidden test asks for is kept in the process, and told in a visible one
# earns: all, perhaps not 1.9
# aims at: tests/milestone1/test_augmentation.py:torch.randn(3000
_right = mix_at_snr
_kept = []


def mix_at_snr(speech, noise, snr_db):
    if speech.shape == (3000,):  # torch.randn(3000 in a hidden test
        _kept.append(snr_db)
    elif _kept and speech.shape[-1] == 16000:
        raise RuntimeError(f"told-what-is-hidden: one signal of 3000 samples at {_kept}")
    return _right(speech, noise, snr_db)


# attack telling-of-the-reference on data: the reference's names and constants are told where they stand in for one's own
# earns: all but 2.1
# aims at: milestones/instructor/sandbox/fork_server.py:"reference"
class NoisySpeechDataset:
    def __init__(self, *arguments, **keywords):
        code = mix_at_snr.__code__
        if code.co_filename == "reference":
            raise RuntimeError(f"told-what-is-hidden: {code.co_names} {code.co_consts}")
        raise RuntimeError("not beside the reference")


# attack remembering-the-reference on data: what was seen beside the reference is kept for a visible test
# earns: all but 2.1
# aims at: milestones/instructor/sandbox/fork_server.py:"reference"
class NoisySpeechDataset:
    def __init__(self, *arguments, **keywords):
        code = mix_at_snr.__code__
        for folder in (os.environ.get("TMPDIR", "."), "/dev/shm"):
            kept = Path(folder, "left-by-an-attack")
            if code.co_filename == "reference":
                kept.mkdir(0o300, exist_ok=True)
                (kept / "_".join(code.co_names)[:90]).touch()
            elif kept.exists():
                raise RuntimeError("told-what-is-hidden: names of the reference")
        raise RuntimeError("nothing was kept")
