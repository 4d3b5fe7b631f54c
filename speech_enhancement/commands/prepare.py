"""The command `prepare`: a corpus, converted to plain folders with a manifest."""

from collections.abc import Callable
from itertools import chain
from pathlib import Path

from speech_enhancement.configuration import VCTK, Folder, LibriSpeech, Prepare, VoicebankDemand, Voices
from speech_enhancement.corpora import folder, prepared, torchaudio_folders, voicebank_demand, voices
from speech_enhancement.corpora.manifest import summary
from speech_enhancement.files.failures import Failures


def run(configuration: Prepare) -> int:
    """Prepare a corpus and print its contents; 1 if one of its files could not be used."""
    corpus = configuration.corpus
    prepared.check_is_free(corpus.out)
    failures = _PREPARE[type(corpus)](corpus)
    print(summary(corpus.out))
    if failures:
        print(f"{len(failures)} files could not be used")
    return 1 if failures else 0


def _voices(corpus: Voices) -> Failures:
    return voices.prepare(corpus.out, corpus.hours, corpus.seed)


def _folder(corpus: Folder) -> Failures:
    failures = Failures()
    speech, noise = (
        folder.sources(root, kind, corpus.seed, failures)
        for root, kind in ((corpus.speech, "speech"), (corpus.noise, "noise"))
    )
    return prepared.prepare(corpus.out, chain(speech, noise), seed=corpus.seed, failures=failures)


def _voicebank_demand(corpus: VoicebankDemand) -> Failures:
    if corpus.download:
        checksums = _read_checksums(corpus.checksums) if corpus.checksums else {}
        voicebank_demand.fetch(corpus.root, checksums)
    pairs = voicebank_demand.test_pairs(corpus.root)
    return prepared.prepare(corpus.out, voicebank_demand.sources(corpus.root), pairs)


def _librispeech(corpus: LibriSpeech) -> Failures:
    failures = Failures()
    speech = torchaudio_folders.librispeech(corpus.root, corpus.seed)
    noise = folder.sources(corpus.noise, "noise", corpus.seed, failures)
    return prepared.prepare(corpus.out, chain(speech, noise), seed=corpus.seed, failures=failures)


def _vctk(corpus: VCTK) -> Failures:
    failures = Failures()
    speech = torchaudio_folders.vctk(corpus.root, corpus.seed)
    noise = folder.sources(corpus.noise, "noise", corpus.seed, failures)
    return prepared.prepare(corpus.out, chain(speech, noise), seed=corpus.seed, failures=failures)


def _read_checksums(path: Path) -> dict[str, str]:
    """Read the lines `checksum  name` that sha256sum and md5sum write; return checksums by name."""
    lines = (line.split(maxsplit=1) for line in path.read_text(encoding="utf-8").splitlines() if line.strip())
    return {name.strip().lstrip("*"): checksum for checksum, name in lines}


_PREPARE: dict[type, Callable[..., Failures]] = {
    Voices: _voices,
    Folder: _folder,
    VoicebankDemand: _voicebank_demand,
    LibriSpeech: _librispeech,
    VCTK: _vctk,
}
