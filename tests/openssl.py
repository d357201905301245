"""OpenSSL's own `ca`, with the key of an authority of ours: certificates of any name and date, and bad ones."""

import subprocess
from pathlib import Path

from tests.conftest import need
from tests.guarded import Files

_CONF = """
[ca]
default_ca = here
[here]
database = {folder}/index.txt
new_certs_dir = {folder}
rand_serial = yes
default_md = sha256
default_crl_days = 30
unique_subject = no
policy = any
[any]
commonName = optional
[client]
extendedKeyUsage = clientAuth
[server]
extendedKeyUsage = serverAuth
subjectAltName = {host}
"""
VALID = ("20200101000000Z", "20490101000000Z")
EXPIRED = ("20200101000000Z", "20210101000000Z")


def openssl(*words: str | Path) -> None:
    """Run it; what it says goes into the error of one that fails."""
    subprocess.run([need("openssl"), *map(str, words)], check=True, capture_output=True, timeout=20)


class OpenSsl:
    """The authority `certificate` with `key`, as OpenSSL works with it in `folder`."""

    def __init__(self, folder: Path, authority: Files) -> None:
        folder.mkdir()
        self._folder, self._authority, self._number = folder, authority, 0
        (folder / "index.txt").touch()

    def issue(self, name: str, dates: tuple[str, str] = VALID, host: str = "") -> Files:
        """A certificate whose common name is this, whatever it may be; of a broker at `host`, if that is given."""
        files = self._next()
        request, conf = files.key.with_suffix(".csr"), self._conf(host or "DNS:nobody.example")
        subject = "/CN=" + name.replace("\\", "\\\\").replace("/", "\\/").replace("+", "\\+")
        openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-utf8", "-subj",
                subject, "-keyout", files.key, "-out", request)  # fmt: skip
        openssl("ca", "-batch", "-notext", "-config", conf, "-cert", self._authority.certificate, "-keyfile",
                self._authority.key, "-startdate", dates[0], "-enddate", dates[1], "-extensions",
                "server" if host else "client", "-in", request, "-out", files.certificate)  # fmt: skip
        own = files.certificate.read_bytes()
        files.certificate.write_bytes(own + self._authority.certificate.read_bytes())
        return files

    def self_signed(self, name: str) -> Files:
        """A certificate that nobody else vouches for."""
        files = self._next()
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
                f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "30", "-keyout", files.key, "-out",
                files.certificate)  # fmt: skip
        return files

    def revoked(self, *those: Files, to: Path) -> None:
        """Revoke these, and write the list."""
        of = ("-config", self._conf(), "-cert", self._authority.certificate, "-keyfile", self._authority.key)
        for one in those:
            openssl("ca", *of, "-revoke", one.certificate)
        openssl("ca", *of, "-gencrl", "-out", to)

    def _next(self) -> Files:
        self._number += 1
        return Files(self._folder / f"{self._number}.pem", self._folder / f"{self._number}.key")

    def _conf(self, host: str = "DNS:nobody.example") -> Path:
        conf = self._folder / "openssl.cnf"
        conf.write_text(_CONF.format(folder=self._folder, host=host))
        return conf
