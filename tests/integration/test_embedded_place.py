"""Where a server's files lie, and whose they are."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from config.embedded import place, programs
from config.embedded.exceptions import EmbeddedServerError
from config.embedded.place import SOCKET_BYTES, outside_of
from tests.checkout import Checkout, ask, interpreter

pytestmark = pytest.mark.own_server
NOBODY = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@pytest.fixture
def run(make_checkout):
    """Return a function that starts the server of a new checkout."""
    started = []

    def make(*name, **options):
        server = make_checkout(*name, **options).server()
        started.append(server)
        server.ensure()
        return server

    yield make
    for server in started:
        server.leave()


@pytest.mark.parametrize(
    ("name", "socket_outside", "data_outside"),
    [
        ("with blank; ünïcödé", False, False),
        pytest.param("with,comma", True, False, marks=pytest.mark.faults),
        pytest.param("a-b_c/" * 20, True, False, marks=pytest.mark.faults),
        ("it's $(touch made) `id` \"\\", True, True),
    ],
    ids=["blank", "comma", "long", "quotes"],
)
def test_it_runs_in_any_directory(run, name, socket_outside, data_outside):
    server = run(name)

    data = ask(server, "SHOW data_directory")
    assert Path(data) == server.place.home / "data"
    assert server.place.socket_outside == socket_outside
    assert server.place.data_outside == data_outside
    address = server.place.socket / f".s.PGSQL.{place.PORT}"
    assert len(os.fsencode(address)) <= SOCKET_BYTES


@as_root
def test_it_runs_below_a_directory_that_only_root_may_enter(run):
    server = run(closed=True)

    assert ask(server, "SELECT 1") == 1
    assert server.place.home.parent == outside_of(server.place.checkout)
    server.leave()
    with server.unused():
        server.remove()
    assert not server.place.home.exists()
    assert not server.place.inside.exists()


@as_root
@pytest.mark.faults
def test_the_programs_are_copied_where_the_account_cannot_execute_them(
    run, monkeypatch, tmp_path
):
    closed = tmp_path
    closed.chmod(0o700)
    wheel = programs.wheel()
    libraries = f"{programs.WHEEL}.libs"
    installation = f"{programs.WHEEL}/pginstall18"
    (closed / programs.WHEEL).mkdir()
    for part in (libraries, installation):
        copy = ["cp", "-a", "--reflink=auto", wheel.parent / part, closed / part]
        subprocess.run(copy, check=True)
    (closed / programs.WHEEL / "__init__.py").touch()
    monkeypatch.syspath_prepend(closed)

    server = run()

    assert ask(server, "SELECT 1") == 1
    assert server.cluster().programs.directory.is_relative_to(server.place.outside)


@as_root
def test_others_may_pass_through_and_neither_list_nor_read(run):
    old = os.umask(0o077)
    try:
        server = run()
    finally:
        os.umask(old)

    for path in (server.place.var, server.place.home):
        assert path.stat().st_mode & 0o777 == 0o711
    for path in (server.place.home / "data", server.place.socket):
        assert path.stat().st_mode & 0o777 == 0o700
        assert path.stat().st_uid != 0


def test_the_choice_stands_when_the_reasons_change(checkout):
    server = checkout.server()
    server.place.make()
    server.place.settle()

    checkout.path.chmod(0o700)

    assert checkout.server().place == server.place


@pytest.mark.faults
def test_a_copied_checkout_shares_nothing(checkout, make_checkout):
    server = checkout.server()
    server.ensure()
    ask(server, "CREATE TABLE original AS SELECT 1")
    copy = make_checkout()
    subprocess.run(["cp", "-a", checkout.path / "var", copy.path], check=True)

    assert copy.embedded("stop")[0] == 0
    assert copy.embedded("remove") == (0, "", "")

    assert ask(server, "SELECT * FROM original") == 1
    server.leave()


def test_a_directory_outside_that_another_checkout_made_is_left_alone(make_checkout):
    checkout = make_checkout("with,comma")
    outside = outside_of(checkout.path)
    outside.mkdir()
    (outside / "checkout").write_text("/somewhere/else")

    with pytest.raises(EmbeddedServerError, match="belongs to /somewhere/else"):
        checkout.server().ensure()
    with pytest.raises(EmbeddedServerError, match="belongs to /somewhere/else"):
        place.remove_outside(checkout.path)

    assert outside.exists()
    shutil.rmtree(outside)


@as_root
def test_a_directory_outside_that_another_user_made_is_left_alone(make_checkout):
    checkout = make_checkout("with,comma")
    outside = outside_of(checkout.path)
    outside.mkdir()
    os.chown(outside, NOBODY, NOBODY)

    with pytest.raises(EmbeddedServerError, match="belongs to somebody else"):
        checkout.server().ensure()

    assert list(outside.iterdir()) == []
    outside.rmdir()


def test_a_link_in_place_of_the_directory_outside_is_not_followed(
    make_checkout, tmp_path
):
    checkout = make_checkout("with,comma")
    precious = tmp_path
    (precious / "file").touch()
    outside = outside_of(checkout.path)
    outside.symlink_to(precious)

    with pytest.raises(EmbeddedServerError, match="belongs to somebody else"):
        checkout.server().ensure()
    with pytest.raises(EmbeddedServerError, match="belongs to somebody else"):
        place.remove_outside(checkout.path)

    assert (precious / "file").exists()
    outside.unlink()


@as_root
@pytest.mark.skipif(
    os.geteuid() == 0 and interpreter(NOBODY) is None,
    reason="no Python that another user can run",
)
@pytest.mark.faults
def test_two_users_of_the_system_at_once(make_checkout):
    theirs = make_checkout(uid=NOBODY)
    ours = make_checkout()

    first, second = theirs.spawn(), ours.spawn()
    refused = Checkout(path=theirs.path, root=theirs.root).spawn(listen=False)
    message = refused.errors()

    assert first.tell("ask('SELECT 1')") == second.tell("ask('SELECT 1')") == "1"
    assert first.tell("os.geteuid()") == str(NOBODY)
    assert "was made by nobody and you are root: nothing was changed" in message
    assert first.end() == second.end() == 0
