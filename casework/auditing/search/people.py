"""Whom a text names: by the keyed fingerprint of an identity number, or by name, pinyin and initials."""

from dataclasses import dataclass

from casework.auditing.search.reading import Reading
from families.models import HouseholdMember, Person

MOST_PEOPLE = 2_000  # of one name; more of them narrow nothing down


@dataclass(frozen=True)
class People:
    """Whom the text names: found once, asked by several kinds."""

    ids: list[int]
    keys: list[str]
    households: list[int]


def people_of(asked: Reading) -> tuple[People, bool]:
    """Whom the text names, wherever they live, and whether there are more than MOST_PEOPLE. Two queries, or none."""
    if asked.person_key:
        rows = Person.objects.filter(person_key=asked.person_key)
    elif asked.name:
        named = "families_person.id IN (SELECT families_persons_named(%s::tsquery, %s))"
        rows = Person.objects.extra(where=[named], params=[_prefix(asked.name), MOST_PEOPLE + 1])  # noqa: S610 -- ids of ours
    else:
        return People([], [], []), False
    found = list(rows.order_by("-id").values_list("pk", "person_key")[: MOST_PEOPLE + 1])
    ids = [pk for pk, _key in found[:MOST_PEOPLE]]
    homes = HouseholdMember.objects.filter(person_id__in=ids).values_list("household_id", flat=True)
    return (
        People(ids, [key for _pk, key in found[:MOST_PEOPLE] if key], list(homes) if ids else []),
        len(found) > MOST_PEOPLE,
    )


def _prefix(folded: str) -> str:
    r"""'zhm':* with quotes and backslashes doubled: a text-search query of one key that begins so."""
    escaped = folded.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}':*"
