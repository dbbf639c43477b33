"""What a redirect may lead to, and what of a request goes along."""

import threading

import pytest
from receivers import LOOPBACK, RECEIVER_PEM, Reply, names, redirect

from flow_engine.engine.errors import HttpNoAnswer, HttpNotSent, HttpRefused

# --- redirects ----------------------------------------------------------------------------------------------
from flow_engine.outbound.http import GuardedHttpClient


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
