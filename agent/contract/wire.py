"""Bytes to types and back. JSON, so that anyone can read it; typed and validated in about a microsecond."""

from typing import TypeVar

import msgspec

T = TypeVar("T")
_encoder = msgspec.json.Encoder()


class ContractError(ValueError):
    """A payload is not what the contract says; the message names the place and what is allowed there."""


def encode(record: msgspec.Struct) -> bytes:
    """JSON bytes of a record; the same record always gives the same bytes."""
    return _encoder.encode(record)


def decode(kind: type[T], payload: bytes | bytearray) -> T:
    """The record of type `kind` in `payload`. Raises ContractError, whose text says where and why."""
    try:
        return msgspec.json.decode(payload, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ContractError(f"not a {kind.__name__}: {error}") from None
