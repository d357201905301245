"""Claiming: how a sensor that belongs to nobody becomes one of a shop, by a code that somebody types.

1. The identity is in place before the site says whose the sensor is. A power cut in between leaves it unclaimed, and
   the same code again, while it is good, has the same answer: it is asked for with the same key and request.
2. Of an answer nothing is believed before it was decoded, of bounded size, and its certificate found to be for our key.
3. A redirection is not followed: the code goes to the cloud of the settings, and nowhere else.
4. Whatever goes wrong is one sentence for the people of a shop.
"""

import http.client
import socket
import ssl
import time
from importlib.metadata import version
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import msgspec
from msgspec import UNSET

from agent import board, identity, site
from agent.config import Config
from agent.contract import Claim, Claimed, ContractError, decode, encode
from agent.contract.identity import Code, as_meant
from agent.identity import IdentityError
from agent.site import SiteError

PATH = "/api/v1/claim"
_PATIENCE_S = 20.0  # of one step
_LONGEST_S = 60.0  # of the whole answer
_MOST_BYTES = 64 * 1024
_NOT_YET, _EXPIRED, _OTHER_NAME = 9, 10, (62, 64)  # OpenSSL's X509_V_ERR_CERT_*, ..._HOSTNAME_ and _IP_ADDRESS_MISMATCH


class ClaimingError(Exception):
    """The sensor was not claimed. The message says why, and what to do. `later`: the same code may do it later."""

    def __init__(self, sentence: str, *, later: bool = False) -> None:
        super().__init__(sentence)
        self.later = later


class _Problem(msgspec.Struct):
    """What the cloud says of a request that it refuses."""

    error: str


def claim(config: Config, code: str) -> Claimed:
    """Become the sensor that `code`, as somebody typed it, was made for; who that is. Raises ClaimingError."""
    serial = board.serial()
    _check_ready(config, serial)
    try:
        request = identity.request(config.identity_dir, board.mark(serial))
        told = Claim(serial=serial, code=plain(code), request=request, software=version("footfall"))
        claimed = _asked(config, told)
        _check_zone(claimed)
        identity.take(config.identity_dir, claimed.certificate, claimed.sensor, time.time(), claimed.authority)
        site.settled(config.site_path, **_settled(claimed, serial))
        identity.tidy(config.identity_dir)
    except (IdentityError, SiteError) as error:
        raise ClaimingError(str(error), later=True) from None
    return claimed


def plain(typed: str) -> Code:
    """A code as it was meant: no case, no spaces or dashes, O for 0, I and L for 1. Raises ClaimingError."""
    try:
        return msgspec.convert(as_meant(typed), Code)
    except msgspec.ValidationError:
        raise ClaimingError(
            f'"{typed[:40]}" is no code: it has eight letters and digits, as the claim page shows it.'
        ) from None


def _check_ready(config: Config, serial: str) -> None:
    if config.is_claimed:
        raise ClaimingError(
            f"This sensor is {config.sensor} already: run 'footfall-agent reset' first, if it shall be another."
        )
    if not config.fleet.claim_url:
        raise ClaimingError("This sensor does not know its cloud: write the cloud's address to fleet.claim_url.")
    if not serial:
        raise ClaimingError("This machine has no serial number that can be read: run this as root.")


def _settled(claimed: Claimed, serial: str) -> dict[str, object]:
    return {
        "sensor": claimed.sensor,
        "serial": serial,
        "host": claimed.host,
        "port": claimed.port,
        "shop_name": claimed.shop_name,
        "time_zone": claimed.time_zone,
        "country": claimed.country or UNSET,
        "root_keys": claimed.root_keys,
    }


def _check_zone(claimed: Claimed) -> None:
    """A sensor does not start with a time zone it does not know."""
    try:
        ZoneInfo(claimed.time_zone)
    except (KeyError, ValueError, OSError):
        raise ClaimingError(
            f'This sensor does not know the shop\'s time zone "{claimed.time_zone}": update its software.',
            later=True,
        ) from None


def _asked(config: Config, told: Claim) -> Claimed:
    """The cloud's answer. Raises ClaimingError."""
    where = urlsplit(config.fleet.claim_url)
    line = _line(config, where.scheme, where.hostname or "", where.port)
    try:
        line.request("POST", where.path.rstrip("/") + PATH, encode(told), {"Content-Type": "application/json"})
        with line.getresponse() as answer:
            body = _body(answer)
    except (OSError, http.client.HTTPException) as error:
        raise ClaimingError(_unreached(error, where.netloc), later=True) from None
    finally:
        line.close()
    if answer.status != http.client.OK:
        raise _refused(answer.status, body, told.serial, where.netloc)
    try:
        return decode(Claimed, body)
    except ContractError as error:
        raise ClaimingError(
            f"The cloud's answer is not understood ({str(error)[:120]}): update this sensor's software.", later=True
        ) from None


def _line(config: Config, scheme: str, host: str, port: int | None) -> http.client.HTTPConnection:
    if scheme == "http":  # to this very machine, which the settings see to
        return http.client.HTTPConnection(host, port, timeout=_PATIENCE_S)
    file = config.fleet.claim_ca_file
    try:
        context = ssl.create_default_context(cafile=file)
    except (OSError, ssl.SSLError) as error:
        raise ClaimingError(f"{file} holds no certificates ({error}): check fleet.claim_ca_file.") from None
    return http.client.HTTPSConnection(host, port, timeout=_PATIENCE_S, context=context)


def _body(answer: http.client.HTTPResponse) -> bytes:
    body, end = b"", time.monotonic() + _LONGEST_S
    while chunk := answer.read1(8192):
        body += chunk
        if len(body) > _MOST_BYTES:
            raise http.client.HTTPException("its answer is far too long")
        if time.monotonic() > end:
            raise TimeoutError
    if answer.length:
        raise http.client.IncompleteRead(body, answer.length)
    return body


def _unreached(error: Exception, where: str) -> str:
    """Why the cloud did not answer, and what to do."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _unproven(error, where)
    if isinstance(error, ssl.SSLError):
        return f"What answers at {where} does not speak TLS as expected: check fleet.claim_url."
    if isinstance(error, socket.gaierror):
        return (
            f"The name of the cloud ({where}) is not found: there is no internet here, or fleet.claim_url is wrong. "
            "Check the network cable, then try again."
        )
    if isinstance(error, TimeoutError):
        return f"The cloud at {where} did not answer in time: check the internet here, then try the same code again."
    if isinstance(error, http.client.HTTPException | ConnectionError) and not isinstance(error, ConnectionRefusedError):
        return f"The cloud at {where} broke off ({error or type(error).__name__}): try the same code again."
    return f"The cloud at {where} cannot be reached ({error}): check the internet here, then try the same code again."


def _unproven(error: ssl.SSLCertVerificationError, where: str) -> str:
    """Why we do not believe whoever answers."""
    clock = f"this sensor's clock says {time.strftime('%Y-%m-%d %H:%M', time.gmtime())} UTC"
    if error.verify_code == _NOT_YET:
        return f"The certificate of {where} is not valid yet, and {clock}: check it with 'timedatectl', then try again."
    if error.verify_code == _EXPIRED:
        return f"The certificate of {where} has expired, and {clock}: if that is right, tell whoever runs the cloud."
    if error.verify_code in _OTHER_NAME:
        return f"What answers at {where} shows the certificate of another host: check fleet.claim_url and the network."
    return (
        f"What answers at {where} is not known to be the cloud ({error.verify_message}): a guest network may be asking "
        "for a sign-in; else check fleet.claim_ca_file."
    )


def _refused(status: int, body: bytes, serial: str, where: str) -> ClaimingError:
    try:
        said = decode(_Problem, body).error
    except ContractError:
        said = ""
    if status in (400, 403, 409, 422, 429) and said:
        return ClaimingError(f"{said[:300]} The serial number of this sensor is {serial}.", later=status == 429)
    if status >= http.client.INTERNAL_SERVER_ERROR:
        return ClaimingError(f"The cloud at {where} has a fault ({status}): try again in a few minutes.", later=True)
    return ClaimingError(f"What answers at {where} claims no sensors ({status}): check fleet.claim_url.")
