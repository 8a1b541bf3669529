"""Answers of TikTok, as its API and what stands in front of it write them."""

import json


def told(code: str, message: str = "Something about it", data: object = None) -> bytes:
    error = {"code": code, "message": message, "log_id": "202611301653010101902411830E4C1D2A"}
    return json.dumps({"data": {} if data is None else data, "error": error}).encode()


def oauth(error: str) -> bytes:
    return json.dumps({"error": error, "error_description": "Something about it", "log_id": "2026"}).encode()


BAD_GATEWAY = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
DENIED = b"<HTML><HEAD><TITLE>Access Denied</TITLE></HEAD><BODY>You don't have permission to access this</BODY></HTML>"
