"""What goes to a bank and comes back: how a bank's files look, which files there were, their lines, and what is left to do.

Formats, files and lines are written once and stay; what has to be done about a line is a task that somebody settles.
"""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from audit.history import tracked
from funds.models.payments import Payment, PaymentBatch


class BankFormat(models.Model):
    """One version of what a bank's file looks like in one direction. A changed layout is a new version (ADR 0013)."""

    class Direction(models.TextChoices):
        OUT = "out", _("清单")
        IN = "in", _("回单")

    code = models.CharField(max_length=20, help_text="of the bank")
    name = models.CharField(max_length=60)
    direction = models.CharField(max_length=3, choices=Direction)
    version = models.CharField(max_length=20)
    valid_from = models.DateField()
    spec = models.JSONField(help_text="see funds/banking/formats.py")
    made_on = models.DateField()
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        related_name="+",
        help_text="null: it came with the product",
    )

    class Meta:
        ordering = ["code", "direction", "valid_from"]
        constraints = [
            models.UniqueConstraint(fields=["code", "direction", "version"], name="one_format_a_version"),
            models.UniqueConstraint(fields=["code", "direction", "valid_from"], name="one_format_a_day"),
        ]


class HeadingMapping(models.Model):
    """What a person said of one bank's files with one row of headings: which column is what, what its words mean."""

    bank = models.CharField(max_length=20)
    signature = models.CharField(max_length=64, help_text="of the headings, in their order")
    columns = models.JSONField(default=dict, help_text="{field: heading}; a field without a column has an empty one")
    statuses = models.JSONField(default=dict, help_text="{the bank's word: credited, failed, returned or unclear}")
    reasons = models.JSONField(default=dict, help_text="{the bank's word: code of ours}")
    made_on = models.DateField()
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")

    history = tracked()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["bank", "signature"], name="one_mapping_a_heading")]


class BankFile(models.Model):
    """A list that was made for a bank, or an answer of a bank that was posted. The same bytes are the same file."""

    class Kind(models.TextChoices):
        LIST = "list", _("清单")
        ANSWER = "answer", _("回单")

    kind = models.CharField(max_length=6, choices=Kind)
    bank = models.CharField(max_length=20)
    format_version = models.CharField(max_length=20)
    sha256 = models.CharField(max_length=64, unique=True)
    filename = models.CharField(max_length=120)
    batch = models.ForeignKey(
        PaymentBatch,
        models.PROTECT,
        null=True,
        related_name="bank_lists",
        help_text="of a list; an answer may tell of many",
    )
    count = models.IntegerField(help_text="lines")
    total_fen = models.BigIntegerField()
    counts = models.JSONField(default=dict, help_text="of an answer: {result: lines}")
    sums_fen = models.JSONField(default=dict, help_text="of an answer: {result: fen}")
    reasons = models.JSONField(default=dict, help_text="of an answer: {result:reason: lines}")
    made_on = models.DateField(help_text="the day it was made, or posted")
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", help_text="who had it made, or posted it"
    )

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind="list", batch__isnull=False) | Q(kind="answer", batch__isnull=True),
                name="a_list_is_of_a_batch",
            ),
            models.CheckConstraint(
                condition=~Q(kind="answer") | Q(made_by__isnull=False), name="an_answer_is_posted_by_somebody"
            ),
        ]


class BankLine(models.Model):
    """One line of a posted answer, as the bank wrote it, and what was made of it."""

    class Verdict(models.TextChoices):
        MATCHED = "matched", _("对上了")
        PROBABLE = "probable", _("像是")
        UNMATCHED = "unmatched", _("对不上")

    file = models.ForeignKey(BankFile, models.PROTECT, related_name="lines")
    n = models.IntegerField(help_text="row of the file, from 1")
    bank = models.CharField(max_length=20)
    serial = models.CharField(max_length=200)
    bank_reference = models.CharField(max_length=200, blank=True)
    owns_reference = models.BooleanField(help_text="the bank gives this reference to one payment alone")
    account_last4 = models.CharField(max_length=4, blank=True)
    account_index = models.CharField(max_length=32, blank=True)
    name = models.CharField(max_length=200, blank=True)
    amount_fen = models.BigIntegerField(null=True, help_text="null: it could not be read")
    outcome = models.CharField(max_length=10, help_text="credited, failed, returned or unclear")
    reason_code = models.CharField(max_length=20, blank=True)
    words = models.CharField(max_length=420, blank=True, help_text="status and reason as the bank wrote them")
    happened_on = models.DateField(null=True)
    verdict = models.CharField(max_length=10, choices=Verdict)
    result = models.CharField(max_length=20, help_text="matched_success, …, exception; see funds/banking/matching.py")
    cause = models.CharField(max_length=20, blank=True, help_text="why it did not match")
    payment = models.ForeignKey(Payment, models.PROTECT, null=True, related_name="bank_lines")
    accepted = models.BooleanField(null=True, help_text="of a probable line: what the person decided")
    posted = models.BooleanField(help_text="the payment was moved by this line")

    class Meta:
        ordering = ["file_id", "n"]
        indexes = [
            models.Index(fields=["bank_reference"], condition=~Q(bank_reference=""), name="bank_lines_by_reference"),
            models.Index(fields=["serial"], name="bank_lines_by_serial"),
            models.Index(fields=["account_index"], condition=~Q(account_index=""), name="bank_lines_by_account"),
            models.Index(fields=["account_last4", "-id"], name="bank_lines_by_account_end"),
            models.Index(fields=["name"], name="bank_lines_by_name"),
            models.Index(fields=["amount_fen"], name="bank_lines_by_amount"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["file", "n"], name="a_line_once_a_file"),
            models.UniqueConstraint(
                fields=["bank", "bank_reference"], condition=Q(owns_reference=True), name="one_payment_a_bank_reference"
            ),
            models.CheckConstraint(
                condition=Q(owns_reference=False) | (Q(posted=True) & ~Q(bank_reference="")),
                name="only_posted_lines_own_a_reference",
            ),
            models.CheckConstraint(
                condition=Q(posted=False)
                | (Q(payment__isnull=False) & (Q(verdict="matched") | Q(verdict="probable", accepted=True))),
                name="only_what_matched_is_posted",
            ),
        ]


class BankTask(models.Model):
    """What an answer left open, for somebody to settle: a line that fits nothing, a payment that nobody answered."""

    class Kind(models.TextChoices):
        NO_ANSWER = "no_answer", _("没有回单")
        NOT_SENT_BY_US = "not_sent_by_us", _("不是我们发的")
        AMOUNT_MISMATCH = "amount_mismatch", _("金额不同")
        ACCOUNT_MISMATCH = "account_mismatch", _("账号不同")
        DUPLICATE_LINE = "duplicate_line", _("同一笔两行")
        PAID_AGAIN = "paid_again", _("又付了一次")
        WRONG_DAY = "wrong_day", _("日期不对")
        CONTRADICTS = "contradicts", _("前后相反")
        REFERENCE_USED = "reference_used", _("银行流水号重复")
        UNREADABLE = "unreadable", _("读不出来")
        UNCLEAR_ANSWER = "unclear_answer", _("银行说不清")
        NAME_DIFFERS = "name_differs", _("户名不同")
        ACCOUNT_MASKED = "account_masked", _("账号遮住了")
        SERIAL_UNKNOWN = "serial_unknown", _("流水号认不出")
        LATE_RETURN = "late_return", _("结案后退票")

    class State(models.TextChoices):
        OPEN = "open", _("没有解决")
        SETTLED = "settled", _("已解决")

    class How(models.TextChoices):
        ANSWERED = "answered", _("后来的回单答复了")
        BANK_MISTAKE = "bank_mistake", _("银行弄错了，已更正")
        ONE_PAYMENT = "one_payment", _("只付了一次，多出来的一行不算")
        RECORDED = "recorded", _("问清以后，已在批次里记下结果")
        TAKEN_BACK = "taken_back", _("多付的已经追回")
        NOT_OURS = "not_ours", _("不是我们的回单，传错了")
        OTHER = "other", _("其他")

    kind = models.CharField(max_length=20, choices=Kind)
    file = models.ForeignKey(BankFile, models.PROTECT, related_name="tasks")
    line = models.OneToOneField(BankLine, models.PROTECT, null=True, related_name="task", help_text="null: of no line")
    payment = models.ForeignKey(Payment, models.PROTECT, null=True, related_name="bank_tasks")
    amount_fen = models.BigIntegerField(null=True)
    words = models.TextField()
    role = models.CharField(max_length=30, help_text="who must act")
    opened_on = models.DateField()
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    asked_on = models.DateField(null=True, help_text="when the bank was asked")
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    settled_on = models.DateField(null=True)
    settled_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    how = models.CharField(max_length=20, choices=How, blank=True)
    note = models.CharField(max_length=200, blank=True)

    history = tracked()

    class Meta:
        ordering = ["opened_on", "id"]
        indexes = [models.Index(fields=["opened_on", "id"], condition=Q(state="open"), name="bank_tasks_open")]
        constraints = [
            models.UniqueConstraint(
                fields=["payment"],
                condition=Q(state="open", kind="no_answer"),
                name="one_open_question_a_payment",
            ),
            models.CheckConstraint(
                condition=Q(state="open", settled_on__isnull=True, settled_by__isnull=True, how="")
                | (Q(state="settled", settled_on__isnull=False, settled_by__isnull=False) & ~Q(how="")),
                name="settled_by_somebody",
            ),
            models.CheckConstraint(
                condition=Q(asked_on__isnull=True, asked_by__isnull=True)
                | Q(asked_on__isnull=False, asked_by__isnull=False),
                name="asked_by_somebody",
            ),
            models.CheckConstraint(condition=~Q(how="other") | ~Q(note=""), name="another_way_says_which"),
            models.CheckConstraint(
                condition=Q(kind="no_answer", line__isnull=True, payment__isnull=False)
                | (~Q(kind="no_answer") & Q(line__isnull=False)),
                name="a_task_is_about_something",
            ),
        ]
