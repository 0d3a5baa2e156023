"""What a plan may say of its randomness: a seed, or a nonce, which may come with a token of a registry."""

from __future__ import annotations

import re

# 128 bits are what nobody guesses or prepares for.
_NONCE = re.compile(r"(?:[0-9a-f]{2}){16,64}")


def check_nonce(nonce: str | None, token: str | None, seed: int, certified: bool) -> None:
    """Whether nonce, token and seed go together. Raises ValueError."""
    if nonce is not None and not _NONCE.fullmatch(nonce):
        raise ValueError(
            f"`nonce` is {nonce[:140]!r}; it must be 32 to 128 lower-case hexadecimal digits, in pairs, "
            "as `openssl rand -hex 32` prints them"
        )
    if token is not None and (nonce is None or not certified):
        raise ValueError("a `token` comes with its `nonce`, and is for mode `certified`")
    if nonce is not None and seed:
        raise ValueError("`nonce` takes the place of `seed`; a plan has one of them")
