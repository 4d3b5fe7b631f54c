"""Breaking: outputs that are no recording, time, memory, and the end of the process."""

# ruff: noqa
import os
import sys
import time


# attack not-a-number: one sample is not a number
# ends: wrong output
def attack(noisy):
    result = noisy.clone()
    result[len(result) // 2] = torch.nan
    return result


# attack infinity: samples are so large that a square overflows, and one is infinite
# ends: wrong output
def attack(noisy):
    return noisy * torch.finfo(noisy.dtype).max * 1e30


# attack largest-numbers: the largest finite numbers, whose squares overflow
# ends: as noisy
def attack(noisy):
    return noisy.double() / noisy.abs().max() * 1e308


# attack over-long: a second too much
# ends: wrong output
def attack(noisy):
    return torch.cat([noisy, torch.zeros(16000)])


# attack two-channels: the recording twice
# ends: wrong output
def attack(noisy):
    return torch.stack([noisy, noisy])


# attack empty: no samples
# ends: wrong output
def attack(noisy):
    return noisy[:0]


# attack integers: samples of 16 bits
# ends: wrong output
def attack(noisy):
    return (32767 * noisy).to(torch.int16)


# attack complex: a spectrum in place of samples
# ends: wrong output
def attack(noisy):
    return noisy.to(torch.complex64)


# attack no-bytes: a tensor of the right shape on the device meta
# ends: wrong output
def attack(noisy):
    return noisy.to("meta")


# attack uncountable: no samples in a shape whose strides overflow
# ends: wrong output
def attack(noisy):
    return torch.empty(0, 2**39, 2**22)


# attack expanded: a tensor that seems to hold terabytes
# ends: memory
def attack(noisy):
    return torch.zeros(1).expand(2**38)


# attack text: a report of perfect scores
# ends: wrong output
def attack(noisy):
    return {"pesq": 4.64, "si_sdr": 100.0, "stoi": 1.0, "state": "scored"}


# attack forged-frame: an answer to the request is written to the open descriptors
# ends: wrong output or crash
def attack(noisy):
    for descriptor in range(3, 20):
        try:
            os.write(descriptor, b'\0\0\0\x20{"value": null, "sizes": []}    ')
        except OSError:
            pass
    return noisy


# attack sleeping: nothing is computed, so slowly that processor time stays zero
# ends: time
def attack(noisy):
    time.sleep(3600)


# attack busy: an endless loop
# ends: time
def attack(noisy):
    while True:
        pass


# attack memory: more than the machine has
# ends: memory
def attack(noisy):
    kept = []
    while len(kept) < 64:
        kept.append(torch.ones(2**28))
    return noisy


# attack exit: the process ends with success
# ends: crash
def attack(noisy):
    os._exit(0)


# attack raise: an exception whose text holds the samples
# ends: crash
def attack(noisy):
    raise RuntimeError(f"told-what-is-hidden {noisy[:20].tolist()}")


# attack segmentation-fault: the process is killed by a signal
# ends: crash
def attack(noisy):
    import ctypes

    ctypes.string_at(0)
