"""Nobody answers for money before it was sent; and what else an answer may leave open.

Older rows are not asked: a wrong day that was written down before this law stays for somebody to see.
"""

from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models
from django.db.models import F, Q


KINDS = [
    ("no_answer", "没有回单"),
    ("not_sent_by_us", "不是我们发的"),
    ("amount_mismatch", "金额不同"),
    ("account_mismatch", "账号不同"),
    ("duplicate_line", "同一笔两行"),
    ("paid_again", "又付了一次"),
    ("wrong_day", "日期不对"),
    ("contradicts", "前后相反"),
    ("reference_used", "银行流水号重复"),
    ("unreadable", "读不出来"),
    ("unclear_answer", "银行说不清"),
    ("name_differs", "户名不同"),
    ("account_masked", "账号遮住了"),
    ("serial_unknown", "流水号认不出"),
    ("late_return", "结案后退票"),
]
WAYS = [
    ("answered", "后来的回单答复了"),
    ("bank_mistake", "银行弄错了，已更正"),
    ("one_payment", "只付了一次，多出来的一行不算"),
    ("recorded", "问清以后，已在批次里记下结果"),
    ("taken_back", "多付的已经追回"),
    ("not_ours", "不是我们的回单，传错了"),
    ("other", "其他"),
]


class Migration(migrations.Migration):
    dependencies = [("funds", "0024_no_way_around")]

    operations = [
        AddConstraintNotValid(
            "payment",
            models.CheckConstraint(
                condition=Q(answered_on__isnull=True) | Q(answered_on__gte=F("sent_on")), name="answered_after_sending"
            ),
        ),
        *(
            migrations.AlterField(model, name, field)
            for model in ("banktask", "historicalbanktask")
            for name, field in (
                ("kind", models.CharField(choices=KINDS, max_length=20)),
                ("how", models.CharField(blank=True, choices=WAYS, max_length=20)),
            )
        ),
    ]
