"""Words that surveys, ledgers and forms choose from. Codes are stored, titles are shown."""

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

CAUSES = [
    ("illness", _("因病")),
    ("disability", _("因残")),
    ("disaster", _("因灾")),
    ("schooling", _("因学")),
    ("accident", _("因意外事故")),
    ("elderly_alone", _("年老独居")),
    ("left_behind_child", _("留守儿童")),
    ("housing", _("住房困难")),
    ("unemployment", _("失业")),
    ("bereavement", _("丧亲")),
    ("no_labour", _("缺劳动力")),
]

HEALTH = [
    ("healthy", _("健康")),
    ("chronic", _("慢性病")),
    ("serious", _("大病")),
]

CONSENT = [
    ("signature", _("签名")),
    ("fingerprint", _("按手印")),
    ("agent", _("委托代办")),
    ("phone", _("电话同意，回乡补签")),
]

DOCUMENTS = [
    ("application", _("申请书")),
    ("id_card", _("身份证")),
    ("hukou_book", _("户口簿")),
    ("account_copy", _("存折或银行卡复印件")),
    ("means_authorisation", _("核对授权书")),
    ("truth_statement", _("诚信承诺")),
    ("commitment", _("双向承诺")),
    ("damage_photo", _("受灾照片")),
    ("house_photo", _("房屋正面")),
    ("enrolment_proof", _("在读证明")),
    ("fee_notice", _("缴费通知")),
    ("hardship_proof", _("困难证明")),
    ("health_check", _("体检或自理能力评估")),
    ("home_consent", _("本人自愿书")),
    ("review_minutes", _("评议记录")),
    ("notice_photo", _("公示照片")),
    ("visit_photo", _("走访照片")),
    ("receipt", _("收据")),
    ("progress_photo", _("进度照片")),
    ("acceptance_form", _("验收单")),
    ("enrolment_again", _("本期在读证明")),
    ("service_log", _("服务记录单")),
    ("cash_receipt", _("领款收条")),
    ("death_paper", _("死亡证明或火化证")),
    ("other", pgettext_lazy("document", "其他材料")),
]

# How it is known that somebody died.
DEATH_KNOWN_BY = [
    ("paper", _("看过死亡证明、火化证或者销户的户口簿")),
    ("family", _("家里人说的")),
    ("village", _("村里核实的")),
]

# Where a statement about earlier help or about means comes from.
SOURCES = [
    ("ledger", _("困难户台账")),
    ("survey", _("入户调查")),
]

# The domains of need and of measures (five source-rooted ones, and two that hold the rest).
DOMAINS = [
    ("livelihood", _("生产生活")),
    ("education", _("子女教育")),
    ("health", _("医疗保健")),
    ("environment", _("人居环境")),
    ("elderly", _("养老保障")),
    ("emergency", _("应急")),
    ("social", _("关心陪伴")),
]


def title(choices: list[tuple[str, object]], code: str) -> str:
    """The title of `code` in the active language; the code itself when it is unknown."""
    return str(dict(choices).get(code, code))
