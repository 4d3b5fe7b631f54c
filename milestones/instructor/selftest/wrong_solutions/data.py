# wrong 2.1: the epoch is a plain attribute, which persistent workers do not see change; symptom: workers that outlive an epoch
class NoisySpeechDataset(NoisySpeechDataset):
    def __init__(self, *arguments, **keywords):
        super().__init__(*arguments, **keywords)
        self.epoch = 0

    def set_epoch(self, epoch):
        self.epoch = epoch


# wrong 2.1: the crop of the clean speech is another than that of the noisy speech; symptom: ratios from
class NoisySpeechDataset(NoisySpeechDataset):
    def __getitem__(self, index):
        noisy, _ = super().__getitem__(index)
        generator = torch.Generator().manual_seed(99 * index + int(self.epoch) + 1000 * self.seed)
        clean = _stretch(self.speech_files[index], self.segment_length, generator)
        return noisy, functional.pad(clean, (0, self.segment_length - clean.shape[-1]))


# wrong 2.1: one generator runs on from item to item; symptom: generator left running|order of the calls
class NoisySpeechDataset(NoisySpeechDataset):
    def __init__(self, speech_files, noise_files, segment_length, snr_db=(-5, 15), seed=0):
        super().__init__(speech_files, noise_files, segment_length, snr_db, seed)
        self.generator = torch.Generator().manual_seed(seed)

    def __getitem__(self, index):
        if index >= len(self):
            raise IndexError(index)
        generator = self.generator
        clean = _stretch(self.speech_files[index], self.segment_length, generator)
        clean = functional.pad(clean, (0, self.segment_length - clean.shape[-1]))
        which = int(torch.randint(len(self.noise_files), (), generator=generator))
        noise = _stretch(self.noise_files[which], self.segment_length, generator)
        noise = noise.repeat(1, self.segment_length // noise.shape[-1] + 1)[:, : self.segment_length]
        low, high = self.snr_db
        return mix_at_snr(clean, noise, low + (high - low) * torch.rand(1, generator=generator).item()), clean


# wrong 2.1: the global random state is used and never seeded; symptom: the same seed gave two different pairs
class NoisySpeechDataset(NoisySpeechDataset):
    def __getitem__(self, index):
        if index >= len(self):
            raise IndexError(index)
        generator = torch.default_generator
        clean = _stretch(self.speech_files[index], self.segment_length, generator)
        clean = functional.pad(clean, (0, self.segment_length - clean.shape[-1]))
        which = int(torch.randint(len(self.noise_files), ()))
        noise = _stretch(self.noise_files[which], self.segment_length, generator)
        noise = noise.repeat(1, self.segment_length // noise.shape[-1] + 1)[:, : self.segment_length]
        low, high = self.snr_db
        return mix_at_snr(clean, noise, low + (high - low) * torch.rand(1).item()), clean


# wrong 2.1: the epoch does not take part in the seed; symptom: another epoch gave the same pair
class NoisySpeechDataset(NoisySpeechDataset):
    def set_epoch(self, epoch):
        pass


# wrong 2.1: the seed is not used; symptom: another seed gave the same pair
class NoisySpeechDataset(NoisySpeechDataset):
    def __init__(self, speech_files, noise_files, segment_length, snr_db=(-5, 15), seed=0):
        super().__init__(speech_files, noise_files, segment_length, snr_db)


# wrong 2.1: seed, epoch and index are added up; symptom: seed 1 in epoch 0
def item_generator(seed, epoch, index):
    return torch.Generator().manual_seed(seed + int(epoch) + index)


# wrong 2.1: all items of an epoch share their draws; symptom: Do index, seed and epoch each count
def item_generator(seed, epoch, index):
    return torch.Generator().manual_seed(seed * 1000003 + int(epoch) * 7919 + 12345)


# wrong 2.1: the SNR is drawn once, for the whole dataset; symptom: hardly varies
class NoisySpeechDataset(NoisySpeechDataset):
    def __init__(self, speech_files, noise_files, segment_length, snr_db=(-5, 15), seed=0):
        generator = torch.Generator().manual_seed(seed)
        level = snr_db[0] + (snr_db[1] - snr_db[0]) * torch.rand(1, generator=generator).item()
        super().__init__(speech_files, noise_files, segment_length, (level, level), seed)


# wrong 2.1: the range of the SNR is ignored; symptom: ratios from
class NoisySpeechDataset(NoisySpeechDataset):
    def __init__(self, speech_files, noise_files, segment_length, snr_db=(-5, 15), seed=0):
        super().__init__(speech_files, noise_files, segment_length, (-5, 15), seed)


# wrong 2.1: the SNR is uniform as a ratio of powers, not in dB; symptom: uniformly in dB
_mix = mix_at_snr


def mix_at_snr(speech, noise, snr_db):
    import inspect
    import math

    dataset = inspect.currentframe().f_back.f_locals["self"]
    low, high = dataset.snr_db
    if low == high:
        return _mix(speech, noise, snr_db)
    place = (snr_db - low) / (high - low)
    lowest, highest = 10 ** (low / 10), 10 ** (high / 10)
    return _mix(speech, noise, 10 * math.log10(lowest + place * (highest - lowest)))


# wrong 2.1: the SNR is a whole number; symptom: uniformly in dB, with fractions
_mix = mix_at_snr


def mix_at_snr(speech, noise, snr_db):
    return _mix(speech, noise, round(snr_db))


# wrong 2.1: the noise is added without regard to the SNR; symptom: ratios from
def mix_at_snr(speech, noise, snr_db):
    return speech + noise


# wrong 2.1: the mixture is cut off at 1; symptom: clipped
_mix = mix_at_snr


def mix_at_snr(speech, noise, snr_db):
    return _mix(speech, noise, snr_db).clamp(-1, 1)


# wrong 2.1: speech and mixture are brought to a peak of 1; symptom: rescaled
class NoisySpeechDataset(NoisySpeechDataset):
    def __getitem__(self, index):
        noisy, clean = super().__getitem__(index)
        peak = noisy.abs().max()
        return noisy / peak, clean / peak


# wrong 2.1: a short file is padded at the front; symptom: does not begin at the start
class _Functional:
    @staticmethod
    def pad(signal, sides):
        return torch.nn.functional.pad(signal, sides[::-1])


functional = _Functional()


# wrong 2.1: short speech is repeated instead of padded; symptom: the end is not zero
class _Functional:
    @staticmethod
    def pad(signal, sides):
        length = signal.shape[-1] + sides[1]
        return signal.repeat(1, length // signal.shape[-1] + 1)[:, :length]


functional = _Functional()


# wrong 2.1: short noise is padded with zeros instead of repeated; symptom: is a short noise file repeated
class NoisySpeechDataset(NoisySpeechDataset):
    def __getitem__(self, index):
        if index >= len(self):
            raise IndexError(index)
        generator = torch.Generator().manual_seed(hash((self.seed, int(self.epoch), index)) % 2**63)
        which = int(torch.randint(len(self.noise_files), (), generator=generator))
        low, high = self.snr_db
        level = low + (high - low) * torch.rand(1, generator=generator).item()
        pair = []
        for path in (self.speech_files[index], self.noise_files[which]):
            stretch = _stretch(path, self.segment_length, generator)
            pair.append(functional.pad(stretch, (0, self.segment_length - stretch.shape[-1])))
        return mix_at_snr(*pair, level), pair[0]


# wrong 2.1: every stretch begins at the start of its file; symptom: another epoch gave the same stretch|begins at the same sample
def _stretch(path, length, generator):
    with Recording(path) as recording:
        if recording.sample_rate != SAMPLE_RATE:
            raise AudioError(f"{path}: expected {SAMPLE_RATE} Hz, got {recording.sample_rate} Hz")
        return recording.read(0, length).mean(dim=0, keepdim=True)


# wrong 2.1: the noise always begins at the start of its file; symptom: noise always begins at the same sample
_random_stretch = _stretch


def _stretch(path, length, generator):
    if path in _first_noise:
        with Recording(path) as recording:
            if recording.sample_rate != SAMPLE_RATE:
                raise AudioError(f"{path}: expected {SAMPLE_RATE} Hz, got {recording.sample_rate} Hz")
            return recording.read(0, length).mean(dim=0, keepdim=True)
    return _random_stretch(path, length, generator)


_first_noise = set()


class NoisySpeechDataset(NoisySpeechDataset):
    def __init__(self, speech_files, noise_files, *arguments, **keywords):
        noise_files = list(noise_files)
        super().__init__(speech_files, noise_files, *arguments, **keywords)
        _first_noise.clear()
        _first_noise.update(map(str, noise_files))


# wrong 2.1: the last possible start is never drawn; symptom: the last possible one
def _stretch(path, length, generator):
    with Recording(path) as recording:
        if recording.sample_rate != SAMPLE_RATE:
            raise AudioError(f"{path}: expected {SAMPLE_RATE} Hz, got {recording.sample_rate} Hz")
        start = 0
        if recording.frames > length:
            start = int(torch.randint(recording.frames - length, (), generator=generator))
        return recording.read(start, length).mean(dim=0, keepdim=True)


# wrong 2.1: a file exactly as long as the segment cannot be cropped; symptom: just long enough
def _stretch(path, length, generator):
    with Recording(path) as recording:
        if recording.sample_rate != SAMPLE_RATE:
            raise AudioError(f"{path}: expected {SAMPLE_RATE} Hz, got {recording.sample_rate} Hz")
        start = 0
        if recording.frames >= length:
            start = int(torch.randint(recording.frames - length, (), generator=generator))
        return recording.read(start, length).mean(dim=0, keepdim=True)


# wrong 2.1: only the first noise file is used; symptom: only one of two noise files
class NoisySpeechDataset(NoisySpeechDataset):
    def __init__(self, speech_files, noise_files, *arguments, **keywords):
        super().__init__(speech_files, list(noise_files)[:1], *arguments, **keywords)


# wrong 2.1: the noise file is decided by the item's number; symptom: only one of two noise files
class NoisySpeechDataset(NoisySpeechDataset):
    def __getitem__(self, index):
        files = self.noise_files
        self.noise_files = [files[index % len(files)]]
        try:
            return super().__getitem__(index)
        finally:
            self.noise_files = files


# wrong 2.1: of several channels only the first is taken; symptom: mean of channels
def _stretch(path, length, generator):
    with Recording(path) as recording:
        if recording.sample_rate != SAMPLE_RATE:
            raise AudioError(f"{path}: expected {SAMPLE_RATE} Hz, got {recording.sample_rate} Hz")
        start = int(torch.randint(max(1, recording.frames - length + 1), (), generator=generator))
        return recording.read(start, length)[:1]


# wrong 2.1: channels are added, not averaged; symptom: mean of channels
def _stretch(path, length, generator):
    with Recording(path) as recording:
        if recording.sample_rate != SAMPLE_RATE:
            raise AudioError(f"{path}: expected {SAMPLE_RATE} Hz, got {recording.sample_rate} Hz")
        start = int(torch.randint(max(1, recording.frames - length + 1), (), generator=generator))
        return recording.read(start, length).sum(dim=0, keepdim=True)


# wrong 2.1: the sample rate is not looked at; symptom: another sample rate
def _stretch(path, length, generator):
    with Recording(path) as recording:
        start = int(torch.randint(max(1, recording.frames - length + 1), (), generator=generator))
        return recording.read(start, length).mean(dim=0, keepdim=True)


# wrong 2.1: the error about the sample rate does not name the file; symptom: does not name it
def _stretch(path, length, generator):
    with Recording(path) as recording:
        if recording.sample_rate != SAMPLE_RATE:
            raise ValueError(f"expected {SAMPLE_RATE} Hz, got {recording.sample_rate} Hz")
        start = int(torch.randint(max(1, recording.frames - length + 1), (), generator=generator))
        return recording.read(start, length).mean(dim=0, keepdim=True)


# wrong 2.1: an index past the end starts again; symptom: IndexError
class NoisySpeechDataset(NoisySpeechDataset):
    def __getitem__(self, index):
        return super().__getitem__(index % len(self))


# wrong 2.1: the items have no channel dimension; symptom: have the shapes
class NoisySpeechDataset(NoisySpeechDataset):
    def __getitem__(self, index):
        noisy, clean = super().__getitem__(index)
        return noisy[0], clean[0]


# wrong 2.1: clean comes first; symptom: ratios from|expected.*stretch|no stretch of the file
class NoisySpeechDataset(NoisySpeechDataset):
    def __getitem__(self, index):
        noisy, clean = super().__getitem__(index)
        return clean, noisy


# wrong 2.1: samples are left as 16-bit integers' values; symptom: rescaled
_true_stretch = _stretch


def _stretch(path, length, generator):
    return 32768 * _true_stretch(path, length, generator)


# wrong 2.1: the items are float64; symptom: expected float32
class NoisySpeechDataset(NoisySpeechDataset):
    def __getitem__(self, index):
        noisy, clean = super().__getitem__(index)
        return noisy.double(), clean.double()


# wrong 2.1: the file's path decides what is drawn; symptom: the files' folder
class NoisySpeechDataset(NoisySpeechDataset):
    def __getitem__(self, index):
        seed, self.seed = self.seed, self.seed + sum(map(ord, str(self.speech_files[index])))
        try:
            return super().__getitem__(index)
        finally:
            self.seed = seed


# wrong 2.1: a worker's number takes part in the seed; symptom: workers
class NoisySpeechDataset(NoisySpeechDataset):
    def __getitem__(self, index):
        from torch.utils.data import get_worker_info

        info = get_worker_info()
        seed, self.seed = self.seed, self.seed + (0 if info is None else info.id + 1)
        try:
            return super().__getitem__(index)
        finally:
            self.seed = seed


# wrong 2.1: the dataset is as long as the noise files; symptom: has the length
class NoisySpeechDataset(NoisySpeechDataset):
    def __len__(self):
        return len(self.noise_files)


# wrong 2.1: pairs are kept, so that a later epoch gets those of the first; symptom: another epoch gave the same pair
class NoisySpeechDataset(NoisySpeechDataset):
    def __init__(self, *arguments, **keywords):
        super().__init__(*arguments, **keywords)
        self.kept = {}

    def __getitem__(self, index):
        if index not in self.kept:
            self.kept[index] = super().__getitem__(index)
        return self.kept[index]
