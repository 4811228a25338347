"""First versions of many subjects share a link; none of them is less safe for it."""

import pytest

from audit import bulk, trail
from audit.context import acting
from audit.models import Entry
from audit.verify import verify
from families.models import Person
from tests.audit.attack import run, settle, triggers_off
from tests.world import World

PAST = "families_historicalperson"
MANY = 101


@pytest.fixture
def people(world: World) -> list[int]:
    """Just enough people, written at once, for one link."""
    ids = bulk.next_ids(Person, MANY)
    columns = [field.column for field in Person._meta.concrete_fields]
    people = [Person(pk=n, name=f"某{n}", no_id_reason="没有", sex="m", birth_date="1980-01-01") for n in ids]
    with acting(reason="a list"):
        bulk.copy_rows(Person, columns, [[getattr(person, column) for column in columns] for person in people])
        bulk.write_history(Person, ids, "+")
    settle()
    return ids


def version(person: int) -> int:
    return Person.history.filter(id=person).latest("history_id").history_id


def found() -> list[tuple[str, str, int | None]]:
    settle()
    return [(problem.kind, problem.table, problem.row) for problem in verify().problems]


def test_many_first_versions_have_one_link_and_count_as_rows(people: list[int]) -> None:
    (link,) = Entry.objects.filter(table=PAST, keys__isnull=False)

    assert len(link.keys) == len(link.digests) == MANY and link.stream == f"set:{PAST}"
    assert verify().problems == []
    before = verify().rows
    run("UPDATE families_person SET phone = '13800000000' WHERE id = %s", people[0])
    settle()
    assert verify().rows == before + 1


def test_a_second_set_follows_the_first(people: list[int], world: World) -> None:
    more = bulk.next_ids(Person, MANY)
    run(
        "INSERT INTO families_person SELECT (jsonb_populate_record(p, jsonb_build_object('id', i, 'uid', gen_random_uuid()))).* "
        "FROM families_person p, unnest(%s) i WHERE p.id = %s",
        more,
        people[0],
    )
    bulk.write_history(Person, more, "+")

    first, second = Entry.objects.filter(stream=f"set:{PAST}").order_by("n")
    assert (second.n, bytes(second.previous)) == (2, bytes(first.hash))
    assert found() == []


def test_the_trail_of_one_of_them_begins_with_the_shared_link(people: list[int]) -> None:
    run("UPDATE families_person SET phone = '13800000000' WHERE id = %s", people[3])
    settle()

    links = trail.entries(f"person:{people[3]}")

    assert [link.n for link in links] == [0, 1]
    assert links[0].hash == bytes(Entry.objects.get(stream=f"set:{PAST}").hash).hex()
    assert trail.stream_is_intact(f"person:{people[3]}") == []


@pytest.mark.parametrize(
    ("harm", "kind"),
    [
        (f"UPDATE {PAST} SET name = '别人' WHERE history_id = %s", "edited"),
        (f"DELETE FROM {PAST} WHERE history_id = %s", "missing"),
    ],
)
def test_a_row_of_a_set_that_was_touched_is_named(people: list[int], harm: str, kind: str) -> None:
    row = version(people[50])
    with triggers_off(PAST):
        run(harm, row)

    problems = found()
    assert (kind, PAST, row) in problems and not [p for p in problems if p[0] == kind and p[2] != row]
    assert trail.stream_is_intact(f"person:{people[50]}")
    assert trail.stream_is_intact(f"person:{people[51]}") == []


def test_a_first_version_that_is_gone_is_missed_by_its_subject_though_a_later_one_is_there(people: list[int]) -> None:
    row = version(people[7])
    run("UPDATE families_person SET phone = '13800000000' WHERE id = %s", people[7])
    settle()
    with triggers_off(PAST):
        run(f"DELETE FROM {PAST} WHERE history_id = %s", row)

    assert [problem.kind for problem in trail.stream_is_intact(f"person:{people[7]}")] == ["missing"]


@pytest.mark.parametrize(
    "harm",
    [
        "digests = digests[1:1] || sha256('x') || digests[3:]",
        "keys = keys[1:1] || keys[2] + 1000000 || keys[3:]",
        "keys = keys[1:100], digests = digests[1:100], last_row_id = keys[100]",
        "last_row_id = last_row_id + 1, keys = keys[1:100] || keys[101] + 1",
    ],
)
def test_a_set_that_was_touched_does_not_fit_its_fingerprint(people: list[int], harm: str) -> None:
    link = Entry.objects.get(stream=f"set:{PAST}")
    with triggers_off("audit_entry"):
        run(f"UPDATE audit_entry SET {harm} WHERE id = %s", link.pk)

    assert ("entry", PAST, link.row_id) in found()


def test_a_version_smuggled_beside_a_set_is_unrecorded(people: list[int]) -> None:
    with triggers_off(PAST):
        run(
            f"INSERT INTO {PAST} SELECT (jsonb_populate_record(h, jsonb_build_object('history_id', 900000000))).* "
            f"FROM {PAST} h WHERE id = %s",
            people[0],
        )

    assert found() == [("unrecorded", PAST, 900000000)]
    assert [problem.kind for problem in trail.stream_is_intact(f"person:{people[0]}")] == ["unrecorded"]


def test_live_rows_of_a_set_are_compared_with_it(people: list[int]) -> None:
    with triggers_off("families_person"):
        run("UPDATE families_person SET name = '别人' WHERE id = %s", people[1])
        run("DELETE FROM families_person WHERE id = %s", people[2])

    assert sorted(found()) == [
        ("live_edited", "families_person", people[1]),
        ("live_missing", "families_person", people[2]),
    ]
    assert [problem.kind for problem in trail.stream_is_intact(f"person:{people[1]}")] == ["live_edited"]
    assert [problem.kind for problem in trail.stream_is_intact(f"person:{people[2]}")] == ["live_missing"]
