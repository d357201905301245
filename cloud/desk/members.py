"""Members: a tenant's sensors as a fleet, their labels, who is muted, and their certificates.

1. A certificate is made for whoever is a member and not retired: by a renewal over the sensor's own topic, where the
   broker has looked at the certificate before, or by hand.
2. To retire a sensor is to revoke its certificates, to believe nothing under its name, and to let it stand nowhere.
   The list for the broker (`revocation_list`) has to be written then, and the broker has to read it.
3. Whatever is changed is written with the deed that tells of it.
"""

from collections.abc import Callable, Mapping, Sequence

from msgspec.structs import replace

from agent.contract import Renewal, Renewed
from cloud.authority import AuthorityError, Issuing, key_digest, requested_key
from cloud.core.certificate import MOST_A_DAY, Certificate, CertificateLine, are_too_many, line
from cloud.core.claim import NO_AUTHORITY, check_name
from cloud.core.fleet.deed import NOBODY_NAMED, Deed, deed
from cloud.core.member import LONGEST_MUTE_S, Member, labelled
from cloud.core.refusal import Refusal
from cloud.core.saying import Saying
from cloud.store import Store
from cloud.store.certificates import Certificates
from cloud.store.members import Members as Kept

ITSELF = "sensor"


class UnknownMemberError(LookupError):
    """There is no such sensor among those that were claimed."""


class Members:
    """The members of `tenant` in `store`; `clock` gives UTC seconds, `issuing` what makes certificates."""

    def __init__(self, store: Store, tenant: str, clock: Callable[[], float], issuing: Issuing | None = None) -> None:
        self._tenant, self._clock, self._issuing = tenant, clock, issuing
        self._kept, self._certificates = Kept(store), Certificates(store)

    def all(self) -> list[Member]:
        """Every sensor that was claimed or has a certificate made by hand, by name; retired ones too."""
        return self._kept.all(self._tenant)

    def one(self, sensor: str) -> Member:
        """The member of that id, or of that name in the tenant. Raises UnknownMemberError."""
        return self._known(sensor, self._kept.one(self._id(sensor)))

    def label(self, sensor: str, changes: Mapping[str, str], who: str = NOBODY_NAMED) -> Member:
        """Write labels on a sensor; an empty text takes one away. Raises Refusal, UnknownMemberError."""
        said = Saying("Labelled {sensor}: {labels}.", sensor=self._id(sensor), labels=_told(changes))
        told = deed(who, said, int(self._clock()), "label", (self._id(sensor),))
        return self._changed(sensor, lambda one: replace(one, labels=labelled(one.labels, changes)), told)

    def mute(self, sensor: str, seconds: int, who: str = NOBODY_NAMED) -> Member:
        """Let nobody be told of a sensor for so long; 0: let them be told again. Raises Refusal, UnknownMemberError."""
        if not 0 <= seconds <= LONGEST_MUTE_S:
            raise Refusal(Saying("A sensor is muted for up to {n} days.", n=LONGEST_MUTE_S // 86_400))
        now = int(self._clock())
        said = (
            Saying("Muted {sensor} for {n} hours.", sensor=self._id(sensor), n=-(-seconds // 3600))
            if seconds
            else Saying("Unmuted {sensor}.", sensor=self._id(sensor))
        )
        until = now + seconds if seconds else None
        told = deed(who, said, now, "mute", (self._id(sensor),))
        return self._changed(sensor, lambda one: replace(one, muted_until=until), told)

    def retire(self, sensor: str, who: str = NOBODY_NAMED) -> Member:
        """Revoke a sensor's certificates and believe it no more; again changes nothing. Raises UnknownMemberError."""
        now = int(self._clock())
        said = Saying("Retired {sensor}: its certificates are revoked.", sensor=self._id(sensor))
        told = deed(who, said, now, "certificate", (self._id(sensor),))
        return self._known(sensor, self._certificates.retire(self._id(sensor), now, told))

    def certificates(self, sensor: str | None = None) -> list[CertificateLine]:
        """The certificates of all sensors, or of one, sensor by sensor, those that end first before others."""
        wanted = None if sensor is None else self._id(sensor)
        return [line(one) for one in self._certificates.of(self._tenant) if wanted in (None, one.sensor)]

    def revocation_list(self) -> bytes:
        """What the broker must refuse (CRL, PEM): of every tenant, for there is one list. Raises Refusal."""
        return ready(self._issuing).authority.revocation_list(self.revoked(), int(self._clock()))

    def revoked(self) -> list[tuple[str, int]]:
        """What `revocation_list` is made of: (number, UTC second it was revoked at)."""
        return self._certificates.revoked(int(self._clock()))

    def issue(self, sensor: str, request: bytes, who: str = NOBODY_NAMED) -> Certificate:
        """A certificate for a sensor that need not have been claimed; of a new name it is a member from then on.

        Raises Refusal, also for one that is retired.
        """
        sensor_id = self._id(sensor)
        check_name(sensor_id.partition(":")[2])
        return self._made(sensor_id, request, who, is_new=True)

    def renew(self, sensor_id: str, renewal: Renewal) -> Renewed:
        """The next certificate for a sensor that asked on its own topic, or why it has none. Never raises Refusal."""
        try:
            if renewal.sensor != sensor_id:
                raise Refusal(Saying("The request speaks for {sensor}.", sensor=renewal.sensor))
            made = self._made(sensor_id, renewal.request.encode(), ITSELF, is_new=False)
        except Refusal as refusal:
            return Renewed(certificate="", reason=str(refusal)[:200])
        return Renewed(certificate=made.pem)

    def _made(self, sensor_id: str, request: bytes, who: str, *, is_new: bool) -> Certificate:
        issuing, now = ready(self._issuing), int(self._clock())
        if not sensor_id.startswith(f"{self._tenant}:"):
            raise Refusal(Saying("The sensor {sensor} is not of this fleet.", sensor=sensor_id))
        try:
            key = key_digest(requested_key(request))
        except AuthorityError as error:
            raise Refusal(Saying("{text}", text=str(error))) from None

        def made(known: Member | None, had: Sequence[Certificate]) -> tuple[Member, Certificate]:
            member = known or (Member(sensor=sensor_id, claimed_at=now) if is_new else None)
            if member is None:
                raise Refusal(Saying("The sensor {sensor} was never claimed.", sensor=sensor_id))
            one = _had(member, had, key, now)
            return member, one or issuing.authority.issue(request, sensor_id, now, issuing.days)

        said = Saying("Made a certificate for {sensor}.", sensor=sensor_id)
        try:
            return self._certificates.keep(sensor_id, made, deed(who, said, now, "certificate", (sensor_id,)))
        except AuthorityError as error:
            raise Refusal(Saying("{text}", text=str(error))) from None

    def _changed(self, sensor: str, change: Callable[[Member], Member], told: Deed) -> Member:
        return self._known(sensor, self._kept.change(self._id(sensor), told, change))

    def _id(self, sensor: str) -> str:
        return sensor if ":" in sensor else f"{self._tenant}:{sensor}"

    def _known(self, sensor: str, found: Member | None) -> Member:
        if found is None or not found.sensor.startswith(f"{self._tenant}:"):
            raise UnknownMemberError(
                Saying('there is no sensor "{sensor}" that was claimed: see the list of sensors.', sensor=sensor[:80])
            )
        return found


def ready(issuing: Issuing | None) -> Issuing:
    """What makes certificates. Raises Refusal where there is nothing that does."""
    if issuing is None:
        raise Refusal(NO_AUTHORITY)
    return issuing


def _had(member: Member, had: Sequence[Certificate], key: str, now: int) -> Certificate | None:
    """The certificate that this key has; None where a new one may be made. Raises Refusal where none may."""
    if not member.is_active:
        raise Refusal(Saying("The sensor {sensor} is retired: claim it anew.", sensor=member.sensor))
    same = next((one for one in had if one.key == key), None)
    if same is None and are_too_many(had, now):
        raise Refusal(
            Saying("The sensor {sensor} had {n} certificates within a day: wait.", sensor=member.sensor, n=MOST_A_DAY)
        )
    if same is not None and not same.holds(now):
        raise Refusal(Saying("The certificate of this key has ended: make a new key."))
    return same


def _told(changes: Mapping[str, str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in sorted(changes.items()))[:200]
