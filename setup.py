from pathlib import Path

from setuptools import find_packages, setup

here = Path(__file__).parent
version = {}
exec((here / "flow_engine" / "__init__.py").read_text(), version)


def requirements():
	lines = (line.split("#")[0].strip() for line in (here / "requirements.txt").read_text().splitlines())
	return [line for line in lines if line]


# The standalone server; a site brings the same things itself.
standalone = ["werkzeug~=3.0", "waitress>=3,<4", "tzdata", "rich>=13,<15"]
tests = [*standalone, "pytest>=8", "hypothesis>=6.100", "ruff>=0.6", "playwright>=1.45", "aiosmtpd>=1.4"]

setup(
	name="flow_engine",
	version=version["__version__"],
	description="Durable automations that ERPNext operators build in the desk",
	author="Flow Engine developers",
	author_email="dev@flow-engine.invalid",
	license="MIT",
	python_requires=">=3.10",
	packages=find_packages(
		include=["flow_engine", "flow_engine.*"], exclude=["flow_engine.doctype", "flow_engine.doctype.*"]
	),
	include_package_data=True,
	zip_safe=False,
	install_requires=requirements(),
	extras_require={"standalone": standalone, "test": tests},
	entry_points={"console_scripts": ["flow-engine=flow_engine.cli:main"]},
)
