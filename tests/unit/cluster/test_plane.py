"""A control plane without machines keeps to its directory and to its own loopback addresses."""

import re
from ipaddress import IPv4Network, ip_address
from pathlib import Path

from tests.cluster import certificates, kubeconfigs, loopback, plane_daemons
from tests.cluster.control_plane import etcd
from tests.cluster.kwok import STAGES
from tests.cluster.paths import TREE, RunDir
from tests.cluster.specs import Spec

BIN = Path("/bin-of-test")
NETWORK = IPv4Network("127.99.0.0/16")
TUNING = plane_daemons.Tuning(qps=50)


def specs(folder: Path) -> list[Spec]:
    run = RunDir(folder)
    run.make()
    place = plane_daemons.place_in(NETWORK)
    pki = certificates.make(run.pki, address=place.address, api_names=[], node="some")
    configs = kubeconfigs.write_all(run, place.api_url, pki)
    binaries = {name: BIN / name for name in plane_daemons.PROGRAMS}
    others = plane_daemons.others(binaries, place, run, pki, configs, TUNING)
    return [
        etcd(BIN / "etcd", place, run, pki),
        plane_daemons.api_server(BIN / "kube-apiserver", place, run, pki, TUNING),
        *others,
    ]


def test_every_address_is_of_the_claimed_network(tmp_path: Path) -> None:
    for spec in specs(tmp_path):
        text = "\n".join([*spec.command, *spec.files.values(), spec.health.url if spec.health else ""])
        found = {ip_address(address) for address in re.findall(r"\b127(?:\.\d+){3}\b", text)}
        assert found, spec.name
        assert all(address in NETWORK for address in found), spec.name


def test_every_file_is_in_the_directory(tmp_path: Path) -> None:
    known = (str(tmp_path), str(BIN), str(STAGES), str(TREE))
    for spec in specs(tmp_path):
        values = [part.partition("=")[2] for part in spec.command if "=/" in part]
        assert all(value.startswith(known) for value in values), spec.name
        assert all(path.is_relative_to(tmp_path) for path in spec.files), spec.name


def test_the_controllers_limits_are_those_asked_for(tmp_path: Path) -> None:
    limited = [spec for spec in specs(tmp_path) if spec.name in ("kube-controller-manager", "kube-scheduler")]
    assert len(limited) == 2
    for spec in limited:
        # The last of two flags of one name counts.
        assert [part for part in spec.command if part.startswith("--kube-api-qps=")][-1] == "--kube-api-qps=50"


def test_networks_are_claimed_by_one_at_a_time_and_given_back() -> None:
    with loopback.claimed() as first, loopback.claimed() as second:
        assert not first.overlaps(second)
    with loopback.claimed() as again:
        assert again == first
