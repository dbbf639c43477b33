"""What a call sends, what it reads, and what is said of one that gets no whole answer."""

import gzip
import socket
import struct
import threading
import tracemalloc
import zlib

import pytest
from receivers import LOOPBACK, RECEIVER_PEM, Reply, drop, names, say

from flow_engine.engine.errors import HttpNoAnswer, HttpNotSent

# --- sending and reading ------------------------------------------------------------------------------------
from flow_engine.outbound.http import GuardedHttpClient


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"])
def test_a_request_arrives_as_asked_and_its_answer_comes_back(client, receiver, method):
	receiver.answer = lambda request: Reply(201, {"X-Answer": "Yes"}, b"made")
	reply = client.request(method, receiver.url("/a b?q=é"), headers={"X-Name": "Łódź"}, body="ça")
	assert (reply.status, reply.headers["x-answer"]) == (201, "Yes")
	assert reply.body == ("" if method == "HEAD" else "made")
	(seen,) = receiver.seen
	assert (seen.method, seen.path, seen.body) == (method, "/a%20b?q=%C3%A9", "ça".encode())
	assert seen.headers["x-name"].encode("latin-1").decode() == "Łódź"
	assert seen.headers["host"] == f"127.0.0.1:{receiver.port}"
	assert seen.headers["user-agent"].startswith("FlowEngine/")


@pytest.mark.parametrize("status", [204, 304, 400, 404, 408, 429, 500, 503])
def test_every_final_status_is_an_answer(client, receiver, status):
	receiver.answer = lambda request: Reply(status, {"Retry-After": "7"})
	reply = client.request("POST", receiver.url())
	assert (reply.status, reply.headers["retry-after"]) == (status, "7")


def test_an_html_answer_is_text_like_any_other(client, receiver):
	receiver.answer = lambda request: Reply(
		502, {"Content-Type": "text/html"}, b"<h1>Bad gateway \xe2\x80\xa6</h1>"
	)
	assert client.request("GET", receiver.url()).body == "<h1>Bad gateway …</h1>"


@pytest.mark.parametrize(
	("content_type", "body", "text"),
	[
		("text/plain; charset=iso-8859-1", b"\xe9t\xe9", "été"),
		("text/plain; charset=utf-16", "été".encode("utf-16"), "été"),
		("application/json", "é".encode(), "é"),
		("application/json", b"\xef\xbb\xbf{}", "{}"),
		("text/plain; charset=no-such", "é".encode(), "é"),
		("text/plain; charset=hex", b"6162", "6162"),
		("text/plain; charset=punycode", b"abc-", "abc-"),
		("", b"\xff\xfeok", "\ufffd\ufffdok"),
	],
)
def test_a_body_is_decoded_by_its_charset_or_as_utf8(client, receiver, content_type, body, text):
	receiver.answer = lambda request: Reply(200, {"Content-Type": content_type}, body)
	assert client.request("GET", receiver.url()).body == text


def test_a_large_body_is_cut_and_marked(receiver):
	receiver.answer = lambda request: Reply(200, {"X-Flow-Engine-Truncated": "no"}, b"x" * 10_000_000)
	reply = GuardedHttpClient(LOOPBACK).request("GET", receiver.url())
	assert len(reply.body) == 1_000_000
	assert reply.headers["x-flow-engine-truncated"] == "1"


def test_ten_gigabytes_are_cut_at_the_limit_as_they_come(client, start_socket):
	"""Neither kept nor waited for: the sender is hung up on after a few megabytes of buffers."""
	sent = []

	def pour(connection, over):
		connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n")
		block = b"x" * 65_536
		while not over.is_set():
			connection.sendall(block)
			sent.append(len(block))

	base = start_socket(pour)
	tracemalloc.start()
	try:
		reply = client.request("GET", base + "/")
		_now, most = tracemalloc.get_traced_memory()
	finally:
		tracemalloc.stop()
	assert (reply.status, len(reply.body)) == (200, 1_000_000)
	assert reply.headers["x-flow-engine-truncated"] == "1"
	assert most < 10_000_000 and sum(sent) < 50_000_000


def test_a_body_of_exactly_the_limit_is_whole(receiver):
	receiver.answer = lambda request: Reply(200, {"X-Flow-Engine-Truncated": "1"}, b"x" * 1000)
	reply = GuardedHttpClient(LOOPBACK, max_body_bytes=1000).request("GET", receiver.url())
	assert len(reply.body) == 1000
	assert "x-flow-engine-truncated" not in reply.headers


def raw_deflate(data):
	packer = zlib.compressobj(wbits=-15)
	return packer.compress(data) + packer.flush()


@pytest.mark.parametrize(
	("encoding", "packed", "text"),
	[
		("gzip", gzip.compress(b"plain"), "plain"),
		("GZIP", gzip.compress(b"plain"), "plain"),
		("gzip", gzip.compress(b"pl") + gzip.compress(b"ain"), "plain"),
		("gzip", gzip.compress(b"plain") + b"\0" * 512, "plain"),
		("deflate", zlib.compress(b"plain"), "plain"),
		("deflate", raw_deflate(b"plain"), "plain"),
		("identity", b"plain", "plain"),
		("gzip", b"", ""),
	],
	ids=["gzip", "upper case", "two members", "padded", "zlib", "raw deflate", "identity", "empty"],
)
def test_a_packed_body_is_unpacked(client, receiver, encoding, packed, text):
	receiver.answer = lambda request: Reply(200, {"Content-Encoding": encoding}, packed)
	reply = client.request("GET", receiver.url())
	assert reply.body == text
	assert "x-flow-engine-truncated" not in reply.headers


@pytest.mark.parametrize(
	("encoding", "bomb"),
	[
		("gzip", gzip.compress(b"\0" * 50_000_000)),
		("gzip", gzip.compress(b"") * 60_000),
		("deflate", zlib.compress(b"\0" * 50_000_000)),
		("gzip, gzip", gzip.compress(gzip.compress(b"\0" * 50_000_000))),
	],
	ids=["gzip", "empty members", "deflate", "twice"],
)
def test_a_packed_bomb_never_unpacks_beyond_the_limit(client, receiver, encoding, bomb):
	receiver.answer = lambda request: Reply(200, {"Content-Encoding": encoding}, bomb)
	assert len(client.request("GET", receiver.url()).body) <= 1_000_000


@pytest.mark.parametrize("packed", [b"not gzip at all", gzip.compress(b"plain")[:15]], ids=["foreign", "cut"])
def test_a_body_that_does_not_unpack_is_marked_and_its_status_counts(client, receiver, packed):
	receiver.answer = lambda request: Reply(503, {"Content-Encoding": "gzip"}, packed)
	reply = client.request("GET", receiver.url())
	assert (reply.status, reply.headers["x-flow-engine-truncated"]) == (503, "1")


def test_an_ipv6_receiver_is_called(start_receiver):
	receiver = start_receiver("::1")
	assert GuardedHttpClient(["::1"]).request("GET", receiver.url()).status == 200
	assert receiver.seen[0].headers["host"] == f"[::1]:{receiver.port}"


def test_the_next_address_is_tried_when_one_does_not_answer(receiver):
	client = GuardedHttpClient(["127.0.0.0/8"], resolve=lambda host, port: ["127.0.0.9", "127.0.0.1"])
	assert client.request("GET", receiver.url(host="many.test")).status == 200


# --- TLS ----------------------------------------------------------------------------------------------------


def test_the_certificate_is_checked_against_the_name_not_the_address(start_receiver):
	receiver = start_receiver(tls=True)
	client = GuardedHttpClient(LOOPBACK, ca_bundle=RECEIVER_PEM, resolve=names)
	assert client.request("POST", receiver.url(host="receiver.test"), body="x" * 100_000).status == 200
	assert receiver.seen[0].headers["host"] == f"receiver.test:{receiver.port}"
	with pytest.raises(HttpNotSent):
		client.request("POST", receiver.url(host="one.test"))
	assert len(receiver.seen) == 1


def test_an_untrusted_certificate_means_not_sent(client, start_receiver):
	receiver = start_receiver(tls=True)
	with pytest.raises(HttpNotSent):
		client.request("POST", receiver.url(host="receiver.test"), body="x")
	assert receiver.seen == []


def test_a_receiver_that_speaks_no_tls_means_not_sent(client, start_socket):
	base = start_socket(lambda connection, over: connection.sendall(b"hello\r\n"), read_first=False)
	with pytest.raises(HttpNotSent):
		client.request("POST", base.replace("http:", "https:"))


def test_a_tls_handshake_that_never_ends_means_not_sent(client, start_socket):
	base = start_socket(lambda connection, over: over.wait(), read_first=False)
	with pytest.raises(HttpNotSent):
		client.request("POST", base.replace("http:", "https:"), timeout_seconds=0.3)


# --- never sent ---------------------------------------------------------------------------------------------


def test_a_name_that_does_not_resolve_means_not_sent(client):
	with pytest.raises(HttpNotSent):
		client.request("POST", "http://no-such-name.invalid/")


def test_a_resolver_that_never_answers_means_not_sent():
	over = threading.Event()
	client = GuardedHttpClient(LOOPBACK, resolve=lambda host, port: over.wait() and [])
	with pytest.raises(HttpNotSent):
		client.request("POST", "http://one.test/", timeout_seconds=0.2)
	over.set()


def test_a_refused_connection_means_not_sent(client):
	with socket.create_server(("127.0.0.1", 0)) as listener:
		port = listener.getsockname()[1]
	with pytest.raises(HttpNotSent):
		client.request("POST", f"http://127.0.0.1:{port}/")


def test_a_connection_that_is_never_accepted_means_not_sent(client, monkeypatch):
	def connect(self, address):
		raise TimeoutError("timed out")

	monkeypatch.setattr(socket.socket, "connect", connect)
	with pytest.raises(HttpNotSent):
		client.request("POST", "http://one.test/", timeout_seconds=0.2)


def test_an_unreachable_network_means_not_sent(client, monkeypatch):
	def connect(self, address):
		raise OSError(101, "Network is unreachable")

	monkeypatch.setattr(socket.socket, "connect", connect)
	with pytest.raises(HttpNotSent):
		client.request("POST", "http://one.test/")


# --- sent without an answer ---------------------------------------------------------------------------------


def reset(connection, over):
	connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def stay_silent(connection, over):
	over.wait()


def drip(start, drop_of=b"x"):
	def script(connection, over):
		connection.sendall(start)
		while not over.wait(0.05):
			connection.sendall(drop_of)

	return script


UNANSWERED = {
	"drops": drop,
	"resets": reset,
	"stays silent": stay_silent,
	"drips its status line": drip(b"HTTP/1.1 "),
	"drips its headers": drip(b"HTTP/1.1 200 OK\r\nX-Long: "),
	"sends interim answers for ever": drip(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
	"drips its body": drip(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"),
	"drips an endless body": drip(b"HTTP/1.1 200 OK\r\n\r\n"),
	"drips chunks": drip(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
	"drips packed nothing": drip(
		b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + gzip.compress(b""), gzip.compress(b"")
	),
	"hangs up within its headers": say(b"HTTP/1.1 200 OK\r\nContent-Le"),
	"hangs up within its body": say(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfive!"),
	"hangs up within a chunk": say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nfive!"),
	"speaks another protocol": say(b"220 mail.example.com ESMTP\r\n"),
	"sends bad chunks": say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
	"sends too many headers": say(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1000 + b"\r\n"),
	"sends too long a header": say(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n"),
}


@pytest.mark.parametrize("what", UNANSWERED)
def test_a_receiver_that_takes_the_request_and_gives_no_whole_answer_leaves_it_unknown(
	client, start_socket, what
):
	base = start_socket(UNANSWERED[what])
	with pytest.raises(HttpNoAnswer):
		client.request("POST", base + "/x", body="{}", timeout_seconds=0.5)


def test_a_receiver_that_never_reads_leaves_it_unknown(client, start_socket):
	base = start_socket(stay_silent, read_first=False)
	with pytest.raises(HttpNoAnswer):
		client.request("POST", base, body=b"x" * 30_000_000, timeout_seconds=0.5)
