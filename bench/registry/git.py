"""The git under a registry: a bare repository with one branch, to whose tree every commit adds one file.

Only plumbing, with an environment of our own: no hook, configuration or identity of the user's takes part.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from bench.store.files import locked

_BRANCH = "refs/heads/main"
_FOLDER = "entries"
_WAIT_S = 60.0
# Left where git was killed; nobody else can be at work while the repository is held.
_STALE = ("config.lock", "HEAD.lock", f"{_BRANCH}.lock")
_ENVIRONMENT = {
    "PATH": os.defpath,
    "LC_ALL": "C",
    "TZ": "UTC",
    "HOME": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_AUTHOR_NAME": "bench",
    "GIT_AUTHOR_EMAIL": "bench@registry.invalid",
    "GIT_COMMITTER_NAME": "bench",
    "GIT_COMMITTER_EMAIL": "bench@registry.invalid",
}
_SETTINGS = ("core.hooksPath=/dev/null", "core.fsync=committed,reference", "core.fsyncMethod=fsync", "gc.auto=0")


class BadRegistry(ValueError):
    """A registry that cannot be used, or a step that it does not allow; one line that says which."""


class Repository:
    """A bare repository in `folder`. Every method raises BadRegistry where git refuses."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextlib.contextmanager
    def held(self) -> Iterator[int]:
        """Keep other writers out; git inherits the handle, so that the lock outlives us where a git of ours does."""
        try:
            handle = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            raise BadRegistry(
                f"{self.folder}: no registry: {error.strerror}; `bench registry init` makes one"
            ) from None
        try:
            until = time.monotonic() + _WAIT_S
            while not locked(handle):
                if time.monotonic() > until:
                    raise BadRegistry(f"{self.folder}: another process has been writing for {_WAIT_S:.0f} s; try again")
                time.sleep(0.02)
            for name in _STALE:
                (self.folder / name).unlink(missing_ok=True)
            yield handle
        finally:
            os.close(handle)

    def create(self, handle: int) -> None:
        """An empty repository; what a killed attempt left is completed."""
        self._git("init", "--bare", "--quiet", "--template=", "--initial-branch=main", str(self.folder), handle=handle)

    def head(self) -> str | None:
        """The newest commit; None where there is none yet."""
        found = self._git("for-each-ref", "--format=%(objectname)", _BRANCH).decode().strip()
        return found or None

    def append(self, handle: int, head: str | None, name: str, content: bytes, message: str) -> str:
        """Add one file in one commit after `head`, which must still be the newest one; returns the commit."""
        blob = self._git("hash-object", "-w", "--stdin", handle=handle, stdin=content).strip()
        listed = self._git("ls-tree", f"{head}:{_FOLDER}") if head is not None else b""
        line = b"100644 blob " + blob + b"\t" + name.encode() + b"\n"
        inner = self._git("mktree", handle=handle, stdin=listed + line).strip()
        line = b"040000 tree " + inner + b"\t" + _FOLDER.encode() + b"\n"
        tree = self._git("mktree", handle=handle, stdin=line).decode().strip()
        parents = ("-p", head) if head is not None else ()
        commit = self._git("commit-tree", tree, *parents, "-m", message, handle=handle).decode().strip()
        self._git("update-ref", _BRANCH, commit, head or "0" * len(commit), handle=handle)
        return commit

    def files(self, commit: str) -> dict[str, bytes]:
        """Every file of a commit, by name, in order of name."""
        listed = self._git("ls-tree", "-r", "-z", commit).decode(errors="replace").split("\0")[:-1]
        rows = [row.partition("\t") for row in listed]
        blobs = [head.split()[2] for head, _, _ in rows]
        content = self._git("cat-file", "--batch", stdin="".join(f"{blob}\n" for blob in blobs).encode())
        found: dict[str, bytes] = {}
        for _, _, name in rows:
            said, _, content = content.partition(b"\n")
            if said.split()[1:2] != [b"blob"]:
                raise BadRegistry(f"{self.folder}: {name}: no file; `bench registry audit` says more")
            size = int(said.split()[2])
            found[name.removeprefix(f"{_FOLDER}/")], content = content[:size], content[size + 1 :]
        return found

    def history(self) -> Iterator[tuple[str, list[str], list[str]]]:
        """Every commit of the branch, oldest first: its name, its parents, and its changes as `A<tab>FILE`."""
        form = "--format=%x00%H %P"
        text = self._git(
            "log", "--reverse", "--topo-order", "--root", "-m", "--no-renames", "--name-status", form, _BRANCH
        )
        for part in text.decode(errors="replace").split("\0")[1:]:
            first, *lines = part.splitlines()
            commit, *parents = first.split()
            yield commit, parents, [line for line in lines if line]

    def sound(self) -> bool:
        """Whether every object is what its hash says."""
        return self._run("fsck", "--full", "--strict", "--no-dangling", "--no-progress").returncode == 0

    def holds(self, commit: str) -> bool:
        """Whether the branch descends from a commit."""
        return self._run("merge-base", "--is-ancestor", commit, _BRANCH).returncode == 0

    def _git(self, *arguments: str, handle: int | None = None, stdin: bytes = b"") -> bytes:
        done = self._run(*arguments, handle=handle, stdin=stdin)
        if done.returncode != 0:
            said = done.stderr.decode(errors="replace").strip().splitlines()
            raise BadRegistry(f"{self.folder}: git {arguments[0]}: {said[-1] if said else done.returncode}")
        return done.stdout

    def _run(
        self, *arguments: str, handle: int | None = None, stdin: bytes = b""
    ) -> subprocess.CompletedProcess[bytes]:
        settings = [part for setting in _SETTINGS for part in ("-c", setting)]
        try:
            return subprocess.run(
                ["git", "--git-dir", str(self.folder), *settings, *arguments],
                input=stdin,
                capture_output=True,
                env={**_ENVIRONMENT, "PATH": os.environ.get("PATH", os.defpath)},
                pass_fds=(handle,) if handle is not None else (),
                check=False,
            )
        except OSError as error:
            raise BadRegistry(f"git cannot be started: {error.strerror}; install it") from None
