"""Serves S3 on a free port, which it prints, until its standard input ends. Started by tests/s3.py, never imported.

It is OpenStack Swift, which has packages of its own (`make s3-server`) and no way to know the project. Swift's four
servers run in one process here: that takes a second to start, and ports that are bound before anybody is told of them.
"""

from __future__ import annotations

import sys
from pathlib import Path

import eventlet
from eventlet import tpool, wsgi
from swift.common import utils
from swift.common.http_protocol import SwiftHttpProtocol
from swift.common.ring import RingBuilder
from swift.common.wsgi import loadapp

SWIFT = """
[swift-hash]
swift_hash_path_suffix = tests
"""

STORAGE = """
[DEFAULT]
swift_dir = {folder}
devices = {folder}/devices
mount_check = false
fallocate_reserve = 0
[app:main]
use = egg:swift#{kind}
"""

# Limits that protect a cluster from a slow disk would make it forsake the only one there is.
PROXY = """
[DEFAULT]
swift_dir = {folder}
[pipeline:main]
pipeline = catch_errors s3api tempauth bulk slo proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
conn_timeout = 10
node_timeout = 30
error_suppression_limit = 1000000
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:s3api]
use = egg:swift#s3api
[filter:tempauth]
use = egg:swift#tempauth
user_{account} = {secret} .admin
[filter:bulk]
use = egg:swift#bulk
[filter:slo]
use = egg:swift#slo
"""


def main(folder: Path, access_key: str, secret_key: str) -> None:
    """Serve from the folder, to whoever has the keys."""
    utils.monkey_patch()
    (folder / "swift.conf").write_text(SWIFT)
    utils.set_swift_dir(str(folder))
    (folder / "devices" / "disk").mkdir(parents=True)
    for kind in ("account", "container", "object"):
        port = serve(folder / f"{kind}.conf", STORAGE.format(folder=folder, kind=kind))
        write_ring(folder / f"{kind}.ring.gz", port)
    account = access_key.replace(":", "_")
    port = serve(folder / "proxy.conf", PROXY.format(folder=folder, account=account, secret=secret_key))
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    tpool.execute(sys.stdin.read)


def serve(path: Path, configuration: str) -> int:
    """Start a server, and answer its port."""
    path.write_text(configuration)
    listening = eventlet.listen(("127.0.0.1", 0), backlog=1024)
    eventlet.spawn(
        wsgi.server,
        listening,
        loadapp(str(path)),
        protocol=SwiftHttpProtocol,
        capitalize_response_headers=False,
        log_output=False,
    )
    return int(listening.getsockname()[1])


def write_ring(path: Path, port: int) -> None:
    """Say where the only copy of everything is."""
    ring = RingBuilder(part_power=4, replicas=1, min_part_hours=1)
    ring.add_dev({"region": 1, "zone": 1, "ip": "127.0.0.1", "port": port, "device": "disk", "weight": 1})
    ring.rebalance()
    ring.get_ring().save(str(path))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
