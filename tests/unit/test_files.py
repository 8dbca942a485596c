"""Files are written whole or not at all, and keep what they were besides."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from flexres import files
from flexres.errors import SetupError
from flexres.files import folder_above, read_file, read_if_there, write_file


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_file_gets_its_folders_and_the_usual_mode(tmp_path: Path) -> None:
    """As any other program would make it."""
    usual = tmp_path / "usual"
    usual.touch()
    write_file(tmp_path / "a" / "b.txt", "héllo\n")
    assert (tmp_path / "a" / "b.txt").read_bytes() == "héllo\n".encode()
    assert mode(tmp_path / "a" / "b.txt") == mode(usual)


def test_a_file_that_is_there_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.touch()
    path.chmod(0o640)
    write_file(path, b"new")
    assert (path.read_bytes(), mode(path)) == (b"new", 0o640)


def test_a_new_file_with_personal_data_is_its_owner_s_alone(tmp_path: Path) -> None:
    """One that somebody opened to others stays so."""
    path = tmp_path / "report.json"
    write_file(path, b"old", personal=True)
    assert mode(path) == 0o600
    path.chmod(0o644)
    write_file(path, b"new", personal=True)
    assert mode(path) == 0o644


def test_a_private_file_is_its_owners_alone(tmp_path: Path) -> None:
    """Also where it was open to others before."""
    path = tmp_path / "x"
    for _ in range(2):
        write_file(path, b"secret", private=True)
        assert mode(path) == 0o600
        path.chmod(0o644)


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    """What it leads to is written."""
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    write_file(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"


def test_what_was_there_stays_when_the_write_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing is left beside it."""
    path = tmp_path / "x"
    path.write_text("old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(SetupError, match="x cannot be written: No space left on device"):
        write_file(path, "new")
    assert [found.name for found in tmp_path.iterdir()] == ["x"]
    assert path.read_text() == "old"


def test_the_folder_above_is_found_however_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From within a stack, `..` is the folder of the stacks, and the project is one further up."""
    (tmp_path / "stacks" / "prod").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "stacks" / "prod")
    assert folder_above(Path("..")) == tmp_path
    assert folder_above(tmp_path / "stacks") == tmp_path


def test_a_folder_in_the_way_is_told(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="cannot be written") as caught:
        write_file(tmp_path, "text", hint="name another")
    assert caught.value.hint == "name another"


def test_a_pipe_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    """Such as /dev/stdout, or what a shell opens for a command."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    write_file(pipe, "text")
    reader.join(10)
    assert read == [b"text"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_plain_file_is_read_whole_and_no_further(tmp_path: Path) -> None:
    """One byte above the limit is enough to refuse it, and the limit itself is not."""
    path = tmp_path / "x"
    path.write_bytes(bytes(2048))
    assert read_file(path, 2048) == bytes(2048)
    with pytest.raises(SetupError, match="x has more than 1 KB"):
        read_file(path, 2047)


def test_neither_a_device_nor_a_pipe_is_waited_for(tmp_path: Path) -> None:
    """Neither ends by itself, and opening a pipe would last until somebody writes."""
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero"), tmp_path):
        with pytest.raises(SetupError, match=r"is no file|Is a directory"):
            read_file(path, 10)


def test_what_cannot_be_read_says_why_and_what_to_do(tmp_path: Path) -> None:
    assert read_if_there(tmp_path / "missing", 10) is None
    with pytest.raises(SetupError, match="missing cannot be read: No such file") as caught:
        read_file(tmp_path / "missing", 10, hint="name another")
    assert caught.value.hint == "name another"
    with pytest.raises(SetupError, match="it is no path"):
        read_file(Path("a\0b"), 10)
