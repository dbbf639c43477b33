"""Secrets of a call: where they go, and that nothing shows them."""

import logging
import socket

import pytest
from receivers import Reply, drop, redirect, say

from flow_engine.engine.errors import BadTemplate, HttpNoAnswer, HttpNotSent, HttpRefused, StepError

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
