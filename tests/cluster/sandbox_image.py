"""Makes the image that holds pods' namespaces open: a static busybox that sleeps; tests also use it as a client."""

import hashlib
import platform
from pathlib import Path
from typing import Final

from . import oci_archive
from .commands import run
from .errors import ClusterError
from .node import SANDBOX_IMAGE
from .paths import cache_dir
from .programs import find

FOREVER: Final = "2147483647"
ARCHITECTURES: Final = {"x86_64": "amd64", "aarch64": "arm64"}
FILES: Final = {
    # Without it the C library in a static busybox looks for modules that are not there, and crashes.
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
    "etc/passwd": "root:x:0:0:root:/:/bin/sh\n",
    "etc/group": "root:x:0:\n",
}


def ensure() -> Path:
    """Return the image's archive; it is written first where the cache has none of this busybox."""
    busybox = find("busybox")
    architecture = ARCHITECTURES.get(platform.machine())
    if architecture is None:
        raise ClusterError(f"no node runs on {platform.machine()}: only {', '.join(ARCHITECTURES)}")
    digest = hashlib.sha256(busybox.read_bytes() + Path(__file__).read_bytes()).hexdigest()[:12]
    archive = cache_dir() / "images" / f"busybox-{digest}.tar"
    if not archive.exists():
        programs = [name for name in run([busybox, "--list"]).split() if name != "busybox"]
        oci_archive.write(
            archive,
            SANDBOX_IMAGE,
            programs={"bin/busybox": busybox},
            texts=FILES,
            links={f"bin/{name}": "busybox" for name in programs},
            entrypoint=["/bin/busybox", "sleep", FOREVER],
            architecture=architecture,
        )
    return archive
