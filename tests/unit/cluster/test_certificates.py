"""The certificates say who their bearer is, and the right CA signed them."""

from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.cluster import certificates


def load(pair: certificates.Pair) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pair.certificate.read_bytes())


def make(folder: Path) -> certificates.Pki:
    return certificates.make(folder / "pki", address="10.1.2.3", api_names=["kubernetes", "10.9.0.1"], node="node-1")


def test_every_certificate_is_signed_by_its_ca(tmp_path: Path) -> None:
    pki = make(tmp_path)
    for pair in (pki.api_server, pki.kubelet_client, pki.kubelet_serving, *pki.clients.values()):
        load(pair).verify_directly_issued_by(load(pki.ca))
    for pair in (pki.etcd, pki.etcd_client):
        load(pair).verify_directly_issued_by(load(pki.etcd_ca))
    load(pki.front_proxy).verify_directly_issued_by(load(pki.front_proxy_ca))


def test_the_api_server_is_known_by_its_addresses_and_names(tmp_path: Path) -> None:
    names = load(make(tmp_path).api_server).extensions.get_extension_for_class(x509.SubjectAlternativeName).value

    assert set(names.get_values_for_type(x509.DNSName)) == {"localhost", "kubernetes"}
    addresses = {ip_address(value) for value in ("127.0.0.1", "10.1.2.3", "10.9.0.1")}
    assert set(names.get_values_for_type(x509.IPAddress)) == addresses


def test_the_kubelet_is_a_node_and_may_only_be_a_client(tmp_path: Path) -> None:
    certificate = load(make(tmp_path).clients["kubelet"])

    def subject(oid: x509.ObjectIdentifier) -> str | bytes:
        return certificate.subject.get_attributes_for_oid(oid)[0].value

    assert subject(NameOID.COMMON_NAME) == "system:node:node-1"
    assert subject(NameOID.ORGANIZATION_NAME) == "system:nodes"
    usages = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usages) == [ExtendedKeyUsageOID.CLIENT_AUTH]


def test_only_the_owner_reads_the_keys(tmp_path: Path) -> None:
    make(tmp_path)
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "pki").iterdir()} == {0o600}
