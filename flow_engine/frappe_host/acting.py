"""As whom a step acts on a site, and what it may not do to the transaction it acts in.

Switching the user wipes parts of the session, so it happens in jobs only: a web request changes state and
hints, it never executes a step. What a request needs to read as somebody else goes through
`documents.read_as`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import frappe

from flow_engine.engine.errors import HandlerCommitted, RunAsInvalid, TransientDatabaseError
from flow_engine.frappe_host.database_errors import is_transient
from flow_engine.frappe_host.foreign_errors import translated

# Who may publish flows; a flow of somebody who no longer may does not run on.
PUBLISHERS = frozenset(("Flow Manager", "System Manager"))

_CHECKED = "flow_engine_checked_users"
# Statements that end a transaction, or begin another one, which ends this one first.
_ENDS = re.compile(
	r"\A(?:\s|/\*.*?\*/|--[^\n]*\n|#[^\n]*\n)*"
	r"(?:commit|rollback(?!\s+(?:work\s+)?to\b)|begin(?!\s+not\b)|start\s+transaction|xa\b|set\s+(?:session\s+)?autocommit"
	r"|set\s+@@(?:session\.)?autocommit|alter|create(?!\s+(?:or\s+replace\s+)?temporary\b)|drop(?!\s+temporary\b)"
	r"|rename|truncate|lock\s+tables|unlock\s+tables|grant|revoke|analyze\s+table|optimize|repair|flush|load\s+index)\b",
	re.IGNORECASE | re.DOTALL,
)


@contextmanager
def as_user(user: str) -> Iterator[None]:
	"""Everything inside happens as this user. Raises RunAsInvalid.

	Restores what the switch wipes, and takes back the messages that documents leave for a person at a screen:
	they would come up in a later, unrelated answer.
	"""
	with translated(f"Acting as {user}"):
		check_user(user)
	session = frappe.local.session
	before = (session.user, session.sid, session.data)
	form = frappe.local.form_dict
	messages, reason = frappe.local.message_log, frappe.flags.error_message
	switches = user != before[0]
	if switches:
		frappe.set_user(user)
	frappe.local.message_log = []
	try:
		yield
	finally:
		if switches or session.user != before[0]:
			# Empties the caches of permissions as well: those filled meanwhile are another user's.
			frappe.set_user(before[0])
			session.sid, session.data = before[1:]
			frappe.local.form_dict = form
		frappe.local.message_log, frappe.flags.error_message = messages, reason


def check_user(user: str) -> None:
	"""Raises RunAsInvalid for nobody, Guest, an unknown and a disabled user."""
	if not user:
		raise RunAsInvalid("The flow names no user to run as.")
	if user == "Guest":
		raise RunAsInvalid("A flow cannot run as Guest.", user=user)
	checked = getattr(frappe.local, _CHECKED, None)
	if checked is not None and user in checked:
		return
	found = frappe.db.sql("select name, enabled from `tabUser` where name = %s", user)
	if not found or found[0][0] != user:
		raise RunAsInvalid(f"The user {user} this flow runs as does not exist.", user=user)
	if not found[0][1]:
		raise RunAsInvalid(f"The user {user} this flow runs as is disabled.", user=user)
	if checked is not None:
		checked.add(user)


@contextmanager
def asking_once() -> Iterator[None]:
	"""Around one transaction, which sees one state of every user: each is asked for once in it."""
	setattr(frappe.local, _CHECKED, set())
	try:
		yield
	finally:
		setattr(frappe.local, _CHECKED, None)


def check_publisher(user: str) -> None:
	"""For a flow that runs as whoever published it. Raises RunAsInvalid when they may no longer publish."""
	check_user(user)
	if user != "Administrator" and PUBLISHERS.isdisjoint(frappe.get_roles(user)):
		raise RunAsInvalid(f"{user}, who published this flow, is no longer a Flow Manager.", user=user)


@contextmanager
def forbid_commit() -> Iterator[None]:
	"""Nothing inside may end the transaction: its effects and their record have to commit together.

	An attempt raises HandlerCommitted at once, and again at the end when somebody caught it. What goes around
	Frappe's connection object (a raw cursor, a procedure) is noticed at the end, because it took the
	savepoint along. Going back to a savepoint is allowed. A deadlock that somebody swallowed has thrown away
	what was written before it: TransientDatabaseError, everything has to be done again.
	"""
	db = frappe.local.db
	watch = _Watch(db)
	watch.begin()
	try:
		yield
	except Exception as error:
		watch.stop()
		if watch.lost is not None and not isinstance(error, TransientDatabaseError):
			raise watch.given_up() from error
		if watch.attempted and not isinstance(error, HandlerCommitted | TransientDatabaseError):
			raise watch.refusal() from error
		raise
	else:
		watch.stop()
		watch.check()
	finally:
		watch.stop()


class _Watch:
	"""Stands in front of one connection's commit, rollback and sql for as long as a handler runs."""

	def __init__(self, db):
		self.db = db
		self.attempted = ""
		self.lost: BaseException | None = None
		self.savepoint = f"flow_engine_{frappe.generate_hash(length=12)}"
		# Somebody may have put wrappers there before (the recorder does); they are put back as they were.
		self._before = {name: db.__dict__.get(name) for name in ("commit", "rollback", "sql")}
		self._watching = False

	def begin(self) -> None:
		self.db.savepoint(self.savepoint)
		sql, rollback = self.db.sql, self.db.rollback

		def watched_sql(query, *args, **kwargs):
			if _ENDS.match(str(query)):
				self.refuse(str(query).strip().split(None, 1)[0].upper())
			if kwargs.get("auto_commit"):
				self.refuse("auto_commit")
			try:
				return sql(query, *args, **kwargs)
			except Exception as error:
				if is_transient(error):
					self.lost = error
				raise

		def watched_rollback(*, save_point=None):
			if not save_point:
				self.refuse("ROLLBACK")
			rollback(save_point=save_point)

		self.db.sql = watched_sql
		self.db.rollback = watched_rollback
		self.db.commit = lambda: self.refuse("COMMIT")
		self._watching = True

	def stop(self) -> None:
		if not self._watching:
			return
		self._watching = False
		for name, method in self._before.items():
			if method is None:
				del self.db.__dict__[name]
			else:
				self.db.__dict__[name] = method

	def refuse(self, statement: str) -> None:
		self.attempted = self.attempted or statement
		raise self.refusal()

	def refusal(self) -> HandlerCommitted:
		return HandlerCommitted(
			f"The step's handler tried to end the transaction by itself ({self.attempted})."
		)

	def check(self) -> None:
		"""Is the transaction still the one that began? Raises HandlerCommitted, TransientDatabaseError."""
		if self.attempted:
			raise self.refusal()
		whole = frappe.local.db is self.db and self._release()
		if not whole and self.lost is not None:
			raise self.given_up() from self.lost
		if not whole:
			raise HandlerCommitted("The step's handler ended the transaction by itself.")

	def given_up(self) -> TransientDatabaseError:
		return TransientDatabaseError(f"The database gave the transaction up: {self.lost}")

	def _release(self) -> bool:
		"""False when the savepoint has gone, which only the end of its transaction can have done."""
		try:
			self.db.release_savepoint(self.savepoint)
		except Exception as error:
			if is_transient(error):
				self.lost = error
			return False
		return True
