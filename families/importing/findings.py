"""What an import has to say about a cell: the catalogue of kinds, and the finding itself.

An error holds the household back until it is corrected; a warning is imported and shown.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from django.utils.translation import gettext_lazy as _

from families import errors

ERROR = "error"
WARNING = "warning"


class Kind(NamedTuple):
    """A kind of finding: its severity, and its sentence with `%(name)s` places for the details."""

    severity: str
    message: object  # lazy text


def _refusals(*refusals: type[errors.ValueRefused]) -> dict[str, Kind]:
    return {refusal.kind: Kind(ERROR, refusal.message) for refusal in refusals}


KINDS: dict[str, Kind] = {
    # one value
    **_refusals(
        errors.IdLength,
        errors.IdCharacters,
        errors.IdImpossibleDate,
        errors.IdInFuture,
        errors.IdChecksum,
        errors.HouseholdNumberMalformed,
        errors.AccountMalformed,
        errors.DateImpossible,
        errors.DateUnreadable,
        errors.AmountUnreadable,
    ),
    "phone_malformed": Kind(WARNING, errors.PhoneMalformed.message),
    "id_number_rounded": Kind(ERROR, _("身份证号码被存为数字，后三位已丢失，请改为文本格式重新填写")),
    "number_rounded": Kind(ERROR, _("%(column)s被存为数字，末几位已丢失，请改为文本格式重新填写")),
    "date_in_future": Kind(ERROR, _("%(column)s晚于今天")),
    "negative_income": Kind(ERROR, _("收入不能为负数；亏损请填 0 并在备注说明")),
    "negative_amount": Kind(ERROR, _("%(column)s不能为负数")),
    "unknown_cause": Kind(ERROR, _("致困原因不在目录中，请从目录选择")),
    "unknown_value": Kind(ERROR, _("%(column)s“%(text)s”不在可选范围内，请从目录选择")),
    "value_missing": Kind(ERROR, _("缺少%(column)s")),
    "text_too_long": Kind(WARNING, _("%(column)s共 %(length)s 字，超出长度限制；原文保留，未被截断")),
    "value_too_long": Kind(ERROR, _("%(column)s共 %(length)s 字，最多 %(limit)s 字")),
    "formula_without_value": Kind(ERROR, _("该单元格是公式且没有保存计算结果，请在表格软件中打开并保存，或直接填数字")),
    "formula_in_text": Kind(ERROR, _("%(column)s单元格是公式（%(function)s），不会执行；请改为文字")),
    "formula_like_text": Kind(ERROR, _("姓名以%(sign)s开头，疑似公式注入，请填写真实姓名")),
    "card_luhn": Kind(WARNING, _("银行卡号校验未通过，请与卡面核对（不阻止导入）")),
    # values that contradict each other
    "birth_date_mismatch": Kind(ERROR, _("出生日期与身份证号码不一致")),
    "sex_mismatch": Kind(ERROR, _("性别与身份证号码不一致")),
    "death_before_birth": Kind(ERROR, _("去世日期早于出生日期")),
    "family_size_mismatch": Kind(WARNING, _("家庭人口与所列成员人数不符")),
    "income_total_mismatch": Kind(WARNING, _("收入合计与各项之和不符（相差 %(difference)s 元）")),
    "sheet_total_mismatch": Kind(WARNING, _("表尾合计与各户之和不符")),
    # households and people against the register and the rest of the ledger
    "household_not_in_register": Kind(ERROR, _("户籍册中没有这个户编号，请核对户编号或先办理入册")),
    "duplicate_household": Kind(ERROR, _("该户已在「%(sheet)s」表中填报，请删除其中一处")),
    "village_mismatch": Kind(ERROR, _("户编号属于%(village)s，却填在%(sheet_village)s表中")),
    "unknown_group": Kind(ERROR, _("该村没有%(group)s")),
    "group_mismatch": Kind(WARNING, _("所在组与户编号中的组（%(group)s）不一致，按户编号导入")),
    "head_not_a_member": Kind(ERROR, _("所填户主不是该户成员（户籍册中属于另一户）")),
    "member_in_two_households": Kind(ERROR, _("此人已列入另一户，一人只能属于一户")),
    "person_repeated": Kind(ERROR, _("此人在同一户中填了两次，请删除其中一行")),
    "id_name_mismatch": Kind(WARNING, _("身份证号码在户籍册中对应的姓名是「%(name)s」")),
    "id_not_in_register": Kind(WARNING, _("户籍册中没有这个身份证号码，请核对；新迁入的人请先办理入册")),
    "id_missing": Kind(WARNING, _("没有身份证号码，备注和户籍册中也没有说明原因")),
    "duplicate_account": Kind(ERROR, _("该账号与另一户相同，请核对账号，或说明代领关系")),
    # the shape of a sheet
    "merged_cell_broken": Kind(ERROR, _("%(column)s单元格被上一户的合并单元格盖住，请取消合并并分别填写")),
    "value_outside_household_row": Kind(ERROR, _("%(column)s应填在该户第一行，这里填的没有读取")),
    "row_not_understood": Kind(WARNING, _("这一行不属于任何一户，没有读取")),
    "column_missing": Kind(WARNING, _("这张表缺少这些列：%(columns)s")),
    "sheet_without_table": Kind(WARNING, _("这张工作表里没有找到台账表格，没有读取")),
    "sheet_hidden": Kind(WARNING, _("隐藏的工作表没有读取")),
    "sheet_village_unknown": Kind(WARNING, _("看不出这张表属于哪个村；请把工作表名改为村名")),
    # the register file
    "row_width": Kind(ERROR, _("这一行有 %(found)s 列，表头有 %(expected)s 列")),
    "unknown_village": Kind(ERROR, _("没有这个村编码：%(code)s")),
    "household_outside_group": Kind(ERROR, _("户编号的前 15 位与村编码、村民小组不一致")),
    "household_split": Kind(ERROR, _("该户的行没有排在一起，前面已经有这一户")),
    "household_in_two_groups": Kind(ERROR, _("同一户的村编码或村民小组前后不一致")),
    "head_not_first": Kind(ERROR, _("每户第一行应是户主")),
    "two_heads": Kind(ERROR, _("一户只能有一个户主")),
    "id_without_reason": Kind(ERROR, _("没有身份证号码，请填写无证原因")),
    "id_repeated": Kind(ERROR, _("这个身份证号码在第 %(line)s 行已经出现过")),
}


class CellRef(NamedTuple):
    """Another cell that a finding is about."""

    sheet: str
    cell: str
    household_no: str | None


@dataclass(frozen=True, slots=True)
class Finding:
    """One remark about one cell.

    `sheet` is the exact name of the work sheet, empty for a CSV file; `cell` is an address such as `C19`. `raw` is what
    the cell holds (a formula as its text); it may be an ID number and therefore stays out of `repr`. `details` fill the
    sentence and may hold lazy texts. `household_no` is None where no household is meant, as for a total.
    """

    sheet: str
    cell: str
    kind: str
    household_no: str | None
    raw: object = field(default=None, repr=False)
    details: Mapping[str, object] = field(default_factory=dict, repr=False)
    related: tuple[CellRef, ...] = ()
    template: object = field(default=None, repr=False)  # a more exact sentence than the catalogue's

    @property
    def severity(self) -> str:
        return KINDS[self.kind].severity

    @property
    def is_error(self) -> bool:
        return self.severity == ERROR

    @property
    def message(self) -> str:
        """The sentence in the active language."""
        sentence = str(self.template or KINDS[self.kind].message)
        return sentence % self.details if self.details else sentence
