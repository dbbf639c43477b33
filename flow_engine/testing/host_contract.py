"""What every host has to keep, as tests: `class TestMyHost(HostContract, TestCase)`.

A host's test class brings the five methods of `ContractBase` that raise NotImplementedError. A bug
found in one host adds a test here, so that it is found in all of them.
"""

from flow_engine.testing.contract.audit import AuditContract
from flow_engine.testing.contract.batches import BatchContract
from flow_engine.testing.contract.calls import CallContract
from flow_engine.testing.contract.claims import ClaimContract
from flow_engine.testing.contract.compensations import CompensationContract
from flow_engine.testing.contract.forgotten import ForgottenContract
from flow_engine.testing.contract.links import LinkContract
from flow_engine.testing.contract.made_documents import MadeDocumentContract
from flow_engine.testing.contract.operations import OperationsContract
from flow_engine.testing.contract.outsiders import OutsiderContract
from flow_engine.testing.contract.people import PeopleContract
from flow_engine.testing.contract.service_levels import ServiceLevelContract
from flow_engine.testing.contract.steps import StepContract
from flow_engine.testing.contract.waits import WaitContract


class HostContract(
	ClaimContract,
	BatchContract,
	StepContract,
	CallContract,
	WaitContract,
	OutsiderContract,
	ForgottenContract,
	OperationsContract,
	AuditContract,
	LinkContract,
	MadeDocumentContract,
	PeopleContract,
	CompensationContract,
	ServiceLevelContract,
):
	"""All of it. No TestCase, so that importing it collects nothing."""
