"""What is asked when a case is opened and when an account is written down."""

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from access import reach, vault
from audit import clock
from casework.desks.account_fields import AccountFields
from casework.desks.acts import new_key
from casework.fields import AnswerCards
from families.models import BankAccount, Household, Lead, Person
from families.relation_words import relation_words
from flows.programmes import PROGRAMMES

HINTS = {
    "family_care": _l("一户一策，长期关心，不发钱"),
    "disaster_relief": _l("受灾、意外、大病，急用钱"),
    "education_grant": _l("家里有学生，交学费难"),
    "elderly_support": _l("六十岁以上，要人照料"),
    "housing_aid": _l("房子不安全，要修要盖，按进度付"),
}
SOURCES = [
    (Lead.Source.STAFF, _l("我自己走访发现的")),
    (Lead.Source.VILLAGER, _l("这家自己来说的")),
    (Lead.Source.INFORMANT, _l("组长、邻居告诉的")),
    (Lead.Source.HOTLINE, _l("打电话来的")),
]


def members_of(household: Household) -> list[tuple[Person, str]]:
    """Who belongs to the household today, with the relation to the head."""
    rows = household.members.filter(valid_to__isnull=True).select_related("person").order_by("pk")
    return [(row.person, relation_words(row.relation)) for row in rows if row.person.died_on is None]


class OpenForm(forms.Form):
    key = forms.CharField(widget=forms.HiddenInput, max_length=60, initial=new_key)
    programme = forms.ChoiceField(label=_l("办哪一项帮扶？"), widget=AnswerCards(hints=HINTS))
    beneficiary = forms.ChoiceField(label=_l("帮的是谁？"), widget=AnswerCards)
    words = forms.CharField(
        label=_l("他们怎么说？"),
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_l("用他们自己的话，一两句。不写身份证、病名。"),
    )
    source = forms.ChoiceField(label=_l("怎么知道的？"), choices=SOURCES, initial="staff", widget=AnswerCards)

    def __init__(self, *args: Any, household: Household, **more: Any) -> None:
        super().__init__(*args, **more)
        self.household = household
        self.people = members_of(household)
        self.fields["programme"].choices = [(code, spec.title) for code, spec in PROGRAMMES.items()]
        self.fields["beneficiary"].choices = [
            (
                str(person.pk),
                _("%(name)s，%(relation)s，%(age)d 岁")
                % {"name": person.name, "relation": relation, "age": person.age_on(clock.today())},
            )
            for person, relation in self.people
        ]
        self.fields["beneficiary"].initial = str(household.head_id)

    def person(self) -> Person:
        chosen = int(self.cleaned_data["beneficiary"])
        return next(person for person, _relation in self.people if person.pk == chosen)


class AccountForm(AccountFields):
    """A number written twice. One that another family uses needs the reason; one that no card could have, a warning."""

    holder_id = forms.ChoiceField(label=_l("户名是谁？"), widget=AnswerCards)
    shared_because = forms.CharField(
        label=_l("和别的户用同一个账号的，写明为什么"), max_length=120, required=False, help_text=_l("没有就空着。")
    )
    field_order = ["holder_id", "kind", "number", "again", "sure", "bank", "other_bank", "shared_because"]

    def __init__(self, *args: Any, household: Household, **more: Any) -> None:
        super().__init__(*args, **more)
        self.household = household
        self.people = [person for person, _relation in members_of(household)]
        self.fields["holder_id"].choices = [(str(person.pk), person.name) for person in self.people]
        self.fields["holder_id"].initial = str(household.head_id)
        self.ask_for(household)

    def holder(self) -> Person:
        chosen = int(self.cleaned_data["holder_id"])
        return next(person for person in self.people if person.pk == chosen)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        number = cleaned.get("number")
        if number and not cleaned.get("shared_because", "").strip():
            self._refuse_unexplained_sharing(number)
        return cleaned

    def _refuse_unexplained_sharing(self, number: str) -> None:
        with reach.beyond():  # whose it is is asked of everybody, and told by the village alone
            self._refuse_sharing_with(number)

    def _refuse_sharing_with(self, number: str) -> None:
        others = (
            BankAccount.objects.filter(number_index=vault.blind_index("account", number), is_active=True)
            .exclude(household=self.household)
            .select_related("household")
        )
        for other in others[:1]:
            near = other.household.village_id == self.household.village_id
            whose = _("%(name)s家") % {"name": other.household.head_name} if near else _("外村的一户")
            self.add_error(
                "shared_because", _("%(whose)s也在用这个账号。写明为什么合用，不然改一个账号。") % {"whose": whose}
            )
