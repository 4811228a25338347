"""What was signed of each line: the name and the account. Money goes only where the last signature says."""

from typing import Any

from django.db import connection, transaction
from django.utils.translation import gettext as _

from access import confirming
from access.scope import Bar, Post, post_for
from audit import clock
from audit.context import acting
from casework import recusal
from casework.errors import BadCaseData, NotYourTurn, SecondDuty, WrongState
from casework.rosters.models import Roster, RosterLine, RosterSignature
from casework.rosters.planning import by_index
from families.models import BankAccount
from funds import services as funds
from funds.models import Payment

APPROVES = "township_approver"

# For a query that knows a line `l`, its list `o` and its person `p`: the last signature, the account that it names, and
# the one that the household uses now. "+ 0": by the line, never through all signatures from the last one back.
SIGNED = """
  LEFT JOIN LATERAL (SELECT * FROM casework_rostersignature g WHERE g.line_id = l.id ORDER BY g.id + 0 DESC LIMIT 1) signed ON true
  LEFT JOIN families_bankaccount named ON named.id = signed.account_id
  LEFT JOIN families_bankaccount a ON a.household_id = l.household_id AND a.is_active
  LEFT JOIN families_person held ON held.id = a.holder_id
"""
STANDS = """coalesce(p.name = signed.payee_name AND (o.channel <> 'bank' OR (a.holder_id = named.holder_id
    AND held.name = signed.holder_name AND a.number_index = signed.account_index)), false)"""


def demand_approver(roster: Roster, by: Any) -> Post:
    """The post by which she signs for a list, or for a line of it: never that of whoever prepared it.

    Raises NotYourTurn, SecondDuty.
    """
    found = post_for(by, (APPROVES,), roster, after=[roster.preparer_person_key])
    if found == Bar.NO_POST:
        raise NotYourTurn(_("名册由乡镇审批批准。"))
    if found == Bar.STANDS_IN:
        raise SecondDuty(_("你是替编制的人代班，不能批准他编的名册。"))
    if isinstance(found, Bar):
        raise SecondDuty(_("编制和批准不能是同一个人。"))
    return found


def sign_all(roster: Roster, *, by: Any) -> None:
    """Write down what the approval of the list covers, line by line."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO casework_rostersignature
              (line_id, account_id, payee_name, holder_name, account_index, because, signed_by_id, signer_person_key, signed_on)
            SELECT l.id, a.id, p.name, coalesce(held.name, ''), coalesce(a.number_index, ''), l.accepted_because, %s, %s, %s
            FROM casework_rosterline l JOIN families_person p ON p.id = l.person_id
              LEFT JOIN families_bankaccount a ON a.id = l.account_id AND %s = 'bank'
              LEFT JOIN families_person held ON held.id = a.holder_id
            WHERE l.roster_id = %s AND l.state = 'on' ORDER BY l.n
            """,
            [by.pk, by.person_key, clock.today(), roster.channel, roster.pk],
        )


def unsigned(roster: Roster) -> set[int]:
    """The ids of the lines that are still to be paid and whose name or account is no longer the one that was signed."""
    with by_index() as cursor:
        cursor.execute(
            "SELECT l.id FROM casework_rosterline l JOIN casework_roster o ON o.id = l.roster_id"
            " JOIN funds_reservation r ON r.key = 'roster:' || l.roster_id || ':' || l.n"
            f" JOIN families_person p ON p.id = l.person_id {SIGNED}"
            f" WHERE l.roster_id = %s AND l.state = 'on' AND r.released_fen < r.amount_fen AND NOT {STANDS} AND NOT EXISTS"
            " (SELECT 1 FROM funds_payment x WHERE x.reservation_id = r.id AND x.state IN ('sent', 'credited', 'unknown'))",
            [roster.pk],
        )
        return {row[0] for row in cursor.fetchall()}


def account_in_use(line: RosterLine) -> BankAccount | None:
    """The account to which a line would be signed today."""
    return BankAccount.objects.select_related("holder").filter(household=line.household_id, is_active=True).first()


@transaction.atomic
def sign_again(line: RosterLine, *, because: str, by: Any) -> RosterSignature:
    """The line is paid by the name, and to the account, that it has now; `because` says how the signer made sure.

    Raises NotYourTurn, Recused, SecondDuty for whoever prepared the list or wrote the account down, WrongState while it is being
    paid or holds no money, BadCaseData without an account or a reason.
    """
    roster = Roster.objects.select_for_update().get(pk=line.roster_id)
    post = demand_approver(roster, by)
    confirming.demand(confirming.Kind.APPROVE)
    recusal.refuse_own_line(line, by)
    held = funds.held_reservation(line.key)
    if roster.state != Roster.State.APPROVED or held is None or roster.channel == Roster.Channel.PROVIDER:
        raise WrongState(_("这一行没有锁定的钱。"))
    if held.payments.exclude(state__in=[Payment.State.RETURNED, Payment.State.CANCELLED]).exists():
        raise WrongState(_("这一行正在付。要改签的，先把它移出批次。"))
    if not because.strip():
        raise BadCaseData(_("请写明怎么核对的。"))
    account = account_in_use(line) if roster.channel == Roster.Channel.BANK else None
    if roster.channel == Roster.Channel.BANK and account is None:
        raise BadCaseData(_("这家没有在用的账户，请村里先登记。"))
    if account and account.recorded_by and account.recorded_by.person_key == by.person_key:
        raise SecondDuty(_("这个账户是你登记的，要由另一位审批签字。"))
    with acting(by, on_behalf_of=post.principal, reason="sign_line_again"):
        return RosterSignature.objects.create(
            line=line,
            account=account,
            payee_name=line.person.name,
            holder_name=account.holder.name if account else "",
            account_index=account.number_index if account else "",
            because=because.strip(),
            signed_by=by,
            signer_person_key=by.person_key,
            signed_on=clock.today(),
        )
