"""The demo's money is there before anybody is helped with it: no account is below nothing at the end of any month."""

import datetime

from audit.context import acting
from casework.demo import cases, money, township
from funds import closing
from funds.models import Transfer
from tests.world import World


def test_money_is_set_aside_before_the_first_case_of_the_demo_is_opened(world: World) -> None:
    with acting(world.fund_manager, reason="演示数据"):
        money._fiscal(world.county, world.township, world.fund_manager)
        money._raised(world.county, world.township, world.fund_manager)

    first = township.FIRST_DAY - datetime.timedelta(days=max(days for days, _stop in cases._PLOT))
    given = Transfer.objects.filter(business_date__lt=first, credit__kind="allocated", credit__fund__code="CZ-2026")
    assert set(given.values_list("credit__allocation__programme", flat=True)) == {"", "disaster_relief", "housing_aid"}
    for unit in (world.county, world.township):
        for month in range(1, 5):
            (strange,) = (row for row in closing.findings(unit, 2026, month) if row.code == "strange")
            assert strange.count == 0, (unit, month)
