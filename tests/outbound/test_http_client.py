import gzip
import logging
import socket
import struct
import threading
import zlib

import pytest
from receivers import RECEIVER_PEM, Reply

from flow_engine.engine.errors import BadTemplate, HttpNoAnswer, HttpNotSent, HttpRefused, StepError
from flow_engine.outbound.http import GuardedHttpClient, resolve_name

LOOPBACK = ("127.0.0.1",)
NAMES = {"one.test": ["127.0.0.1"], "two.test": ["127.0.0.1"], "receiver.test": ["127.0.0.1"]}


def names(host, port):
	"""A resolver that knows the test's own names and otherwise asks the system."""
	return NAMES.get(host) or resolve_name(host, port)


@pytest.fixture
def client():
	return GuardedHttpClient(LOOPBACK, resolve=names)


def redirect(status, location):
	return Reply(status, {"Location": location})


# --- sending and reading ------------------------------------------------------------------------------------


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


def drop(connection, over):
	"""Accept the request, say nothing, hang up."""


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


def say(data):
	return lambda connection, over: connection.sendall(data)


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


# --- refused ------------------------------------------------------------------------------------------------

REFUSED_URLS = (
	"ftp://127.0.0.1/",
	"file:///etc/passwd",
	"gopher://127.0.0.1/",
	"//127.0.0.1/",
	"127.0.0.1/",
	"",
	"http://",
	"http:///path",
	"http://user@127.0.0.1/",
	"http://user:word@127.0.0.1/",
	"http://@127.0.0.1/",
	"http://127.0.0.1\\@example.com/",
	"http://exa mple.com/",
	"http://127.0.0.1:99999/",
	"http://127.0.0.1:0/",
	"http://127.0.0.1:x/",
	"http://[::1/",
	"http://[fe80::1%25lo]/",
	"http://[127.0.0.1]/",
	"http://127.0.0.1%2f@example.com/",
	"http://exa%6dple.com/",
	"http://-/",
)


@pytest.mark.parametrize("url", REFUSED_URLS)
def test_a_url_that_could_be_misread_is_refused(client, url):
	with pytest.raises(HttpRefused):
		client.request("GET", url)


@pytest.mark.parametrize(
	"host",
	[
		"127.0.0.2",
		"2130706434",
		"0x7f.2",
		"0177.0.0.2",
		"127.2",
		"localhost",
		"0",
		"①②⑦.0.0.2",
		"[::ffff:7f00:2]",
	],
)
def test_a_private_host_is_refused_however_it_is_spelled(start_receiver, host):
	receiver = start_receiver("0.0.0.0")
	with pytest.raises(HttpRefused):
		GuardedHttpClient().request("GET", f"http://{host}:{receiver.port}/")
	assert receiver.seen == []


def test_the_name_is_resolved_once_so_it_cannot_change_after_the_check(receiver):
	answers = [["127.0.0.1"], ["127.0.0.2"]]
	client = GuardedHttpClient(LOOPBACK, resolve=lambda host, port: answers.pop(0))
	assert client.request("GET", receiver.url(host="rebind.test")).status == 200
	assert answers == [["127.0.0.2"]]


@pytest.mark.parametrize("method", ["CONNECT", "TRACE", "GET /x HTTP/1.1\r\nX: y", ""])
def test_a_method_flows_have_no_use_for_is_refused(client, receiver, method):
	with pytest.raises(HttpRefused):
		client.request(method, receiver.url())


@pytest.mark.parametrize(
	("name", "value"),
	[
		("X-A", "one\r\nX-B: two"),
		("X-A", "one\ntwo"),
		("X-A", "nul\0"),
		("X-A\r\nX-B", "two"),
		("X A", "two"),
		("X-A:", "two"),
		("", "two"),
		("Host", "other.test"),
		("content-length", "0"),
		("Transfer-Encoding", "chunked"),
		("Connection", "keep-alive"),
		("Proxy-Authorization", "Basic x"),
	],
)
def test_a_header_that_would_change_the_message_is_refused(client, receiver, name, value):
	with pytest.raises(BadTemplate):
		client.request("POST", receiver.url(), headers={name: value})
	assert receiver.seen == []


@pytest.mark.parametrize("url", ["http://127.0.0.1/\r\nX: y", "http://127.0.0.1/\t", "http://127.0.0.1\n/"])
def test_a_url_with_a_line_break_is_a_bad_template(client, url):
	with pytest.raises(BadTemplate):
		client.request("GET", url)


# --- environment --------------------------------------------------------------------------------------------


def test_proxies_and_credentials_of_the_environment_play_no_part(
	client, receiver, start_receiver, monkeypatch, tmp_path
):
	proxy = start_receiver("127.0.0.1")
	for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
		monkeypatch.setenv(name, proxy.url())
	netrc = tmp_path / "netrc"
	netrc.write_text("machine 127.0.0.1 login someone password word\n")
	monkeypatch.setenv("NETRC", str(netrc))
	monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "none"))
	client.request("GET", receiver.url())
	assert proxy.seen == []
	assert "authorization" not in receiver.seen[0].headers


def test_no_cookie_survives_a_call_or_a_redirect(client, receiver):
	receiver.answer = lambda request: (
		Reply(307, {"Location": "/next", "Set-Cookie": "a=b"}) if request.path == "/" else Reply()
	)
	client.request("GET", receiver.url())
	client.request("GET", receiver.url("/again"))
	assert [("cookie" in seen.headers) for seen in receiver.seen] == [False, False, False]


# --- redirects ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
	("status", "method", "then", "keeps_body"),
	[
		(301, "POST", "GET", False),
		(302, "POST", "GET", False),
		(303, "POST", "GET", False),
		(303, "PUT", "GET", False),
		(303, "HEAD", "HEAD", True),
		(301, "PUT", "PUT", True),
		(307, "POST", "POST", True),
		(308, "POST", "POST", True),
		(308, "DELETE", "DELETE", True),
		(302, "GET", "GET", True),
	],
)
def test_a_redirect_keeps_or_changes_method_and_body_by_its_status(
	client, receiver, status, method, then, keeps_body
):
	receiver.answer = lambda request: redirect(status, "next?x=1") if request.path == "/a/b" else Reply()
	headers = {"Content-Type": "application/json", "Authorization": "Bearer x", "Idempotency-Key": "k"}
	assert client.request(method, receiver.url("/a/b"), headers=headers, body="{}").status == 200
	last = receiver.seen[-1]
	assert (last.method, last.path, last.body) == (then, "/a/next?x=1", b"{}" if keeps_body else b"")
	assert ("content-type" in last.headers) == keeps_body
	assert (last.headers["authorization"], last.headers["idempotency-key"]) == ("Bearer x", "k")


@pytest.mark.parametrize("elsewhere", ["another name", "another port"])
def test_another_server_gets_none_of_the_headers_that_name_or_authorise(start_receiver, elsewhere):
	client = GuardedHttpClient(LOOPBACK, resolve=names)
	first, second = start_receiver(), start_receiver()
	if elsewhere == "another name":
		second = first
	target = second.url("/there", host="two.test" if elsewhere == "another name" else "one.test")
	first.answer = lambda request: redirect(307, target) if request.path == "/" else Reply()
	headers = {
		"Authorization": "Bearer x",
		"Cookie": "a=b",
		"X-Api-Key": "x",
		"Idempotency-Key": "k",
		"Content-Type": "application/json",
		"Accept": "text/{{secret.odd}}",
	}
	url = first.url(host="one.test")
	client.request("POST", url, headers=headers, body="{}", secret=lambda name, host: "word-of-one")
	last = second.seen[-1]
	assert (last.path, last.body, last.headers["content-type"]) == ("/there", b"{}", "application/json")
	assert not {"authorization", "cookie", "x-api-key", "idempotency-key"} & set(last.headers)
	assert last.headers["accept"] == "*/*"


def test_what_was_dropped_stays_dropped_when_the_redirect_leads_back(client, receiver):
	back = receiver.url("/back", host="one.test")
	away = receiver.url("/away", host="two.test")
	answers = {"/": redirect(307, away), "/away": redirect(307, back)}
	receiver.answer = lambda request: answers.get(request.path) or Reply()
	client.request("GET", receiver.url(host="one.test"), headers={"Authorization": "Bearer x"})
	assert ["authorization" in seen.headers for seen in receiver.seen] == [True, False, False]


def test_a_redirect_to_a_private_address_is_refused(client, receiver, start_receiver):
	inside = start_receiver("127.0.0.2")
	receiver.answer = lambda request: redirect(302, inside.url("/admin"))
	with pytest.raises(HttpRefused):
		client.request("GET", receiver.url())
	assert inside.seen == []


@pytest.mark.parametrize(
	"location", ["file:///etc/passwd", "http://u:p@127.0.0.1/", "http://[::1", "gopher://x/", "http://{{a}}/"]
)
def test_a_redirect_that_cannot_be_followed_is_refused(client, receiver, location):
	receiver.answer = lambda request: redirect(302, location)
	with pytest.raises(HttpRefused):
		client.request("GET", receiver.url())


def test_a_redirect_from_https_to_http_is_refused(start_receiver):
	secure, plain = start_receiver(tls=True), start_receiver()
	secure.answer = lambda request: redirect(302, plain.url())
	client = GuardedHttpClient(LOOPBACK, ca_bundle=RECEIVER_PEM, resolve=names)
	with pytest.raises(HttpRefused):
		client.request("GET", secure.url(host="receiver.test"))
	assert plain.seen == []


def test_an_endless_redirect_is_refused_at_the_limit(receiver):
	receiver.answer = lambda request: redirect(302, "/again")
	with pytest.raises(HttpRefused):
		GuardedHttpClient(LOOPBACK, max_redirects=3).request("GET", receiver.url())
	assert len(receiver.seen) == 4


def test_a_redirect_status_without_a_location_is_an_answer(client, receiver):
	receiver.answer = lambda request: Reply(302)
	assert client.request("GET", receiver.url()).status == 302


@pytest.mark.parametrize(("status", "error"), [(303, HttpNoAnswer), (302, HttpNoAnswer), (307, HttpNotSent)])
def test_a_post_answered_by_a_redirect_to_a_get_has_been_done_even_if_the_get_cannot_be_sent(
	client, receiver, status, error
):
	receiver.answer = lambda request: redirect(status, "http://no-such-name.invalid/")
	with pytest.raises(error):
		client.request("POST", receiver.url(), body="{}")


def test_the_time_limit_holds_across_redirects(client, receiver):
	waiting = threading.Event()

	def answer(request):
		waiting.wait(0.2)
		return redirect(307, "/again")

	receiver.answer = answer
	with pytest.raises((HttpNoAnswer, HttpNotSent)):
		GuardedHttpClient(LOOPBACK, max_redirects=1000).request("GET", receiver.url(), timeout_seconds=0.5)
	assert len(receiver.seen) < 10


# --- secrets ------------------------------------------------------------------------------------------------

SECRET = "p&ss/wörd 42"
ENCODED = ("p%26ss%2Fw%C3%B6rd%2042", "p&ss/w%C3%B6rd%2042")


def keeper(name, host):
	"""Secrets of a site: `api` may go to one.test and nowhere else."""
	if (name, host) != ("api", "one.test"):
		raise StepError("The secret may not be sent to this host.")
	return SECRET


def leaks(error):
	"""Everything an error could carry into a log: its texts and those chained to it."""
	texts = []
	while error is not None:
		texts += [str(error), repr(error), repr(getattr(error, "facts", ""))]
		error = error.__cause__ or error.__context__
	return any(form in text for text in texts for form in (SECRET, *ENCODED, "p&ss", "p%26ss"))


def test_secrets_are_filled_into_url_and_headers_when_sent(client, receiver):
	client.request(
		"POST",
		receiver.url("/hooks/{{secret.api}}/x?key={{ secret.api }}&z=1", host="one.test"),
		headers={"X-Key": "Token {{secret.api}}"},
		body="{{secret.api}}",
		secret=keeper,
	)
	(seen,) = receiver.seen
	assert seen.path == "/hooks/p&ss/w%C3%B6rd%2042/x?key=p%26ss/w%C3%B6rd%2042&z=1"
	assert seen.headers["x-key"].encode("latin-1").decode() == f"Token {SECRET}"
	assert seen.body == b"{{secret.api}}"


def test_a_secret_is_refused_to_a_host_it_is_not_for(client, receiver):
	with pytest.raises(StepError) as caught:
		client.request("GET", receiver.url("/{{secret.api}}", host="two.test"), secret=keeper)
	assert receiver.seen == []
	assert not leaks(caught.value)


@pytest.mark.parametrize(
	"url",
	["http://{{secret.api}}/", "http://one.test:{{secret.api}}/", "http://one.test/{{secret.api|upper}}"],
)
def test_a_secret_in_the_wrong_place_is_a_bad_template(client, url):
	with pytest.raises(BadTemplate):
		client.request("GET", url, secret=keeper)


def test_a_secret_without_a_keeper_is_a_bad_template(client, receiver):
	with pytest.raises(BadTemplate):
		client.request("GET", receiver.url(), headers={"X-Key": "{{secret.api}}"})
	assert receiver.seen == []


def test_a_secret_with_a_line_break_is_refused_without_showing_it(client, receiver):
	with pytest.raises(BadTemplate) as caught:
		client.request(
			"GET",
			receiver.url(host="one.test"),
			headers={"X-Key": "{{secret.api}}"},
			secret=lambda name, host: SECRET + "\r\nX: y",
		)
	assert not leaks(caught.value)
	assert receiver.seen == []


def test_a_server_cannot_ask_for_a_secret_in_its_redirect(client, receiver):
	receiver.answer = lambda request: redirect(302, "/x?{{secret.api}}") if request.path == "/" else Reply()
	client.request("GET", receiver.url(host="one.test"), secret=keeper)
	assert SECRET not in receiver.seen[-1].path
	assert not any(form in receiver.seen[-1].path for form in ENCODED)


def test_a_secret_echoed_by_the_server_is_redacted_from_the_answer(client, receiver):
	receiver.answer = lambda request: Reply(
		200, {"X-Echo": request.path}, f'{{"path": "{request.path}", "key": "{SECRET}"}}'.encode()
	)
	url = receiver.url("/{{secret.api}}?k={{secret.api}}", host="one.test")
	reply = client.request("GET", url, secret=keeper)
	assert reply.body == '{"path": "/***?k=***", "key": "***"}'
	assert reply.headers["x-echo"] == "/***?k=***"


FAILING = {
	"drops": (drop, HttpNoAnswer),
	"redirects to nowhere": (None, HttpNotSent),
	"redirects to a private address": (None, HttpRefused),
	"redirects to nonsense": (None, HttpRefused),
	"sends malformed headers": (say(b"HTTP/1.1 200 OK\r\nno colon here\r\n\r\n"), None),
}


@pytest.mark.parametrize("what", FAILING)
def test_no_failure_shows_a_secret_or_a_query(client, receiver, start_socket, caplog, what):
	script, error = FAILING[what]
	path = "/in/{{secret.api}}?key={{secret.api}}&mail=someone@example.com"
	where = {
		"redirects to nowhere": "http://no-such-name.invalid",
		"redirects to a private address": "http://127.0.0.2",
		"redirects to nonsense": "gopher://x",
	}
	receiver.answer = lambda request: redirect(307, where[what] + request.path)
	base = start_socket(script) if script else receiver.url("")
	base = base.replace("127.0.0.1", "one.test")
	with caplog.at_level(logging.DEBUG):
		if error is None:
			assert client.request("GET", base + path, secret=keeper).status == 200
		else:
			with pytest.raises(error) as caught:
				client.request("GET", base + path, headers={"X-Key": "{{secret.api}}"}, secret=keeper)
			assert not leaks(caught.value)
			assert "someone" not in caught.value.message
	assert not any(form in caplog.text for form in (SECRET, *ENCODED))


def test_a_refused_connection_shows_the_path_and_neither_query_nor_secret(client):
	with socket.create_server(("127.0.0.1", 0)) as listener:
		port = listener.getsockname()[1]
	with pytest.raises(HttpNotSent) as caught:
		client.request(
			"GET", f"http://one.test:{port}/in/{{{{secret.api}}}}?key={{{{secret.api}}}}", secret=keeper
		)
	assert not leaks(caught.value)
	assert f"http://one.test:{port}/in/" in caught.value.message
	assert "key=" not in caught.value.message
