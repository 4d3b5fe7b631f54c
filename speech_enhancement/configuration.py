"""The options of the commands: one frozen dataclass for each command, read from the command line by tyro.

Nothing here imports torch, so that `--help` answers at once.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro
from tyro.conf import Positional


@dataclass(frozen=True)
class Voices:
    """Synthetic speech by eSpeak NG and generated noises: nothing to download, ready in a minute.

    python -m speech_enhancement prepare voices --out data/voices
    """

    out: Path
    """Folder to make."""
    hours: float = 0.5
    """Speech in all, over 24 speakers."""
    seed: int = 0
    """Decides sentences, voices, noises and splits."""


@dataclass(frozen=True)
class Folder:
    """Trees of audio files of any formats that `enhance` reads, of any sample rates and channel counts.

    python -m speech_enhancement prepare folder --speech my/speech --noise my/noise --out data/mine

    If the folders at the top of a tree are called train, val (or validation, dev) and test, they are the splits.
    Otherwise each of them is a speaker, and speakers are assigned to splits at random.
    """

    speech: Path
    """Tree of clean speech, a folder for each speaker."""
    noise: Path
    """Tree of noise."""
    out: Path
    """Folder to make."""
    seed: int = 0
    """Decides splits, and the mixing of the test pairs."""


@dataclass(frozen=True)
class VoicebankDemand:
    """VoiceBank-DEMAND, 28 speakers, in folders named as published; p286 and p287 are kept for validation.

    python -m speech_enhancement prepare voicebank-demand --root data/vbd --out data/voicebank --download
    """

    root: Path
    """Folder that holds clean_trainset_28spk_wav and the other three."""
    out: Path
    """Folder to make."""
    download: bool = False
    """Download the archives first (11 GB); an interrupted download resumes."""
    checksums: Path | None = None
    """File of SHA-256 or MD5 checksums for the download, as sha256sum and md5sum write them."""


@dataclass(frozen=True)
class LibriSpeech:
    """LibriSpeech as torchaudio.datasets.LIBRISPEECH unpacks it, with a tree of noise.

    python -m speech_enhancement prepare libri-speech --root data --noise my/noise --out data/libri
    """

    root: Path
    """Folder that holds LibriSpeech/train-clean-100 or other subsets."""
    noise: Path
    """Tree of noise."""
    out: Path
    """Folder to make."""
    seed: int = 0
    """Decides splits, and the mixing of the test pairs."""


@dataclass(frozen=True)
class VCTK:
    """VCTK 0.92 as torchaudio.datasets.VCTK_092 unpacks it, with a tree of noise.

    python -m speech_enhancement prepare vctk --root data --noise my/noise --out data/vctk
    """

    root: Path
    """Folder that holds VCTK-Corpus-0.92."""
    noise: Path
    """Tree of noise."""
    out: Path
    """Folder to make."""
    seed: int = 0
    """Decides splits, and the mixing of the test pairs."""


@dataclass(frozen=True)
class Prepare:
    """Convert a corpus to plain folders of 16 kHz WAV files with a manifest; no speaker is in two splits."""

    corpus: (
        Annotated[Voices, tyro.conf.subcommand("voices")]
        | Annotated[Folder, tyro.conf.subcommand("folder")]
        | Annotated[VoicebankDemand, tyro.conf.subcommand("voicebank-demand")]
        | Annotated[LibriSpeech, tyro.conf.subcommand("libri-speech")]
        | Annotated[VCTK, tyro.conf.subcommand("vctk")]
    )


_UNET_ARGUMENTS = ("channels", "n_fft", "hop_length")


@dataclass(frozen=True)
class Train:
    """Train the course's U-Net, or another system of the literature, on a prepared corpus.

    python -m speech_enhancement train --corpus data/voices --out runs/voices
    torchrun --nproc-per-node 2 -m speech_enhancement train --corpus data/voices --out runs/voices
    python -m speech_enhancement train --corpus data/voices --out runs/segan --system segan --minutes 30
    python -m speech_enhancement train --corpus data/voices --out runs/tuned --system segan --minutes 10 \
        --checkpoint runs/segan/best.ckpt --noisy-targets

    The same command again resumes a run that was stopped. The folder gets best.ckpt, last.ckpt, log.jsonl and
    curves.png.
    """

    corpus: Path
    """Prepared corpus."""
    out: Path
    """Folder of the run."""
    system: str = "unet"
    """Name of a system that learns."""
    size: Literal["small", "paper"] = "small"
    """At most 2 million parameters, or as published; the U-Net, which is unpublished, has only one size."""
    checkpoint: Path | None = None
    """Trained model of the same system and size to start from, instead of random weights and pre-training."""
    noisy_targets: bool = False
    """Train on noisy targets, never on clean ones (Noise2Noise); with --checkpoint, fine-tune on them."""
    minutes: float | None = None
    """End with the epoch in which this much training time is used up, instead of after --epochs."""
    epochs: int = 40
    """Passes over the speech."""
    crops_per_file: int = 8
    """Crops of each speech file in an epoch."""
    segment_seconds: float = 2.0
    """Length of a crop."""
    batch_size: int = 8
    """Crops in each step, on each device."""
    learning_rate: float | None = None
    """Learning rate at the start; by default the system's own, 2e-3 for the U-Net. Systems with several optimizers
    refuse it, since their rates belong together."""
    schedule: Literal["cosine", "constant"] = "cosine"
    """cosine: the learning rate falls to zero along half a cosine, over the epochs or the minutes."""
    clip_norm: float | None = None
    """Norm to which the gradients of each optimizer are clipped; by default 5 for dual-path, 1 for others."""
    snr_db: tuple[float, float] = (-5.0, 20.0)
    """Range of the signal-to-noise ratios of the mixtures."""
    mixtures: Literal["filtered", "varied"] = "filtered"
    """filtered: crops of each speech file and of random noise, each through a random filter. varied: speech and noise
    drawn by source, with other speeds, rooms, equalisation, rumble, babble and levels."""
    source_weights: Path | None = None
    """Table (CSV) with the columns kind, source and weight: how often varied mixtures draw from a source, beside 1. The
    name of a recording begins with its source, up to "__" or "-"."""
    channels: tuple[int, ...] = (8, 16, 48, 96, 128, 160)
    """Channels of the U-Net at each scale, finest first; other systems have their published layers, see --size."""
    n_fft: int = 512
    """Window of the U-Net's spectrogram, in samples; other systems that need a transform have their own."""
    hop_length: int = 256
    """Distance between frames of the U-Net's spectrogram, in samples; only for the U-Net, like --n-fft."""
    workers: int | None = None
    """Processes that mix the data, for each device; by default 4 for a GPU. On the CPU, 1, or 0 for the U-Net."""
    seed: int = 0
    """Decides the initial weights and the data."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """auto uses a GPU if there is one."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """auto: systems that learn by plain supervised steps train in bfloat16 (autocast) on a GPU, and on a CPU if a short
    trial finds it faster; torchrun can train them in several processes. Systems with several optimizers or pre-training
    do neither."""

    def __post_init__(self):
        counts = ("epochs", "crops_per_file", "segment_seconds", "batch_size")
        optional = ("minutes", "learning_rate", "clip_norm")
        for name in (*counts, *(name for name in optional if getattr(self, name) is not None)):
            if not getattr(self, name) > 0:
                raise ValueError(f"--{name.replace('_', '-')}: expected a number above 0, got {getattr(self, name)}")
        if len(self.channels) < 2 or min(self.channels) < 1:
            raise ValueError(f"--channels: expected two or more numbers above 0, got {self.channels}")
        if not 0 < self.hop_length <= self.n_fft // 2:
            raise ValueError(f"--hop-length: expected 1 to half of --n-fft, {self.n_fft // 2}, got {self.hop_length}")
        if not self.snr_db[0] <= self.snr_db[1]:
            raise ValueError(f"--snr-db: expected the lowest ratio first, got {self.snr_db[0]} {self.snr_db[1]}")
        if self.system != "unet":
            for name in _UNET_ARGUMENTS:
                if getattr(self, name) != getattr(Train, name):
                    raise ValueError(f"--{name.replace('_', '-')}: expected with --system unet, got {self.system}")
        if self.workers is not None and self.workers < 0:
            raise ValueError(f"--workers: expected 0 or more, got {self.workers}")
        if self.source_weights is not None and self.mixtures != "varied":
            raise ValueError("--source-weights: expected with --mixtures varied, got filtered")

    @property
    def arguments(self) -> dict[str, Any]:
        """Arguments of the system's constructor besides those of its size."""
        return {name: getattr(self, name) for name in _UNET_ARGUMENTS} if self.system == "unet" else {}


@dataclass(frozen=True)
class Evaluate:
    """Measure a model on pairs of noisy and clean files, beside classical methods and the oracle ratio mask.

    python -m speech_enhancement evaluate --noisy data/voices/pairs/noisy --clean data/voices/pairs/clean --out report

    Writes scores.csv (a line for each file and method), table.md, report.html (one page with pictures and players) and
    spectrograms.png. It measures by functions of milestone 1, which must be complete.
    """

    noisy: Path
    """Folder of noisy files."""
    clean: Path
    """Folder of clean files of the same names."""
    out: Path
    """Folder to write; files of an earlier evaluation in it are replaced."""
    checkpoint: Path | None = None
    """Model to measure; without it, the one that comes with the package."""
    system: str | None = None
    """System to measure instead of a model; it must need no training, as deep-network-prior for example."""
    players: int = 6
    """Clips on the page, from the one that the model improves least to the one that it improves most."""
    picture: str | None = None
    """Name of the clip in spectrograms.png, without suffix; by default the middle one of the page."""
    workers: int | None = None
    """Processes that compute PESQ and STOI; by default one a core."""

    def __post_init__(self):
        if self.players < 1:
            raise ValueError(f"--players: expected 1 or more, got {self.players}")
        if self.workers is not None and self.workers < 1:
            raise ValueError(f"--workers: expected 1 or more, got {self.workers}")


@dataclass(frozen=True)
class Enhance:
    """Take the noise out of files and folders of any length, sample rate and channel count.

    python -m speech_enhancement enhance noisy.wav interviews/ --out clean

    The results keep names, format, sample rate, channels and length. What lies below 50 Hz is removed. The model knows
    frequencies up to 8 kHz; above, noise is reduced as much as just below.
    """

    inputs: Positional[tuple[Path, ...]]
    """Files, and folders of audio files and videos."""
    out: Path = field(default=Path("enhanced"))
    """Folder to write; existing files are kept, and count as failures."""
    checkpoint: Path | None = None
    """Model to use; without it, the one that comes with the package."""
    system: str | None = None
    """System to use instead of a model; it must need no training, as log-mmse for example."""
    overwrite: bool = False
    """Replace existing files."""
    attenuation_limit: float | None = None
    """Most that is taken away, in dB: the noisy recording stays in the result at this level below itself."""
    keep_rumble: bool = False
    """Keep what lies below 50 Hz."""
    channels: Literal["together", "apart"] = "together"
    """together: all channels get the same gains, so that directions stay. apart: each is enhanced alone, for tracks
    that have nothing to do with each other."""
    residual: Path | None = None
    """Folder to write what was taken away to, in files named as the results, to hear if speech is among it."""
    jobs: int | None = None
    """Files enhanced at the same time, each by its own process; by default one for each core, or one with a GPU."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """auto uses a GPU if there is one."""

    def __post_init__(self):
        if self.attenuation_limit is not None and not self.attenuation_limit >= 0:
            raise ValueError(f"--attenuation-limit: expected a number from 0 up, got {self.attenuation_limit}")
        if self.residual is not None and self.residual.resolve() == self.out.resolve():
            raise ValueError(f"--residual: expected another folder than --out, got {self.residual}")
        if self.jobs is not None and self.jobs < 1:
            raise ValueError(f"--jobs: expected 1 or more, got {self.jobs}")


@dataclass(frozen=True)
class Export:
    """Write the model as an ONNX file, with which programs without torch enhance sound as it comes in.

    python -m speech_enhancement export --out model.onnx

    The file takes 8 ms of sound and the states, and returns as much enhanced sound and the next states.
    """

    out: Path
    """File to write."""
    checkpoint: Path | None = None
    """Model to write, of a system that runs block by block; without it, the one that comes with the package."""
    overwrite: bool = False
    """Replace an existing file."""


@dataclass(frozen=True)
class Live:
    """Open a page, for this machine alone, on which a recording is heard and seen before and after.

    python -m speech_enhancement live

    It prints the address, to be opened in a browser. Recordings of at most 5 minutes are taken from files and from the
    microphone; nothing of them is kept.
    """

    port: int = 7860
    """Port of the page; 0 for any that is free."""
    checkpoint: Path | None = None
    """Model to use; without it, the one that comes with the package."""


@dataclass(frozen=True)
class Benchmark:
    """Train every system for the same time, measure all of them on the same pairs, and compare quality and cost.

    python -m speech_enhancement benchmark --corpus data/mine --noisy pairs/noisy --clean pairs/clean --out benchmark

    Writes table.md, quality_si_sdr.png and quality_pesq.png (quality against cost, with the Pareto front), and
    report.html (one page with pictures and players), and keeps a folder for each system. The same command again resumes
    a benchmark that was stopped.
    """

    corpus: Path
    """Prepared corpus to learn from."""
    noisy: Path
    """Folder of noisy files."""
    clean: Path
    """Folder of clean files of the same names."""
    out: Path
    """Folder to write."""
    minutes: float = 10.0
    """Training time of each system; training ends with the epoch in which it is used up."""
    systems: tuple[str, ...] = ()
    """Names of systems; by default all."""
    size: Literal["small", "paper"] = "small"
    """At most 2 million parameters, or as published."""
    segment_seconds: float = 2.0
    """Length of a crop in training."""
    batch_size: int = 8
    """Crops a step."""
    seed: int = 0
    """Decides the initial weights and the data."""
    players: int = 3
    """Clips on the page."""
    workers: int | None = None
    """Processes that compute PESQ and STOI; by default one a core."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Device for training; auto uses a GPU if there is one. Costs and results are measured on the CPU."""

    def __post_init__(self):
        if self.players < 1:
            raise ValueError(f"--players: expected 1 or more, got {self.players}")
        if self.workers is not None and self.workers < 1:
            raise ValueError(f"--workers: expected 1 or more, got {self.workers}")
        if self.minutes <= 0:
            raise ValueError(f"--minutes: expected more than 0, got {self.minutes}")


Command = (
    Annotated[Prepare, tyro.conf.subcommand("prepare")]
    | Annotated[Train, tyro.conf.subcommand("train")]
    | Annotated[Evaluate, tyro.conf.subcommand("evaluate")]
    | Annotated[Enhance, tyro.conf.subcommand("enhance")]
    | Annotated[Export, tyro.conf.subcommand("export")]
    | Annotated[Live, tyro.conf.subcommand("live")]
    | Annotated[Benchmark, tyro.conf.subcommand("benchmark")]
)
