"""Enumerations whose members are their own text, on every Python that Frappe 15 runs on (3.10 has no
StrEnum)."""

from enum import Enum


class StrEnum(str, Enum):
	"""A string enumeration: `str(member)` and JSON give the value."""

	__str__ = str.__str__
