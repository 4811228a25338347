"""What the families app refuses, each with a sentence that says what is wrong and what to do."""

from typing import ClassVar

from django.utils.translation import gettext_lazy as _


class FamiliesError(Exception):
    """Base of every refusal of this app.

    A subclass names the refusal in `kind` and says it in `message`, a lazy text with `%(name)s` places that `details`
    fill in; so the sentence comes out in the language of whoever reads it. A text given to the constructor stands for
    `message`.
    """

    kind: ClassVar[str] = ""
    message = _("操作没有完成。")

    def __init__(self, message: object = None, **details: object) -> None:
        super().__init__()
        if message is not None:
            self.message = message
        self.details = details

    def __str__(self) -> str:
        return str(self.message) % self.details if self.details else str(self.message)


# A value that is not what it should be. `kind` is the code of the finding that an import makes of it.


class ValueRefused(FamiliesError):
    """Base of what is wrong with one value."""


class IdNumberRefused(ValueRefused):
    """Base of what is wrong with a resident ID number."""


class IdLength(IdNumberRefused):
    kind = "id_length"
    message = _("身份证号码为 %(length)s 位，应为 18 位（或旧 15 位）")


class IdCharacters(IdNumberRefused):
    kind = "id_characters"
    message = _("身份证号码中有“%(found)s”，只能是数字，最后一位可以是 X")


class IdLookalike(IdCharacters):
    message = _("身份证号码中有字母 %(found)s，应为数字 %(digit)s")


class IdImpossibleDate(IdNumberRefused):
    kind = "id_impossible_date"
    message = _("身份证号码中的出生日期不存在（%(month)s月%(day)s日）")


class IdInFuture(IdNumberRefused):
    kind = "id_in_future"
    message = _("身份证号码中的出生日期晚于今天，请核对证件")


class IdChecksum(IdNumberRefused):
    kind = "id_checksum"
    message = _("身份证号码校验位不正确，请核对证件")


class HouseholdNumberMalformed(ValueRefused):
    kind = "household_no_malformed"
    message = _("户编号应为 19 位数字（村 12 位、组 3 位、户 4 位）")


class AccountMalformed(ValueRefused):
    kind = "account_malformed"
    message = _("账号应为 8 至 32 位数字，请核对")


class CreditCodeMalformed(ValueRefused):
    kind = "credit_code_malformed"
    message = _("统一社会信用代码应为 18 位数字和大写字母（不用 I、O、S、V、Z）")


class PhoneMalformed(ValueRefused):
    kind = "phone_malformed"
    message = _("电话号码应为 11 位手机号，或带区号的固定电话")


class DateImpossible(ValueRefused):
    kind = "date_impossible"
    message = _("日期不存在：%(text)s")


class DateUnreadable(ValueRefused):
    kind = "date_unreadable"
    message = _("日期无法识别：“%(text)s”，请按 2026-03-05 的样子填写年月日")


class AmountUnreadable(ValueRefused):
    kind = "amount_unreadable"
    message = _("金额无法识别：“%(text)s”，请填数字")


# A file that cannot be read at all.


class FileRefused(FamiliesError):
    """Base of what makes a whole file unreadable."""


class EmptyFile(FileRefused):
    kind = "empty_file"
    message = _("文件是空的，或只有表头。请选择填好的文件")


class WrongFile(FileRefused):
    kind = "wrong_file"
    message = _("这不是户籍册：第一行应是“户编号、村编码、村民小组、姓名”等列名。请选择逗号分隔的 CSV 文件")


class MissingColumns(FileRefused):
    kind = "missing_columns"
    message = _("文件缺少这些列：%(columns)s。请补上后再导入")


class WrongEncoding(FileRefused):
    kind = "wrong_encoding"
    message = _("第 %(line)s 行附近的文字无法解码。请把文件另存为“CSV UTF-8”后再导入")


class BrokenCsv(FileRefused):
    kind = "broken_csv"
    message = _("第 %(line)s 行附近的格式已损坏（例如引号没有配对）。请在表格软件中另存为 CSV 后再导入")


class NotAWorkbook(FileRefused):
    kind = "not_a_workbook"
    message = _("这不是 .xlsx 工作簿，或文件已损坏、加了密码。请在表格软件中另存为 .xlsx 后再导入")


class WorkbookTooLarge(FileRefused):
    kind = "workbook_too_large"
    message = _("工作簿过大：%(what)s 为 %(found)s，最多 %(limit)s。请拆分，或删去表尾多余的空行和图片")


class NoLedgerTable(FileRefused):
    kind = "no_ledger_table"
    message = _("工作簿里没有找到台账表格：表头应有“户编号”和“户主姓名”")


# What services refuse.


class BadSurvey(FamiliesError):
    """A survey that may not be kept."""


class ReasonNeeded(FamiliesError):
    """A masked value was asked for without saying why."""


class PersonRefused(FamiliesError):
    """A death or a move away that cannot be written down or taken back like this."""


class BadDeclaration(FamiliesError):
    """A declaration of a close relative that cannot be written down, confirmed or ended like this."""
