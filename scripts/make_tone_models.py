"""Make the tiny streaming models in tests/data/models: they hear three tones and say a word for each.

They have the inputs, outputs and metadata of real streaming Zipformer2 models, so that loading, batching, state
handling and end-pointing are tested on the real library; what they compute is one matrix product.
Needs the package `onnx`, which nothing else here needs: pip install onnx && python scripts/make_tone_models.py
"""

import math
from pathlib import Path
from typing import Any

import numpy as np
import onnx  # type: ignore[import-not-found,unused-ignore]
from onnx import TensorProto, helper, numpy_helper

TARGET = Path(__file__).parent.parent / "tests" / "data" / "models"
TONES_HZ = {"▁HELLO": 500.0, "▁BIG": 1200.0, "▁WORLD": 2600.0}
TOKENS = ["<blk>", *TONES_HZ]
BINS = 80
CHUNK, FRAMES_IN, FRAMES_OUT = (
    32,
    45,
    8,
)  # feature frames per step, with look-ahead, and after subsampling by 4
SHARPNESS = 2.0
BLANK = 6.0


def mel(frequency_hz: float) -> float:
    return 1127.0 * math.log(1.0 + frequency_hz / 700.0)


def weights() -> tuple[Any, Any]:
    """A token's score: how far the bins at its tone stand above those at the other tones."""
    low, high = mel(20.0), mel(8_000.0 - 400.0)
    around = [
        slice(centre - 1, centre + 2)
        for centre in (round((mel(tone) - low) / (high - low) * (BINS + 1)) - 1 for tone in TONES_HZ.values())
    ]
    matrix = np.zeros((BINS, len(TOKENS)), np.float32)
    for token, own in enumerate(around, 1):
        for bins in around:
            matrix[bins, token] = SHARPNESS / 3 if bins == own else -SHARPNESS / 6
    bias = np.zeros(len(TOKENS), np.float32)
    bias[0] = BLANK
    return matrix, bias


DIM, QUERY, VALUE, HEADS, KERNEL, LEFT = 4, 2, 2, 1, 3, 2
STATES: list[tuple[str, list[Any], int]] = [
    ("cached_key", [LEFT, "N", QUERY * HEADS], TensorProto.FLOAT),
    ("cached_nonlin_attn", [1, "N", LEFT, 3 * DIM // 4], TensorProto.FLOAT),
    ("cached_val1", [LEFT, "N", VALUE * HEADS], TensorProto.FLOAT),
    ("cached_val2", [LEFT, "N", VALUE * HEADS], TensorProto.FLOAT),
    ("cached_conv1", ["N", DIM, KERNEL // 2], TensorProto.FLOAT),
    ("cached_conv2", ["N", DIM, KERNEL // 2], TensorProto.FLOAT),
    ("embed_states", ["N", 128, 3, 19], TensorProto.FLOAT),
    ("processed_lens", ["N"], TensorProto.INT64),
]
METADATA = {
    "model_type": "zipformer2",
    "version": "1",
    "encoder_dims": DIM,
    "query_head_dims": QUERY,
    "value_head_dims": VALUE,
    "num_heads": HEADS,
    "num_encoder_layers": 1,
    "cnn_module_kernels": KERNEL,
    "left_context_len": LEFT,
    "T": FRAMES_IN,
    "decode_chunk_len": CHUNK,
}


def constant(name: str, value: Any) -> Any:
    return numpy_helper.from_array(np.asarray(value), name)


def encoder(output: str, *, log_probabilities: bool) -> Any:
    matrix, bias = weights()
    nodes = [
        helper.make_node("Slice", ["x", "zero", "chunk", "one"], ["cut"]),
        helper.make_node("Reshape", ["cut", "by_four"], ["grouped"]),
        helper.make_node("ReduceMean", ["grouped"], ["mean"], axes=[2], keepdims=0),
        helper.make_node("MatMul", ["mean", "matrix"], ["product"]),
        helper.make_node("Add", ["product", "bias"], ["scores" if log_probabilities else output]),
        *[helper.make_node("Identity", [name], [f"new_{name}"]) for name, _, _ in STATES],
    ]
    if log_probabilities:
        nodes.append(helper.make_node("LogSoftmax", ["scores"], [output], axis=2))
    graph = helper.make_graph(
        nodes,
        "tones",
        [
            helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", FRAMES_IN, BINS]),
            *[helper.make_tensor_value_info(name, kind, shape) for name, shape, kind in STATES],
        ],
        [
            helper.make_tensor_value_info(output, TensorProto.FLOAT, ["N", FRAMES_OUT, len(TOKENS)]),
            *[helper.make_tensor_value_info(f"new_{name}", kind, shape) for name, shape, kind in STATES],
        ],
        [
            constant("zero", np.array([0], np.int64)),
            constant("chunk", np.array([CHUNK], np.int64)),
            constant("one", np.array([1], np.int64)),
            constant("by_four", np.array([-1, FRAMES_OUT, CHUNK // FRAMES_OUT, BINS], np.int64)),
            constant("matrix", matrix),
            constant("bias", bias),
        ],
    )
    return finished(graph, METADATA)


def decoder() -> Any:
    """Marks the token said last, so that a held tone is one word and not many."""
    said = -100.0 * np.eye(len(TOKENS), dtype=np.float32)
    said[0] = 0.0
    graph = helper.make_graph(
        [
            helper.make_node("Gather", ["y", "latest"], ["token"], axis=1),
            helper.make_node("Gather", ["said", "token"], ["decoder_out"], axis=0),
        ],
        "decoder",
        [helper.make_tensor_value_info("y", TensorProto.INT64, ["N", 2])],
        [helper.make_tensor_value_info("decoder_out", TensorProto.FLOAT, ["N", len(TOKENS)])],
        [constant("latest", np.array(1, np.int64)), constant("said", said)],
    )
    return finished(graph, {"context_size": 2, "vocab_size": len(TOKENS)})


def joiner() -> Any:
    shape = ["N", len(TOKENS)]
    graph = helper.make_graph(
        [helper.make_node("Add", ["encoder_out", "decoder_out"], ["logit"])],
        "joiner",
        [
            helper.make_tensor_value_info("encoder_out", TensorProto.FLOAT, shape),
            helper.make_tensor_value_info("decoder_out", TensorProto.FLOAT, shape),
        ],
        [helper.make_tensor_value_info("logit", TensorProto.FLOAT, shape)],
    )
    return finished(graph, {"joiner_dim": len(TOKENS)})


def finished(graph: Any, metadata: dict[str, Any]) -> Any:
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    for key, value in metadata.items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, str(value)
    onnx.checker.check_model(model)
    return model


def main() -> None:
    ctc, transducer = TARGET / "tones-ctc", TARGET / "tones-transducer"
    for folder in (ctc, transducer):
        folder.mkdir(parents=True, exist_ok=True)
        lines = [f"{token} {number}" for number, token in enumerate(TOKENS)]
        (folder / "tokens.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    onnx.save(encoder("log_probs", log_probabilities=True), ctc / "model.onnx")
    onnx.save(encoder("encoder_out", log_probabilities=False), transducer / "encoder.onnx")
    onnx.save(decoder(), transducer / "decoder.onnx")
    onnx.save(joiner(), transducer / "joiner.onnx")


if __name__ == "__main__":
    main()
