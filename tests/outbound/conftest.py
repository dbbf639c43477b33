"""Real servers on loopback: scripted HTTP ones, and bare sockets for what no HTTP server would do."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator

import pytest
from receivers import LOOPBACK, Receiver, names

from flow_engine.outbound.http import GuardedHttpClient


@pytest.fixture
def client() -> GuardedHttpClient:
	return GuardedHttpClient(LOOPBACK, resolve=names)


@pytest.fixture
def start_receiver() -> Iterator[Callable[..., Receiver]]:
	started: list[Receiver] = []

	def start(*args: object, **kwargs: object) -> Receiver:
		started.append(Receiver(*args, **kwargs))
		return started[-1]

	yield start
	for receiver in started:
		receiver.close()


@pytest.fixture
def receiver(start_receiver: Callable[..., Receiver]) -> Receiver:
	return start_receiver()


@pytest.fixture
def start_socket() -> Iterator[Callable[..., str]]:
	"""Starts a listener that hands each connection to a script; gives its base URL.

	The script gets the connection, after the head of a request was read, and an event that ends the test.
	"""
	over = threading.Event()
	listeners: list[socket.socket] = []

	def start(script: Callable[[socket.socket, threading.Event], None], read_first: bool = True) -> str:
		listener = socket.create_server(("127.0.0.1", 0))
		listeners.append(listener)

		def converse(connection: socket.socket) -> None:
			with connection:
				try:
					if read_first:
						head = b""
						while b"\r\n\r\n" not in head:
							head += connection.recv(65_536)
					script(connection, over)
				except OSError:
					pass  # the client hung up, which is what most scripts provoke

		def accept() -> None:
			while True:
				try:
					connection, _ = listener.accept()
				except OSError:
					return
				threading.Thread(target=converse, args=(connection,), daemon=True).start()

		threading.Thread(target=accept, daemon=True).start()
		return f"http://127.0.0.1:{listener.getsockname()[1]}"

	yield start
	over.set()
	for listener in listeners:
		listener.close()
