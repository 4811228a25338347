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


class NoFormat(BankingError):
    code = "no_format"
    message = _("没有登记“%(bank)s”在 %(day)s 可用的文件格式。请先登记这家银行的格式，或选别的银行。")


class AlreadyPosted(AnswerRefused):
    """These very bytes were posted before, whatever the file is called now."""

    code = "already_posted"
    message = _("这份回单 %(day)s 已由%(who)s入账，当时的文件名是“%(name)s”。没有再记一次。")


class HeadingsUnknown(AnswerRefused):
    """A person has to say which column is what. `rows` are the first rows of the table, `columns` what is known of them."""

    code = "headings_unknown"
    message = _("认不出这份回单的列名。请在对账页面上传，设置列对应一次，以后就认得。")

    def __init__(self, rows: list[list[str]], columns: dict[str, str], missing: list[str]) -> None:
        super().__init__()
        self.rows, self.columns, self.missing = rows, columns, missing


class WordsUnknown(AnswerRefused):
    code = "unknown_words"
    message = _("回单里的“%(words)s”没有登记是什么意思，没有记账。请在对账页面写明是到账、没付出、退票还是说不清。")


class AnswerNotSound(AnswerRefused):
    """The answer contradicts itself, its total line say. `findings` tell where."""

    code = "findings"
    message = _("回单本身有 %(count)s 处不对，没有记账：%(first)s")

    def __init__(self, findings: list) -> None:
        super().__init__(count=len(findings), first=findings[0].words)
        self.findings = findings


class NothingOfOurs(AnswerRefused):
    code = "nothing_of_ours"
    message = _("这份回单里没有一笔是我们发出的，没有记账。请核对是否选对了银行、选对了文件。")


class WordTaken(BankingError):
    """A word of the bank has a meaning already; what was posted by it stays posted."""

    code = "word_taken"
    message = _(
        "“%(word)s”在 %(day)s 已由%(who)s写明是「%(meaning)s」，不能再改成别的意思。真是写错了，请系统管理员登记这家银行的新格式，把这个词写进去；以后以新格式为准。"
    )


class NobodyPosts(AnswerRefused):
    code = "nobody_posts"
    message = _("“%(subject)s”的付款还不能按回单记账，没有记账。请告诉系统管理员。")
