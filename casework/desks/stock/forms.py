"""What the desk of goods is asked for."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from access.models import OrgUnit, Staff
from audit import clock
from casework.desks.funds.forms import KeyedForm, ReasonForm
from casework.desks.stock.shelf import Shelf
from casework.fields import AnswerCards, DayField, MoneyField, sometimes_required
from casework.models import Case
from funds.models import StockItem, StockLot, StockSignature, StockStore
from funds.money import TOO_MUCH_FEN

MOST_PIECES = 1_000_000
RECEIPT_LINES = 5


class QuantityField(forms.IntegerField):
    """Whole pieces; an empty box is none."""

    def __init__(self, **kwargs: Any) -> None:
        widget = forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off", "class": "w-s"})
        super().__init__(**{"min_value": 0, "max_value": MOST_PIECES, "required": False, "widget": widget} | kwargs)


class StoreForm(KeyedForm):
    code = forms.RegexField(
        r"^[A-Za-z0-9]{2,12}$",
        label=_("仓库编码"),
        help_text=_("字母和数字，例如 QH01。写在每张单子的编号里，以后不能改。"),
        error_messages={"invalid": _("编码用字母和数字，2 到 12 位。")},
    )
    name = forms.CharField(label=_("仓库名称"), max_length=60)
    unit = forms.ModelChoiceField(OrgUnit.objects.none(), label=_("哪个单位的"), empty_label=None)
    place = forms.CharField(label=_("在哪里"), max_length=80, required=False)
    needs_witness = forms.BooleanField(
        label=_("发放要两个人"), required=False, initial=True, help_text=_("单子上要有发放人和见证人，不能是同一个人。")
    )

    def __init__(self, *args: Any, units: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["unit"].queryset = units


class CustodianForm(KeyedForm):
    custodian = forms.ModelChoiceField(Staff.objects.none(), label=_("以后由谁保管"), empty_label=None)

    def __init__(self, *args: Any, people: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["custodian"].queryset = people


class ItemForm(KeyedForm):
    name = forms.CharField(label=_("物品名称"), max_length=40, help_text=_("带上规格，例如：棉被（6 斤）。"))
    unit = forms.CharField(label=_("计量单位"), max_length=8, help_text=_("床、袋、件、部……以后不能改。"))
    category = forms.ChoiceField(label=_("哪一类"), choices=StockItem.Category.choices)
    is_loaned = forms.BooleanField(label=_("是借出去的，用完要还"), required=False)
    low_at = QuantityField(label=_("少于多少要补"), help_text=_("一个仓库里剩到这个数就提醒。不用提醒就空着。"))


def _named(item: StockItem) -> str:
    return _now("%(what)s（%(which)s）") % {"what": item.name, "which": item.unit}


LINE_FIELDS = ("item", "quantity", "value", "expires")  # of one row of a receipt


class ReceiveForm(KeyedForm):
    """What came in: where from, and up to RECEIPT_LINES lines of item, quantity, value of one piece, expiry."""

    source = forms.ChoiceField(
        label=_("怎么来的"), choices=StockLot.Source.choices, initial="donated", widget=AnswerCards(look="two")
    )
    source_name = forms.CharField(label=_("谁给的"), max_length=80, help_text=_("捐赠人、供货单位或调拨单位的名称。"))
    document_no = forms.CharField(label=_("捐赠票据号或单据号"), max_length=60)
    reason = forms.CharField(label=_("说明"), max_length=200, required=False)

    def __init__(self, *args: Any, items: list[StockItem], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.items = {str(item.pk): item for item in items}
        choices = [("", _("选一样")), *((pk, _named(item)) for pk, item in self.items.items())]
        for n in range(RECEIPT_LINES):
            self.fields[f"item-{n}"] = forms.ChoiceField(label=_("物品"), choices=choices, required=False)
            self.fields[f"quantity-{n}"] = QuantityField(label=_("数量"))
            self.fields[f"value-{n}"] = MoneyField(
                label=_("一件值多少钱"), max_fen=TOO_MUCH_FEN // MOST_PIECES, required=False
            )
            self.fields[f"expires-{n}"] = forms.DateField(
                label=_("保质期到"), required=False, widget=forms.DateInput(attrs={"type": "date", "class": "input"})
            )
            for name in LINE_FIELDS:  # a mistake is told with its row
                field = self.fields[f"{name}-{n}"]
                field.label = _now("第 %(n)d 行的%(what)s") % {"n": n + 1, "what": field.label}

    def lines(self) -> list[dict[str, Any]]:
        """The bound fields of each line, for the page."""
        return [{name: self[f"{name}-{n}"] for name in LINE_FIELDS} | {"n": n + 1} for n in range(RECEIPT_LINES)]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        cleaned["lines"] = []
        for n in range(RECEIPT_LINES):
            item, quantity, value, expires = (cleaned.get(f"{name}-{n}") for name in LINE_FIELDS)
            if not (item or quantity or value or expires):
                continue
            if not item:
                self.add_error(f"item-{n}", _now("第 %(n)d 行：请选物品。") % {"n": n + 1})
            elif not quantity and f"quantity-{n}" not in self.errors:
                self.add_error(f"quantity-{n}", _now("第 %(n)d 行：请填数量。") % {"n": n + 1})
            elif value is None and f"value-{n}" not in self.errors:
                self.add_error(f"value-{n}", _now("第 %(n)d 行：请填一件值多少钱，不值钱就填 0。") % {"n": n + 1})
            elif expires and expires < clock.today():
                self.add_error(f"expires-{n}", _now("第 %(n)d 行：已经过期的不能入库。") % {"n": n + 1})
            else:
                cleaned["lines"].append((self.items[item], quantity, value, expires))
        if not cleaned["lines"] and not self.errors:
            raise ValidationError(_("还没有填收到了什么。请选物品，填数量和价值。"))
        return cleaned


class WantedForm(KeyedForm):
    """A box for each item that the store has; `wanted` is [(item, quantity)]."""

    def __init__(self, *args: Any, shelves: list[Shelf], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.shelves = shelves
        for shelf in shelves:
            label = _now("%(item)s要几%(unit)s") % {"item": shelf.item.name, "unit": shelf.item.unit}
            self.fields[f"q-{shelf.item.pk}"] = QuantityField(label=label)

    def lines(self) -> list[dict[str, Any]]:
        return [{"shelf": shelf, "box": self[f"q-{shelf.item.pk}"]} for shelf in self.shelves]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        boxes = ((shelf.item, cleaned.get(f"q-{shelf.item.pk}")) for shelf in self.shelves)
        cleaned["wanted"] = [(item, quantity) for item, quantity in boxes if quantity]
        if not cleaned["wanted"] and not self.errors:
            raise ValidationError(_("还没有填数量。请在物品旁边填要几个。"))
        return cleaned


class IssueForm(WantedForm):
    case = forms.ModelChoiceField(
        Case.objects.none(), label=_("用在哪一件个案"), required=False, empty_label=_("不是个案，平时慰问")
    )
    receiver = forms.CharField(label=_("谁来领"), max_length=60)
    witness = forms.ModelChoiceField(
        Staff.objects.none(), label=_("和谁一起发"), required=False, empty_label=_("选一个人")
    )
    due_back_on = sometimes_required(
        DayField(label=_("借的东西哪天还"), earliest=clock.today, help_text=_("只有借出的东西要填。"))
    )
    reason = forms.CharField(label=_("说明"), max_length=200, required=False)

    def __init__(self, *args: Any, cases: Any, people: Any, needs_witness: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["case"].queryset = cases
        self.fields["case"].label_from_instance = lambda case: case.case_no
        self.fields["witness"].queryset = people
        self.fields["witness"].required = needs_witness
        if not any(shelf.item.is_loaned for shelf in self.shelves):
            del self.fields["due_back_on"]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        lends = any(item.is_loaned for item, _quantity in cleaned.get("wanted", []))
        if lends and not cleaned.get("due_back_on") and "due_back_on" not in self.errors:
            self.add_error("due_back_on", _("借出的东西要写哪天还。"))
        return cleaned


class TransferForm(WantedForm):
    to_store = forms.ModelChoiceField(StockStore.objects.none(), label=_("调到哪个仓库"), empty_label=_("选一个仓库"))
    reason = forms.CharField(label=_("说明"), max_length=200, required=False)

    def __init__(self, *args: Any, stores: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["to_store"].queryset = stores


class BackForm(ReasonForm):
    """How many of each line of an issue slip; `lines` are funds.stock.Out."""

    def __init__(self, *args: Any, outs: list[Any], people: Any = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.outs = outs
        for out in outs:
            item = out.move.lot.item
            label = _now("%(item)s几%(unit)s（最多 %(rest)d）") % {
                "item": item.name,
                "unit": item.unit,
                "rest": out.rest,
            }
            self.fields[f"q-{out.move.pk}"] = QuantityField(label=label, max_value=out.rest)
        if people is not None:
            self.fields["witness"] = forms.ModelChoiceField(people, label=_("谁证明"), empty_label=_("选一个人"))
        self.order_fields([name for name in self.fields if name.startswith("q-")])

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        cleaned["lines"] = [(out.move, n) for out in self.outs if (n := cleaned.get(f"q-{out.move.pk}"))]
        if not cleaned["lines"] and not self.errors:
            raise ValidationError(_("还没有填数量。请在物品旁边填退几个。"))
        return cleaned


class SignForm(KeyedForm):
    how = forms.ChoiceField(
        label=_("怎么签的"), choices=StockSignature.How.choices, initial="signed", widget=AnswerCards()
    )
    signer = forms.CharField(label=_("签字的人"), max_length=60)
    relation = sometimes_required(
        forms.CharField(label=_("代领的是他什么人"), max_length=40, help_text=_("别人代领才填，例如：儿子。"))
    )
    photo = forms.FileField(
        label=_("签了字的单子"),
        widget=forms.FileInput(attrs={"accept": "image/*,application/pdf"}),
        help_text=_("拍下或扫描整张单子。"),
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if cleaned.get("how") == "proxy" and not cleaned.get("relation", "").strip():
            self.add_error("relation", _("别人代领的，要写是他什么人。"))
        return cleaned


class CountForm(KeyedForm):
    """One page of a stock-take."""

    def __init__(self, *args: Any, lines: list[Any], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.count_lines = lines
        for line in lines:
            label = _now("%(item)s有几%(unit)s") % {"item": line.item.name, "unit": line.item.unit}
            self.fields[f"q-{line.item_id}"] = QuantityField(label=label, initial=line.counted)

    def lines(self) -> list[dict[str, Any]]:
        return [{"line": line, "box": self[f"q-{line.item_id}"]} for line in self.count_lines]

    def figures(self) -> dict[int, int]:
        """{item id: counted} of the boxes that were filled in."""
        given = ((line.item_id, self.cleaned_data.get(f"q-{line.item_id}")) for line in self.count_lines)
        return {item_id: n for item_id, n in given if n is not None}


class ConfirmForm(KeyedForm):
    reason = forms.CharField(
        label=_("差异的原因"), max_length=200, widget=forms.Textarea(attrs={"rows": 2}), required=False
    )

    def __init__(self, *args: Any, differs: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reason"].required = differs
