"""The systems of the literature, one file each: noisy waveform `(batch, 1, time)` in, enhanced waveform out."""
