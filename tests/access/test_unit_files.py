"""Files of places that cannot be right are refused with their line, and leave the tree as it was."""

from pathlib import Path

import pytest

from access import units
from access.errors import BadOrgUnits
from access.models import OrgUnit
from tests.access.test_no_way_around import units_file
from tests.world import World


@pytest.mark.parametrize(
    ("rows", "match"),
    [
        (["990101202,990101201201,乡在村下,township,2020-01-01,"], "正好高一级"),
        (["990101201202999,990101201,组在乡下,group,2020-01-01,"], "正好高一级"),
        (["990200,990100,市在市下,prefecture,2020-01-01,"], "正好高一级"),
        (["990101202,990101,甲乡,township,2020-01-01,", "990101202,990101,乙乡,township,2020-01-01,"], "第 2 行写过"),
        (["990101202,990101,甲\0乡,township,2020-01-01,"], "没有名称"),
        (['990101202,990101,"甲乡' + "x" * 200_000], "少了一个引号"),
        (["990101202"], "没有这个级别"),
    ],
)
def test_a_file_that_cannot_be_right_changes_nothing(world: World, tmp_path: Path, rows: list[str], match: str) -> None:
    before = list(OrgUnit.objects.values())

    with pytest.raises(BadOrgUnits, match=match):
        units.import_org_units(units_file(tmp_path, *rows))

    assert list(OrgUnit.objects.values()) == before


def test_a_village_does_not_move_and_leave_its_families_behind(world: World, tmp_path: Path) -> None:
    units.import_org_units(units_file(tmp_path, "990101202,990101,别的乡,township,2020-01-01,"))
    village = world.village

    with pytest.raises(BadOrgUnits, match="新代码"):
        units.import_org_units(units_file(tmp_path, f"{village.code},990101202,{village.name},village,1995-01-01,"))

    village.refresh_from_db()
    assert village.township == world.township
