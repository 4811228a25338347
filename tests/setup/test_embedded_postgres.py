"""The embedded database survives what happens to it on real machines. Real servers, each in a folder of its own."""

import gzip
import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import psycopg2
import pytest

from casework import embedded_postgres as embedded
from casework.embedded_postgres import Database, EmbeddedPostgresError, errors, programs, server
from casework.embedded_postgres.place import place_of

REPOSITORY = Path(__file__).parents[2]
# Python itself may stand where only root can read: import first, then become the other user.
BECOME = """
import json, os, pwd, sys
from pathlib import Path
import psycopg2
from casework import embedded_postgres as embedded
user = pwd.getpwuid(int(sys.argv.pop(1)))
if user.pw_uid != os.getuid():
    os.setgroups([]), os.setgid(user.pw_gid), os.setuid(user.pw_uid)
"""
AS_SCRIPT = """
try:
    print(json.dumps(getattr(embedded, sys.argv[1])(Path(sys.argv[2]))))
except embedded.EmbeddedPostgresError as error:
    sys.exit(f"{type(error).__name__}: {error}")
"""

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
    pytest.mark.xdist_group("embedded_postgres"),  # the tests of this file share servers
]


@pytest.fixture(autouse=True)
def commits_are_kept(monkeypatch):
    """scripts/test.sh lets the server lose the last commits of other tests."""
    monkeypatch.delenv("PGOPTIONS", raising=False)


class Folder:
    """A data folder, and the user who works with it: us, or with `user` somebody else (then we are root)."""

    def __init__(self, path: Path, user: str | None = None) -> None:
        self.path, self.user = path, user
        self.path.mkdir(parents=True, exist_ok=True)
        if user:
            os.chown(path, pwd.getpwnam(user).pw_uid, -1)

    @property
    def place(self):
        return place_of(self.path)

    def start(self) -> dict:
        return in_process("start", self.path, self.user) if self.user else embedded.start(self.path)

    def stop(self) -> dict:
        return embedded.stop(self.path)

    def postmaster(self) -> int:
        return int((self.place.cluster / "postmaster.pid").read_text().split()[0])

    def query(self, statement: str) -> list[tuple]:
        with closing(self.database().connect()) as connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def database(self) -> Database:
        return Database.of_django(embedded.django_database(self.path))


def script(code: str, *arguments: str | Path, user: str | None = None) -> subprocess.Popen:
    uid = pwd.getpwnam(user).pw_uid if user else os.getuid()
    command = [sys.executable, "-c", BECOME + code, str(uid), *map(str, arguments)]
    return subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def in_process(verb: str, path: Path, user: str | None = None) -> dict:
    """Do `verb` in a process of its own. Raises RuntimeError with what it said."""
    process = script(AS_SCRIPT, verb, path, user=user)
    out, err = process.communicate(timeout=60)
    if process.returncode != 0:
        raise RuntimeError(err)
    return json.loads(out)


def user_or_skip(name: str) -> str:
    """`name`, if we can act as that user here."""
    if os.getuid() != 0:
        pytest.skip("only root can act as another user")
    program = programs.server_programs()["postgres"]
    if subprocess.run(["test", "-x", program], user=name, extra_groups=[]).returncode != 0:
        pytest.skip("another user may not read the server programs")
    return name


@contextmanager
def passable_folder() -> Iterator[Path]:
    """A folder through which everyone may pass; servers in it are stopped, and their files deleted, afterwards."""
    path = Path(tempfile.mkdtemp(prefix="casework-test-", dir="/tmp"))
    path.chmod(0o755)
    yield path
    for pointer in path.rglob("postgres.json"):
        place = place_of(pointer.parent)
        embedded.stop(pointer.parent)
        shutil.rmtree(place.home, ignore_errors=True)
        shutil.rmtree(place.socket_dir, ignore_errors=True)
    shutil.rmtree(path)


@pytest.fixture
def scratch() -> Iterator[Path]:
    with passable_folder() as path:
        yield path


@pytest.fixture
def folder(scratch):
    return Folder(scratch / "data")


@pytest.fixture(params=["ourselves", "nobody"], scope="module")
def served(request) -> Iterator[Folder]:
    """A data folder whose server was started, of ourselves and, when we are root, of an ordinary user."""
    with passable_folder() as path:
        folder = Folder(path / "data", None if request.param == "ourselves" else user_or_skip(request.param))
        folder.start()
        yield folder


@pytest.fixture
def kept(served) -> Folder:
    """The same, with a word in it that must not get lost."""
    served.start()
    served.query("CREATE TABLE IF NOT EXISTS kept (word text); TRUNCATE kept; INSERT INTO kept VALUES ('春苗')")
    return served


def test_a_second_start_finds_what_the_first_one_made(kept):
    before = kept.postmaster()

    answer = kept.start()

    assert answer["accepting"] and answer["running"]
    assert kept.postmaster() == before
    assert kept.query("SELECT word FROM kept") == [("春苗",)]


def test_a_stopped_server_starts_with_its_data(kept):
    stopped = kept.stop()
    kept.start()

    assert not stopped["running"]
    assert kept.query("SELECT word FROM kept") == [("春苗",)]


def test_the_server_is_never_root_and_listens_on_no_network(kept):
    assert Path("/proc", str(kept.postmaster())).stat().st_uid != 0
    assert kept.query("SHOW listen_addresses") == [("",)]
    assert kept.query("SHOW fsync") == [("on",)]
    assert kept.place.socket_dir.stat().st_mode & 0o777 == 0o700


def test_a_server_killed_with_minus_nine_starts_again_at_once(kept):
    for number in range(3):
        kept.query(f"INSERT INTO kept VALUES ({number})")
        os.kill(kept.postmaster(), signal.SIGKILL)
        kept.start()

    assert kept.query("SELECT word FROM kept") == [("春苗",), ("0",), ("1",), ("2",)]


def test_a_query_that_outlives_its_server_does_not_prevent_a_start(kept, monkeypatch):
    monkeypatch.setattr(server, "PATIENCE_FOR_LEFTOVERS", 0.5)
    endless = psycopg2.connect(kept.database().dsn, async_=True)
    while endless.poll() != psycopg2.extensions.POLL_OK:
        time.sleep(0.01)
    endless.cursor().execute("DO $$ BEGIN LOOP PERFORM 1; END LOOP; END $$")
    time.sleep(0.3)
    os.kill(kept.postmaster(), signal.SIGKILL)

    assert embedded.start(kept.path)["accepting"]


@pytest.mark.parametrize("kind", ["stranger", "stranger of the server's user", "corpse"])
def test_a_reused_process_number_does_not_pass_for_a_server(kept, kind):
    owner = kept.place.cluster.stat().st_uid
    os.kill(kept.postmaster(), signal.SIGKILL)
    rights = {"user": owner} if kind == "stranger of the server's user" else {}
    stranger = subprocess.Popen(["sleep", "0" if kind == "corpse" else "60"], cwd="/", **rights)
    for file in (kept.place.cluster / "postmaster.pid", kept.place.socket_lock):
        lines = file.read_text().split("\n")
        file.write_text("\n".join([str(stranger.pid), *lines[1:]]))

    try:
        assert kept.start()["accepting"]
        assert kind == "corpse" or stranger.poll() is None
        assert not kept.stop()["running"]
        assert kind == "corpse" or stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_another_ordinary_user_cannot_connect(kept):
    user_or_skip("daemon")

    _, said = script("psycopg2.connect(sys.argv[1])", kept.database().dsn, user="daemon").communicate()

    assert "Permission denied" in said


def test_a_user_whom_the_socket_folder_lets_in_is_still_refused_by_the_server(kept):
    user_or_skip("daemon")
    dsn = kept.database().dsn
    opened = [(path, path.stat().st_mode) for path in (kept.place.home, kept.place.socket_dir, kept.place.socket)]

    for path, _ in opened:
        path.chmod(0o777)
    _, said = script("psycopg2.connect(sys.argv[1])", dsn, user="daemon").communicate()
    for path, mode in opened:
        path.chmod(mode)

    assert "Peer authentication failed" in said


def test_a_database_of_another_user_is_refused_with_a_way_out(kept):
    with pytest.raises(RuntimeError, match="BelongsToAnother"):
        in_process("start", kept.path, user=user_or_skip("daemon"))


def test_looking_disturbs_no_starter(kept):
    kept.stop()

    with ThreadPoolExecutor() as pool:
        looks = [pool.submit(in_process, "status", kept.path) for _ in range(4)]
        started = kept.start()

    assert started["accepting"]
    assert all("running" in look.result() for look in looks)


@pytest.mark.parametrize("name", ['春苗 项目\'s "data", 50%', "long" * 50])
@pytest.mark.parametrize("user", [None, "nobody"])
def test_any_path_will_do(scratch, name, user):
    folder = Folder(scratch / name, user and user_or_skip(user))

    folder.start()

    assert folder.query("SELECT 1") == [(1,)]
    assert len(os.fsencode(folder.place.socket)) < 107


def test_four_starters_at_once_get_one_server(folder):
    starters = [script(AS_SCRIPT, "start", folder.path) for _ in range(4)]
    answers = [(*starter.communicate(timeout=60), starter.returncode) for starter in starters]

    assert [code for *_, code in answers] == [0, 0, 0, 0], answers
    assert len({json.loads(out)["home"] for out, *_ in answers}) == 1
    assert folder.query("SELECT 1") == [(1,)]


@pytest.mark.parametrize("after_seconds", [0.3, 0.7])
def test_a_starter_killed_with_minus_nine_leaves_nothing_in_the_way(folder, after_seconds):
    starter = script(AS_SCRIPT, "start", folder.path)
    time.sleep(after_seconds)
    starter.kill()
    starter.communicate()

    assert folder.start()["accepting"]


def test_the_server_outlives_its_starter(folder):
    in_process("start", folder.path)

    assert folder.query("SELECT 1") == [(1,)]


def test_a_data_folder_made_anew_gets_a_database_that_the_dying_server_does_not_break(folder):
    folder.start()
    former, former_home = folder.postmaster(), folder.place.home
    shutil.rmtree(folder.path)
    folder.path.mkdir()

    folder.start()
    if Path("/proc", str(former)).exists():
        os.kill(former, signal.SIGTERM)
        time.sleep(0.5)

    assert folder.query("SELECT 1") == [(1,)]
    if former_home.parent == server.ROOT_HOMES:
        shutil.rmtree(former_home)


def test_a_server_whose_data_folder_is_gone_is_ended_by_the_next_start(scratch):
    if os.getuid() != 0:
        pytest.skip("only root's databases stand outside the data folder")
    gone, folder = Folder(scratch / "旧"), Folder(scratch / "新")
    gone.start()
    place = gone.place
    shutil.rmtree(gone.path)

    folder.start()

    assert not server._is_alive(place)
    assert (place.cluster / "PG_VERSION").exists()
    shutil.rmtree(place.home)


def test_a_data_folder_that_was_renamed_under_its_server_keeps_its_data(folder, monkeypatch):
    monkeypatch.setattr(server, "PATIENCE_FOR_LEFTOVERS", 0.2)
    folder.start()
    folder.query("CREATE TABLE kept (word text); INSERT INTO kept VALUES ('春苗')")
    moved = Folder(folder.path.rename(folder.path.with_name("moved")))

    moved.start()

    assert moved.query("SELECT word FROM kept") == [("春苗",)]


def test_root_changes_no_folder_that_it_did_not_make(scratch):
    if os.getuid() != 0:
        pytest.skip("only root runs the server as somebody else")
    closed = scratch / "closed"
    closed.mkdir(mode=0o700)
    folder = Folder(closed / "data")
    foreign = [folder.path, *folder.path.parents, Path(sys.prefix), programs.server_programs().bin]
    before = [(path.stat().st_mode, path.stat().st_uid, path.stat().st_gid) for path in foreign]

    folder.start()

    assert [(path.stat().st_mode, path.stat().st_uid, path.stat().st_gid) for path in foreign] == before
    assert not folder.place.home.is_relative_to(closed)


def test_root_copies_programs_that_the_servers_user_may_not_read(scratch, monkeypatch):
    if os.getuid() != 0 or not programs.server_programs().is_wheel:
        pytest.skip("only root copies, and only the wheel's programs")
    install = programs.server_programs().bin.parent
    wheel = scratch / "closed" / install.parent.name
    wheel.parent.mkdir(mode=0o700)
    shutil.copytree(install, wheel / install.name, ignore=shutil.ignore_patterns("include", "*.a"), symlinks=True)
    libraries = f"{wheel.name}.libs"
    shutil.copytree(install.parent.with_name(libraries), wheel.with_name(libraries))
    monkeypatch.setattr(programs, "_wheel_folders", lambda: [wheel / install.name / "bin"])
    copies = set(server.ROOT_HOMES.glob("programs-*"))
    folder = Folder(scratch / "data")

    folder.start()

    assert folder.query("SELECT 1") == [(1,)]
    folder.stop()
    for copy in set(server.ROOT_HOMES.glob("programs-*")) - copies:
        assert copy.stat().st_uid == 0
        shutil.rmtree(copy)


def test_a_socket_folder_taken_by_another_user_is_refused(scratch):
    folder = Folder(scratch / "带 空格", user_or_skip("nobody"))
    folder.start()
    folder.stop()
    socket_dir = folder.place.socket_dir
    os.chown(socket_dir, pwd.getpwnam("daemon").pw_uid, -1)

    with pytest.raises(EmbeddedPostgresError, match="belongs to another user"):
        embedded.django_database(folder.path)
    shutil.rmtree(socket_dir)


def test_without_server_programs_the_refusal_says_how_to_use_another_server(folder, monkeypatch):
    monkeypatch.setattr(programs, "_wheel_folders", list)
    monkeypatch.setattr(programs, "_system_folders", list)

    with pytest.raises(errors.NoServerPrograms, match="DATABASE_URL="):
        folder.start()


def test_the_programs_of_the_system_serve_when_the_wheel_is_missing(folder, monkeypatch):
    monkeypatch.setattr(programs, "_wheel_folders", list)
    if not any(programs.installed("initdb", "postgres")):
        pytest.skip("there is no system PostgreSQL")

    folder.start()

    assert folder.query("SELECT upper('é')") == [("É",)]


def test_settings_can_ask_without_loading_django_or_starting_anything(scratch):
    code = (
        "import sys; from pathlib import Path; from casework import embedded_postgres as embedded\n"
        "embedded.django_database(Path(sys.argv[1])); sys.exit('django' in sys.modules)"
    )

    done = subprocess.run([sys.executable, "-c", code, str(scratch / "data")], cwd=REPOSITORY)

    assert done.returncode == 0
    assert not embedded.status(scratch / "data")["running"]


@pytest.fixture(scope="module")
def running() -> Iterator[Folder]:
    with passable_folder() as path:
        folder = Folder(path / "data")
        folder.start()
        yield folder


@pytest.fixture
def backed_up(running) -> tuple[Folder, Path]:
    """A folder with one table, one key and one photo, and its backup; all three were changed afterwards."""
    shutil.rmtree(running.path / "files", ignore_errors=True)
    for former in (*running.path.glob("*before*"), *running.path.glob("backups/*")):
        shutil.rmtree(former) if former.is_dir() else former.unlink()
    write_everywhere(running, "first")
    file = Path(embedded.backup(running.database(), running.path)["path"])
    write_everywhere(running, "later")
    return running, file


def write_everywhere(folder: Folder, word: str) -> None:
    folder.query("CREATE TABLE IF NOT EXISTS kept (word text)")
    folder.query(f"TRUNCATE kept; INSERT INTO kept VALUES ('{word} 春苗')")
    (folder.path / "secrets.json").write_text(json.dumps({"key": word}))
    (folder.path / "files").mkdir(exist_ok=True)
    (folder.path / "files" / "照片 1.jpg").write_bytes(word.encode())


def read_everywhere(folder: Folder) -> list[str]:
    words = [row[0].split()[0] for row in folder.query("SELECT word FROM kept")]
    key = json.loads((folder.path / "secrets.json").read_text())["key"]
    return [*words, key, (folder.path / "files" / "照片 1.jpg").read_text()]


def test_a_restore_brings_back_database_keys_and_files_and_keeps_the_former_ones(backed_up):
    folder, file = backed_up

    kept = embedded.restore(folder.database(), folder.path, file, yes=True)["kept"]

    assert read_everywhere(folder) == ["first", "first", "first"]
    former = replace(folder.database(), name=kept["database"])
    with closing(former.connect()) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT word FROM kept")
        assert cursor.fetchall() == [("later 春苗",)]
    assert json.loads(Path(kept["secrets.json"]).read_text()) == {"key": "later"}
    assert (Path(kept["files"]) / "照片 1.jpg").read_text() == "later"


def test_a_backup_moves_to_an_empty_machine(backed_up, scratch):
    _, file = backed_up
    other = Folder(scratch / "other")
    other.start()

    done = embedded.restore(other.database(), other.path, file)

    assert read_everywhere(other) == ["first", "first", "first"]
    assert done["kept"] == {"database": None, "secrets.json": None, "files": None}


def test_only_its_owner_may_read_a_backup(backed_up):
    assert backed_up[1].stat().st_mode & 0o777 == 0o600


def test_a_restore_over_data_needs_a_yes(backed_up):
    folder, file = backed_up

    with pytest.raises(errors.NotEmpty, match="--yes"):
        embedded.restore(folder.database(), folder.path, file)

    assert read_everywhere(folder) == ["later", "later", "later"]


def test_a_restore_while_the_program_runs_is_refused(backed_up):
    folder, file = backed_up

    with closing(folder.database().connect()), pytest.raises(EmbeddedPostgresError, match="in use"):
        embedded.restore(folder.database(), folder.path, file, yes=True)


def repacked(file: Path, change) -> None:
    """Rewrite a backup with `change(name, content) -> content` and a fitting digest of the whole."""
    with tempfile.TemporaryDirectory() as unpacked:
        with tarfile.open(file) as archive:
            names = archive.getnames()
            archive.extractall(unpacked)
        with tarfile.open(file, "w:gz") as archive:
            for name in names:
                part = Path(unpacked, name)
                part.write_bytes(change(name, part.read_bytes()))
                archive.add(part, name)
    file.with_name(file.name + ".sha256").unlink()


@pytest.mark.parametrize("part", ["database.dump", "secrets.json", "files/照片 1.jpg", "manifest.json"])
def test_a_changed_part_of_a_backup_is_refused_before_anything_is_touched(backed_up, part):
    folder, file = backed_up
    repacked(file, lambda name, content: content[:-1] + b"#" if name == part else content)

    with pytest.raises(errors.BadBackup):
        embedded.restore(folder.database(), folder.path, file, yes=True)

    assert read_everywhere(folder) == ["later", "later", "later"]
    assert list(folder.path.glob("*before*")) == []


def unpacked(content):
    """What a backup holds; None where that cannot be read. A flipped bit of a code that nothing uses changes nothing."""
    try:
        return gzip.decompress(content)
    except (OSError, EOFError, zlib.error):
        return None


def test_a_cut_or_flipped_backup_is_refused(backed_up):
    folder, file = backed_up
    whole = file.read_bytes()
    file.with_name(file.name + ".sha256").unlink()
    cut = [whole[: len(whole) * share // 4] for share in range(4)]
    flipped = [whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :] for at in range(40, len(whole), 90)]

    for damaged in (*cut, *filter(lambda one: unpacked(one) != unpacked(whole), flipped), b"no archive"):
        file.write_bytes(damaged)
        with pytest.raises(errors.BadBackup):
            embedded.restore(folder.database(), folder.path, file, yes=True)


@pytest.mark.parametrize(
    "nonsense", [b"[1]", b"null", b'{"contents": 1}', b'{"contents": {"a": 1}}', b'{"a":' * 100_000]
)
def test_a_list_of_contents_that_is_none_is_refused(backed_up, nonsense):
    folder, file = backed_up
    repacked(file, lambda name, content: nonsense if name == "manifest.json" else content)

    with pytest.raises(errors.BadBackup, match="damaged"):
        embedded.restore(folder.database(), folder.path, file, yes=True)


def test_a_backup_that_names_a_place_outside_is_refused(backed_up):
    folder, file = backed_up
    with tarfile.open(file, "w:gz") as archive:
        archive.add(__file__, "files/../../escaped")
    file.with_name(file.name + ".sha256").unlink()

    with pytest.raises(errors.BadBackup, match="escaped"):
        embedded.restore(folder.database(), folder.path, file, yes=True)

    assert not (folder.path / "escaped").exists()
