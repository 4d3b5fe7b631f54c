"""A recurrent denoising autoencoder: a network on few frames that remembers the frames before.

Maas, Le, O'Neil, Vinyals, Nguyen and Ng, "Recurrent neural networks for noise reduction in robust ASR", Interspeech
2012, clean the features that a speech recogniser reads. The network is trained on noisy and clean features of the same
speech and assumes nothing about the noise. It has three hidden layers, the middle one connected to itself one frame
earlier:

    h1[t] = tanh(W1 (y[t - 1], y[t], y[t + 1]) + b1)
    h2[t] = tanh(W2 h1[t] + U h2[t - 1] + b2)
    h3[t] = tanh(W3 h2[t] + b3)
    x[t]  = W4 h3[t] + b4

The window shows the sound of the moment, U the noise so far. Training minimises the squared error of x.

The paper's features are cepstral coefficients (14 numbers a frame in the authors' published code, in windows of 3
frames, with tanh), its optimizer is L-BFGS, its measure word errors. Cepstra smooth the spectrum so much that no gain
follows from them, so here a frame has 40 log mel powers, the estimate becomes sound by `mel_gain`, and Adam trains.
Features are normalised by statistics of the training data instead of those of each utterance: otherwise the level of
the estimate would be unknown, and frames beyond the next one would be needed. The authors' code adds a mean of the
first frames to the input; it is left out. The 500 units in each layer are ours, as the paper's table is not at hand.
"""

import torch
from torch import Tensor, nn

from speech_enhancement.systems.blocks.mel_gain import MelGainSystem, windows


class RecurrentDenoisingAutoencoder(MelGainSystem):
    """Three hidden layers, the middle one recurrent; they look one frame ahead, and back without end.

    Args:
        n_mels: mel bands.
        n_frames: frames in a window, an odd number.
        width: units of each hidden layer.
    """

    title = "recurrent denoising autoencoder"

    def __init__(self, n_mels: int = 40, n_frames: int = 3, width: int = 500):
        super().__init__(n_mels)
        self.n_frames = n_frames
        self.first = nn.Linear(n_mels * n_frames, width)
        self.middle = nn.RNN(width, width, batch_first=True)
        self.last = nn.Linear(width, width)
        self.outlet = nn.Linear(width, n_mels)

    def estimate(self, features: Tensor) -> Tensor:
        vectors = windows(features, self.n_frames).flatten(2)  # (batch, frames, n_mels * n_frames)
        hidden, _ = self.middle(torch.tanh(self.first(vectors)))
        return self.outlet(torch.tanh(self.last(hidden)))
