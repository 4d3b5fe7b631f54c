"""Speech in the folders that torchaudio's dataset classes download, for users who have them already."""

from collections.abc import Iterator
from pathlib import Path

from speech_enhancement.corpora.manifest import CorpusError
from speech_enhancement.corpora.prepared import Source
from speech_enhancement.corpora.splits import assign_splits

_LIBRISPEECH_SPLITS = {"train": "train", "dev": "validation", "test": "test"}


def librispeech(root: Path, seed: int = 0) -> Iterator[Source]:
    """List LibriSpeech below `root`: the subsets that are there, dev for validation and test for test.

    If only training subsets are there, speakers are assigned to splits at random. Source: Panayotov, Chen, Povey and
    Khudanpur, "LibriSpeech: an ASR corpus based on public domain audio books", ICASSP 2015; CC BY 4.0.

    Raises:
        CorpusError: no subset is there.
    """
    files = [
        (_LIBRISPEECH_SPLITS[path.parts[-4].split("-")[0]], f"ls{path.parts[-3]}", str(path))
        for path in sorted((root / "LibriSpeech").glob("*/*/*/*.flac"))
        if path.parts[-4].split("-")[0] in _LIBRISPEECH_SPLITS
    ]
    if not files:
        raise CorpusError(f"{root}: expected LibriSpeech/train-clean-100/103/1240/*.flac or the like, got none")
    if {split for split, _, _ in files} == {"train"}:
        splits = assign_splits((speaker for _, speaker, _ in files), seed)
        files = [(splits[speaker], speaker, path) for _, speaker, path in files]
    return (Source("speech", split, speaker, path) for split, speaker, path in files)


def vctk(root: Path, seed: int = 0) -> Iterator[Source]:
    """List VCTK 0.92 below `root`: the second microphone, with speakers assigned to splits at random.

    Source: Yamagishi, Veaux and MacDonald, "CSTR VCTK corpus", University of Edinburgh 2019,
    https://doi.org/10.7488/ds/2645; CC BY 4.0.

    Raises:
        CorpusError: the corpus is not there.
    """
    files = sorted((root / "VCTK-Corpus-0.92" / "wav48_silence_trimmed").glob("*/*_mic2.flac"))
    if not files:
        raise CorpusError(f"{root}: expected VCTK-Corpus-0.92/wav48_silence_trimmed/p225/*_mic2.flac, got none")
    splits = assign_splits((path.parent.name for path in files), seed)
    return (Source("speech", splits[path.parent.name], path.parent.name, str(path)) for path in files)
