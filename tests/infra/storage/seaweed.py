"""A real S3 server, SeaweedFS, on ports and in a folder of its own."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from pydantic import SecretStr

from cliply.infra.settings import Storage

BUCKET = "cliply-tests"
KEY = "test-key"
SECRET = "test-secret-that-must-not-be-shown"
_STARTS_WITHIN_S = 60
_SERVICES = ("master", "volume", "filer", "s3")


@contextmanager
def seaweed(folder: Path) -> Iterator[Storage]:
    """The settings of a server with one empty bucket."""
    identity = {"credentials": [{"accessKey": KEY, "secretKey": SECRET}], "actions": ["Admin"], "name": "tests"}
    (folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
    ports = _free_ports(2 * len(_SERVICES))
    named = dict(zip((f"{name}.port{kind}" for name in _SERVICES for kind in ("", ".grpc")), ports, strict=True))
    command = [
        str(Path(sys.executable).with_name("weed")), "server", "-s3", f"-dir={folder}",
        "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-master.telemetry=false", "-volume.max=20",
        # Services at fixed ports, which two servers at once would quarrel over.
        "-s3.port.iceberg=0", "-s3.port.lance=0", f"-s3.config={folder}/s3.json",
        *(f"-{name}={port}" for name, port in named.items()),
    ]  # fmt: skip
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        endpoint = f"http://127.0.0.1:{named['s3.port']}"
        _await_bucket(client(endpoint), server, folder / "log")
        yield Storage(bucket=BUCKET, endpoint=endpoint, key=SecretStr(KEY), secret=SecretStr(SECRET))
    finally:
        # It waits for open connections when it is asked to stop.
        server.kill()
        server.wait()


def client(endpoint: str) -> Any:
    """What sees a bucket as others do, past the product."""
    config = Config(s3={"addressing_style": "path"}, connect_timeout=2, read_timeout=10, retries={"max_attempts": 0})
    return boto3.session.Session().client(
        "s3", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id=KEY, aws_secret_access_key=SECRET,
        config=config,
    )  # fmt: skip


def _await_bucket(s3: Any, server: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + _STARTS_WITHIN_S
    while True:
        try:
            s3.create_bucket(Bucket=BUCKET)
            # The first write shows that a volume is there too.
            s3.put_object(Bucket=BUCKET, Key="ready", Body=b"x")
            s3.delete_object(Bucket=BUCKET, Key="ready")
            return
        except (BotoCoreError, ClientError):
            if time.monotonic() > until or server.poll() is not None:
                raise RuntimeError(f"SeaweedFS did not start:\n{log.read_text(errors='replace')[-2000:]}") from None


def _free_ports(count: int) -> list[int]:
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in sockets]
