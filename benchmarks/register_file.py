"""A household register as a township exports it, with invented people of the unassigned region 999999."""

import csv
import datetime
import random
from collections.abc import Iterator, Sequence
from pathlib import Path

from families.identifiers import check_character
from families.importing.register_file import COLUMNS

SURNAMES = "江林唐赵周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜戚谢邹喻柏水窦章云苏潘葛奚范彭郎鲁韦昌马苗"
GIVEN = (
    "安邦宝波才昌超诚川春达大丹德东恩芳飞峰福刚光广桂国海禾和红宏洪华欢辉惠佳坚建江杰金进晶静娟军俊康可兰乐雷莉立丽良亮"
    "林玲凌龙露明木楠宁平萍强勤青清庆秋泉群荣蓉瑞山珊胜石思松涛天田婷万伟文武希祥晓欣新星兴秀旭雪雅岩彦艳燕阳瑶叶义英永勇"
)
_FIRST_BIRTH = datetime.date(1936, 1, 1)
_MEMBERS = (1, 2, 2, 3, 3, 3, 4, 4, 4, 6)  # 3.2 on average
_RELATIONS = ("户主", "配偶", "子", "女", "父亲", "母亲")


def write(path: Path, group_codes: Sequence[str], households: int, *, after: int = 0) -> int:
    """Write a register of `households` families spread over the groups; returns the number of people.

    `after` so many households that are known already: nobody of them comes again.
    """
    draw = random.Random(households)
    persons = first = after * len(_RELATIONS)
    with open(path, "w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for group, serial in _places(group_codes, households):
            surname = draw.choice(SURNAMES)
            for place in range(draw.choice(_MEMBERS)):
                writer.writerow(_row(f"{group}{after + serial:04d}", place, surname, persons, draw))
                persons += 1
    return persons - first


def _places(group_codes: Sequence[str], households: int) -> Iterator[tuple[str, int]]:
    """(group, serial) for each household, group by group, as a register is sorted."""
    share, rest = divmod(households, len(group_codes))
    for n, group in enumerate(group_codes):
        for serial in range(1, share + (n < rest) + 1):
            yield group, serial


def _row(household_no: str, place: int, surname: str, serial: int, draw: random.Random) -> tuple[str, ...]:
    is_woman = place % 2 == 1
    # 30,000 dates, 500 orders for each sex: the numbers of 30 million people, each used once
    birth = _FIRST_BIRTH + datetime.timedelta(days=serial * 7919 % 30_000)
    digits = f"999999{birth:%Y%m%d}{serial // 30_000 * 2 + (0 if is_woman else 1):03d}"
    name = (surname if place != 1 else draw.choice(SURNAMES)) + "".join(draw.choices(GIVEN, k=draw.choice((1, 2, 2))))
    is_ill = draw.random() < 0.08
    return (
        household_no, household_no[:12], household_no[12:15], name, digits + check_character(digits), "",
        _RELATIONS[place], "女" if is_woman else "男", birth.isoformat(), draw.choice(("汉族", "汉族", "苗族", "布依族")),
        draw.choice(("小学", "初中", "高中", "")), "慢性病" if is_ill else "健康", "", "", draw.choice(("务农", "务工", "")),
        draw.choice(("是", "否", "否")), f"139{serial % 10**8:08d}" if place == 0 else "",
    )  # fmt: skip
