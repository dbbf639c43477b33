"""Deliveries: outbound HTTP that is no step of a flow, and what a store of them has to keep.

A delivery is written in the transaction that causes it and sent later by workers, at least once, with the
same key and body on every attempt. What an attempt's outcome means is decided in `delivery_rules.py`; sending
is `service/deliveries.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from flow_engine.engine.enums import StrEnum


class DeliveryStatus(StrEnum):
	PENDING = "pending"
	SENDING = "sending"
	DELIVERED = "delivered"
	FAILED = "failed"
	CANCELLED = "cancelled"
	# Its endpoint is paused; it is sent once that goes on.
	HELD = "held"


ENDED = (DeliveryStatus.DELIVERED, DeliveryStatus.FAILED, DeliveryStatus.CANCELLED)


@dataclass(frozen=True, slots=True)
class NewDelivery:
	"""What whoever causes a delivery says of it. `body` is sent as JSON; the reference is the document that
	it is about and decides who may see it."""

	event: str
	url: str
	body: Mapping[str, Any] = field(repr=False)
	reference_doctype: str | None = None
	reference_name: str | None = None
	flow_run: str | None = None
	flow_step: str | None = None
	held: bool = False


@dataclass(frozen=True, slots=True)
class DeliveryClaim:
	"""A due delivery that this worker holds by `token`."""

	name: str
	token: str
	url: str = field(repr=False, default="")


@dataclass(frozen=True, slots=True)
class Delivery:
	"""A stored delivery. `body` is the text that is sent, byte for byte; `attempts` counts those begun since
	it was written or last asked for again."""

	name: str
	event: str
	status: str
	url: str = field(repr=False)
	body: str = field(repr=False)
	key: str
	attempts: int
	flow_run: str | None
	flow_step: str | None
	lease_token: str | None
	reference_doctype: str | None = None
	reference_name: str | None = None


class Deliveries(Protocol):
	"""The store of deliveries. Every write of a worker names its lease token; times are aware UTC."""

	def insert(self, new: NewDelivery, site: str) -> str:
		"""Write a due delivery in the *current* transaction; its name."""
		...

	def claim(self, limit: int, lease_seconds: float, only: str | None = None) -> list[DeliveryClaim]:
		"""Take due deliveries (or the one named, if it is due), longest due first, in a transaction of its
		own."""
		...

	def begin(self, claim: DeliveryClaim, lease_seconds: float) -> Delivery | None:
		"""Count one attempt and mark it as being sent, in a transaction of its own; None when another worker
		or an operator has taken the delivery over."""
		...

	def close(self, claim: DeliveryClaim, **columns: Any) -> bool:
		"""Write what came of the attempt and drop the lease, in the current transaction; False when the
		lease was lost."""
		...

	def put_off(self, claims: Sequence[DeliveryClaim], seconds: float) -> None:
		"""Drop the leases of claims not begun; they are due again after this long."""
		...

	def lock(self, name: str) -> Delivery:
		"""Lock the row until the end of the transaction. Raises DeliveryNotFound."""
		...

	def write(self, name: str, **columns: Any) -> None: ...

	def count_due(self) -> int: ...

	def next_wake(self) -> datetime | None: ...


def delivery_key(site: str, name: str) -> str:
	"""The `Idempotency-Key` of every attempt."""
	return f"{site}:delivery:{name}"
