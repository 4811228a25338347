"""A list of many payees: approved, listed, released, exported and reconciled, against hand-written SQL of the same rows.

Ours runs in a process of its own, so that its peak memory is its own. Export and answer are the bank's real files: the
list is judged line by line as it is written, the answer is read, matched by three ways and posted with its lines and tasks.
"""

import csv
import datetime
import hashlib
import io
import json
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from tempfile import TemporaryFile
from typing import IO, Any, BinaryIO

from django.conf import settings
from django.db import connection, models, transaction

from access import vault
from access.models import OrgUnit, Staff
from audit import bulk as rows
from audit import clock
from audit.context import acting
from benchmarks.importing import _peak_memory_mb, _triggers
from benchmarks.scratch import PREFIX, must_be_scratch
from casework import payments
from casework.demo import township
from casework.rosters import building, deciding, paying
from casework.rosters.models import Roster, RosterSignature
from families.models import BankAccount, Household, HouseholdMember, Person
from funds import bank_files, bank_lists, ledger
from funds import services as funds
from funds.models import BankLine, BankTask, Payment, Reservation, Transfer
from funds.models.payments import account_row

PAYEES = 100_000
SAMPLE = 200  # payments for the one-by-one services, whose time is then scaled up
STEPS = ("approve", "build", "release", "export", "reconcile")
FLOOR = (Reservation, Payment)
POSTED = (Transfer, BankLine, BankTask, RosterSignature)  # without a history of their own rows
BANK, CODE = "禾丰农商银行", "HFNS"
RETURNED_EVERY = 50  # of the payments one in so many comes back


def measure(scale: int = PAYEES) -> dict[str, Any]:
    """One list of `scale` invented payees through ours, the floor, and (scaled up) the services for single payments."""
    must_be_scratch()
    prepare(scale)
    ours = _in_a_process()
    floor = _floor(ours["batch"])
    plain = _plain(min(SAMPLE, scale))
    seconds = {step: ours["seconds"][step] for step in STEPS}
    return {
        "name": "payments",
        "scale": scale,
        "ours_ms": round(sum(seconds.values()) * 1000, 1),
        "floor_ms": round(sum(floor.values()) * 1000, 1),
        "ratio_to_floor": round(sum(seconds.values()) / sum(floor.values()), 2),
        "plain_ms": round(plain * scale * 1000, 1),
        "queries": ours["queries"],
        "samples": 1,
        "ours_s": {step: round(seconds[step], 2) for step in STEPS},
        "floor_s": {step: round(floor[step], 2) for step in STEPS},
        "ratios": {step: round(seconds[step] / floor[step], 2) for step in STEPS},
        "memory_mb": ours["memory_mb"],
        "plain_is_scaled_from": min(SAMPLE, scale),
        "drift_fen": ledger.check().drift_fen,
    }


def prepare(scale: int) -> None:
    """Households of one person with an account each, without history: no part of what is measured."""
    place = OrgUnit.objects.filter(level="township").order_by("code").first()
    villages = list(OrgUnit.objects.filter(level="village", township=place, valid_to__isnull=True).order_by("code"))
    groups = {unit.parent_id: unit.pk for unit in OrgUnit.objects.filter(level="group", township=place)}
    villages = [unit for unit in villages if unit.pk in groups]
    clerk = Staff.objects.filter(appointments__role="village_clerk").first()
    people, homes = rows.next_ids(Person, scale), rows.next_ids(Household, scale)
    tables = [model._meta.db_table for model in (Person, Household, HouseholdMember, BankAccount)]
    day = township.FIRST_DAY
    with transaction.atomic():
        _triggers("DISABLE", tables)
        rows.copy_rows(
            Person,
            ("id", "uid", "name", "name_search", "id_number_sealed", "id_last4", "person_key", "no_id_reason", "sex", "birth_date",
             "ethnicity", "education", "health", "disability_class", "disability_grade", "work_status", "lives_away", "phone"),
            ((pk, uuid.uuid4(), f"江正{n}", "", b"x", "0000", f"{n:032x}", "", "m", day, "", "", "healthy", "", "", "", False, "")
             for n, pk in enumerate(people)),
        )  # fmt: skip
        rows.copy_rows(
            Household,
            ("id", "province_id", "prefecture_id", "county_id", "township_id", "village_id", "group_id", "household_no", "head_id",
             "head_name", "search", "address", "is_hardship", "severity", "remark", "shelf_no"),
            ((pk, v.province_id, v.prefecture_id, v.county_id, v.township_id, v.pk, groups[v.pk], f"{v.code}9{n:06d}"[:19],
              people[n], f"江正{n}", "", "", True, "hardship", "", "")
             for n, pk in enumerate(homes) for v in (villages[n % len(villages)],)),
        )  # fmt: skip
        rows.copy_rows(
            HouseholdMember,
            ("household_id", "person_id", "relation", "valid_from"),
            ((home, person, "户主", day) for home, person in zip(homes, people, strict=True)),
        )
        rows.copy_rows(
            BankAccount,
            ("uid", "household_id", "holder_id", "kind", "bank", "number_sealed", "number_index", "number_last4", "recorded_by_id",
             "recorded_on", "is_active", "shared_because"),
            _accounts(homes, people, clerk.pk),
        )  # fmt: skip
    _triggers("ENABLE", tables)
    county = place.county
    fund = funds.open_fund("BENCH", "测速", source="raised", unit=county)
    funds.receive(fund, (scale + SAMPLE) * 40_000, key="bench:receive")
    funds.allocate(
        fund, (scale + SAMPLE) * 40_000, programme="visit_condolence", unit=county, year=day.year, key="bench:allocate"
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _accounts(homes: list[int], people: list[int], recorder: int) -> Iterator[tuple[Any, ...]]:
    for n, (home, person) in enumerate(zip(homes, people, strict=True)):
        number, uid = f"999999{n:013d}", uuid.uuid4()
        sealed = vault.seal(number, row=f"families_bankaccount|number|{uid}")
        index = vault.blind_index("account", number)
        yield uid, home, person, "card", BANK, sealed, index, number[-4:], recorder, township.FIRST_DAY, True, ""


def _in_a_process() -> dict[str, Any]:
    program = "import django; django.setup(); from benchmarks import payments; payments.run_once()"
    done = subprocess.run(
        [sys.executable, "-c", program, str(connection.settings_dict["NAME"])],
        cwd=settings.BASE_DIR,
        check=True,
        stdout=subprocess.PIPE,
    )
    return json.loads(done.stdout)


def _who(role: str) -> Staff:
    return Staff.objects.filter(appointments__role=role, appointments__valid_to__isnull=True).order_by("pk").first()


def run_once() -> None:
    """The list from its first line to the bank's answers, in a process of its own; prints figures."""
    database = sys.argv[1]
    if not database.startswith(PREFIX):
        raise RuntimeError(f"{database} is no scratch database")
    connection.settings_dict["NAME"] = database
    statements = 0

    def count(execute: Any, *args: Any) -> Any:
        nonlocal statements
        statements += 1
        return execute(*args)

    seconds: dict[str, float] = {}

    def timed(step: str, work: Callable[[], Any]) -> Any:
        began = time.perf_counter()
        with transaction.atomic():
            made = work()
        seconds[step] = time.perf_counter() - began
        return made

    with clock.frozen_at(township.FIRST_DAY), connection.execute_wrapper(count):
        roster = _listed_draft()
        timed("approve", lambda: deciding.approve(roster.pk, by=_who("township_approver")))
        batch = timed("build", lambda: paying.build(roster.pk, by=_who("fund_manager"), key="benchmark", bank=BANK))
        payments.check_batch(batch.pk, by=_who("fund_checker"), key="c")
        timed("release", lambda: payments.release_batch(batch.pk, by=_who("cashier"), key="r"))
        with TemporaryFile() as listed, TemporaryFile() as said:
            timed("export", lambda: bank_lists.export(batch, CODE, by=_who("cashier"), reason="benchmark", out=listed))
            _answer(listed, said)
            timed("reconcile", lambda: _reconcile(said))
    figures = {"seconds": seconds, "queries": statements, "memory_mb": _peak_memory_mb(), "batch": batch.pk}
    print(json.dumps(figures))


def _listed_draft() -> Roster:
    clerk = _who("township_clerk")
    plan = building.Plan(
        kind="visit_condolence",
        title="测速",
        event="spring_festival",
        year=township.FIRST_DAY.year,
        unit=clerk.appointments.get(role="township_clerk").unit,
        channel="bank",
        amount_fen=30_000,
        severe_fen=30_000,
    )
    roster = building.create(plan, by=clerk, key="benchmark")
    building.fill_by_numbers(
        roster.pk,
        Household.objects.filter(members__person__id_last4="0000").values_list("household_no", flat=True),
        by=clerk,
    )
    with clock.frozen_at(township.FIRST_DAY - datetime.timedelta(days=14)):  # the notice has run its time
        return deciding.put_up(roster.pk, place="村委会", by=clerk)


def _answer(listed: BinaryIO, said: BinaryIO) -> None:
    """What the bank makes of our list: its own headings and codes, every fiftieth line come back."""
    listed.seek(0)
    ours = csv.reader(io.TextIOWrapper(listed, "gb18030", newline=""))
    next(ours)
    text = io.TextIOWrapper(said, "gb18030", newline="")
    theirs = csv.writer(text)
    theirs.writerow(
        ["批次编号", "流水序号", "收款账号", "收款户名", "交易金额", "交易日期", "返回码", "返回信息", "银行参考号"]
    )
    for n, (batch, serial, account, name, amount, *_rest) in enumerate(ours):
        code, words = ("E107", "账户已销户") if n % RETURNED_EVERY == 0 else ("0000", "成功")
        theirs.writerow([batch, serial, account, name, amount, f"{township.FIRST_DAY:%Y%m%d}", code, words, f"H{n:09}"])
    text.detach()
    said.seek(0)


def _reconcile(said: BinaryIO) -> None:
    sha256 = hashlib.file_digest(said, "sha256").hexdigest()
    judged = bank_files.judge(said, CODE)
    bank_files.post(judged, by=_who("cashier"), filename="answer.csv", sha256=sha256)


def _floor(batch: int) -> dict[str, float]:
    """Seconds for INSERT … SELECT and UPDATE of the same rows, history and transfers, step by step.

    The tables are equal, with the same indexes, checks and foreign keys; they have no triggers.
    """
    tables = [table for model in FLOOR for table in (model._meta.db_table, model.history.model._meta.db_table)]
    tables += [model._meta.db_table for model in POSTED]
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"DROP TABLE IF EXISTS floor_{table} CASCADE")
            cursor.execute(f"CREATE TABLE floor_{table} (LIKE {table} INCLUDING ALL)")
        cursor.execute(
            "SELECT conrelid::regclass::text, pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE contype = 'f' AND conrelid = ANY (%s::regclass[]) ORDER BY oid",
            [tables],
        )
        for table, constraint in cursor.fetchall():
            for copied in tables:
                constraint = constraint.replace(f"REFERENCES {copied}(", f"REFERENCES floor_{copied}(")
            cursor.execute(f"ALTER TABLE floor_{table} ADD {constraint}")
        cursor.execute("ANALYZE")
    mine = f"SELECT reservation_id FROM funds_payment WHERE batch_id = {batch}"
    res, pay = (model._meta.db_table for model in FLOOR)
    transfer, bank_line, bank_task, signature = (model._meta.db_table for model in POSTED)
    past_res, past_pay = (model.history.model._meta.db_table for model in FLOOR)
    nth = f"SELECT *, row_number() OVER (PARTITION BY id ORDER BY history_id) AS nth FROM {past_pay} WHERE batch_id = {batch}"
    past_columns = ", ".join(f'"{field.column}"' for field in Payment.history.model._meta.concrete_fields)
    columns = [field.column for field in Payment._meta.concrete_fields]
    listed = {
        "id": f"{pay}.id",
        "account_sealed": "floor_sealed.account_sealed",
        "state": "'listed'",
        "sent_on": "NULL",
        "answered_on": "NULL",
        "bank_reference": "''",
        "returned_reason": "''",
    }
    history = f"INSERT INTO floor_{past_pay} ({past_columns}) SELECT {past_columns} FROM ({nth}) x WHERE nth = "
    moves = f"INSERT INTO floor_{transfer} SELECT * FROM {transfer} WHERE reservation_id IN ({mine}) AND kind "
    work: dict[str, list[str]] = {
        "approve": [
            f"INSERT INTO floor_{res} SELECT * FROM {res} WHERE id IN ({mine})",
            f"INSERT INTO floor_{past_res} SELECT * FROM {past_res} WHERE id IN ({mine})",
            moves + "= 'reserve'",
            f"INSERT INTO floor_{signature} SELECT * FROM {signature}",
        ],
        "build": [
            f"INSERT INTO floor_{pay} ({', '.join(columns)}) SELECT {', '.join(listed.get(name, name) for name in columns)}"
            f" FROM {pay} JOIN floor_sealed USING (id) WHERE batch_id = {batch} ORDER BY id",
            history + "1",
        ],
        "release": [
            f"UPDATE floor_{pay} SET state = 'sent', sent_on = '{township.FIRST_DAY}' WHERE batch_id = {batch}",
            history + "2",
            moves + "= 'send'",
        ],
        "reconcile": [
            f"UPDATE floor_{pay} f SET state = p.state, answered_on = p.answered_on, bank_reference = p.bank_reference,"
            f" returned_reason = p.returned_reason FROM {pay} p WHERE p.id = f.id",
            history + "3",
            moves + "IN ('settle', 'bounce')",
            f"INSERT INTO floor_{bank_line} SELECT * FROM {bank_line}",
            f"INSERT INTO floor_{bank_task} SELECT * FROM {bank_task}",
        ],
    }
    seconds = {"approve": _timed_sql(work.pop("approve"))}
    with TemporaryFile() as opened, TemporaryFile("w+", encoding="ascii") as sealed:
        began = time.perf_counter()
        _floor_of_sealing(batch, opened, sealed)
        sealing = time.perf_counter() - began
    seconds |= {step: _timed_sql(statements) for step, statements in work.items()}
    seconds["build"] += sealing
    with TemporaryFile() as copied, TemporaryFile("w", encoding="gb18030") as written:
        began = time.perf_counter()
        _floor_of_export(batch, copied, written)
        return seconds | {"export": time.perf_counter() - began}


def _floor_of_sealing(batch: int, opened: BinaryIO, sealed: IO[str]) -> None:
    """Open every number and seal it for the row of its payment, as no program can leave out that keeps none in clear."""
    with connection.cursor() as cursor:
        cursor.copy_expert(
            "COPY (SELECT id, uid, encode(account_sealed, 'hex') FROM funds_payment"
            f" WHERE batch_id = {batch} ORDER BY id) TO STDOUT (FORMAT csv)",
            opened,
        )
        opened.seek(0)
        for pk, uid, kept in csv.reader(io.TextIOWrapper(opened, newline="")):
            row = account_row(uuid.UUID(uid))
            sealed.write(f"{pk},\\x{vault.seal(vault.unseal(bytes.fromhex(kept), row=row), row=row).hex()}\n")
        sealed.seek(0)
        cursor.execute("CREATE TABLE floor_sealed (id bigint PRIMARY KEY, account_sealed bytea)")
        cursor.copy_expert("COPY floor_sealed FROM STDIN (FORMAT csv)", sealed)


def _floor_of_export(batch: int, copied: BinaryIO, written: IO[str]) -> None:
    """COPY the rows, open every number, write the lines: what no program can leave out."""
    with connection.cursor() as cursor:
        cursor.copy_expert(
            "COPY (SELECT key, uid, encode(account_sealed, 'hex'), payee_name, amount_fen FROM funds_payment"
            f" WHERE batch_id = {batch} ORDER BY id) TO STDOUT (FORMAT csv)",
            copied,
        )
    copied.seek(0)
    theirs = csv.writer(written)
    for serial, uid, sealed, name, fen in csv.reader(io.TextIOWrapper(copied, newline="")):
        number = vault.unseal(bytes.fromhex(sealed), row=account_row(uuid.UUID(uid)))
        theirs.writerow([batch, serial, number, name, f"{int(fen) // 100}.{int(fen) % 100:02}", "CNY", ""])


def _timed_sql(statements: list[str]) -> float:
    began = time.perf_counter()
    with transaction.atomic(), connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
    return time.perf_counter() - began


def _plain(count: int) -> float:
    """Seconds for one payee with the services for single payments: reserved, listed, sent and credited."""
    manager, checker, cashier = _who("fund_manager"), _who("fund_checker"), _who("cashier")
    village = OrgUnit.objects.filter(level="village", valid_to__isnull=True).order_by("code").first()
    began = time.perf_counter()
    with transaction.atomic(), acting(manager, reason="benchmark"):
        batch = funds.open_batch(number="PLAIN", title="测速", by=manager)
        made: list[models.Model] = []
        for n in range(count):
            reservation = funds.reserve(
                subject=f"plain:{n}", key=f"plain:{n}", programme="visit_condolence", village=village, amount_fen=30_000
            )
            payee = funds.Payee("江正", "x", f"999999{n:013d}", f"{n:032x}", "card", BANK, "x")
            made.append(funds.list_payment(reservation, batch, payee, key=f"plain:{n}:pay:1"))
        funds.check_batch(batch, by=checker)
        funds.release_batch(batch, by=cashier)
        for payment in made:
            payment.batch = batch
            funds.send(payment)
            funds.credit(payment, bank_reference="H", answered_on=clock.today())
    return (time.perf_counter() - began) / count
