"""BLAKE2b as WebAssembly text. Source: RFC 7693.

The compression function is twelve rounds of eight mixings, all alike but for which words
they take, so they are written out by this program rather than by hand.
"""

from __future__ import annotations

_IV = (
    0x6A09E667F3BCC908,
    0xBB67AE8584CAA73B,
    0x3C6EF372FE94F82B,
    0xA54FF53A5F1D36F1,
    0x510E527FADE682D1,
    0x9B05688C2B3E6C1F,
    0x1F83D9ABFB41BD6B,
    0x5BE0CD19137E2179,
)
_SIGMA = (
    (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
    (14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3),
    (11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4),
    (7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8),
    (9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13),
    (2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9),
    (12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11),
    (13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10),
    (6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5),
    (10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0),
)
_ROUNDS = 12
_MIXED = (
    (0, 4, 8, 12),
    (1, 5, 9, 13),
    (2, 6, 10, 14),
    (3, 7, 11, 15),
    (0, 5, 10, 15),
    (1, 6, 11, 12),
    (2, 7, 8, 13),
    (3, 4, 9, 14),
)


def blake2_functions() -> str:
    """`ext_hashing_blake2_128_version_1` and `…_256…`, and what they need.

    `${STATE}` (64 bytes) and `${BLOCK}` (128 bytes) stand for scratch memory; `$malloc`
    must be defined beside them.
    """
    exported = "".join(_exported(bits) for bits in (128, 256))
    return f"{_compress()}{_HASH}{exported}"


def _v(index: int) -> str:
    return f"(local.get $v{index})"


def _set(index: int, value: str) -> str:
    return f"    (local.set $v{index} {value})\n"


def _mix(mixed: tuple[int, int, int, int], x: int, y: int) -> str:
    """RFC 7693, section 3.1: the function G."""
    a, b, c, d = mixed

    def add_word(word: int) -> str:
        return _set(a, f"(i64.add (i64.add {_v(a)} {_v(b)}) (local.get $m{word}))")

    def turn(into: int, other: int, bits: int) -> str:
        return _set(into, f"(i64.rotr (i64.xor {_v(into)} {_v(other)}) (i64.const {bits}))")

    def add(into: int, other: int) -> str:
        return _set(into, f"(i64.add {_v(into)} {_v(other)})")

    first = add_word(x) + turn(d, a, 32) + add(c, d) + turn(b, c, 24)
    return first + add_word(y) + turn(d, a, 16) + add(c, d) + turn(b, c, 63)


def _compress() -> str:
    """RFC 7693, section 3.2: the function F, on the state at `${STATE}`."""
    names = [f"$v{i}" for i in range(16)] + [f"$m{i}" for i in range(16)]
    lines = [
        "  (func $blake2_compress (param $block i32) (param $count i64) (param $last i64)\n",
        "".join(f"    (local {name} i64)\n" for name in names),
    ]
    state = [f"(i64.load offset={8 * i} (i32.const ${{STATE}}))" for i in range(8)]
    lines += [_set(i, state[i]) for i in range(8)]
    lines += [_set(8 + i, f"(i64.const 0x{word:016x})") for i, word in enumerate(_IV)]
    lines.append(_set(12, f"(i64.xor {_v(12)} (local.get $count))"))
    lines.append(_set(14, f"(i64.xor {_v(14)} (local.get $last))"))
    lines += [
        f"    (local.set $m{i} (i64.load offset={8 * i} (local.get $block)))\n" for i in range(16)
    ]
    for round_ in range(_ROUNDS):
        sigma = _SIGMA[round_ % len(_SIGMA)]
        lines += [_mix(mixed, sigma[2 * i], sigma[2 * i + 1]) for i, mixed in enumerate(_MIXED)]
    for i in range(8):
        word = f"(i64.xor {state[i]} (i64.xor {_v(i)} {_v(i + 8)}))"
        lines.append(f"    (i64.store offset={8 * i} (i32.const ${{STATE}}) {word})\n")
    return "".join([*lines, "  )\n"])


_REST_OF_STATE = "".join(
    f"    (i64.store offset={8 * i} (i32.const ${{STATE}}) (i64.const 0x{_IV[i]:016x}))\n"
    for i in range(1, 8)
)

_HASH = f"""
  ;; Hash into the state; $bits is the digest's length, part of the parameter block.
  (func $blake2 (param $at i32) (param $length i32) (param $bits i64)
    (local $count i64) (local $rest i32)
    (i64.store (i32.const ${{STATE}})
      (i64.xor (i64.const 0x{_IV[0] ^ 0x01010000:016x})
        (i64.shr_u (local.get $bits) (i64.const 3))))
{_REST_OF_STATE}    (local.set $rest (local.get $length))
    ;; The last block waits, however long, since it is compressed as the last one.
    (block $no_more
      (loop $blocks
        (br_if $no_more (i32.le_u (local.get $rest) (i32.const 128)))
        (local.set $count (i64.add (local.get $count) (i64.const 128)))
        (call $blake2_compress (local.get $at) (local.get $count) (i64.const 0))
        (local.set $at (i32.add (local.get $at) (i32.const 128)))
        (local.set $rest (i32.sub (local.get $rest) (i32.const 128)))
        (br $blocks)))
    (memory.fill (i32.const ${{BLOCK}}) (i32.const 0) (i32.const 128))
    (memory.copy (i32.const ${{BLOCK}}) (local.get $at) (local.get $rest))
    (call $blake2_compress (i32.const ${{BLOCK}})
      (i64.extend_i32_u (local.get $length)) (i64.const -1)))
"""


def _exported(bits: int) -> str:
    return f"""
  (func (export "ext_hashing_blake2_{bits}_version_1") (param $data i64) (result i32)
    (local $out i32)
    (call $blake2
      (i32.wrap_i64 (local.get $data))
      (i32.wrap_i64 (i64.shr_u (local.get $data) (i64.const 32)))
      (i64.const {bits}))
    (local.set $out (call $malloc (i32.const {bits // 8})))
    (memory.copy (local.get $out) (i32.const ${{STATE}}) (i32.const {bits // 8}))
    (local.get $out))
"""
