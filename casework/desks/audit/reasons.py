"""Why a version was written, as people say it: acts of a case, and what services call themselves in history."""

from django.utils.translation import gettext_lazy as _

from casework.bank_words import labelled
from flows.states import ACTIONS

# {first word of what history keeps: what was done}
REASON_WORDS = {
    "account": _("登记账户"),
    "allocate": _("分配资金"),
    "appoint": _("任命"),
    "bank_answer": _("导入银行回单"),
    "build_batch": _("制单"),
    "cash_receipt": _("存领款收条"),
    "check_batch": _("复核批次"),
    "confirm": _("核准"),
    "confirmed": _("核准"),
    "deliberation": _("记评议"),
    "document": _("存材料"),
    "drop_measure": _("取消措施"),
    "end_delegation": _("结束委托"),
    "end_sessions": _("退出所有登录"),
    "hand_over": _("发现金"),
    "imprest_advance": _("拨备用金"),
    "ledger": _("导入台账"),
    "leave": _("离任"),
    "object": _("记异议"),
    "open": _("开案"),
    "open_fund": _("建资金"),
    "paper": _("加材料"),
    "place_fund": _("定资金存在哪里"),
    "plan": _("改计划"),
    "propose": _("提出"),
    "receive": _("记收入"),
    "record_answers": _("记银行结果"),
    "record_death": _("登记去世"),
    "record_departure": _("登记迁走"),
    "record_service": _("记服务"),
    "register": _("导入户籍"),
    "release_batch": _("放行批次"),
    "set_plan": _("定支出计划"),
    "survey": _("入户调查"),
    "take_back_death": _("更正去世"),
    "take_back_departure": _("更正迁走"),
    "withdraw_service": _("撤回服务记录"),
}


# Why all sessions of an account ended (access/services.py).
SESSION_WORDS = {
    "appointed": _("任命"),
    "deactivated": _("停用"),
    "delegated": _("委托"),
    "delegation ended": _("结束委托"),
    "factor reset": _("重设动态码"),
    "password reset": _("重设密码"),
    "post ended": _("离任"),
    "signed out elsewhere": _("本人退出别处"),
}


def reason_words(stored: str) -> str:
    """The act in words, and what the person added to it; other words stay as they were written."""
    act, _colon, words = stored.partition(": ")
    if act in ACTIONS:
        done = ACTIONS[act].done
    else:
        act, _space, more = act.partition(" ")
        if act not in REASON_WORDS:
            return stored
        if act == "end_sessions":
            words = str(SESSION_WORDS.get(words, words))
        done, words = REASON_WORDS[act], words or (more if act in ("ledger", "register") else "")
    return labelled(done, words) if words else str(done)
