"""The cluster's certificates: one CA a purpose, one certificate a component, as the API server's authentication wants.

Keys are P-256: made in a millisecond. They live as long as the cluster does, in a directory of root's alone.
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LIFETIME: Final = timedelta(days=365)
ADMINISTRATORS: Final = "system:masters"


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, as PEM files."""

    certificate: Path
    key: Path


@dataclass(frozen=True)
class Pki:
    """Everything that node mode needs, by who shows it to whom."""

    ca: Pair
    etcd_ca: Pair
    front_proxy_ca: Pair
    api_server: Pair
    etcd: Pair
    etcd_client: Pair
    front_proxy: Pair
    kubelet_client: Pair
    kubelet_serving: Pair
    metrics_serving: Pair
    service_accounts: Pair
    clients: dict[str, Pair]


CLIENTS: Final[dict[str, tuple[str, str | None]]] = {
    "admin": ("admin", ADMINISTRATORS),
    "controller-manager": ("system:kube-controller-manager", None),
    "scheduler": ("system:kube-scheduler", None),
    "proxy": ("system:kube-proxy", None),
    # Those that stand in for parts of a cluster are let do what their part does, without a role for each.
    "dns": ("coredns", ADMINISTRATORS),
    "metrics": ("metrics-server", ADMINISTRATORS),
    "kwok": ("kwok", ADMINISTRATORS),
}
"""The clients of the API server that are no nodes: user name and group."""


class Authority:
    """A CA of our own that writes what it signs into one directory."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._certificate = (
            _builder(self._name, self._name, self._key)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=True), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.pair = _write(folder, name, self._certificate, self._key)

    def client(self, file: str, user: str, group: str | None = None) -> Pair:
        """Issue a certificate that authenticates `user`, a member of `group`."""
        return self._issue(file, user, group, [ExtendedKeyUsageOID.CLIENT_AUTH], [])

    def server(self, file: str, user: str, names: Sequence[str], *, also_client: bool = False) -> Pair:
        """Issue a certificate for a server known by `names`, DNS names or IP addresses."""
        usages = [ExtendedKeyUsageOID.SERVER_AUTH] + [ExtendedKeyUsageOID.CLIENT_AUTH] * also_client
        return self._issue(file, user, None, usages, names)

    def _issue(
        self, file: str, user: str, group: str | None, usages: list[x509.ObjectIdentifier], names: Sequence[str]
    ) -> Pair:
        key = ec.generate_private_key(ec.SECP256R1())
        attributes = [x509.NameAttribute(NameOID.COMMON_NAME, user)]
        if group is not None:
            attributes.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, group))
        builder = (
            _builder(x509.Name(attributes), self._name, key)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )
        if names:
            builder = builder.add_extension(
                x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False
            )
        return _write(self._folder, file, builder.sign(self._key, hashes.SHA256()), key)


def make(folder: Path, *, address: str, api_names: Sequence[str], node: str, metrics: str = "metrics-server") -> Pki:
    """Make every certificate anew in `folder`.

    `address` is where the control plane and the node listen, `api_names` are the further names and addresses by
    which clients know the API server, `node` is the node's name, `metrics` the metrics server's.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    ca = Authority(folder, "ca")
    etcd_ca = Authority(folder, "etcd-ca")
    front_proxy_ca = Authority(folder, "front-proxy-ca")
    own = ["localhost", "127.0.0.1", address]
    clients = {file: ca.client(file, user, group) for file, (user, group) in CLIENTS.items()}
    clients["kubelet"] = ca.client("kubelet", f"system:node:{node}", "system:nodes")
    return Pki(
        ca=ca.pair,
        etcd_ca=etcd_ca.pair,
        front_proxy_ca=front_proxy_ca.pair,
        api_server=ca.server("kube-apiserver", "kube-apiserver", [*own, *api_names]),
        etcd=etcd_ca.server("etcd", "etcd", own, also_client=True),
        etcd_client=etcd_ca.client("etcd-client", "kube-apiserver"),
        front_proxy=front_proxy_ca.client("front-proxy", "front-proxy"),
        kubelet_client=ca.client("kubelet-client", "kube-apiserver", ADMINISTRATORS),
        kubelet_serving=ca.server("kubelet-serving", f"system:node:{node}", [*own, node]),
        metrics_serving=ca.server("metrics-serving", "metrics-server", [address, metrics]),
        service_accounts=_key_pair(folder, "service-accounts"),
        clients=clients,
    )


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + LIFETIME)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _write(folder: Path, file: str, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> Pair:
    return Pair(
        _write_file(folder / f"{file}.crt", certificate.public_bytes(serialization.Encoding.PEM)),
        _write_file(folder / f"{file}.key", _private(key)),
    )


def _key_pair(folder: Path, file: str) -> Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return Pair(_write_file(folder / f"{file}.pub", public), _write_file(folder / f"{file}.key", _private(key)))


def _private(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write_file(path: Path, content: bytes) -> Path:
    path.touch(mode=0o600)
    path.write_bytes(content)
    return path
