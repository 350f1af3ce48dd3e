"""Another server beside `rhapsode serve`: llama.cpp's, with a small transformer that was not trained.

    pip install xllamacpp gguf
    python benchmarks/serving.py --beside

Its model has one layer of width 256 in float32: 650,000 weights are multiplied for a token, about as many as an LSTM
of 1 × 384 has, and a vocabulary of characters: so a token is a character in both. It says its address, and serves until
it is killed.
"""

from __future__ import annotations

import sys
import tempfile
import threading
from pathlib import Path

import gguf
import numpy as np
import xllamacpp

WIDTH, INNER, HEADS = 256, 512, 4
PLACES, LONGEST = 64, 512
"""Texts side by side, and the most tokens of each."""


def write(path: Path) -> None:
    """The model file."""
    letters = [*map(chr, range(33, 127)), "\u2581", "\n"]
    tokens = [b"<unk>", b"<s>", b"</s>", *(f"<0x{byte:02X}>".encode() for byte in range(256))]
    first = len(tokens)
    tokens += [letter.encode() for letter in letters]
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_context_length(LONGEST)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(1)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_scores([0.0] * len(tokens))
    writer.add_token_types([2, 3, 3, *[6] * 256, *[1] * len(letters)])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_add_space_prefix(False)
    rng = np.random.default_rng(0)
    shapes = {f"blk.0.attn_{name}": (WIDTH, WIDTH) for name in ("q", "k", "v", "output")}
    shapes |= {"blk.0.ffn_gate": (INNER, WIDTH), "blk.0.ffn_up": (INNER, WIDTH), "blk.0.ffn_down": (WIDTH, INNER)}
    shapes |= {"token_embd": (len(tokens), WIDTH), "output": (len(tokens), WIDTH)}
    weights = {name: rng.standard_normal(shape) * shape[-1] ** -0.5 for name, shape in shapes.items()}
    weights["output"][:first] = 0  # characters are likelier than what is none
    weights |= {name: np.ones(WIDTH) for name in ("output_norm", "blk.0.attn_norm", "blk.0.ffn_norm")}
    for name, weight in weights.items():
        writer.add_tensor(f"{name}.weight", weight.astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        write(path := Path(scratch) / "model.gguf")
        asked = xllamacpp.CommonParams()
        asked.model.path, asked.n_parallel, asked.n_ctx = str(path), PLACES, PLACES * LONGEST
        asked.port, asked.n_threads_http = 0, 2 * PLACES
        server = xllamacpp.Server(asked)
        print(f"serving at {server.listening_address}/v1", file=sys.stderr, flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
