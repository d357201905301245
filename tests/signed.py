"""A fleet that signs settings, for tests. It signs whatever it is told to, which the real one would not."""

import base64

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.config import Config, Fleet
from agent.contract import DeviceConfig, KeyList, Signed, encode
from agent.contract.desired import keys_to_sign, to_sign
from agent.core.trial import Hears
from agent.standing import Moment, Standing

NOW = 1_795_600_000
SENSOR = "demo:door"


class Signer:
    """Signs with the key made of `seed`, under the name `kid`."""

    def __init__(self, seed: int = 1, kid: str = "fleet") -> None:
        self._key, self.kid = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32), kid

    @property
    def public(self) -> str:
        return base64.b64encode(self._key.public_key().public_bytes_raw()).decode()

    def signed(self, document: DeviceConfig | bytes, kid: str | None = None, begins: bytes = to_sign(b"")) -> bytes:
        """The JSON of a `Signed` around a document, or around any bytes; `begins` stands before what is signed."""
        body = document if isinstance(document, bytes) else encode(document)
        signature = self._key.sign(begins + body)
        return encode(
            Signed(
                payload=base64.b64encode(body).decode(),
                kid=kid or self.kid,
                sig=base64.b64encode(signature).decode(),
            )
        )

    def listing(self, version: int, *signers: "Signer") -> bytes:
        """The JSON of a `Signed` key list that names the signers."""
        listed = KeyList(version=version, keys={one.kid: one.public for one in signers})
        return self.signed(encode(listed), begins=keys_to_sign(b""))


def wanted(version: int = 1, **more: object) -> DeviceConfig:
    """A document for the sensor of `settings`, valid for a day."""
    return DeviceConfig(
        **{"sensor": SENSOR, "version": version, "not_before": NOW - 300, "expires": NOW + 86_400} | more  # type: ignore[arg-type]
    )


def settings(folder: object, signer: Signer, **more: object) -> Config:
    """A sensor's settings that trust a signer, its files in `folder`."""
    return Config(
        sensor=SENSOR,
        state_dir=str(folder),
        fleet=Fleet(config_keys={signer.kid: signer.public}),
        **more,  # type: ignore[arg-type]
    )


WELL = {"wifi": Hears("listening"), "ble": Hears("listening")}


def here(after_s: float = 0.0, radios: dict[str, Hears] | None = WELL) -> Moment:
    """The moment `after_s` seconds after NOW, in a life of the machine that was 1000 s old then."""
    return Moment(NOW + after_s, 1000.0 + after_s, radios)


def stand(config: Config, after_s: float = 0.0, boot: str = "one") -> Standing:
    """The talking process's view, begun `after_s` seconds after NOW; a trial lasts 600 s."""
    return Standing(config, here(after_s).at, boot, 600.0)
