"""The households of a ledger against one another, against the register and against the totals at the foot."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping

from families import errors
from families.folding import to_simplified
from families.identifiers import compact, normalise_name
from families.importing.findings import Finding
from families.importing.ledger_household import LedgerHousehold, LedgerPerson
from families.importing.ledger_layout import Table, TotalRow
from families.importing.register_index import KnownHousehold, KnownPerson, RegisterIndex
from families.importing.spreadsheet import Cell
from families.importing.values import FEN_PER_YUAN, as_text, read_amount

WITHOUT_ID = re.compile(r"无[^，。；\n]{0,4}证")


def check_against_register(
    households: list[LedgerHousehold], village_codes: Mapping[str, str | None], index: RegisterIndex
) -> None:
    """Add to each household what contradicts the register or another household.

    `village_codes` says which village each sheet is for, `{sheet title: village code}`, None where it is not known.
    A household that stands in the ledger twice is judged once: where it belongs, or where it comes first.
    """
    known = index.households({household.household_no for household in households if household.household_no})
    for household in households:
        household.is_in_register = household.household_no in known
        if household.household_no and not household.is_in_register:
            household.report("household_no", "household_not_in_register")
    repeats = _report_repeats(households, village_codes)
    judged = [h for place, h in enumerate(households) if h.is_in_register and place not in repeats]
    for household in judged:
        _check_place(household, village_codes[household.sheet_title], index)
    _check_people(judged, known, index)
    _check_accounts(judged)


def _report_repeats(households: list[LedgerHousehold], village_codes: Mapping[str, str | None]) -> set[int]:
    """The places of the households that another sheet, or another row, already has."""
    by_number: dict[str, list[int]] = defaultdict(list)
    for place, household in enumerate(households):
        if household.is_in_register:
            by_number[household.household_no].append(place)
    repeats: set[int] = set()
    for number, places in by_number.items():
        original = next((p for p in places if village_codes[households[p].sheet_title] == number[:12]), places[0])
        for place in places:
            if place != original:
                other = households[original]
                households[place].report(
                    "household_no",
                    "duplicate_household",
                    related=(other.reference("household_no"),),
                    sheet=other.sheet_title.strip(),
                )
                repeats.add(place)
    return repeats


def _check_place(household: LedgerHousehold, sheet_village: str | None, index: RegisterIndex) -> None:
    number = household.household_no
    village_code, group_no = number[:12], number[12:15]
    if sheet_village not in (None, village_code):
        household.report(
            "household_no",
            "village_mismatch",
            village=index.village_names.get(village_code, village_code),
            sheet_village=index.village_names[sheet_village],
        )
        return
    if not household.group_given:
        return
    if household.group_no is None or village_code + household.group_no not in index.group_codes:
        household.report("group", "unknown_group", group=household.group_given)
    elif household.group_no != group_no:
        household.report("group", "group_mismatch", group=group_no)


# --- People


def _check_people(households: list[LedgerHousehold], known: Mapping[str, KnownHousehold], index: RegisterIndex) -> None:
    listings: dict[str, list[tuple[LedgerHousehold, LedgerPerson]]] = defaultdict(list)
    for household in households:
        for person in household.persons:
            if person.id_number:
                listings[person.id_number].append((household, person))
    people = index.persons(listings.keys())
    for household in households:
        for person in household.persons:
            if person.id_number:
                _check_person(household, person, people.get(person.id_number), listings[person.id_number])
            else:
                _check_person_without_id(household, person, known[household.household_no])


def _check_person(
    household: LedgerHousehold,
    person: LedgerPerson,
    in_register: KnownPerson | None,
    listings: list[tuple[LedgerHousehold, LedgerPerson]],
) -> None:
    name_key, id_key = ("head_name", "head_id") if person.is_head else ("name", "id_number")
    first_household, _person = listings[0]
    elsewhere = tuple(
        other.reference("head_id" if listed.is_head else "id_number", listed.row)
        for other, listed in listings
        if other is not household
    )
    if in_register is None:
        household.report(id_key, "id_not_in_register", row=person.row)
        if first_household is not household:
            household.report(id_key, "member_in_two_households", row=person.row, related=elsewhere)
    elif in_register.household_no != household.household_no:
        if person.is_head:
            household.report(name_key, "head_not_a_member", row=person.row, related=elsewhere)
        else:
            household.report(id_key, "member_in_two_households", row=person.row, related=elsewhere)
    elif person.name and normalise_name(person.name) != normalise_name(in_register.name):
        household.report(name_key, "id_name_mismatch", row=person.row, name=in_register.name)
        person.name = in_register.name
    within = [listed for other, listed in listings if other is household]
    if person is not within[0]:
        household.report(id_key, "person_repeated", row=person.row)


def _check_person_without_id(household: LedgerHousehold, person: LedgerPerson, in_register: KnownHousehold) -> None:
    """Look her up by name, and look for the reason why she has no number."""
    namesakes = [known for known in in_register.members if normalise_name(known.name) == normalise_name(person.name)]
    if person.is_head and person.name and not namesakes:
        household.report("head_name", "head_not_a_member", row=person.row)
    if person.has_unreadable_id:
        return
    is_explained = any(known.no_id_reason for known in namesakes) or (
        person.name and person.name in household.remark and WITHOUT_ID.search(household.remark)
    )
    if not is_explained:
        household.report("head_id" if person.is_head else "id_number", "id_missing", row=person.row)


# --- Accounts


def _check_accounts(households: list[LedgerHousehold]) -> None:
    """One account for two households holds both: either may be the wrong one."""
    first_by_account: dict[str, LedgerHousehold] = {}
    for household in households:
        if not household.account_number:
            continue
        first = first_by_account.setdefault(household.account_number, household)
        if first is not household:
            finding = household.report("account", "duplicate_account", related=(first.reference("account"),))
            first.held_by.append(finding)


# --- Totals at the foot


COUNT_OF_HOUSEHOLDS = re.compile(r"([0-9]+)户")
AMOUNTS = {
    "wage": "wage_fen",
    "farming": "farming_fen",
    "transfer": "transfer_fen",
    "income_total": "income_total_fen",
    "medical": "medical_fen",
    "debt": "debt_fen",
    "help": "help_fen",
}


def total_findings(total: TotalRow, households: list[LedgerHousehold]) -> Iterator[Finding]:
    """The totals that differ from the sum of the rows above.

    A row may count as it is written or as it is read: a total that agrees with either is right. Where a row could not be
    read there is no sum to compare with.
    """
    table, row = total.table, total.row
    for key, cell in table.own_cells(row).items():
        is_wrong = False
        if key in AMOUNTS:
            is_wrong = _differs(_amount_fen(table, key, cell), _sums_fen(key, households))
        elif key == "family_size":
            listed = sum(len(household.persons) for household in households)
            written = sum(household.family_size_given or len(household.persons) for household in households)
            is_wrong = _differs(_number(cell), {listed, written})
        elif count := COUNT_OF_HOUSEHOLDS.search(to_simplified(compact(as_text(cell.value)))):
            is_wrong = int(count[1]) != len(households)
        if is_wrong:
            yield Finding(table.sheet.title, table.address(key, row), "sheet_total_mismatch", None, cell.raw)


def _differs(stated: int | None, sums: set[int]) -> bool:
    return stated is not None and bool(sums) and stated not in sums


def _number(cell: Cell) -> int | None:
    text = compact(as_text(cell.value)).rstrip("人")
    return int(text) if text.isascii() and text.isdigit() else None


def _amount_fen(table: Table, key: str, cell: Cell) -> int | None:
    try:
        amount = read_amount(cell.value, unit_fen=table.unit_fen.get(key, FEN_PER_YUAN))
    except errors.AmountUnreadable:
        return None  # a word in the row of totals is nobody's amount
    return amount.fen if amount else None


def _sums_fen(key: str, households: list[LedgerHousehold]) -> set[int]:
    """The sum of the rows as read and, for incomes, as written; empty when a row could not be read."""
    read = [getattr(household, AMOUNTS[key]) for household in households]
    if None in read:
        return set()
    if key != "income_total":
        return {sum(read)}
    written = [
        given if (given := household.income_given_fen) is not None else household.income_total_fen
        for household in households
    ]
    return {sum(read), sum(written)}
