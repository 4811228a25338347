"""Goods given in kind: what there is, where it lies, and every slip on which some of it came, went or came back.

Quantities are whole numbers of the item's own unit of count (床, 袋, 件); values are quantity × unit_value_fen and never
part of a money balance. What may not happen is refused by PostgreSQL; see migrations/0011_stock_laws.py.
"""

from django.conf import settings
from django.db import models
from django.db.models import Case, F, IntegerField, Q, Value, When
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from access.models import OrgUnit
from audit.history import tracked


class StockItem(models.Model):
    """A kind of goods and how it is counted. What is lent must come back."""

    class Category(models.TextChoices):
        BEDDING = "bedding", _("被服")
        FOOD = "food", _("粮油食品")
        FUEL = "fuel", _("取暖")
        SCHOOL = "school", _("学习用品")
        CARE = "care", _("护理和辅具")
        HOUSE = "house", _("家居用品")
        DEVICE = "device", _("设备")
        OTHER = "other", pgettext_lazy("goods", "其他")

    name = models.CharField(max_length=40, unique=True)
    unit = models.CharField(max_length=8, help_text="unit of count: 床, 袋, 件")
    category = models.CharField(max_length=10, choices=Category)
    is_loaned = models.BooleanField(default=False)
    low_at = models.IntegerField(default=0, help_text="on hand, in one store: said to be low from here down; 0: never")

    history = tracked()

    class Meta:
        ordering = ["category", "name"]
        constraints = [
            models.CheckConstraint(condition=Q(low_at__gte=0), name="low_mark_not_negative"),
            models.CheckConstraint(condition=~Q(unit=""), name="item_has_its_unit"),
        ]

    def __str__(self) -> str:
        return self.name


class StockStore(models.Model):
    """Where an org unit keeps goods, and who answers for them. Its code stands in the numbers of its slips."""

    code = models.CharField(max_length=12, unique=True)
    name = models.CharField(max_length=60)
    unit = models.ForeignKey(
        OrgUnit, models.PROTECT, related_name="+", help_text="who keeps it; goods go to its villages"
    )
    custodian = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    place = models.CharField(max_length=80, blank=True)
    needs_witness = models.BooleanField(default=True, help_text="two natural persons hand out")

    history = tracked()

    class Meta:
        ordering = ["code"]

    def __str__(self) -> str:
        return self.name


class StockLot(models.Model):
    """Goods of one item that came into one store together, at one value. Only a move changes `on_hand` and `lent`."""

    class Source(models.TextChoices):
        DONATED = "donated", _("捐赠")
        BOUGHT = "bought", _("采购")
        ALLOTTED = "allotted", _("上级调拨")

    item = models.ForeignKey(StockItem, models.PROTECT, related_name="lots")
    store = models.ForeignKey(StockStore, models.PROTECT, related_name="lots")
    origin = models.ForeignKey(
        "self", models.PROTECT, null=True, related_name="+", help_text="the lot it was sent from"
    )
    source = models.CharField(max_length=10, choices=Source)
    source_name = models.CharField(max_length=80, help_text="donor or supplier")
    document_no = models.CharField(max_length=60, help_text="donation receipt, invoice or order")
    unit_value_fen = models.BigIntegerField()
    received_on = models.DateField()
    expires_on = models.DateField(null=True)
    on_hand = models.IntegerField(default=0)
    lent = models.IntegerField(default=0)

    history = tracked(ignore=("on_hand", "lent"))

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["source_name"], name="lots_by_donor")]
        constraints = [
            models.CheckConstraint(condition=Q(unit_value_fen__gte=0), name="unit_value_not_negative"),
            models.CheckConstraint(condition=~Q(source_name="") & ~Q(document_no=""), name="lot_says_where_from"),
            models.CheckConstraint(
                condition=Q(expires_on__isnull=True) | Q(expires_on__gte=F("received_on")), name="expiry_after_receipt"
            ),
            models.CheckConstraint(condition=Q(on_hand__gte=0), name="stock_never_negative"),
            models.CheckConstraint(condition=Q(lent__gte=0), name="lent_never_negative"),
        ]

    @property
    def value_fen(self) -> int:
        return self.on_hand * self.unit_value_fen


class StockCount(models.Model):
    """A stock-take of one store. The difference becomes an entry when a second natural person confirms it."""

    class State(models.TextChoices):
        OPEN = "open", _("清点中")
        COUNTED = "counted", _("等第二人确认")
        CONFIRMED = "confirmed", _("已确认")
        DROPPED = "dropped", _("已作废")

    key = models.CharField(max_length=100, unique=True)
    store = models.ForeignKey(StockStore, models.PROTECT, related_name="counts")
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    opened_on = models.DateField()
    counter = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    counter_person_key = models.CharField(max_length=32)
    confirmer = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    confirmer_person_key = models.CharField(max_length=32, null=True)
    closed_on = models.DateField(null=True)
    reason = models.TextField(blank=True)

    history = tracked()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["store"], condition=Q(state__in=["open", "counted"]), name="one_open_count_a_store"
            ),
            models.CheckConstraint(
                condition=~Q(counter_person_key=F("confirmer_person_key")), name="counter_is_not_confirmer"
            ),
            models.CheckConstraint(
                condition=Q(state__in=["open", "counted"], confirmer_person_key__isnull=True, closed_on__isnull=True)
                | Q(state="confirmed", confirmer_person_key__isnull=False, closed_on__isnull=False) & ~Q(reason="")
                | Q(state="dropped", confirmer_person_key__isnull=True, closed_on__isnull=False) & ~Q(reason=""),
                name="count_state_has_its_persons",
            ),
        ]


class StockCountLine(models.Model):
    """One item in a stock-take: what the book said when it was counted, and what lay there."""

    count = models.ForeignKey(StockCount, models.PROTECT, related_name="lines")
    item = models.ForeignKey(StockItem, models.PROTECT, related_name="+")
    expected = models.IntegerField(null=True)
    counted = models.IntegerField(null=True)

    history = tracked()

    class Meta:
        ordering = ["item__category", "item__name"]
        constraints = [
            models.UniqueConstraint(fields=["count", "item"], name="an_item_once_in_a_count"),
            models.CheckConstraint(
                condition=Q(expected__isnull=True, counted__isnull=True)
                | Q(expected__isnull=False, counted__isnull=False, counted__gte=0),
                name="counted_with_its_book_figure",
            ),
        ]

    @property
    def difference(self) -> int | None:
        return None if self.counted is None or self.expected is None else self.counted - self.expected


class StockSlip(models.Model):
    """The paper behind every move, numbered without gaps per store, kind and year. Never changed: another slip answers it.

    `subject` names the stream: case:17 when the goods go to a case, else store:3. Household and receiver are values.
    """

    class Kind(models.TextChoices):
        RECEIPT = "receipt", _("入库单")
        ISSUE = "issue", _("领用单")
        BACK = "back", _("退还单")
        TRANSFER = "transfer", _("调拨单")
        ACCEPTANCE = "acceptance", _("调入单")
        COUNT = "count", _("盘点单")
        LOSS = "loss", _("报失单")
        REVERSAL = "reversal", _("冲正单")

    key = models.CharField(max_length=100, unique=True)
    kind = models.CharField(max_length=10, choices=Kind)
    store = models.ForeignKey(StockStore, models.PROTECT, related_name="slips")
    year = models.SmallIntegerField()
    serial = models.IntegerField()
    number = models.CharField(max_length=40, unique=True)
    subject = models.CharField(max_length=40, db_index=True)
    made_on = models.DateField()
    recorded_at = models.DateTimeField(auto_now_add=True)
    maker = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    maker_person_key = models.CharField(max_length=32)
    witness = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    witness_person_key = models.CharField(max_length=32, null=True)
    household_no = models.CharField(max_length=19, blank=True)
    household_name = models.CharField(max_length=60, blank=True)
    village = models.ForeignKey(OrgUnit, models.PROTECT, null=True, related_name="+")
    receiver = models.CharField(max_length=60, blank=True)
    due_back_on = models.DateField(null=True, help_text="when what is lent must be back")
    to_store = models.ForeignKey(StockStore, models.PROTECT, null=True, related_name="sent_here")
    answers = models.ForeignKey("self", models.PROTECT, null=True, related_name="answered_by")
    count = models.OneToOneField(StockCount, models.PROTECT, null=True, related_name="slip")
    reason = models.TextField(blank=True)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["household_no"], condition=~Q(household_no=""), name="slips_by_household"),
            models.Index(fields=["village"], condition=Q(village__isnull=False), name="slips_by_village"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["store", "kind", "year", "serial"], name="slip_numbers_count_up"),
            models.UniqueConstraint(
                fields=["answers"], condition=Q(kind__in=["acceptance", "reversal"]), name="accepted_or_reversed_once"
            ),
            models.CheckConstraint(condition=~Q(maker_person_key=F("witness_person_key")), name="witness_is_another"),
            models.CheckConstraint(
                condition=~Q(kind="issue")
                | (~Q(household_no="") & ~Q(household_name="") & ~Q(receiver="") & Q(village__isnull=False)),
                name="issue_names_its_household",
            ),
            models.CheckConstraint(
                condition=Q(kind="transfer", to_store__isnull=False) & ~Q(to_store=F("store"))
                | ~Q(kind="transfer") & Q(to_store__isnull=True),
                name="transfer_goes_elsewhere",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=["back", "acceptance", "loss", "reversal"], answers__isnull=False)
                | ~Q(kind__in=["back", "acceptance", "loss", "reversal"]) & Q(answers__isnull=True),
                name="slip_names_what_it_answers",
            ),
            models.CheckConstraint(
                condition=Q(kind="count", count__isnull=False) | ~Q(kind="count") & Q(count__isnull=True),
                name="count_slip_names_its_count",
            ),
            models.CheckConstraint(
                condition=~Q(kind__in=["reversal", "loss", "count", "back"]) | ~Q(reason=""), name="slip_says_why"
            ),
            models.CheckConstraint(condition=~Q(kind="loss") | Q(witness__isnull=False), name="loss_has_its_witness"),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def countersign(self) -> models.Model | None:
        """The witness's last answer, or the question that waits for it; None where there was no witness."""
        return max(self.countersigns.all(), key=lambda one: one.pk, default=None)


class StockMove(models.Model):
    """So many pieces of one lot, on one slip. Append-only; a reversal names the very move that it takes back."""

    class Kind(models.TextChoices):
        RECEIVE = "receive", pgettext_lazy("goods", "入库")
        GIVE = "give", pgettext_lazy("goods", "发放")
        LEND = "lend", pgettext_lazy("goods", "借出")
        UNDELIVERED = "undelivered", pgettext_lazy("goods", "没发成，退回")
        RETURNED = "returned", pgettext_lazy("goods", "归还")
        LOST = "lost", pgettext_lazy("goods", "借出后遗失")
        SEND = "send", pgettext_lazy("goods", "调出")
        ACCEPT = "accept", pgettext_lazy("goods", "调入")
        FOUND = "found", pgettext_lazy("goods", "盘盈")
        MISSING = "missing", pgettext_lazy("goods", "盘亏")

    INTO = ("receive", "undelivered", "returned", "accept", "found")
    OUT_OF = ("give", "lend", "send", "missing")
    _sign = Case(When(reverses__isnull=True, then=Value(1)), default=Value(-1), output_field=IntegerField())

    key = models.CharField(max_length=120, unique=True)
    slip = models.ForeignKey(StockSlip, models.PROTECT, related_name="moves")
    kind = models.CharField(max_length=12, choices=Kind)
    lot = models.ForeignKey(StockLot, models.PROTECT, related_name="moves")
    quantity = models.IntegerField()
    answers = models.ForeignKey("self", models.PROTECT, null=True, related_name="answered_by")
    reverses = models.OneToOneField("self", models.PROTECT, null=True, related_name="reversed_by")
    subject = models.CharField(max_length=40, db_index=True)
    # What the move does to the lot's `on_hand` and `lent`: their sums are the lot's figures.
    change = models.GeneratedField(
        expression=_sign
        * Case(
            When(kind__in=INTO, then=F("quantity")),
            When(kind__in=OUT_OF, then=-F("quantity")),
            default=Value(0),
            output_field=IntegerField(),
        ),
        output_field=IntegerField(),
        db_persist=True,
    )
    lent_change = models.GeneratedField(
        expression=_sign
        * Case(
            When(kind="lend", then=F("quantity")),
            When(kind__in=("returned", "lost"), then=-F("quantity")),
            default=Value(0),
            output_field=IntegerField(),
        ),
        output_field=IntegerField(),
        db_persist=True,
    )

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(condition=Q(quantity__gt=0), name="quantity_is_positive"),
            models.UniqueConstraint(
                fields=["lot"],
                condition=Q(kind__in=["receive", "accept"], reverses__isnull=True),
                name="a_lot_comes_in_once",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=["undelivered", "returned", "lost", "accept"], answers__isnull=False)
                | ~Q(kind__in=["undelivered", "returned", "lost", "accept"]) & Q(answers__isnull=True),
                name="move_names_what_it_answers",
            ),
        ]

    @property
    def value_fen(self) -> int:
        """What the pieces are worth, whichever way they went."""
        return self.quantity * self.lot.unit_value_fen


class StockSignature(models.Model):
    """The receiver's own hand under an issue slip: the fingerprint of the picture of the signed paper. Append-only."""

    class How(models.TextChoices):
        SIGNED = "signed", _("本人签字")
        THUMB = "thumb", _("本人按手印")
        PROXY = "proxy", _("别人代领")

    slip = models.OneToOneField(StockSlip, models.PROTECT, related_name="signature")
    how = models.CharField(max_length=10, choices=How)
    signer = models.CharField(max_length=60)
    relation = models.CharField(max_length=40, blank=True, help_text="who it is that came instead")
    sha256 = models.CharField(max_length=64)
    document_id = models.BigIntegerField(null=True, help_text="where the picture is kept; a value, not a key")
    subject = models.CharField(max_length=40)
    signed_on = models.DateField()
    recorded_at = models.DateTimeField(auto_now_add=True)
    recorded_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(sha256__regex=r"^[0-9a-f]{64}$"), name="signature_has_a_fingerprint"),
            models.CheckConstraint(condition=~Q(signer=""), name="signature_has_a_signer"),
            models.CheckConstraint(condition=~Q(how="proxy") | ~Q(relation=""), name="proxy_says_who"),
        ]
