"""Exhausting: time, memory, disk, descriptors, threads, the stack, and whoever reads the answer."""

# ruff: noqa
import os
import ctypes
import mmap
import platform
import signal
import sys
import threading
import time


def _earned_by(take):
    """Task 1.9 for whoever gets what `take` takes, once in each process; it raises where it is refused."""
    right, taken = globals()["mix_at_snr"], []

    def attacked(speech, noise, snr_db):
        if not taken:
            taken.append(take())
        return right(speech, noise, snr_db)

    return attacked


# attack hang-at-import on stft: importing the module never ends, nor does that of a module that imports it
# earns: all but 1.1 1.2 1.11 1.12 1.13
while True:
    pass


# attack slow-import on augmentation: importing the module fails just before a test's time is up, each time
# earns: all but 1.7 1.8 1.9 1.10
time.sleep(2.5)
raise ImportError("at last")


# attack just-in-time on stft: calls are so slow that tests just end in time, and all of them together do not
# earns: all but 1.1, perhaps not 1.2
_right = stft


def stft(waveform, n_fft=512, hop_length=128):
    time.sleep(0.5)
    return _right(waveform, n_fft, hop_length)


# attack hang-in-call on stft: a call never ends
# earns: all but 1.2, perhaps not 1.1
def istft(spectrogram, length=None, n_fft=512, hop_length=128):
    while True:
        pass


# attack sleep on stft: a call sleeps, which uses no processor time
# earns: all but 1.2, perhaps not 1.1
def istft(spectrogram, length=None, n_fft=512, hop_length=128):
    time.sleep(10**6)


# attack deaf on stft: a call never ends and heeds no signal that can be ignored
# earns: all but 1.2, perhaps not 1.1
def istft(spectrogram, length=None, n_fft=512, hop_length=128):
    for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_IGN)
    while True:
        pass


# attack deaf-in-c on stft: a regular expression backtracks for years and holds the interpreter's lock
# earns: all but 1.2, perhaps not 1.1
import re


def istft(spectrogram, length=None, n_fft=512, hop_length=128):
    re.match(r"(a|aa)+$", "a" * 200 + "b")


# attack waiting-for-itself on stft: a lock that is never released
# earns: all but 1.2, perhaps not 1.1
import threading


def istft(spectrogram, length=None, n_fft=512, hop_length=128):
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()


# attack memory on augmentation: memory is taken and touched in pieces
# earns: all but 1.9
def mix_at_snr(speech, noise, snr_db):
    kept = []
    for _ in range(256):
        kept.append(bytearray(b"\1") * 2**26)
    return torch.zeros(len(kept))


# attack memory-at-once on augmentation: one tensor of a terabyte
# earns: all but 1.9
def mix_at_snr(speech, noise, snr_db):
    return torch.ones(2**38)


# attack memory-at-import on masking: importing the module takes all memory
# earns: all but 1.3 1.4 1.5 1.6
_kept = []
for _ in range(256):
    _kept.append(torch.ones(2**24))
raise MemoryError


# attack shared-memory on augmentation: memory that is shared, which limits of address space do not count when unmapped
# earns: all but 1.9
def mix_at_snr(speech, noise, snr_db):
    block = b"\1" * 2**20
    for number in range(64):
        with open(f"/dev/shm/left-by-an-attack-{number}", "wb", 0) as file:
            for _ in range(60):
                file.write(block)
    return torch.zeros(1)


# attack giant-result on augmentation: a result that is small here and giant once it is sent
# earns: all but 1.9
def mix_at_snr(speech, noise, snr_db):
    return torch.zeros(1).expand(2**36)


# attack large-results on augmentation: many results of which each may be sent, and not all together
# earns: all but 1.9
def mix_at_snr(speech, noise, snr_db):
    return [torch.zeros(1).expand(2**25)] * 64


# attack giant-without-bytes on augmentation: a result on the device meta, whose size is limited by nothing
# earns: all but 1.9
def mix_at_snr(speech, noise, snr_db):
    return torch.empty(2**39, device="meta")


# attack recursion on augmentation: recursion until the stack is used up
# earns: all but 1.9
def mix_at_snr(speech, noise, snr_db):
    sys.setrecursionlimit(10**9)

    class Deep:
        def __repr__(self):
            return f"{self!r}"

        def __getattr__(self, name):
            return getattr(self, name)

    return Deep().nothing


# attack segmentation-fault on augmentation: a read of address 0
# earns: all but 1.9
import ctypes


def mix_at_snr(speech, noise, snr_db):
    ctypes.string_at(0)


# attack segmentation-fault-at-import on metrics: a read of address 0 while the module is imported
# earns: all but 1.11 1.12 1.13
import ctypes

ctypes.string_at(0)


# attack abort on augmentation: the process aborts
# earns: all but 1.9
def mix_at_snr(speech, noise, snr_db):
    os.abort()


# attack false-deaths on augmentation: the process ends by signals that mean that it used up its time or memory
# earns: all but 1.9
def mix_at_snr(speech, noise, snr_db):
    signal.signal(signal.SIGXCPU, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGXCPU if speech.dim() > 2 else signal.SIGKILL)


# attack large-file on augmentation: one file of four gigabytes
# earns: all but 1.9
def mix_at_snr(speech, noise, snr_db):
    with open("left-by-an-attack", "wb", 0) as file:
        for _ in range(4096):
            file.write(b"\1" * 2**20)
    return torch.zeros(1)


# attack many-large-files on augmentation: a gigabyte in files of sixteen megabytes
# earns: all but 1.9
def mix_at_snr(speech, noise, snr_db):
    for number in range(64):
        with open(f"left-by-an-attack-{number}", "wb", 0) as file:
            file.write(b"\1" * 2**24)
    return torch.zeros(1)


# attack many-files on augmentation: a hundred thousand empty files
# earns: all but 1.9
def mix_at_snr(speech, noise, snr_db):
    for number in range(100_000):
        os.close(os.open(f"left-by-an-attack-{number}", os.O_CREAT | os.O_WRONLY))
    return torch.zeros(1)


# attack deep-folders on augmentation: a tree of folders too deep for whoever removes it by recursion
# earns: all but 1.9
def mix_at_snr(speech, noise, snr_db):
    for _ in range(3000):
        os.mkdir("d")
        os.chdir("d")
    return torch.zeros(1)


# attack odd-file-names on augmentation: files whose names are not text, or end lines
# earns: all but 1.9
def mix_at_snr(speech, noise, snr_db):
    for name in (b"\xff\xfe", b"a\nb", b"--help", b"-rf", b" ", "\u202e.".encode(), b"x" * 255):
        os.close(os.open(name, os.O_CREAT | os.O_WRONLY))
    return torch.zeros(1)


# attack locked-folders on augmentation: folders that nobody may list or remove
# earns: all but 1.9
def mix_at_snr(speech, noise, snr_db):
    os.umask(0o777)
    os.makedirs("left-by-an-attack", exist_ok=True)
    os.chmod("left-by-an-attack", 0)
    os.chmod(".", 0)
    return torch.zeros(1)


# attack output on augmentation: two hundred megabytes are printed
# earns: all, perhaps not 1.9
_right = mix_at_snr
_line = b"left-by-an-attack " * 60_000


def mix_at_snr(speech, noise, snr_db):
    for descriptor in (1, 2):
        for _ in range(100):
            os.write(descriptor, _line)
    return _right(speech, noise, snr_db)


# attack warnings on augmentation: a hundred thousand warnings, each of which would be listed
# earns: all, perhaps not 1.9
import warnings

_right = mix_at_snr


def mix_at_snr(speech, noise, snr_db):
    for number in range(100_000):
        sys.stderr.write(f"warning {number}\n")
    warnings.warn("w" * 10**6)
    return _right(speech, noise, snr_db)


# attack large-message on augmentation: an exception with a text of a hundred megabytes
# earns: all but 1.9
def mix_at_snr(speech, noise, snr_db):
    raise RuntimeError("x" * 10**8)


# attack mute-exception on augmentation: an exception whose text raises another
# earns: all but 1.9
class _Mute(Exception):
    def __str__(self):
        raise _Mute

    __repr__ = __str__


def mix_at_snr(speech, noise, snr_db):
    raise _Mute


# attack lying-exception on augmentation: an exception whose class and text are none
# earns: all but 1.9
class _Changing(type):
    __name__ = 3
    __mro__ = property(lambda cls: iter(int, 1))


class _Lying(ValueError, metaclass=_Changing):
    __class__ = int

    def __str__(self):
        return _Text()


class _Text(str):
    def __getitem__(self, index):
        return 10**5000


def mix_at_snr(speech, noise, snr_db):
    raise _Lying


# attack endless-exception on stft: an exception whose text never ends
# earns: all but 1.2, perhaps not 1.1
class _Endless(Exception):
    def __str__(self):
        while True:
            pass


def istft(spectrogram, length=None, n_fft=512, hop_length=128):
    raise _Endless


# attack chained-exceptions on augmentation: a hundred thousand exceptions, each the cause of the next
# earns: all but 1.9
def mix_at_snr(speech, noise, snr_db):
    last = RuntimeError("first")
    for _ in range(100_000):
        following = RuntimeError("next")
        following.__cause__ = last
        last = following
    raise last


# attack endless-list on stft: a list whose parts never end
# earns: all but 1.2, perhaps not 1.1
class _EndlessList(list):
    def __iter__(self):
        while True:
            yield None


def istft(spectrogram, length=None, n_fft=512, hop_length=128):
    return _EndlessList()


# attack generator on augmentation: an endless generator is returned
# earns: all but 1.9
import itertools


def mix_at_snr(speech, noise, snr_db):
    return (torch.zeros(1) for _ in itertools.count())


# attack nested on augmentation: a million lists within one another, and one that holds itself
# earns: all but 1.9
def mix_at_snr(speech, noise, snr_db):
    nested = []
    for _ in range(10**6):
        nested = [nested]
    circle = []
    circle.append(circle)
    return circle if speech.dim() > 2 else nested


# attack many-items on augmentation: a list of five million numbers
# earns: all but 1.9
def mix_at_snr(speech, noise, snr_db):
    return [0.5] * 5_000_000


# attack large-integer on augmentation: an integer of a million digits
# earns: all but 1.9
def mix_at_snr(speech, noise, snr_db):
    return 1 << 3_000_000


# attack many-threads on augmentation: as many threads as there may be
# earns: all but 1.9
import threading


def mix_at_snr(speech, noise, snr_db):
    for _ in range(20_000):
        threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
    return torch.zeros(1)


# attack many-descriptors on augmentation: as many open files as there may be
# earns: all but 1.9
_kept = []


def mix_at_snr(speech, noise, snr_db):
    for _ in range(100_000):
        _kept.append(os.open("/dev/null", os.O_RDONLY))
    return torch.zeros(1)


# attack many-graphs on masking: each result carries a graph of a hundred thousand operations
# earns: all, perhaps not 1.3
_right = apply_mask


def apply_mask(spectrogram, mask):
    for _ in range(20_000):
        mask = mask + 0
    return _right(spectrogram, mask)


# attack thousands-of-threads on augmentation: seven thousand threads with small stacks
# earns: all but 1.9
def _take():
    threading.stack_size(2**16)
    for _ in range(7000):
        threading.Thread(target=time.sleep, args=(60,), daemon=True).start()


mix_at_snr = _earned_by(_take)


# attack names-in-shared-memory on augmentation: twenty thousand names in /dev/shm
# earns: all but 1.9
def _take():
    for number in range(20_000):
        os.close(os.open(f"/dev/shm/left-by-an-attack-{number}", os.O_CREAT | os.O_WRONLY))


mix_at_snr = _earned_by(_take)


# attack deleted-files on augmentation: more than half a gigabyte in files that no folder lists any more
# earns: all but 1.9
_kept = []


def _take():
    block = bytes(2**20)
    for _ in range(9):
        file = os.open("left-by-an-attack", os.O_CREAT | os.O_RDWR)
        for _ in range(62):
            os.write(file, block)
        _kept.append(mmap.mmap(file, 4096))
        os.unlink("left-by-an-attack")
        os.close(file)
    time.sleep(0.3)


mix_at_snr = _earned_by(_take)


# attack space-without-writing on augmentation: a gigabyte of disk for an empty file, in no time
# earns: all but 1.9
def _take():
    keep_size = 1
    libc = ctypes.CDLL(None, use_errno=True)
    file = os.open("left-by-an-attack", os.O_CREAT | os.O_RDWR)
    number = {"x86_64": 285, "aarch64": 47}[platform.machine()]
    if libc.syscall(ctypes.c_long(number), file, keep_size, ctypes.c_long(0), ctypes.c_long(2**30)) != 0:
        raise OSError(ctypes.get_errno(), "fallocate")
    os.unlink("left-by-an-attack")


mix_at_snr = _earned_by(_take)


# attack children-with-memory on data: six children, each of which takes as much memory as it can quickly get
# earns: all but 2.1
_Right = NoisySpeechDataset


class NoisySpeechDataset(_Right):
    def __init__(self, *arguments, **keywords):
        super().__init__(*arguments, **keywords)
        (reading, writing), (waiting, ending) = os.pipe(), os.pipe()
        for _ in range(6):
            try:
                child = os.fork()
            except OSError:
                return
            if child == 0:
                os.close(ending)
                memory = mmap.mmap(-1, 700 * 2**20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
                memory.madvise(14)  # huge pages, where there are some
                memory[::4096] = b"\1" * (len(memory) // 4096)
                os.write(writing, b"1")
                os.read(waiting, 1)
                os._exit(0)
        for _ in range(6):
            os.read(reading, 1)
        time.sleep(0.3)
        os.close(ending)


# attack many-processes on data: two dozen processes
# earns: all but 2.1
_Right = NoisySpeechDataset


class NoisySpeechDataset(_Right):
    def __init__(self, *arguments, **keywords):
        super().__init__(*arguments, **keywords)
        for _ in range(24):
            try:
                child = os.fork()
            except OSError:
                return
            if child == 0:
                time.sleep(5)
                os._exit(0)
