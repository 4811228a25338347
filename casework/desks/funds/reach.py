"""Which money somebody sees, and which of the duties she holds. Out of reach is absent."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import Http404
from django.utils.translation import gettext as _

from access.models import Appointment, Delegation, OrgUnit
from access.roles import ROLES, Ability, title_of
from access.scope import Post, posts_of, scope
from audit import clock
from casework import bank_jobs
from casework.models import Case
from casework.reach import units_in
from funds import duties
from funds.models import (
    Allocation,
    BankFile,
    BankLine,
    BankTask,
    Campaign,
    Donor,
    Fund,
    Payment,
    PaymentBatch,
    Proposal,
    Provider,
    Receipt,
    Recovery,
)
from jobs.models import Job

DUTY_ROLES = duties.ROLES_OF


def funds_in_reach(user: Any) -> QuerySet[Fund]:
    """Funds that are kept within reach."""
    condition = units_in(user, Ability.FUND_VIEW, "unit__")
    return Fund.objects.filter(condition) if condition is not None else Fund.objects.none()


def allocations_in_reach(user: Any) -> QuerySet[Allocation]:
    """Allocations for a unit within reach, or out of a fund kept within reach."""
    own, of_fund = units_in(user, Ability.FUND_VIEW, "unit__"), units_in(user, Ability.FUND_VIEW, "fund__unit__")
    return Allocation.objects.filter(own | of_fund) if own is not None else Allocation.objects.none()


def payments_in_reach(user: Any) -> QuerySet[Payment]:
    condition = units_in(user, Ability.FUND_VIEW, "reservation__village__")
    return Payment.objects.filter(condition) if condition is not None else Payment.objects.none()


def providers_in_reach(user: Any) -> QuerySet[Provider]:
    """Providers on the list of a unit within reach."""
    below = units_in(user, Ability.FUND_VIEW, "unit__")
    return Provider.objects.filter(below) if below is not None else Provider.objects.none()


def recoveries_in_reach(user: Any) -> QuerySet[Recovery]:
    condition = units_in(user, Ability.FUND_VIEW, "reservation__village__")
    return Recovery.objects.filter(condition) if condition is not None else Recovery.objects.none()


def batches_in_reach(user: Any) -> QuerySet[PaymentBatch]:
    """Batches with at least one line within reach; of such a batch only those lines are shown."""
    lines = payments_in_reach(user).filter(batch=OuterRef("pk"))
    return PaymentBatch.objects.filter(Exists(lines))


def bank_files_in_reach(user: Any) -> QuerySet[BankFile]:
    """Lists of batches within reach; answers that tell of a payment within reach, or that she sees whole."""
    lines = BankLine.objects.filter(file=OuterRef("pk"), payment__in=payments_in_reach(user))
    return BankFile.objects.filter(_seen_whole(user) | Q(batch__in=batches_in_reach(user)) | Exists(lines))


def answers_seen_whole(user: Any) -> QuerySet[BankFile]:
    """Answers of which she sees the lines about no payment as well: her own, and those posted by a post within reach."""
    return BankFile.objects.filter(_seen_whole(user), kind=BankFile.Kind.ANSWER)


def _seen_whole(user: Any, prefix: str = "") -> Q:
    seen, below = Q(**{f"{prefix}made_by": user}), units_in(user, Ability.FUND_VIEW, "unit__")
    if below is None:
        return seen
    for staff in _who_post_answers(below):
        seen |= Q(**{f"{prefix}kind": BankFile.Kind.ANSWER, f"{prefix}made_by__in": staff})
    return seen


def _who_post_answers(below: Q) -> tuple[QuerySet, QuerySet]:
    """Accounts with such a post at a unit within reach, her own or lent to her, also once: what she posted stays there."""
    posts = Appointment.objects.filter(below, confirmed_on__isnull=False, role__in=DUTY_ROLES["answer"])
    lent = Delegation.objects.filter(appointment__in=posts, confirmed_on__isnull=False)
    return posts.values("staff"), lent.values("delegate")


def answers_left_undecided(user: Any) -> QuerySet[Job]:
    """Answers that were uploaded and judged, and that nobody has decided in time, by whoever posts for units within reach."""
    below = units_in(user, Ability.FUND_VIEW, "unit__")
    if below is None or not holds(user, "answer"):
        return Job.objects.none()
    hers = Q(requested_by_id=user.pk)
    for staff in _who_post_answers(below):
        hers |= Q(requested_by_id__in=staff)
    return bank_jobs.undecided(clock.today()).filter(hers)


def bank_lines_in_reach(user: Any) -> QuerySet[BankLine]:
    """Lines of answers about a payment within reach; about none only where she sees the whole answer."""
    return BankLine.objects.filter(_of_hers(user))


def bank_tasks_in_reach(user: Any) -> QuerySet[BankTask]:
    """As the lines they are about."""
    return BankTask.objects.filter(_of_hers(user))


def _of_hers(user: Any) -> Q:
    return Q(payment__in=payments_in_reach(user)) | Q(payment__isnull=True) & _seen_whole(user, "file__")


def kept_in_reach(user: Any, model: type[Any]) -> QuerySet:
    """Rows of a model with a `unit` that keeps them, within reach."""
    condition = units_in(user, Ability.FUND_VIEW, "unit__")
    return model.objects.filter(condition) if condition is not None else model.objects.none()


def proposals_in_reach(user: Any) -> QuerySet[Proposal]:
    return kept_in_reach(user, Proposal)


def receipts_in_reach(user: Any) -> QuerySet[Receipt]:
    return kept_in_reach(user, Receipt)


def donors_in_reach(user: Any) -> QuerySet[Donor]:
    return kept_in_reach(user, Donor)


def campaigns_in_reach(user: Any) -> QuerySet[Campaign]:
    return kept_in_reach(user, Campaign)


def cases_in_reach(user: Any) -> QuerySet[Case]:
    return scope(user, Ability.FUND_VIEW).filter(Case.objects.all())


def posts_for(user: Any, duty: str) -> list[Post]:
    return [post for post in posts_of(user) if post.role in DUTY_ROLES[duty]]


def holds(user: Any, duty: str) -> bool:
    return bool(posts_for(user, duty))


def why_not(user: Any, duty: str) -> str:
    """ "" when the user's post lets her do this; otherwise the sentence that stands where the button would be."""
    if holds(user, duty):
        return ""
    who = _("或").join(title_of(role) for role in DUTY_ROLES[duty])
    mine = _("、").join(dict.fromkeys(title_of(post.role) for post in posts_of(user) if post.role in ROLES))
    return _("这一步由%(who)s办。你是%(mine)s，只能看。") % {"who": who, "mine": mine or "—"}


def demand(user: Any, duty: str) -> None:
    """Raises PermissionDenied with the sentence why not."""
    refusal = why_not(user, duty)
    if refusal:
        raise PermissionDenied(refusal)


def demand_for_unit(user: Any, unit: OrgUnit) -> None:
    """Raises PermissionDenied unless the user manages money of this very place."""
    if not any(post.reaches(unit) for post in posts_for(user, "make")):
        raise PermissionDenied(_("这项资金由%(unit)s的资金管理办。") % {"unit": unit.name})


def demand_money(user: Any) -> None:
    """Raises Http404 for whoever has no money within reach, as the desk's home does."""
    if not (funds_in_reach(user).exists() or allocations_in_reach(user).exists() or posts_for(user, "make")):
        raise Http404


def demand_at(user: Any, unit: OrgUnit, duty: str) -> None:
    """Raises PermissionDenied unless one of her posts lets her do this in this very unit."""
    demand(user, duty)
    if not any(post.reaches(unit) for post in posts_for(user, duty)):
        raise PermissionDenied(_("这本账由%(unit)s的资金岗位办。") % {"unit": unit.name})


def holds_at(user: Any, unit: OrgUnit, duty: str) -> bool:
    return any(post.reaches(unit) for post in posts_for(user, duty))


def units_with_books(user: Any) -> QuerySet[OrgUnit]:
    """Units within reach that keep a fund."""
    return OrgUnit.objects.filter(pk__in=funds_in_reach(user).values("unit")).order_by("code")
