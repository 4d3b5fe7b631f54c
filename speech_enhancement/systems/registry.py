"""The systems, by the names that commands use; the module of a system is imported when the system is built."""

import importlib
from typing import Any

from speech_enhancement.systems.system import System

NAMES = {
    "unet": "masking_unet:MaskingUNet",
    "butterworth": "linear_filters:ButterworthFilter",
    "chebyshev": "linear_filters:ChebyshevFilter",
    "elliptic": "linear_filters:EllipticFilter",
    "moving-average": "moving_average:MovingAverage",
    "adaptive-line-enhancer": "adaptive_line_enhancer:AdaptiveLineEnhancer",
    "spectral-subtraction": "spectral_subtraction:SpectralSubtraction",
    "wiener": "wiener:Wiener",
    "log-mmse": "log_mmse:LogMMSE",
    "cepstral-smoothing": "cepstral_smoothing:CepstralSmoothing",
    "block-thresholding": "block_thresholding:BlockThresholding",
    "coefficient-thresholding": "coefficient_thresholding:CoefficientThresholding",
    "convolutional-autoencoder": "convolutional_autoencoder:ConvolutionalAutoencoder",
    "deep-denoising-autoencoder": "deep_denoising_autoencoder:DeepDenoisingAutoencoder",
    "recurrent-denoising-autoencoder": "recurrent_denoising_autoencoder:RecurrentDenoisingAutoencoder",
    "log-spectrogram-unet": "log_spectrogram_unet:LogSpectrogramUNet",
    "fully-convolutional": "fully_convolutional:FullyConvolutional",
    "denoising-wavenet": "denoising_wavenet:DenoisingWaveNet",
    "segan": "segan:SEGAN",
    "deep-feature-losses": "deep_feature_losses:DeepFeatureLosses",
    "deep-complex-unet": "deep_complex_unet:DeepComplexUNet",
    "dual-path": "dual_path_masking:DualPathMasking",
    "wave-unet": "wave_unet:WaveUNet",
    "noise2noise": "noise2noise:Noise2Noise",
    "deep-network-prior": "deep_network_prior:DeepNetworkPrior",
    "super-resolution-unet": "super_resolution_unet:SuperResolutionUNet",
    "tfilm": "tfilm:TFiLM",
    "mu-gan": "mu_gan:MUGAN",
    "packet-loss-filling": "packet_loss_filling:PacketLossFilling",
}
"""Module and class of each."""


def build(name: str, size: str = "small", **arguments: Any) -> System:
    """Build a system, untrained.

    Args:
        name: one of `NAMES`.
        size: one of the system's `sizes`.
        arguments: arguments of its constructor, in place of those of the size.

    Raises:
        ValueError: there is no system of that name, or it has no such size.
    """
    if name not in NAMES:
        raise ValueError(f"system: expected one of {', '.join(NAMES)}, got {name}")
    module, _, kind = NAMES[name].partition(":")
    system_class = getattr(importlib.import_module(f"speech_enhancement.systems.{module}"), kind)
    if size not in system_class.sizes:
        raise ValueError(f"size: expected one of {', '.join(system_class.sizes)}, got {size}")
    system = system_class(**{**system_class.sizes[size], **arguments})
    system.description = {"system": name, "size": size, "arguments": arguments}
    return system
