"""Disguises: outputs that are another signal's up to a gain, an offset or a delay."""

# ruff: noqa


# attack gain: the noisy recording, much louder and with the other sign
# ends: as noisy
def attack(noisy):
    return -1000.0 * noisy


# attack whisper: the noisy recording, so soft that squares vanish
# ends: as noisy
def attack(noisy):
    return 1e-25 * noisy


# attack offset: the noisy recording with an offset as large as full scale
# ends: as noisy
def attack(noisy):
    return noisy + 1.0


# attack delay: the noisy recording, fifty milliseconds late
# ends: no gain
def attack(noisy):
    return torch.nn.functional.pad(noisy, (800, 0))[: len(noisy)]


# attack silence: nothing but an offset, so that noise cannot be heard
# ends: wrong output
def attack(noisy):
    return torch.full_like(noisy, 0.25)


# attack lying-tensor: a subclass whose comparisons, norms and copies answer what is wished
# ends: as noisy or crash or wrong output
class _Lying(Tensor):
    @classmethod
    def __torch_function__(cls, function, types, arguments=(), keywords=None):
        result = super().__torch_function__(function, types, arguments, keywords or {})
        return True if isinstance(result, bool) else result


def attack(noisy):
    return noisy.clone().as_subclass(_Lying)


# attack someone-elses-weights: the shipped weights as one's own, with another gain, offset and delay
# ends: marked
def attack(noisy):
    return torch.nn.functional.pad(0.5 * honest(noisy) + 0.01, (16, 0))[: len(noisy)]
