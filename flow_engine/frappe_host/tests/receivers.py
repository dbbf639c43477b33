"""Real receivers on this machine: a mail server and an SMS gateway, each in a thread."""

import socketserver
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer


class MailServer:
	"""Speaks just enough SMTP to take messages; `messages` are `(sender, recipients, text)`."""

	def __init__(self):
		self.messages: list[tuple[str, list[str], str]] = []
		outer = self

		class Conversation(socketserver.StreamRequestHandler):
			def handle(self):
				self.say("220 here")
				sender, recipients = "", []
				while line := self.rfile.readline():
					word = line.strip().upper()
					if word.startswith(b"MAIL FROM"):
						sender, recipients = line.decode().split(":", 1)[1].strip(), []
					elif word.startswith(b"RCPT TO"):
						recipients.append(line.decode().split(":", 1)[1].strip().strip("<>"))
					elif word == b"DATA":
						self.say("354 go on")
						outer.messages.append((sender, recipients, self.read_text()))
					elif word == b"QUIT":
						return self.say("221 bye")
					self.say("250 ok")

			def read_text(self) -> str:
				lines = []
				while (line := self.rfile.readline()) not in (b".\r\n", b""):
					lines.append(line)
				return b"".join(lines).decode()

			def say(self, text: str) -> None:
				self.wfile.write(f"{text}\r\n".encode())

		self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Conversation)
		self._server.daemon_threads = True
		self.port = self._server.server_address[1]
		threading.Thread(target=self._server.serve_forever, daemon=True).start()

	def stop(self) -> None:
		self._server.shutdown()
		self._server.server_close()


class Gateway:
	"""Answers every request with `status` and `answer`; `requests` are `(method, path, headers, body)`."""

	def __init__(self):
		self.requests: list[tuple[str, str, dict[str, str], str]] = []
		self.status, self.answer = 200, "taken"
		outer = self

		class Request(BaseHTTPRequestHandler):
			def do_GET(self):
				body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
				headers = {name.lower(): value for name, value in self.headers.items()}
				outer.requests.append((self.command, self.path, headers, body))
				answer = outer.answer.encode()
				self.send_response(outer.status)
				self.send_header("Content-Length", str(len(answer)))
				self.end_headers()
				self.wfile.write(answer)

			do_POST = do_GET

			def log_message(self, *arguments):
				"""Tests have nothing to say about single requests."""

		self._server = HTTPServer(("127.0.0.1", 0), Request)
		self.url = f"http://127.0.0.1:{self._server.server_address[1]}/send"
		threading.Thread(target=self._server.serve_forever, daemon=True).start()

	def stop(self) -> None:
		self._server.shutdown()
		self._server.server_close()
