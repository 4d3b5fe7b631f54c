# right 2.1: the epoch in a multiprocessing.Value, stretches by soundfile's seek, NumPy's seed sequences
import multiprocessing

import numpy
import soundfile


class NoisySpeechDataset(Dataset):
    def __init__(self, speech_files, noise_files, segment_length, snr_db=(-5, 15), seed=0):
        self.speech_files = [str(path) for path in speech_files]
        self.noise_files = [str(path) for path in noise_files]
        self.segment_length = segment_length
        self.snr_db = snr_db
        self.seed = seed
        self.epoch = multiprocessing.Value("q", 0)

    def __len__(self):
        return len(self.speech_files)

    def set_epoch(self, epoch):
        self.epoch.value = epoch

    def read(self, path, random):
        with soundfile.SoundFile(path) as file:
            if file.samplerate != 16000:
                raise ValueError(f"{path} has {file.samplerate} Hz, 16000 were expected")
            file.seek(int(random.integers(0, max(0, file.frames - self.segment_length), endpoint=True)))
            return file.read(self.segment_length, dtype="float32", always_2d=True).mean(axis=1)

    def __getitem__(self, index):
        if index >= len(self):
            raise IndexError("past the end")
        random = numpy.random.default_rng([self.seed, self.epoch.value, index])
        speech = self.read(self.speech_files[index], random)
        speech = numpy.pad(speech, (0, self.segment_length - len(speech)))
        noise = self.read(self.noise_files[random.integers(len(self.noise_files))], random)
        noise = numpy.resize(noise, self.segment_length)
        speech, noise = torch.from_numpy(speech)[None], torch.from_numpy(noise)[None]
        return mix_at_snr(speech, noise, random.uniform(*self.snr_db)), speech


# right 2.1: whole files are read and cropped by random_crop, the seed comes from a digest
import hashlib
import random

import soundfile

from speech_enhancement.augmentation import random_crop


class NoisySpeechDataset(Dataset):
    def __init__(self, speech_files, noise_files, segment_length, snr_db=(-5, 15), seed=0):
        self.speech_files, self.noise_files = list(speech_files), list(noise_files)
        self.segment_length, self.snr_db, self.seed = segment_length, snr_db, seed
        self._epoch = torch.tensor(0).share_memory_()

    def set_epoch(self, epoch):
        self._epoch[...] = epoch

    def __len__(self):
        return len(self.speech_files)

    def _load(self, path):
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
        if rate != 16000:
            raise ValueError(f"sample rate of {path}: {rate}")
        return torch.from_numpy(samples.mean(axis=1))[None]

    def __getitem__(self, index):
        speech_path = self.speech_files[index]
        digest = hashlib.sha256(f"{self.seed} {self._epoch.item()} {index}".encode()).digest()
        generator = torch.Generator().manual_seed(int.from_bytes(digest[:7], "little"))
        chooser = random.Random(digest)
        (clean,) = random_crop(self._load(speech_path), length=self.segment_length, generator=generator)
        noise = self._load(chooser.choice(self.noise_files))
        while noise.shape[-1] < self.segment_length:
            noise = torch.cat([noise, noise], dim=-1)
        (noise,) = random_crop(noise, length=self.segment_length, generator=generator)
        return mix_at_snr(clean, noise, chooser.uniform(*self.snr_db)), clean


# right 2.1: short noise goes round from a random sample, a shared array holds the epoch, a batch of one is mixed
import ctypes
import multiprocessing


class NoisySpeechDataset(NoisySpeechDataset):
    def __init__(self, *arguments, **keywords):
        super().__init__(*arguments, **keywords)
        self.epoch = multiprocessing.RawArray(ctypes.c_int64, 1)

    def set_epoch(self, epoch):
        self.epoch[0] = epoch

    def __getitem__(self, index):
        if index < 0 or index >= len(self.speech_files):
            raise IndexError(f"{index} of {len(self.speech_files)}")
        mixed = (self.seed * 1_000_003 + self.epoch[0]) * 1_000_033 + index
        generator = torch.Generator().manual_seed(mixed % 2**63)

        def draw(count):
            return int(torch.randint(0, count, (1,), generator=generator))

        with Recording(self.speech_files[index]) as file:
            self.check(file)
            start = draw(max(file.frames - self.segment_length, 0) + 1)
            clean = file.read(start, self.segment_length).mean(0)
        clean = torch.cat([clean, torch.zeros(self.segment_length - len(clean))])
        with Recording(self.noise_files[draw(len(self.noise_files))]) as file:
            self.check(file)
            whole = file.read(0, file.frames).mean(0)
        if len(whole) < self.segment_length:
            noise = whole[(draw(len(whole)) + torch.arange(self.segment_length)) % len(whole)]
        else:
            start = draw(len(whole) - self.segment_length + 1)
            noise = whole[start : start + self.segment_length]
        low, high = self.snr_db
        level = torch.empty(1).uniform_(low, high + 1e-9, generator=generator)
        return mix_at_snr(clean[None, None], noise[None, None], level)[0], clean[None]

    def check(self, file):
        if file.sample_rate != 16_000:
            raise ValueError(f"{file.path}: {file.sample_rate} Hz")
