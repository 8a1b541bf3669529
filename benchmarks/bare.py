"""Routes without a database and without callers, served as the service's are: python -m benchmarks.bare FD"""

import socket
import sys
from datetime import UTC, datetime
from types import SimpleNamespace
from uuid import UUID

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

from cliply.features.projects.schemas import ProjectRead
from cliply.infra.pages import Page

app = FastAPI()

_ROWS = [
    SimpleNamespace(
        id=UUID(int=number), name="Bees", source_kind="file", state="ready", error=None, options={},
        created_at=datetime.now(UTC), updated_at=datetime.now(UTC), expires_at=None, file_name="bees.mp4", size=10,
        sha256="0" * 64, duration_ms=60_000, probe={"container": "mp4"}, language=None, words=None,
    )
    for number in range(50)
]  # fmt: skip


class Nothing(BaseModel):
    status: str = "ok"


@app.get("/")
async def get_nothing() -> Nothing:
    return Nothing()


@app.get("/projects")
def list_projects() -> Page[ProjectRead]:
    return Page(items=[ProjectRead.model_validate(each) for each in _ROWS], next=None)


def main(listening: str) -> None:
    config = uvicorn.Config(app, lifespan="off", ws="none", log_config=None, access_log=False, server_header=False)
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=int(listening))])


if __name__ == "__main__":
    main(*sys.argv[1:])
