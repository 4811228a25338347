"""The states of a case and the actions that lead from one to the next: words and tones. Pure data.

Tones are those of the status pill: wait ok soon act query end none. `sentence` says in plain words where the case stands.
"""

from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


@dataclass(frozen=True)
class State:
    code: str
    title: object
    tone: str
    sentence: object


STATES: dict[str, State] = {
    s.code: s
    for s in (
        State("lead", _("线索"), "none", _("有人说这家可能需要帮助，还没有分办")),
        State("triaged", _("已分办"), "wait", _("已定下办哪一项帮扶，等上门")),
        State("draft", _("调查中"), "wait", _("正在入户调查")),
        State("registered", _("已登记"), "wait", _("材料齐了，等上报")),
        State("village_review", _("村民评议"), "wait", _("等村民评议和村里签字")),
        State("village_notice", _("公示中"), "wait", _("正在村里公示")),
        State("objection", _("异议核实"), "query", _("有人提出异议，乡里在核实")),
        State("returned", _("退回补正"), "act", _("退回来了，要补正")),
        State("township_review", _("乡镇审核"), "wait", _("材料在乡里，等审核")),
        State("township_decision", pgettext_lazy("state", "乡镇审批"), "wait", _("乡里审核过了，等审批")),
        State("county_review", _("县级审核"), "wait", _("材料在县里，等审核")),
        State("county_decision", _("县级确认"), "wait", _("县里审核过了，等确认")),
        State("county_countersign", _("县级会签"), "wait", _("金额较大，等第二个人会签")),
        State("fund_reserved", _("资金已锁定"), "ok", _("已批准，钱已留好，等付款")),
        State("in_payment", _("拨付中"), "wait", _("钱正在付")),
        State("payment_returned", _("到账失败"), "act", _("银行把钱退回来了，要改账户")),
        State("between_payments", _("分期发放中"), "wait", _("付了一部分，等下一期")),
        State("suspended", _("暂停发放"), "soon", _("暂停发放，等恢复或停止")),
        State("paid", _("已到账"), "ok", _("钱已到账，等回访")),
        State("follow_up", _("回访中"), "wait", _("帮扶在进行，按时回访")),
        State("exit_review", _("退出复核"), "wait", _("村里提出结案，等复核")),
        State("exit_notice", _("退出公示"), "wait", _("正在公示结案")),
        State("closed", _("已结案"), "end", _("这件事办完了")),
        State("refused", _("不予批准"), "end", _("没有批准，可以申诉")),
        State("appeal", _("申诉中"), "query", _("申诉了，县里在复核")),
        State("withdrawn", _("已撤回"), "end", _("这家撤回了申请")),
        State("cancelled", _("已取消"), "end", _("这条线索不用办")),
        State("emergency_released", _("先行救助"), "soon", _("情况紧急，已批准先付钱")),
        State("makeup", _("补办手续"), "soon", _("钱已先付，要在期限内补齐手续")),
        State("recovery", _("追回中"), "act", _("付出去的钱要追回")),
    )
}


@dataclass(frozen=True)
class Action:
    """`verb` is on the button, `done` in the timeline; `asks` names what the person must give besides pressing it."""

    code: str
    verb: object
    done: object
    tone: str = "go"  # go, plain or stop
    asks: frozenset[str] = frozenset()


def _action(code: str, verb: object, done: object, tone: str = "go", *asks: str) -> Action:
    return Action(code, verb, done, tone, frozenset(asks))


ACTIONS: dict[str, Action] = {
    a.code: a
    for a in (
        _action("triage", _("分办"), _("已分办")),
        _action("dismiss", pgettext_lazy("verb", "不用办"), _("线索不用办"), "stop", "reason"),
        _action("start_survey", _("开始入户调查"), _("开始入户调查")),
        _action("register", _("登记"), _("已登记")),
        _action("submit", _("上报评议"), _("上报村民评议")),
        _action("endorse", _("签字同意上报"), _("村里签字同意")),
        _action("village_return", pgettext_lazy("verb", "退回补正"), _("村里退回补正"), "plain", "reason"),
        _action("end_notice", _("公示期满"), _("公示期满，没有异议")),
        _action("object", _("提出异议"), _("有人提出异议"), "plain", "reason"),
        _action(
            "dismiss_objection",
            pgettext_lazy("verb", "异议不成立，重新公示"),
            _("异议不成立，重新公示"),
            "go",
            "reason",
        ),
        _action("uphold_objection", pgettext_lazy("verb", "异议成立，退回"), _("异议成立，退回重查"), "stop", "reason"),
        _action("check", pgettext_lazy("verb", "审核通过"), _("乡镇审核通过")),
        _action("approve", _("同意"), _("乡镇同意")),
        _action("return", _("退回"), _("退回补正"), "plain", "reason"),
        _action("refuse", pgettext_lazy("verb", "不予批准"), _("不予批准"), "stop", "reason", "reason_code"),
        _action("review", pgettext_lazy("verb", "审核通过"), _("县级审核通过")),
        _action("confirm", pgettext_lazy("verb", "确认"), _("县级确认")),
        _action("countersign", _("会签同意"), _("县级会签同意")),
        _action("resubmit", pgettext_lazy("verb", "补好了，重新上报"), _("补正后重新上报")),
        _action("list_payment", _("列入付款"), _("列入付款清单")),
        _action("check_payment", _("复核付款"), _("付款已复核")),
        _action("release_payment", _("放行，交给银行"), _("付款已放行")),
        _action("unlist_payment", _("移出付款清单"), _("移出付款清单"), "plain", "reason"),
        _action("payment_credited", pgettext_lazy("verb", "已到账"), _("银行回单：已到账")),
        _action("payment_bounced", pgettext_lazy("verb", "银行退回"), _("银行退回"), "stop", "reason"),
        _action("payment_unknown", pgettext_lazy("verb", "银行说不清"), _("银行没有明确答复"), "plain", "reason"),
        _action("cash_handed", pgettext_lazy("verb", "现金已发到手"), _("现金发到手，等另一个经手人确认")),
        _action("confirm_cash", pgettext_lazy("verb", "确认，是这样发的"), _("另一个经手人确认，现金发到手")),
        _action("object_to_cash", pgettext_lazy("verb", "不是这样"), _("另一个经手人说不是这样发的"), "stop", "reason"),
        _action("payment_clawed_back", pgettext_lazy("verb", "到账后退回"), _("银行到账后又退回"), "stop", "reason"),
        _action(
            "check_instalment", pgettext_lazy("verb", "核查通过，可以付这一期"), _("这一期核查通过"), "go", "reason"
        ),
        _action("suspend", pgettext_lazy("verb", "暂停发放"), _("暂停发放"), "plain", "reason"),
        _action("resume", _("恢复发放"), _("恢复发放"), "go", "reason"),
        _action("stop_payments", _("停止发放"), _("停止发放，余钱解锁"), "stop", "reason"),
        _action("end_payments", _("停止发放"), _("不再符合条件，停止发放"), "stop"),
        _action("reclaim", _("追回"), _("决定追回"), "stop", "reason"),
        _action("record_recovery", _("记一笔追回"), _("追回一笔"), "go", "reason"),
        _action("correct_account", _("改账户"), _("账户已改")),
        _action("reissue", _("重发"), _("重新付款")),
        _action("send_back", _("退回审批"), _("退回审批，资金解锁"), "plain", "reason"),
        _action("begin_follow_up", _("开始回访"), _("开始回访")),
        _action("visit", _("记一次回访"), _("回访")),
        _action("propose_exit", _("提出结案"), _("提出结案"), "go", "reason"),
        _action("keep_open", _("继续帮扶"), _("继续帮扶"), "plain", "reason"),
        _action("approve_exit", _("同意结案"), _("同意结案")),
        _action("end_exit_notice", _("退出公示期满"), _("退出公示期满")),
        _action("withdraw", _("撤回申请"), _("撤回申请"), "stop", "reason"),
        _action("appeal", _("申诉"), _("提出申诉"), "plain", "reason"),
        _action("uphold_refusal", _("维持不予批准"), _("维持不予批准"), "stop", "reason"),
        _action("overturn_refusal", _("撤销原决定，重新审核"), _("撤销原决定，重新审核"), "go", "reason"),
        _action("emergency_release", pgettext_lazy("verb", "先行救助"), _("批准先行救助"), "go", "reason"),
        _action("pay_from_imprest", _("从备用金发给这家"), _("备用金发到手，两人经手")),
        _action("submit_makeup", pgettext_lazy("verb", "手续补好，上报"), _("补办手续上报")),
        _action("finish_recovery", pgettext_lazy("verb", "追回完毕"), _("追回完毕"), "go", "reason"),
        _action("approve_plan", _("同意帮扶计划"), pgettext_lazy("done", "帮扶计划已同意")),
    )
}

ROLE_SYSTEM = "system"
ROLE_ANYONE = "anyone"

# One natural person may hold one of these in a case (domain §4.3). "prepare" spans the file, survey to follow-up.
DUTIES = {
    "prepare": _("经办"),
    "village_opinion": _("村里意见"),
    "township_check": _("乡镇审核"),
    "approve": _("审批"),
    "emergency_release": _("先行救助批准"),
    "county_review": _("县级审核"),
    "confirm": _("县级确认"),
    "countersign": _("县级会签"),
    "pay_imprest": _("备用金付款"),
    "list_payment": _("制单"),
    "check_payment": _("付款复核"),
    "release_payment": _("付款放行"),
}
