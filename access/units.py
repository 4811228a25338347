"""The tree of org units, from a file. The only place that writes it."""

import csv
import datetime
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from access.errors import BadOrgUnits
from access.models import OrgUnit, Staff
from access.roles import Ability, Level
from access.scope import scope

_CODE_LENGTH = {"province": 6, "prefecture": 6, "county": 6, "township": 9, "village": 12, "group": 15}
_ABOVE = dict(zip(_CODE_LENGTH, (None, *_CODE_LENGTH), strict=False))  # {level: the level of its parent}


@dataclass(frozen=True)
class UnitsImported:
    created: int
    changed: int
    unchanged: int


@transaction.atomic
def import_org_units(path: Path, *, by: Staff | None = None) -> UnitsImported:
    """Create or update units from a CSV file with code, parent, name, level, valid_from, valid_to (empty: in use).

    `by` administers her own places alone; None is for set-up. Importing the same file twice changes nothing. Raises
    BadOrgUnits, naming the line, and changes nothing then.
    """
    reach = scope(by, Ability.STAFF_MANAGE) if by else None
    known = {unit.code: unit for unit in OrgUnit.objects.all()}
    created = changed = unchanged = 0
    lines: dict[str, int] = {}
    for line, row in enumerate(_rows_of(path), start=2):
        wanted = _wanted_unit(row, line, known)
        unit = known.get(row["code"])
        if lines.setdefault(row["code"], line) != line:
            raise BadOrgUnits(
                _("第 %(line)d 行：代码 %(code)s 在第 %(first)d 行写过了，请只留一行。")
                % {"line": line, "code": row["code"], "first": lines[row["code"]]}
            )
        if unit and (unit.level, unit.parent_id) != (wanted["level"], wanted["parent"] and wanted["parent"].pk):
            # Cases and families carry their place as columns; they would stay behind.
            raise BadOrgUnits(
                _("第 %(line)d 行：%(name)s 换了级别或上级。请停用这个代码，用新代码新建。")
                % {"line": line, "name": wanted["name"]}
            )
        is_changed = unit is None or any(getattr(unit, name) != value for name, value in wanted.items())
        touched = [place for place in (unit, wanted["parent"]) if place]
        if is_changed and reach and not (touched and all(map(reach.covers, touched))):
            raise BadOrgUnits(
                _("第 %(line)d 行：%(name)s 不归你管，要由上级的管理员改。") % {"line": line, "name": wanted["name"]}
            )
        if unit is None:
            unit = OrgUnit(code=row["code"], **wanted)
            unit.save()
            created += 1
        elif is_changed:
            for name, value in wanted.items():
                setattr(unit, name, value)
            unit.save()
            changed += 1
        else:
            unchanged += 1
            continue
        if unit.level != Level.GROUP and getattr(unit, f"{unit.level}_id") != unit.pk:
            setattr(unit, unit.level, unit)
            unit.save()
        known[unit.code] = unit
    return UnitsImported(created, changed, unchanged)


def _rows_of(path: Path) -> list[dict[str, str]]:
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file, restval=""))
    except UnicodeDecodeError as error:
        raise BadOrgUnits(_("这个文件不是 UTF-8 编码。请另存为 CSV UTF-8 再导入。")) from error
    except csv.Error as error:
        raise BadOrgUnits(_("这个文件读不下去，多半是少了一个引号。请用表格软件另存为 CSV UTF-8 再导入。")) from error
    columns = {"code", "parent", "name", "level", "valid_from", "valid_to"}
    if not rows or not columns <= set(rows[0]):
        raise BadOrgUnits(_("缺少列：需要 code、parent、name、level、valid_from、valid_to。"))
    return rows


def _wanted_unit(row: dict[str, str], line: int, known: dict[str, OrgUnit]) -> dict[str, Any]:
    code, level = row["code"], row["level"]
    if level not in _CODE_LENGTH:
        raise BadOrgUnits(_("第 %(line)d 行：没有这个级别：%(level)s。") % {"line": line, "level": level})
    if not (code.isascii() and code.isdigit()) or len(code) != _CODE_LENGTH[level]:
        raise BadOrgUnits(
            _("第 %(line)d 行：代码 %(code)s 应为 %(length)d 位数字。")
            % {"line": line, "code": code, "length": _CODE_LENGTH[level]}
        )
    parent = known.get(row["parent"]) if row["parent"] else None
    if parent is None and level != Level.PROVINCE:
        raise BadOrgUnits(_("第 %(line)d 行：上级 %(parent)s 不在文件里。") % {"line": line, "parent": row["parent"]})
    if (parent.level if parent else None) != _ABOVE[level]:
        raise BadOrgUnits(
            _("第 %(line)d 行：%(code)s 的上级要正好高一级，%(parent)s 不是。")
            % {"line": line, "code": code, "parent": row["parent"]}
        )
    if not row["name"].strip() or "\0" in row["name"]:
        raise BadOrgUnits(_("第 %(line)d 行：没有名称。") % {"line": line})
    longest = OrgUnit._meta.get_field("name").max_length
    if len(row["name"].strip()) > longest:
        raise BadOrgUnits(_("第 %(line)d 行：名称最多 %(n)d 个字。") % {"line": line, "n": longest})
    wanted: dict[str, Any] = {
        "name": row["name"].strip(),
        "level": level,
        "parent": parent,
        "valid_from": _day(row["valid_from"], line),
        "valid_to": _day(row["valid_to"], line) if row["valid_to"] else None,
    }
    if wanted["valid_to"] and wanted["valid_to"] < wanted["valid_from"]:
        raise BadOrgUnits(_("第 %(line)d 行：停用日期早于启用日期。") % {"line": line})
    for above in ("province", "prefecture", "county", "township", "village"):
        if above != level:
            wanted[f"{above}_id"] = getattr(parent, f"{above}_id") if parent else None
    return wanted


def _day(text: str | None, line: int) -> datetime.date:
    try:
        return datetime.date.fromisoformat(text or "")
    except ValueError as error:
        raise BadOrgUnits(
            _("第 %(line)d 行：日期要写成 2026-04-15 这样，不能是「%(text)s」。") % {"line": line, "text": text or ""}
        ) from error
