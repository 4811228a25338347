"""Where money comes from: donors, campaigns, and each single income with its paper."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from access.models import OrgUnit
from audit.history import tracked
from funds.models.ledger import Fund, Transfer


class Donor(models.Model):
    """Who gives. No address, no telephone number: what nobody keeps nobody can lose."""

    class Kind(models.TextChoices):
        PERSON = "person", _("个人")
        COMPANY = "company", _("企业")
        ORGANISATION = "organisation", _("社会组织")
        ANONYMOUS = "anonymous", _("不留名")

    key = models.CharField(max_length=80, unique=True)
    unit = models.ForeignKey(OrgUnit, models.PROTECT, related_name="+", help_text="whose list it stands on")
    kind = models.CharField(max_length=12, choices=Kind)
    name = models.CharField(max_length=80, blank=True)

    history = tracked()

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind="anonymous", name="") | (~Q(kind="anonymous") & ~Q(name="")), name="donor_has_a_name"
            ),
            models.UniqueConstraint(
                fields=["unit", "name"],
                condition=Q(kind__in=["company", "organisation"]),
                name="an_organisation_once_on_a_list",
            ),
            models.UniqueConstraint(
                fields=["unit"], condition=Q(kind="anonymous"), name="one_row_for_all_without_a_name"
            ),
        ]

    def __str__(self) -> str:
        return self.name or _now("不留名的捐赠人")

    @property
    def masked(self) -> str:
        """As lists show it: of a person the family name alone."""
        if self.kind == self.Kind.PERSON:
            return self.name[:1] + "＊" * max(1, len(self.name) - 1)
        return str(self)


class Campaign(models.Model):
    """One appeal for money. `licence_no` is what the office was given by others; having one is not ours to imply."""

    unit = models.ForeignKey(OrgUnit, models.PROTECT, related_name="+", help_text="who appeals")
    fund = models.ForeignKey(Fund, models.PROTECT, related_name="campaigns", help_text="where its money goes")
    name = models.CharField(max_length=80)
    purpose_words = models.CharField(max_length=200, help_text="what donors were told")
    licence_no = models.CharField(max_length=60, blank=True, help_text="number of the licence for public fundraising")
    starts_on = models.DateField()
    ends_on = models.DateField(null=True)
    closed_on = models.DateField(null=True)
    published_on = models.DateField(null=True, help_text="when its figures were last made public")
    published_where = models.CharField(max_length=80, blank=True)

    history = tracked()

    class Meta:
        ordering = ["-starts_on", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["unit", "name"], name="a_campaign_once"),
            models.CheckConstraint(condition=~Q(purpose_words=""), name="campaign_says_what_for"),
            models.CheckConstraint(
                condition=(Q(ends_on__isnull=True) | Q(ends_on__gte=F("starts_on")))
                & (Q(closed_on__isnull=True) | Q(closed_on__gte=F("starts_on"))),
                name="campaign_dates_in_order",
            ),
            models.CheckConstraint(
                condition=Q(published_on__isnull=True) | ~Q(published_where=""), name="published_somewhere"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Receipt(models.Model):
    """One income, with the paper that proves it. Never changed: with its transfer it is reversed, and counts no more."""

    class Kind(models.TextChoices):
        FISCAL = "fiscal", _("财政拨款")
        DONATION = "donation", _("捐赠")
        PARTNER = "partner", _("合作单位拨款")
        DUES = "dues", _("会费")
        OTHER = "other", _("利息等其他")

    kind = models.CharField(max_length=10, choices=Kind)
    unit = models.ForeignKey(OrgUnit, models.PROTECT, related_name="+", help_text="who received it: keeps the fund")
    fund = models.ForeignKey(Fund, models.PROTECT, related_name="receipts")
    amount_fen = models.BigIntegerField()
    received_on = models.DateField(help_text="on the bank account; entered on the transfer's business date")
    donor = models.ForeignKey(Donor, models.PROTECT, null=True, related_name="receipts")
    campaign = models.ForeignKey(Campaign, models.PROTECT, null=True, related_name="receipts")
    receipt_no = models.CharField(max_length=40, null=True, help_text="of the paper given to the donor (票据号)")
    document_no = models.CharField(max_length=60, blank=True, help_text="文号 or 指标号")
    purpose_words = models.CharField(max_length=200, blank=True, help_text="what the giver wants it used for")
    bank_reference = models.CharField(max_length=60, blank=True)
    transfer = models.OneToOneField(Transfer, models.PROTECT, related_name="receipt")
    recorded_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["donor", "id"], condition=Q(donor__isnull=False), name="receipts_of_a_donor"),
            models.Index(fields=["campaign", "id"], condition=Q(campaign__isnull=False), name="receipts_of_a_campaign"),
            models.Index(fields=["receipt_no"], condition=Q(receipt_no__isnull=False), name="receipts_by_number"),
            models.Index(fields=["document_no"], condition=~Q(document_no=""), name="receipts_by_document"),
            models.Index(fields=["bank_reference"], condition=~Q(bank_reference=""), name="receipts_by_reference"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(amount_fen__gt=0), name="receipt_is_positive"),
            models.CheckConstraint(condition=~Q(receipt_no=""), name="receipt_number_or_none"),
            models.UniqueConstraint(fields=["unit", "receipt_no"], name="a_receipt_number_once"),
            models.CheckConstraint(
                condition=~Q(kind="donation") | Q(donor__isnull=False, receipt_no__isnull=False),
                name="donation_has_donor_and_receipt",
            ),
            models.CheckConstraint(
                condition=~Q(kind="fiscal") | ~Q(document_no=""), name="fiscal_money_has_its_document"
            ),
            models.CheckConstraint(
                condition=Q(campaign__isnull=True) | Q(kind="donation"), name="campaigns_bring_donations"
            ),
        ]

    @property
    def is_reversed(self) -> bool:
        """Whether its entry was undone; lists join `transfer__reversed_by`, so that this asks nothing."""
        return hasattr(self.transfer, "reversed_by")
