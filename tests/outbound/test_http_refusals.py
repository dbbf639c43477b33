"""Calls that are not made, and what plays no part in those that are."""

import pytest
from receivers import LOOPBACK, Reply

from flow_engine.engine.errors import BadTemplate, HttpRefused
from flow_engine.outbound.http import GuardedHttpClient

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
