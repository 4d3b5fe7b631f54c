"""Whether a run may go on from a checkpoint: only with the configuration that it began with."""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

from speech_enhancement.configuration import Train
from speech_enhancement.corpora.manifest import MANIFEST

# A run may go on with other values of these; all others decide the weights. A corpus may lie elsewhere than it did.
_FREE_TO_CHANGE = ("corpus", "out", "minutes", "workers", "device")
_CORPUS_HASH = "corpus_hash"


def plain(configuration: Train) -> dict:
    """The configuration as a checkpoint gives it back, with paths as strings, and a hash of the corpus."""
    digest = hashlib.sha256((configuration.corpus / MANIFEST).read_bytes()).hexdigest()
    return json.loads(json.dumps(asdict(configuration), default=str)) | {_CORPUS_HASH: digest}


def check_is_same_run(configuration: Train, before: dict, path: Path) -> None:
    """Compare with the configuration that a checkpoint holds.

    Raises:
        ValueError: an option that decides the weights was another one, or the corpus had other files.
    """
    for name, now in plain(configuration).items():
        # What a checkpoint does not know is younger than it, and had no other value than the default.
        then = before.get(name, getattr(Train, name, None))
        if name == _CORPUS_HASH and then != now:
            raise ValueError(
                f"--corpus: {path} was trained on other files than {configuration.corpus}; choose another --out"
            )
        if name not in _FREE_TO_CHANGE and then != now:
            option = f"--{name.replace('_', '-')}"
            raise ValueError(f"{option}: {path} has {then}, got {now}; choose another --out")
