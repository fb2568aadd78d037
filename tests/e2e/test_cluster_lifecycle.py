"""The local cluster comes up, says what is wrong, and leaves nothing, whatever was killed on the way.

Each test has a cluster of its own, in a network namespace of its own, next to the one that the other tests share.
"""

import json
import os
import random
import signal
import time
from collections.abc import Iterator

import pytest

from tests.cluster import SANDBOX_IMAGE, processes, tools
from tests.cluster.addresses import API_PORT
from tests.e2e.isolated import World
from tests.e2e.isolated import world as make_world

UP_SECONDS = 6.0
"""About how long an `up` takes here; kills are spread over it."""


@pytest.fixture
def world() -> Iterator[World]:
    """A world of one's own."""
    assert os.geteuid() == 0, "these tests need root: sudo make e2e"
    tools.build("kubernetes")
    tools.build("coredns")
    tools.build("metrics-server")
    with make_world() as made:
        yield made


def up(world: World) -> str:
    """Bring the world's cluster up; return what it said."""
    code, output = world.cluster("up")
    assert code == 0, output
    return output


def down(world: World) -> None:
    """Take the world's cluster down."""
    code, output = world.cluster("down")
    assert code == 0, output


def pids(world: World) -> dict[str, int]:
    """Return the daemons' pids."""
    return {record.name: record.pid for record in processes.recorded(world.run.pids)}


def kubectl(world: World, arguments: str, given: str = "") -> str:
    """Run kubectl in the world."""
    command = f"{tools.binary('kubectl')} --kubeconfig {world.run.kubeconfig} {arguments}"
    return world.shell(f"cat <<'END' | {command}\n{given}\nEND" if given else command)


def run_pods(world: World) -> None:
    """Run a web server behind a Service, and a client."""
    pods = [
        ("web", ["sh", "-c", "mkdir /www && echo hello > /www/index.html && exec httpd -f -p 8000 -h /www"]),
        ("client", ["sleep", "100000"]),
    ]
    objects = [
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "labels": {"app": name}},
            "spec": {
                "containers": [{"name": name, "image": SANDBOX_IMAGE, "imagePullPolicy": "Never", "command": command}]
            },
        }
        for name, command in pods
    ]
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web"},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8000}]},
    }
    listed = {"apiVersion": "v1", "kind": "List", "items": [*objects, service]}
    kubectl(world, "apply -f -", json.dumps(listed))
    kubectl(world, "wait --for=condition=Ready pod --all --timeout=60s")


def ask(host: str, port: int) -> str:
    """Return a shell command that prints what a web server says; it never fails."""
    return f"printf 'GET / HTTP/1.0\\r\\n\\r\\n' | busybox nc -w 3 {host} {port} 2>&1 || true"


def from_client(world: World, script: str) -> str:
    """Run a shell script in the client pod."""
    return kubectl(world, f'exec client -- sh -c "{script}"')


def test_up_runs_pods_twice_is_once_and_down_leaves_nothing(world: World) -> None:
    before = world.snapshot()
    up(world)
    first = pids(world)
    run_pods(world)

    assert "up already" in up(world)
    assert pids(world) == first
    code, status = world.cluster("status")
    assert code == 0, status
    down(world)

    assert world.snapshot() - before == set()
    assert before - world.snapshot() == set()
    assert world.cluster("down") == (0, "no cluster is up; nothing to do\n")


@pytest.mark.timeout(600)
def test_killed_up_then_down_leaves_nothing(world: World) -> None:
    before = world.snapshot()
    for part in range(8):
        delay = random.uniform(part, part + 1) * UP_SECONDS / 8
        process = world.start("up")
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        down(world)
        assert world.snapshot() ^ before == set(), f"after an `up` killed at {delay:.2f} s"


def test_up_does_not_wait_for_metrics_of_pods_which_come_in_half_a_minute(world: World) -> None:
    began = time.monotonic()
    up(world)
    assert time.monotonic() - began < 15
    run_pods(world)

    deadline = time.monotonic() + 60
    while "web" not in (top := world.shell(f"{top_pods(world)} 2>&1 || true")):
        assert time.monotonic() < deadline, top
        time.sleep(1)
    assert {line.split()[0] for line in top.splitlines()} == {"web", "client"}
    down(world)


def top_pods(world: World) -> str:
    """Return the command that prints the pods' use of CPU and memory."""
    return f"{tools.binary('kubectl')} --kubeconfig {world.run.kubeconfig} top pods --no-headers"


def test_killed_down_is_finished_by_the_next(world: World) -> None:
    before = world.snapshot()
    for _ in range(2):
        up(world)
        for _ in range(2):
            delay = random.uniform(0.1, 0.6)
            process = world.start("down")
            time.sleep(delay)
            process.send_signal(signal.SIGKILL)
            process.communicate()
        down(world)
        assert world.snapshot() ^ before == set(), f"after a `down` killed at {delay:.2f} s"


def test_up_clears_what_a_killed_up_left(world: World) -> None:
    process = world.start("up")
    time.sleep(UP_SECONDS / 2)
    process.send_signal(signal.SIGKILL)
    process.communicate()

    assert "clearing what it left" in up(world)
    assert world.cluster("status")[0] == 0


def test_a_daemon_that_dies_fails_up_at_once_with_the_end_of_its_log(world: World) -> None:
    process = world.start("up")
    record = world.run.pids / "etcd.json"
    while not record.exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    processes.Record.read(record).send(signal.SIGKILL)
    killed = time.monotonic()
    output, _ = process.communicate(timeout=60)

    assert process.returncode == 1
    assert "etcd ended with exit code -9. The end of" in output
    assert time.monotonic() - killed < 3


def test_a_daemon_that_died_is_named_and_up_does_not_destroy_the_cluster(world: World) -> None:
    up(world)
    os.kill(pids(world)["kube-scheduler"], signal.SIGKILL)
    time.sleep(0.2)

    code, status = world.cluster("status")
    assert (code, "kube-scheduler does not run" in status) == (1, True), status
    code, output = world.cluster("up")
    assert (code, "not healthy: kube-scheduler does not run" in output) == (1, True), output
    assert "python -m tests.cluster down" in output


def test_a_taken_port_is_named_and_nothing_is_changed(world: World) -> None:
    listener = world.shell(f"nohup busybox nc -l -p {API_PORT} >/dev/null 2>&1 & echo $!; sleep 0.3").strip()
    try:
        before = world.snapshot()
        code, output = world.cluster("up")
        assert code == 1
        assert f"port {API_PORT}, which kube-apiserver needs, is in use" in output
        assert world.snapshot() ^ before == set()
    finally:
        os.kill(int(listener), signal.SIGKILL)


def test_pods_reach_each_other_services_names_and_the_node_but_nothing_beyond(world: World) -> None:
    with make_world() as beyond:
        world.shell(
            f"ip link add out0 type veth peer name out1 netns {beyond.holder} && ip link set out0 up && "
            "ip addr add 203.0.113.1/24 dev out0 && ip route add default via 203.0.113.2"
        )
        beyond.shell("ip link set out1 up && ip addr add 203.0.113.2/24 dev out1 && mkdir -p /tmp/beyond")
        beyond.shell("iptables -t mangle -A PREROUTING -i out1 -j ACCEPT")
        listener = beyond.shell("nohup busybox httpd -f -p 80 -h /tmp/beyond >/dev/null 2>&1 & echo $!; sleep 0.3")
        try:
            up(world)
            run_pods(world)
            assert_reached(world)
            assert_nothing_beyond(world, beyond)
        finally:
            os.kill(int(listener.strip()), signal.SIGKILL)
            beyond.shell("rmdir /tmp/beyond")
            world.shell("ip link del out0")


def assert_reached(world: World) -> None:
    """Pods and the host reach pods, Services and names."""
    pod = kubectl(world, "get pod web -o jsonpath={.status.podIP}")
    service = kubectl(world, "get service web -o jsonpath={.spec.clusterIP}")
    for host, port in ((pod, 8000), (service, 80)):
        assert "hello" in from_client(world, ask(host, port))
        assert "hello" in world.shell(ask(host, port))
    assert service in from_client(world, "nslookup web.default.svc.cluster.local")
    assert "NXDOMAIN" in from_client(world, "nslookup example.com || true")
    # A pod that asks its own Service gets itself as the answer.
    assert "hello" in kubectl(world, f'exec web -- sh -c "{ask(service, 80)}"')


def assert_nothing_beyond(world: World, beyond: World) -> None:
    """The host reaches the outside; a pod does not, nor does what is sent to addresses that nobody has."""
    assert "404" in world.shell(ask("203.0.113.2", 80))
    assert arrived(beyond) > ["0"]
    counted = arrived(beyond)
    assert "404" not in from_client(world, ask("203.0.113.2", 80))
    for nobody in ("10.198.17.250", "10.198.35.250"):
        world.shell(ask(nobody, 80))
        from_client(world, ask(nobody, 80))
    assert arrived(beyond) == counted


def arrived(beyond: World) -> list[str]:
    """Return the packets and bytes of IPv4 that have come in from the cluster's machine."""
    return beyond.shell("iptables -t mangle -L PREROUTING -vnx | tail -1").split()[:2]
