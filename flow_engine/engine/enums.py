"""Enumerations whose members are their own text, on every Python that Frappe 15 runs on (3.10 has no
StrEnum)."""

from enum import Enum


class StrEnum(str, Enum):
	"""A string enumeration: `str(member)` and JSON give the value."""

	__str__ = str.__str__
	# The text's own: Enum's is a Python function, called for every look into a dictionary of members.
	__hash__ = str.__hash__
