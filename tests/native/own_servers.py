"""A MariaDB and a Redis of the session's own, so that both may die without anybody else noticing.

The database is a copy of the site's, made when the session begins. Processes of the bench find both by their
environment; the bench and its site are not touched.
"""

from __future__ import annotations

import getpass
import json
import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

from processes import Bench, eventually, free_port, listens, redis

SERVER = ("mariadbd", "mysqld")
NEEDED = ("mariadb-install-db", "mariadb-dump", "mariadb", "mariadb-admin", "redis-server")
_SBIN = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"))


def why_not() -> str | None:
	"""Why such servers cannot be made on this machine; None when they can."""
	missing = [name for name in NEEDED if not shutil.which(name, path=_SBIN)]
	if not any(shutil.which(name, path=_SBIN) for name in SERVER):
		missing.append(SERVER[0])
	return f"Not installed here: {', '.join(missing)}." if missing else None


class OwnServers:
	"""`kill_database`, `start_database` and the same for Redis; `join` points a bench's processes at them.

	Redis keeps the queue and the cache, and forgets both when it stops.
	"""

	def __init__(self, bench: Bench, folder: Path):
		self.folder = folder
		self.port, self.cache_port = free_port(), free_port()
		self.socket = folder / "mariadb.sock"
		self.bench = bench
		self._database: subprocess.Popen | None = None
		self._cache: subprocess.Popen | None = None
		self._account = getpass.getuser()
		config = json.loads((bench.sites / "common_site_config.json").read_text())
		config.update(json.loads((bench.sites / bench.site / "site_config.json").read_text()))
		self._config: dict[str, Any] = config

	def make(self) -> None:
		"""Both servers, with a copy of the site's database."""
		self._run(
			"mariadb-install-db",
			"--no-defaults",
			f"--datadir={self.folder / 'data'}",
			"--auth-root-authentication-method=normal",
			"--skip-test-db",
			f"--user={self._account}",
		)
		self.start_database()
		self._copy()
		self.start_cache()
		self.bench.env.update(
			FRAPPE_DB_HOST="127.0.0.1",
			FRAPPE_DB_PORT=str(self.port),
			FRAPPE_REDIS_CACHE=f"redis://127.0.0.1:{self.cache_port}",
		)

	def _copy(self) -> None:
		name, password = self._config["db_name"], self._config["db_password"]
		user = self._config.get("db_user") or name
		self._sql(
			f"CREATE DATABASE `{name}` CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;"
			f"CREATE USER `{user}`@`%` IDENTIFIED BY '{password}'; GRANT ALL ON `{name}`.* TO `{user}`@`%`;"
		)
		dump = self.folder / "site.sql"
		with dump.open("wb") as file:
			subprocess.run(
				[
					"mariadb-dump",
					"--no-defaults",
					"--single-transaction",
					"--quick",
					f"--host={self._config.get('db_host') or '127.0.0.1'}",
					f"--port={self._config.get('db_port') or 3306}",
					f"--user={user}",
					name,
				],
				stdout=file,
				env={**os.environ, "MYSQL_PWD": password},
				check=True,
			)
		with dump.open("rb") as file:
			subprocess.run([*self._client(), name], stdin=file, check=True)
		dump.unlink()

	def _client(self) -> list[str]:
		return ["mariadb", "--no-defaults", f"--socket={self.socket}", "--user=root"]

	def _sql(self, text: str) -> None:
		subprocess.run([*self._client(), "-e", text], check=True)

	def _run(self, program: str, *arguments: str) -> None:
		found = shutil.which(program, path=_SBIN) or program
		subprocess.run([found, *arguments], check=True, capture_output=True, text=True)

	# --- the database ---------------------------------------------------------------------------------------

	def start_database(self) -> None:
		program = next(found for name in SERVER if (found := shutil.which(name, path=_SBIN)))
		self._database = self._start(
			"mariadb",
			[
				program,
				"--no-defaults",
				f"--user={self._account}",
				f"--datadir={self.folder / 'data'}",
				f"--socket={self.socket}",
				f"--pid-file={self.folder / 'mariadb.pid'}",
				f"--port={self.port}",
				"--bind-address=127.0.0.1",
				"--character-set-server=utf8mb4",
				"--collation-server=utf8mb4_unicode_ci",
				"--innodb-buffer-pool-size=256M",
				"--max-allowed-packet=64M",
			],
		)
		eventually(lambda: listens(self.port), "MariaDB answering")

	def kill_database(self) -> None:
		"""As a power cut would: what was not on the disk is gone."""
		assert self._database is not None
		self._database.send_signal(signal.SIGKILL)
		self._database.wait(20)

	def stop_database(self) -> None:
		"""As an administrator would."""
		assert self._database is not None
		self._database.terminate()
		self._database.wait(60)

	# --- Redis ----------------------------------------------------------------------------------------------

	def start_cache(self) -> None:
		self._cache = self._start("cache", redis(self.cache_port, self.folder))
		eventually(lambda: listens(self.cache_port), "Redis answering")

	def stop_redis(self) -> None:
		"""Queue and cache, with all that is in them."""
		assert self._cache is not None
		self._cache.send_signal(signal.SIGKILL)
		self._cache.wait(20)
		self.bench.stop_queue()

	def start_redis(self) -> None:
		self.start_cache()
		self.bench.start_queue()

	# --- both -----------------------------------------------------------------------------------------------

	def stop(self) -> None:
		for process in (self._database, self._cache):
			if process is not None and process.poll() is None:
				process.kill()
				process.wait(20)

	def _start(self, log: str, command: list[str]) -> subprocess.Popen:
		with (self.folder / f"{log}.log").open("ab") as output:
			return subprocess.Popen(
				command,
				cwd=self.folder,
				stdin=subprocess.DEVNULL,
				stdout=output,
				stderr=subprocess.STDOUT,
				start_new_session=True,
			)
