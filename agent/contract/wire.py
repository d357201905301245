"""Bytes to types and back. JSON, so that anyone can read it; typed and validated in about a microsecond."""

from functools import cache
from typing import TypeVar

import msgspec

T = TypeVar("T")
_encoder = msgspec.json.Encoder()


class ContractError(ValueError):
    """A payload is not what the contract says; the message names the place and what is allowed there."""


@cache
def _decoder(kind: type[T]) -> msgspec.json.Decoder[T]:
    return msgspec.json.Decoder(kind)


def encode(record: msgspec.Struct) -> bytes:
    """JSON bytes of a record; the same record always gives the same bytes."""
    return _encoder.encode(record)


def decode(kind: type[T], payload: bytes) -> T:
    """The record of type `kind` in `payload`. Raises ContractError, whose text says where and why."""
    try:
        return _decoder(kind).decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ContractError(f"not a {kind.__name__}: {error}") from None
