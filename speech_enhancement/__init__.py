"""Speech enhancement with denoising autoencoders: a course, and a library that stands without it.

    python -m speech_enhancement enhance noisy.wav --out clean/

The modules that students complete are `stft`, `masking`, `augmentation` and `metrics` (milestone 1), and `data`,
`unet` and `training` (milestone 2). Signals are tensors whose last dimension is time, sampled at 16 kHz;
spectrograms end in `(freq, frames)`.
"""
