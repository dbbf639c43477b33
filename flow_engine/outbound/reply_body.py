"""An answer's body as text, whatever the sender tries: bounded as sent, bounded as unpacked.

`gzip` and `deflate` are unpacked, one layer; anything else was not asked for and is taken as it is.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from email.message import Message

_CHUNK_BYTES = 65_536
# Codecs of Python that are no charsets of the web, and slow on long input.
_NO_CHARSETS = frozenset({"idna", "punycode"})


def read_body(read: Callable[[int], bytes], encoding: str, limit: int) -> tuple[bytes, bool]:
	"""Up to `limit` bytes of the unpacked body, and whether anything was left out.

	read: gives at most so many bytes as sent, empty at the end. encoding: the Content-Encoding header.
	What cannot be unpacked is left out: the answer's status still counts.
	"""
	unpack = _Unpacker(encoding.strip().lower())
	body = bytearray()
	taken = 0
	# As sent is bounded too: a packed stream may go on for ever without yielding a byte.
	while taken <= limit:
		chunk = read(min(_CHUNK_BYTES, limit + 1 - taken))
		if not chunk:
			return bytes(body), not unpack.complete
		taken += len(chunk)
		try:
			body += unpack(chunk, limit + 1 - len(body))
		except zlib.error:
			return bytes(body), True
		if len(body) > limit:
			return bytes(body[:limit]), True
	return bytes(body), True


def decode_text(body: bytes, content_type: str) -> str:
	"""The body by its declared charset, else as UTF-8; bytes that do not fit become U+FFFD."""
	message = Message()
	message["content-type"] = content_type
	charset = (message.get_content_charset() or "utf-8").lower()
	if charset in _NO_CHARSETS or charset in ("utf-8", "utf8"):
		charset = "utf-8-sig"  # a byte order mark is no part of the text
	try:
		return body.decode(charset, "replace")
	except (LookupError, UnicodeError):
		return body.decode("utf-8", "replace")


class _Unpacker:
	"""Unpacks chunk by chunk, never more than asked for."""

	def __init__(self, encoding: str):
		self._encoding = encoding
		self._engine = None
		self._began = False
		if encoding in ("gzip", "x-gzip"):
			self._engine = zlib.decompressobj(16 + zlib.MAX_WBITS)
		elif encoding == "deflate":
			self._engine = zlib.decompressobj()

	@property
	def complete(self) -> bool:
		return self._engine is None or self._engine.eof or not self._began

	def __call__(self, chunk: bytes, most: int) -> bytes:
		if self._engine is None:
			return chunk
		first, self._began = not self._began, True
		try:
			out = self._engine.decompress(chunk, most)
		except zlib.error:
			if not (first and self._encoding == "deflate"):
				raise
			# Many servers send raw deflate data under this name.
			self._engine = zlib.decompressobj(-zlib.MAX_WBITS)
			out = self._engine.decompress(chunk, most)
		# A gzip file may be several, one after the other; what follows and is none is padding.
		while self._encoding != "deflate" and self._engine.eof and self._engine.unused_data:
			if len(out) >= most:
				break
			following = zlib.decompressobj(16 + zlib.MAX_WBITS)
			try:
				out += following.decompress(self._engine.unused_data, most - len(out))
			except zlib.error:
				break
			self._engine = following
		return out
