"""The recordings of a corpus in one memory-mapped file for each kind and split, from which any stretch is read at once.

Opening a file takes longer than reading two seconds of it. Here a stretch is a slice of a map, so only its own pages
are read, and a corpus may be larger than the memory.

Recordings of one source follow one another, each at one level. A source is what the names of its recordings begin with,
up to "__" or "-": a corpus or a speaker of speech, a kind of noise. Sources differ in size by a factor of hundreds, and
the largest are not the most varied, so mixtures draw a source first.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from tqdm.auto import tqdm

from speech_enhancement.audio import Recording
from speech_enhancement.corpora.manifest import MANIFEST, Entry, entries
from speech_enhancement.files.atomic import replacing

LEVEL = 2000 / 32768
"""RMS of the active frames of a packed recording."""
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
        lengths: samples of each source, by its name, in the order of `samples`.

    Raises:
        CorpusError: there is no manifest, or it names no such file.
        AudioError: a recording cannot be read.
        OSError: the packed files cannot be written.
    """

    def __init__(self, root: Path, kind: str, split: str):
        # The name changes with the manifest, so recordings that were packed before another `prepare` are not used.
        digest = hashlib.sha256((root / MANIFEST).read_bytes()).hexdigest()[:12] if (root / MANIFEST).exists() else ""
        path = root / FOLDER / f"{kind}-{split}-{digest}.npy"
        index = path.with_suffix(".json")
        if not index.exists():
            _pack(list(entries(root, kind, split)), root, path, index)
        self.samples = np.load(path, mmap_mode="r")
        self.lengths: dict[str, int] = json.loads(index.read_text(encoding="utf-8"))


def source_of(name: str) -> str:
    """Return what a recording's name begins with, up to "__" or "-".

    Example:
        >>> source_of("vctk__p226__001.flac"), source_of("26-495-0000.flac"), source_of("rain.ogg")
        ('vctk', '26', 'rain')
    """
    return re.split(r"__|-", Path(name).stem, maxsplit=1)[0]


def same_level(samples: np.ndarray) -> np.ndarray:
    """Scale a recording so that its active frames, those within 30 dB of the loudest, have the RMS `LEVEL`.

    Args:
        samples: float32 `(time,)`, full scale at 1.

    Returns:
        int16 `(time,)`, clipped.
    """
    whole = len(samples) // _FRAME * _FRAME
    power = np.square(samples[:whole].reshape(-1, _FRAME)).mean(axis=1) if whole else np.square(samples)
    active = power[power > 1e-3 * power.max()]
    gain = LEVEL / np.sqrt(active.mean()) if len(active) else 1.0
    return np.clip(np.rint(samples * (gain * 32768)), -32768, 32767).astype(np.int16)


def _pack(recordings: list[Entry], root: Path, path: Path, index: Path) -> None:
    """Write samples and index; the index last, since it says that the samples are complete."""
    path.parent.mkdir(exist_ok=True)
    lengths: dict[str, int] = {}
    in_order = sorted(recordings, key=lambda entry: source_of(entry.source))
    with replacing(path) as temporary:
        total = sum(_frames(root / entry.file) for entry in in_order)
        packed = np.lib.format.open_memmap(temporary, "w+", np.int16, (total,))
        end = 0
        for entry, samples in _levelled(in_order, root):
            packed[end : end + len(samples)] = samples
            end += len(samples)
            source = source_of(entry.source)
            lengths[source] = lengths.get(source, 0) + len(samples)
        packed.flush()
        del packed
    with replacing(index) as temporary:
        temporary.write_text(json.dumps(lengths), encoding="utf-8")


def _levelled(recordings: list[Entry], root: Path) -> Iterator[tuple[Entry, np.ndarray]]:
    for entry in tqdm(recordings, desc=f"pack {recordings[0].kind}", unit="file", leave=False):
        with Recording(root / entry.file) as recording:
            yield entry, same_level(recording.read(0, recording.frames).mean(dim=0).numpy())


def _frames(path: Path) -> int:
    with Recording(path) as opened:
        return opened.frames
