"""The recordings of a corpus in one memory-mapped file for each kind and split, from which any stretch is read at once.

Opening a file takes longer than reading two seconds of it. Here a stretch is a slice of a map, so only its own pages
are read, and a corpus may be larger than the memory.

Recordings of one source follow one another. A source is what the names of its recordings begin with, up to "__" or "-":
a corpus or a speaker of speech, a kind of noise. Sources differ in size by a factor of hundreds, and the largest are
not the most varied, so that mixtures draw a source first.
"""

import hashlib
import re
from pathlib import Path
from typing import Any

import numpy as np
from tqdm.auto import tqdm

from speech_enhancement.audio import Recording
from speech_enhancement.corpora.manifest import MANIFEST, Entry, entries
from speech_enhancement.files.atomic import replacing
from speech_enhancement.files.lock import locked

LEVEL = 0.06
"""RMS to which `gains` bring the active frames of a recording."""
FOLDER = "packed"
_FRAME = 320


class PackedRecordings:
    """The recordings of one kind and split, packed when they are first asked for.

    Args:
        root: prepared corpus.
        kind: "speech" or "noise".
        split: "train", "validation" or "test".

    Attributes:
        samples: int16 `(time,)`, memory-mapped.
        starts: where each recording begins in `samples`, and where the last one ends: int64 `(recordings + 1,)`.
        gains: factors that bring the recordings to one level: float32 `(recordings,)`.
        order: number of each recording in `samples`, in the order of the manifest: int64 `(recordings,)`.
        sources: first recording of each source and the one after its last, by the source's name.

    Raises:
        CorpusError: there is no manifest, or it names no such file.
        AudioError: a recording cannot be read.
        OSError: the packed files cannot be written.
    """

    def __init__(self, root: Path, kind: str, split: str):
        # The name changes with the manifest, so recordings that were packed before another `prepare` are not used.
        digest = hashlib.sha256((root / MANIFEST).read_bytes()).hexdigest()[:12] if (root / MANIFEST).exists() else ""
        path = root / FOLDER / f"{kind}-{split}-{digest}.npy"
        index = path.with_suffix(".npz")
        if not index.exists():
            recordings = list(entries(root, kind, split))
            path.parent.mkdir(exist_ok=True)
            # Two trainings may begin at once, and so do the processes of one on several GPUs.
            with locked(path.with_suffix(".lock")):
                if not index.exists():
                    _pack(recordings, root, path, index)
        self._path = path
        self.samples = _mapped(path)
        with np.load(index) as arrays:
            self.starts, self.gains, self.order = (arrays[name] for name in ("starts", "gains", "order"))
            names, firsts = np.unique(arrays["sources"], return_index=True)
        lasts = [*firsts[1:], len(self.gains)]
        self.sources = {
            str(name): (int(first), int(last)) for name, first, last in zip(names, firsts, lasts, strict=True)
        }

    def __len__(self) -> int:
        return len(self.gains)

    def __getstate__(self) -> dict[str, Any]:
        # A process that is not forked maps the file itself.
        return {**self.__dict__, "samples": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__ = {**state, "samples": _mapped(state["_path"])}

    def read(self, start: int, length: int) -> np.ndarray:
        """Read samples `start` to `start + length`: float32 `(length,)`, full scale at 1."""
        return np.multiply(self.samples[start : start + length], np.float32(2**-15), dtype=np.float32)

    def read_levelled(self, start: int, length: int) -> np.ndarray:
        """Read likewise, each recording at the level of all."""
        stretch = self.read(start, length)
        first, last = np.searchsorted(self.starts, (start, start + length - 1), side="right") - 1
        for recording in range(first, last + 1):
            inside = slice(max(0, self.starts[recording] - start), max(0, self.starts[recording + 1] - start))
            stretch[inside] *= self.gains[recording]
        return stretch.clip(-1, 1, out=stretch)


def source_of(name: str) -> str:
    """Return what a recording's name begins with, up to "__" or "-".

    Example:
        >>> source_of("vctk__p226__001.flac"), source_of("26-495-0000.flac"), source_of("rain.ogg")
        ('vctk', '26', 'rain')
    """
    return re.split(r"__|-", Path(name).stem, maxsplit=1)[0]


def levelling_gain(samples: np.ndarray) -> float:
    """Compute the factor that brings the active frames, those within 30 dB of the loudest, to the RMS `LEVEL`.

    Args:
        samples: float32 `(time,)`, full scale at 1.
    """
    whole = len(samples) // _FRAME * _FRAME
    power = np.square(samples[:whole].reshape(-1, _FRAME)).mean(axis=1) if whole else np.square(samples)
    active = power[power > 1e-3 * power.max()]
    return LEVEL / float(np.sqrt(active.mean())) if len(active) else 1.0


def _mapped(path: Path) -> np.ndarray:
    # As a plain array over the map, since NumPy's own class for maps takes longer to slice.
    return np.load(path, mmap_mode="r").view(np.ndarray)


def _pack(recordings: list[Entry], root: Path, path: Path, index: Path) -> None:
    """Write samples and index; the index last, since it says that the samples are complete."""
    sources = np.array([source_of(entry.source) for entry in recordings])
    in_order = np.argsort(sources, kind="stable")
    lengths = [_frames(root / recordings[number].file) for number in in_order]
    starts = np.concatenate([[0], np.cumsum(lengths)])
    gains = np.empty(len(recordings), np.float32)
    with replacing(path) as temporary:
        packed = np.lib.format.open_memmap(temporary, "w+", np.int16, (int(starts[-1]),))
        bar = tqdm(in_order, desc=f"pack {recordings[0].kind}", unit="file", leave=False)
        for place, number in enumerate(bar):
            with Recording(root / recordings[number].file) as recording:
                samples = recording.read(0, recording.frames).mean(dim=0).numpy()
            gains[place] = levelling_gain(samples)
            packed[starts[place] : starts[place + 1]] = np.rint(samples * 32768)
        packed.flush()
        del packed
    with replacing(index) as temporary, temporary.open("wb") as file:
        np.savez(file, starts=starts, gains=gains, order=np.argsort(in_order), sources=sources[in_order])


def _frames(path: Path) -> int:
    with Recording(path) as opened:
        return opened.frames
