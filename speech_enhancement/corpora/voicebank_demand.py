"""VoiceBank-DEMAND in its own folder names: the benchmark of most tables in the literature.

Source: Valentini-Botinhao, "Noisy speech database for training speech enhancement algorithms and TTS models",
University of Edinburgh 2017, https://doi.org/10.7488/ds/2117, CC BY 4.0.
"""

import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from tqdm.auto import tqdm

from speech_enhancement.audio import find
from speech_enhancement.corpora.download import download
from speech_enhancement.corpora.manifest import CorpusError
from speech_enhancement.corpora.prepared import Source
from speech_enhancement.files.atomic import new_folder

VALIDATION_SPEAKERS = ("p286", "p287")
URL = "https://datashare.ed.ac.uk/bitstream/handle/10283/2791/"
ARCHIVES = (
    "clean_trainset_28spk_wav.zip",
    "noisy_trainset_28spk_wav.zip",
    "clean_testset_wav.zip",
    "noisy_testset_wav.zip",
)


def sources(root: Path) -> Iterator[Source]:
    """Yield the clean speech, and as noise the difference between noisy and clean speech, sample by sample.

    p286 and p287 are kept for validation, as is customary; the test set is the test split.

    Raises:
        CorpusError: a file has no partner on the other side, or folders are missing.
    """
    for pattern in ("trainset_*", "testset"):
        for clean, noisy in _pairs(root, pattern):
            speaker = Path(clean).name.split("_")[0]
            split = "test" if pattern == "testset" else "validation" if speaker in VALIDATION_SPEAKERS else "train"
            yield Source("speech", split, speaker, clean)
            yield Source("noise", split, "", noisy, minus=clean)


def test_pairs(root: Path) -> list[tuple[str, str]]:
    """List the files `(clean, noisy)` of the test set."""
    return _pairs(root, "testset")


def fetch(root: Path, checksums: Mapping[str, str], url: str = URL) -> None:
    """Download the archives that are not there yet, and unpack them below `root`.

    Args:
        root: folder for archives and recordings.
        checksums: SHA-256 or MD5 of each archive by its name; an archive without one is checked by the CRC-32 of each
            recording in it.
        url: address of the archives, which their names are appended to.

    Raises:
        DownloadError: an archive could not be downloaded, or its checksum differs.
    """
    root.mkdir(parents=True, exist_ok=True)
    for name in ARCHIVES:
        if (root / name.removesuffix(".zip")).is_dir():
            continue
        archive = download(url + name, root / name, checksums.get(name))
        _unpack(archive, root)


def _unpack(archive: Path, root: Path) -> None:
    """Extract the wav files of an archive, by their names without folders, into the folder named after it."""
    try:
        with zipfile.ZipFile(archive) as file, new_folder(root / archive.stem) as folder:
            members = [member for member in file.infolist() if member.filename.lower().endswith(".wav")]
            for member in tqdm(members, desc=archive.stem, unit="file"):
                (folder / Path(member.filename).name).write_bytes(file.read(member))
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise CorpusError(f"{archive}: expected a sound archive, got: {error}; delete it to load it again") from None


def _pairs(root: Path, pattern: str) -> list[tuple[str, str]]:
    folders = [sorted(root.glob(f"{side}_{pattern}_wav")) for side in ("clean", "noisy")]
    if not folders[0] or not folders[1]:
        raise CorpusError(f"{root}: expected folders clean_{pattern}_wav and noisy_{pattern}_wav, got at most one")
    clean, noisy = ({str(path.relative_to(side[0])): str(path) for path in find(side[0])} for side in folders)
    alone = sorted(clean.keys() ^ noisy.keys())
    if alone:
        raise CorpusError(f"{root}: expected each file both clean and noisy, got {alone[0]} on one side only")
    return [(clean[name], noisy[name]) for name in sorted(clean)]
