"""A bank's file is data, and data that cannot work is refused when it is loaded."""

import copy
import json
from datetime import date
from typing import Any

import pytest

from casework.bank_words import RETURN_REASONS
from funds.banking.errors import FormatError
from funds.banking.formats import IN, OUT, built_in, from_json, in_force, taught, to_json
from funds.banking.reasons import STORED_WORDS
from tests.funds.banking.files import answer_format, list_format


def changed(form: Any, **changes: Any) -> dict[str, Any]:
    document = copy.deepcopy(to_json(form))
    for path, value in changes.items():
        *outer, last = path.split("__")
        place: Any = document
        for name in outer:
            place = place[int(name) if name.isdigit() else name]
        place[last] = value
    return json.loads(json.dumps(document))


@pytest.mark.parametrize("form", built_in(), ids=lambda form: f"{form.code}-{form.direction}")
def test_a_format_comes_back_from_its_json_as_it_was(form: Any) -> None:
    assert from_json(json.dumps(to_json(form))) == form


def test_three_banks_and_the_common_answer_come_with_the_product() -> None:
    assert {(form.code, form.direction, form.file.kind) for form in built_in()} == {
        ("COMMON", IN, "csv"),
        ("HFNS", IN, "csv"), ("HFNS", OUT, "csv"),
        ("QHCZ", IN, "xlsx"), ("QHCZ", OUT, "xlsx"),
        ("SQHZ", IN, "fixed"), ("SQHZ", OUT, "fixed"),
    }  # fmt: skip


def test_every_reason_has_the_words_that_payments_keep() -> None:
    assert tuple(STORED_WORDS.values()) == RETURN_REASONS


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"code": "hf"}, "code"),
        ({"version": ""}, "version"),
        ({"valid_from": "2026-13-01"}, "valid_from"),
        ({"direction": "both"}, "direction"),
        ({"file__kind": "pdf"}, "file.kind"),
        ({"file__encoding": "big5"}, "file.encoding"),
        ({"file__delimiter": "x"}, "file.delimiter"),
        ({"file__quotting": "all"}, "file.quotting"),
        ({"columns": []}, "columns"),
        ({"columns": "n"}, "columns"),
        ({"columns__0__field": "id_number"}, "columns[0].field"),
        ({"columns__0__width": 8}, "columns[0].width"),
        ({"columns__0__heading": ""}, "columns"),
        ({"columns__0__heading": "流水序号"}, "columns"),
        ({"columns__4__unit": "wan"}, "columns[4].unit"),
        ({"columns__0__pattern": "DDMMYY"}, "columns[0].pattern"),
        ({"columns__5__text": ""}, "columns[5].text"),
        ({"limits__largest_fen": 0}, "limits.largest_fen"),
        ({"limits__largest_fen": 1.5}, "limits.largest_fen"),
        ({"limits__most_lines": True}, "limits.most_lines"),
        ({"limits__account_lengths": ["19"]}, "limits.account_lengths"),
        ({"limits__wants_bank": True}, "limits.wants_bank"),
        ({"limits__name_byte": 1}, "limits.name_byte"),
    ],
)
def test_a_list_format_that_cannot_work_is_refused_at_its_place(changes: dict[str, Any], path: str) -> None:
    with pytest.raises(FormatError) as refused:
        from_json(changed(list_format("HFNS"), **changes))

    assert refused.value.details["path"] == path


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"statuses": {}}, "statuses.credited"),
        ({"statuses__paid": ["x"]}, "statuses.paid"),
        ({"statuses__failed": ["成功"]}, "statuses.failed"),
        ({"reasons__name_mismatch": [""]}, "reasons.name_mismatch"),
        ({"headings": {"serial": ["流水"], "amount": ["金额"]}}, "headings"),
        ({"headings": {"name": ["户名"], "amount": ["金额"], "status": ["结果"]}}, "headings"),
        ({"dates": ["MM/DD/YYYY"]}, "dates"),
        ({"total_of": "some"}, "total_of"),
    ],
)
def test_an_answer_format_that_cannot_work_is_refused_at_its_place(changes: dict[str, Any], path: str) -> None:
    with pytest.raises(FormatError) as refused:
        from_json(changed(answer_format("QHCZ"), **changes))

    assert refused.value.details["path"] == path


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"columns__1__width": 0}, "columns[1].width"),
        ({"columns__1__width": 401}, "columns[1].width"),
        ({"columns__1__align": "left"}, "columns[1].pad"),
        ({"columns__0__text": "DD"}, "columns[0].width"),
        ({"head__0__2__pattern": "YYYY-MM-DD"}, "head[0][2].width"),
        ({"has_heading": True}, "has_heading"),
        ({"head__0__0__field": "name"}, "head[0][0].field"),
    ],
)
def test_a_fixed_width_format_needs_widths_that_hold_what_it_writes(changes: dict[str, Any], path: str) -> None:
    with pytest.raises(FormatError) as refused:
        from_json(changed(list_format("SQHZ"), **changes))

    assert refused.value.details["path"] == path


@pytest.mark.parametrize("document", ["", "{", "[]", "7", '{"direction": "out"}', '{"a":' * 100_000])
def test_what_is_no_format_at_all_is_refused(document: str) -> None:
    with pytest.raises(FormatError):
        from_json(document)


def test_the_version_of_the_day_is_in_force() -> None:
    old = list_format("HFNS")
    new = from_json(changed(old, version="2026-07", valid_from="2026-07-01"))

    assert in_force((old, new), "HFNS", OUT, date(2026, 6, 30)) == old
    assert in_force((old, new), "HFNS", OUT, date(2026, 7, 1)) == new
    assert in_force((old, new), "HFNS", OUT, date(2024, 12, 31)) is None
    assert in_force((old, new), "HFNS", IN, date(2026, 7, 1)) is None


def test_a_person_can_teach_a_format_the_words_of_a_bank() -> None:
    form = taught(answer_format("COMMON"), {"E107": "failed"}, {"E107": "account_closed"})

    assert "E107" in form.statuses["failed"]
    assert "E107" in form.reasons["account_closed"]
    with pytest.raises(FormatError):
        taught(form, {"E107": "credited"})
