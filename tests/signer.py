"""Signing as a caller would who has read the documentation and nothing of ours."""

import base64
import json
import subprocess
import time
from urllib.parse import urlsplit, urlunsplit

import requests


def signature(secret: str, timestamp: str, body: bytes) -> str:
	"""By openssl, so that no code of ours says what is right."""
	made = subprocess.run(
		["openssl", "dgst", "-sha256", "-hmac", secret, "-binary"],
		input=timestamp.encode() + b"." + body,
		capture_output=True,
		check=True,
	)
	return base64.b16encode(made.stdout).decode().lower()


def signed(secret: str, payload, *, at: float | None = None, call_id: str | None = None, **headers):
	"""`{data, headers}` of a call, for `requests.post`."""
	body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
	timestamp = str(int(time.time() if at is None else at))
	given = {
		"Content-Type": "application/json",
		"X-Flow-Timestamp": timestamp,
		"X-Flow-Signature": f"sha256={signature(secret, timestamp, body)}",
	}
	if call_id:
		given["X-Flow-Id"] = call_id
	return {"data": body, "headers": {**given, **headers}}


def post(url: str, base: str | None = None, **call):
	"""The answer; `base`: the server to ask in place of the one that the address names."""
	if base:
		url = urlunsplit((*urlsplit(base)[:2], *urlsplit(url)[2:]))
	session = requests.Session()
	session.trust_env = False
	return session.post(url, timeout=60, **call)
