"""What a page of this program is called, by its address: for lines that tell which pages were looked at."""

from django.urls import Resolver404, resolve
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

_PAGES = {
    "home": _("首页"),
    "help": _("帮助"),
    "guide": _("使用说明"),
    "style": _("样式"),
    "preferences": _("显示设置"),
    "emergency:home": _("紧急查看的名单"),
    "emergency:begin": _("开始紧急查看"),
    "emergency:look": _("那里的个案名单"),
    "emergency:page": _("一次紧急查看"),
    "village:home": _("今天要做的事"),
    "village:todo": _("待办"),
    "village:waiting": _("在别人手里的事"),
    "village:find": _("找一家"),
    "village:account": _("登记账户"),
    "village:survey": _("入户调查"),
    "village:survey_begin": _("入户调查"),
    "village:survey_check": _("入户调查"),
    "village:open": pgettext_lazy("verb", "开案"),
    "township:queue": _("乡镇的待办"),
    "county:queue": _("县里的待办"),
    "cases:detail": _("个案"),
    "cases:act": _("办理个案"),
    "cases:papers": _("材料"),
    "cases:plan": _("帮扶计划"),
    "cases:deliberation": _("记评议"),
    "cases:home_check": _("入户核查"),
    "cases:survey": _("入户调查"),
    "cases:reveal_account": _("账号全号"),
    "cases:services": _("服务记录"),
    "cases:service_sheet": _("服务单"),
    "cases:document": _("一份材料"),
    "cases:picture": _("一张照片"),
    "cases:family": _("家庭"),
    "cases:reveal_person": _("一个人的全号"),
    "history:surveys": _("调查表对照"),
}
# The same page under several addresses, and the rest of a desk: by the end of the name, by the namespace.
_ENDS = {
    ":review": _("审核一件"),
    ":overdue": _("超期"),
    ":releases": _("先行救助"),
    ":recusals": _("回避"),
    ":find": _("查找"),
    "_between": _("改了什么"),
    "_timeline": _("全部经过"),
}
_DESKS = {
    "village": _("村里的页面"),
    "township": _("乡镇的页面"),
    "county": _("县里的页面"),
    "cases": _("个案的页面"),
    "history": _("以前的样子"),
    "funds": _("资金的页面"),
    "stock": _("物资的页面"),
    "rosters": _("名册的页面"),
    "public": _("公示的页面"),
    "packs": _("迎检包的页面"),
    "audit": _("审计的页面"),
    "questions": _("审计问答"),
    "relatives": _("亲属申报的页面"),
    "retention": _("档案到期"),
    "approvals": _("批准的页面"),
    "countersigns": _("会签的页面"),
    "imports": _("导入的页面"),
    "account": _("自己的账号"),
    "emergency": _("紧急查看"),
}


def page_words(path: str) -> str:
    """The page's name without what it is about; the address itself where there is no such page any more."""
    try:
        name = resolve(path).view_name
    except Resolver404:
        return path
    desk = name.partition(":")[0]
    end = next((words for end, words in _ENDS.items() if name.endswith(end)), None)
    return str(_PAGES.get(name) or end or _DESKS.get(desk) or path)
