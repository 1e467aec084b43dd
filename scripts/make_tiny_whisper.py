"""Make a Whisper model of a megabyte that says one sentence, whatever it hears.

It has the layout, vocabulary classes and tokenizer of a real English model, so that loading, windowing and
decoding are tested on the real library (faster-whisper and CTranslate2). All its layers are zero; a position in
the answer points to the token that stands there. The tests make it where they need it; by hand:
python scripts/make_tiny_whisper.py FOLDER
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

WORDS = ("this", "is", "your", "bank")
SAID_IN_S = 2.0
WIDTH, HEADS, MELS, AUDIO_POSITIONS, TEXT_POSITIONS = 64, 2, 80, 1500, 448
LANGUAGES = ("en",)
SPECIAL = (
    "<|endoftext|>",
    "<|startoftranscript|>",
    *(f"<|{language}|>" for language in LANGUAGES),
    "<|translate|>",
    "<|transcribe|>",
    "<|startoflm|>",
    "<|startofprev|>",
    "<|nospeech|>",
    "<|notimestamps|>",
)
FIRST_SPECIAL = 256 + len(WORDS)


def vocabulary() -> list[str]:
    from tokenizers.pre_tokenizers import ByteLevel

    return [
        *sorted(ByteLevel.alphabet()),
        *(f"Ġ{word}" for word in WORDS),
        *SPECIAL,
        *(f"<|{step * 0.02:.2f}|>" for step in range(1501)),
    ]


def make(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    _write_tokenizer(folder)
    spec = _spec()
    spec.validate()
    spec.optimize(quantization="float32")
    spec.save(str(folder))
    config = json.loads((folder / "config.json").read_text())
    config.update(
        suppress_ids=[],
        suppress_ids_begin=[],
        lang_ids=[_id(f"<|{one}|>") for one in LANGUAGES],
        alignment_heads=[[0, 0]],
    )
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def _id(token: str) -> int:
    return vocabulary().index(token)


def _write_tokenizer(folder: Path) -> None:
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    words = vocabulary()
    letters = {token: number for number, token in enumerate(words) if number < FIRST_SPECIAL}
    tokenizer = Tokenizer(models.BPE(vocab=letters, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(
        [AddedToken(token, special=True) for token in words[FIRST_SPECIAL : FIRST_SPECIAL + len(SPECIAL)]]
    )
    tokenizer.add_tokens([AddedToken(token) for token in words[FIRST_SPECIAL + len(SPECIAL) :]])
    tokenizer.save(str(folder / "tokenizer.json"))


def _spec() -> Any:
    from ctranslate2.specs import WhisperSpec  # type: ignore[import-untyped]

    words = vocabulary()
    spec = WhisperSpec(1, HEADS, 1, HEADS)
    encoder, decoder = spec.encoder, spec.decoder
    encoder.conv1.weight, encoder.conv1.bias = _zeros(WIDTH, MELS, 3), _zeros(WIDTH)
    encoder.conv2.weight, encoder.conv2.bias = _zeros(WIDTH, WIDTH, 3), _zeros(WIDTH)
    encoder.position_encodings.encodings = _zeros(AUDIO_POSITIONS, WIDTH)
    _fill_norm(encoder.layer_norm)
    for layer in encoder.layer:
        _fill_attention(layer.self_attention, queries_apart=False)
        _fill_feed_forward(layer.ffn)
    for layer in decoder.layer:
        _fill_attention(layer.self_attention, queries_apart=False)
        _fill_attention(layer.attention, queries_apart=True)
        _fill_feed_forward(layer.ffn)
    _fill_norm(decoder.layer_norm)
    decoder.embeddings.weight = _zeros(len(words), WIDTH)
    decoder.position_encodings.encodings, decoder.projection.weight = _answers(words)
    spec.register_vocabulary(words)
    return spec


def _answers(words: list[str]) -> tuple[Any, Any]:
    """Position encodings and output weights that let place n of the text give token n of the answer.

    The first place gives the opening timestamp, which a prompt without timestamps jumps over."""
    said = ["<|0.00|>", *(f"Ġ{word}" for word in WORDS), f"<|{SAID_IN_S:.2f}|>", "<|endoftext|>"]
    codes = np.random.default_rng(5).choice([-1.0, 1.0], (len(said), WIDTH)).astype(np.float32)
    positions = _zeros(TEXT_POSITIONS, WIDTH)
    output = _zeros(len(words), WIDTH)
    for place in range(TEXT_POSITIONS):
        positions[place] = codes[min(place, len(said) - 1)]
    for token, code in zip(said, codes, strict=True):
        output[words.index(token)] = code
    return positions, output


def _zeros(*shape: int) -> Any:
    return np.zeros(shape, np.float32)


def _fill_norm(norm: Any) -> None:
    norm.gamma, norm.beta = np.ones(WIDTH, np.float32), _zeros(WIDTH)


def _fill_attention(attention: Any, *, queries_apart: bool) -> None:
    _fill_norm(attention.layer_norm)
    sizes = (WIDTH, 2 * WIDTH, WIDTH) if queries_apart else (3 * WIDTH, WIDTH)
    for linear, size in zip(attention.linear, sizes, strict=True):
        linear.weight, linear.bias = _zeros(size, WIDTH), _zeros(size)


def _fill_feed_forward(layer: Any) -> None:
    _fill_norm(layer.layer_norm)
    layer.linear_0.weight, layer.linear_0.bias = _zeros(WIDTH, WIDTH), _zeros(WIDTH)
    layer.linear_1.weight, layer.linear_1.bias = _zeros(WIDTH, WIDTH), _zeros(WIDTH)


if __name__ == "__main__":
    make(Path(sys.argv[1]))
