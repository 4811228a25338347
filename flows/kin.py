"""Who counts as a close relative: the dated list behind the register of close relatives (近亲属备案).

Local rules differ. One county follows spouse, parents, children and siblings of both sides with the parents' siblings, another
goes to cousins; so the list is a version like a programme's, written by one administrator and published by another.
What is known here is the words; which of them must be declared is data.
"""

from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from flows.errors import BadParameters
from flows.parameters import Stored

# As the notices of several prefectures spell them out; the widest that was found.
RELATIONS: dict[str, Any] = {
    "spouse": gettext_lazy("配偶"),
    "parent": gettext_lazy("父母（含养父母、有扶养关系的继父母）"),
    "parent_in_law": gettext_lazy("配偶的父母"),
    "child": gettext_lazy("子女（含养子女、有扶养关系的继子女）"),
    "child_in_law": gettext_lazy("子女的配偶"),
    "sibling": gettext_lazy("兄弟姐妹"),
    "sibling_in_law": gettext_lazy("配偶的兄弟姐妹"),
    "sibling_spouse": gettext_lazy("兄弟姐妹的配偶"),
    "grandparent": gettext_lazy("祖父母、外祖父母"),
    "grandchild": gettext_lazy("孙子女、外孙子女"),
    "parents_sibling": gettext_lazy("父母的兄弟姐妹（伯叔姑舅姨）"),
    "parents_sibling_in_law": gettext_lazy("配偶父母的兄弟姐妹"),
    "cousin": gettext_lazy("堂、表兄弟姐妹"),
    "nephew": gettext_lazy("侄、甥"),
    "ward": gettext_lazy("监护人、被监护人，其他扶养关系"),
}
# Both sides' parents, siblings, parents' siblings, children and their spouses, two generations up and down.
USUAL = (
    *("spouse", "parent", "parent_in_law", "child", "child_in_law", "sibling", "sibling_in_law"),
    *("grandparent", "grandchild", "parents_sibling", "parents_sibling_in_law", "ward"),
)
CODE = "close_relatives"


@dataclass(frozen=True)
class Register:
    """A register that has dated rules and moves no money."""

    code: str
    title: Any


REGISTERS: dict[str, Register] = {CODE: Register(CODE, gettext_lazy("近亲属备案"))}


@dataclass(frozen=True)
class KinParameters(Stored):
    """One dated set of rules of the register."""

    relations: list[str] = field(default_factory=lambda: list(USUAL))

    def __post_init__(self) -> None:
        strange = set(self.relations) - set(RELATIONS)
        if strange:
            raise BadParameters(_("没有这样的亲属关系：%(names)s。") % {"names": _("、").join(sorted(strange))})
        if not self.relations:
            raise BadParameters(_("要备案的亲属关系至少选一种。"))

    def check_against(self, register: Register) -> None:
        """The register asks for nothing besides."""
