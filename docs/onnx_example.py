"""Take the noise out of a WAV file with the exported model, without torch: pip install onnxruntime soundfile.

python onnx_example.py model.onnx noisy.wav enhanced.wav
"""

import sys

import numpy as np
import onnxruntime
import soundfile

session = onnxruntime.InferenceSession(sys.argv[1])
about = session.get_modelmeta().custom_metadata_map
rate, hop_length, delay = (int(about[name]) for name in ("sample_rate", "hop_length", "delay"))


def enhance(samples: np.ndarray) -> np.ndarray:
    """Enhance one channel, `(time,)`, hop by hop as it would come from a microphone."""
    _, *states = session.get_inputs()
    values = [np.zeros(state.shape, np.float32) for state in states]
    # Zeros at the end bring out what the delay still holds.
    padded = np.pad(samples, (0, delay + -len(samples) % hop_length))
    results = []
    for hop in padded.reshape(-1, hop_length):
        inputs = {"hop": hop} | {state.name: value for state, value in zip(states, values, strict=True)}
        enhanced, *values = session.run(None, inputs)
        results.append(enhanced)
    return np.concatenate(results)[delay:][: len(samples)]


noisy, noisy_rate = soundfile.read(sys.argv[2], dtype="float32", always_2d=True)
if noisy_rate != rate:
    sys.exit(f"{sys.argv[2]}: expected {rate} Hz, got {noisy_rate}")
soundfile.write(sys.argv[3], np.stack([enhance(channel) for channel in noisy.T], axis=1), rate)
