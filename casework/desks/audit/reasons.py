"""Why a version was written, as people say it: acts of a case, and what services call themselves in history."""

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from casework.bank_words import labelled
from flows.states import ACTIONS

# {first word of what history keeps: what was done}
REASON_WORDS = {
    "account": _("登记账户"),
    "agree_recovery": _("同意追回"),
    "allocate": _("分配资金"),
    "appoint": _("任命"),
    "ask_again": _("再请确认"),
    "ask_refill": _("请补足"),
    "ask_reset": _("请求重置"),
    "bank_answer": _("导入银行回单"),
    "break_glass": _("紧急查看"),
    "build_batch": _("制单"),
    "cash_receipt": _("存领款收条"),
    "check_batch": _("复核批次"),
    "confirm": _("核准"),
    "confirmed": _("核准"),
    "count_again": _("重新盘点"),
    "deliberation": _("记评议"),
    "divide": _("分下去"),
    "document": _("存材料"),
    "draft_version": _("起草规则"),
    "drop_measure": _("取消措施"),
    "drop_reset": _("不重置"),
    "end_cadre": _("结束村干部登记"),
    "end_delegation": _("结束委托"),
    "end_factor": _("停用动态码"),
    "end_flag": _("解除提示"),
    "end_provider": _("停用服务单位"),
    "end_relative": _("解除亲属申报"),
    "end_sessions": _("退出所有登录"),
    "enrol_factor": _("绑定动态码"),
    "export_bank_list": _("导出银行清单"),
    "fill_roster": _("填名册"),
    "flag_relatives": _("标出亲属关系"),
    "hand_over": _("发现金"),
    "home_check": _("入户核查"),
    "identify_relative": _("查清是谁"),
    "import_calendar": _("导入日历"),
    "import_org_units": _("导入单位"),
    "imprest_advance": _("拨备用金"),
    "imprest_count": _("盘点备用金"),
    "imprest_explain": _("说明备用金差额"),
    "imprest_refill": _("申请补足备用金"),
    "imprest_refilled": _("补足备用金"),
    "imprest_return": _("退回备用金"),
    "imprest_review": _("复核备用金盘点"),
    "leave": _("离任"),
    "ledger": _("导入台账"),
    "name_item": _("登记物资"),
    "object": _("记异议"),
    "open": _("开案"),
    "open_campaign": _("开募捐"),
    "open_fund": _("建资金"),
    "open_store": _("建仓库"),
    "paper": _("加材料"),
    "place_fund": _("定资金存在哪里"),
    "plan": _("改计划"),
    "prepare_reconciliation": _("做对账"),
    "propose": _("提出"),
    "publish_campaign": _("公布募捐"),
    "publish_version": _("发布规则"),
    "put_up_roster": _("公示名册"),
    "receive": _("记收入"),
    "record_answers": _("记银行结果"),
    "record_death": _("登记去世"),
    "record_departure": _("登记迁走"),
    "record_deposit": _("登记单位账户"),
    "record_provider": _("登记服务单位"),
    "record_service": _("记服务"),
    "register": _("导入户籍"),
    "register_cadre": _("登记村干部"),
    "release_batch": _("放行批次"),
    "reset_password": _("重设密码"),
    "review": _("复核"),
    "review_relative": _("看以前办的"),
    "roster_accounts": _("名册取账户"),
    "set_plan": _("定支出计划"),
    "settle_bank_task": _("办银行答复里没了的事"),
    "settle_bank_tasks": _("办银行答复里没了的事"),
    "sign_line_again": _("重签一行"),
    "state_balance": _("填银行余额"),
    "state_relatives": _("说明亲属申报"),
    "stock_accept": _("收调来的物资"),
    "stock_issue": _("发物资"),
    "stock_receive": _("收物资"),
    "stock_reverse": _("冲正物资单"),
    "stock_sign": _("物资签字"),
    "stock_transfer": _("调物资"),
    "survey": _("入户调查"),
    "take_back_death": _("更正去世"),
    "take_back_departure": _("更正迁走"),
    "take_out_of_roster": _("移出名册"),
    "use_recovery_code": _("用备用码"),
    "withdraw": _("撤回"),
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
        done, words = REASON_WORDS[act], words or (_of_the_file(more) if act in ("ledger", "register") else "")
    return labelled(done, words) if words else str(done)


def _of_the_file(more: str) -> str:
    """A file that was imported is told by the beginning of its fingerprint: "import 41ed…"."""
    act, _space, digest = more.partition(" ")
    return gettext("指纹 %(digest)s 的文件") % {"digest": digest} if act == "import" and digest else more
