"""One route that does nothing, served as the service's are: what there is to gain. python -m benchmarks.bare FD"""

import socket
import sys

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

app = FastAPI()


class Nothing(BaseModel):
    status: str = "ok"


@app.get("/")
def get_nothing() -> Nothing:
    return Nothing()


def main(listening: str) -> None:
    config = uvicorn.Config(app, lifespan="off", ws="none", log_config=None, access_log=False, server_header=False)
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=int(listening))])


if __name__ == "__main__":
    main(*sys.argv[1:])
