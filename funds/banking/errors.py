"""What a bank's file or its description is refused for, each with a sentence that says what to do."""

from typing import ClassVar

from django.utils.translation import gettext_lazy as _

from funds.errors import FundsError


class BankingError(FundsError):
    """Base of the refusals around bank files. `code` is for scripts; `message` is filled with `details` when it is read."""

    code: ClassVar[str] = ""
    message = _("银行文件没有处理完。")

    def __init__(self, **details: object) -> None:
        super().__init__()
        self.details = details

    def __str__(self) -> str:
        return str(self.message) % self.details if self.details else str(self.message)


class FormatError(BankingError):
    """A description of a bank's file that cannot be used. `path` is the place in the JSON, `words` what belongs there."""

    code = "format"
    message = _("银行文件格式的“%(path)s”不对：%(words)s。请改正后再保存。")


class ListRefused(BankingError):
    """The payment list has lines that the bank would reject. `problems` holds the first of them."""

    code = "list_refused"
    message = _("有 %(count)s 处银行会退回，文件没有生成。请按下面逐行改正后再导出。")

    def __init__(self, problems: list, count: int) -> None:
        super().__init__(count=count)
        self.problems = problems


class ListChanged(BankingError):
    code = "list_changed"
    message = _(
        "清单应为 %(count)s 笔、%(total)s 元，实际写出 %(found_count)s 笔、%(found_total)s 元，文件没有生成。请刷新批次后重新核对。"
    )


class AnswerRefused(BankingError):
    """Base of what is wrong with a bank's answer as a file; nothing of it is posted."""


class WrongFileType(AnswerRefused):
    code = "wrong_type"
    message = _(
        "这个文件%(words)s，读不出银行回单。请从网银下载 xlsx 或 csv 格式，或用 WPS/Excel 打开后另存为 xlsx 再上传。"
    )


class EncryptedFile(AnswerRefused):
    code = "encrypted"
    message = _("这个文件加了密码，打不开。请去掉密码后另存再上传。")


class BrokenFile(AnswerRefused):
    code = "broken"
    message = _("这个文件损坏或不完整，打不开。请重新下载后再上传。")


class FileTooLarge(AnswerRefused):
    code = "too_large"
    message = _("%(what)s为 %(found)s，超过上限 %(limit)s。请核对是否选错文件；确是回单的，请分成几个文件上传。")


class WrongEncoding(AnswerRefused):
    code = "wrong_encoding"
    message = _("第 %(line)s 行的文字编码读不出来。请用记事本或 WPS 另存为 UTF-8（或 GB18030）编码再上传。")


class BrokenRow(AnswerRefused):
    code = "broken_row"
    message = _("第 %(line)s 行的引号不成对或单元格过长，后面的行可能连在一起。请核对这一行，或请银行重新导出。")


class NoHeading(AnswerRefused):
    code = "no_heading"
    message = _(
        "前 %(rows)s 行里找不到表头。表头要有流水号、账号、金额、处理结果等列名；列名特别的，请先为这家银行设置列对应。"
    )


class MissingColumns(AnswerRefused):
    code = "missing_columns"
    message = _("表头在第 %(line)s 行，但缺少（或重复出现）%(columns)s 列。请设置列对应，或请银行重新导出。")


class SeveralTables(AnswerRefused):
    code = "several_tables"
    message = _("工作表“%(first)s”和“%(second)s”里都有回单。请把每张表各存成一个文件，分别上传。")


class NoLines(AnswerRefused):
    code = "no_lines"
    message = _("表头下面没有一行回单。请核对是否下载完整。")
