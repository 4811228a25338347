"""The demo's money: where it came from, how it was divided, what waits for a second person. All names are invented."""

import datetime

from access.models import OrgUnit, Staff
from audit import clock
from audit.context import acting
from funds import budget, receipts
from funds import services as funds
from funds.models import Allocation, Donor, Fund

YEAR = 2026
_YUAN = 100
_RELIEF_BY_MONTH = (20_000, 20_000, 30_000, 40_000, 60_000, 90_000, 110_000, 90_000, 50_000, 40_000, 30_000, 20_000)


def _on(month: int, day: int) -> datetime.date:
    return datetime.date(YEAR, month, day)


def fill() -> None:
    """Two funds with their incomes and allocations; a second time changes nothing."""
    if Fund.objects.exists():
        return
    county, township = OrgUnit.objects.get(level="county"), OrgUnit.objects.get(level="township")
    manager = Staff.objects.get(username="suyf")
    with acting(manager, reason="演示数据"):
        _fiscal(county, township, manager)
        _raised(county, township, manager)


def _fiscal(county: OrgUnit, township: OrgUnit, manager: Staff) -> None:
    """From the county's budget in two documents, to the township, and there to three programmes.

    What the second document brings is given out in March; until then there is enough for whoever is helped in winter.
    """
    with clock.frozen_at(_on(1, 5)):
        fund = funds.open_fund(
            "CZ-2026",
            "县级困难家庭帮扶专项",
            source="fiscal",
            unit=county,
            document_no="岚财社〔2026〕3号",
            fiscal_level="county",
            first_year=YEAR,
        )
    for month, day, yuan, document_no in (
        (1, 8, 1_000_000, "岚财社〔2026〕3号"),
        (3, 18, 800_000, "岚财社〔2026〕11号"),
    ):
        with clock.frozen_at(_on(month, day)):
            income = receipts.Income(
                "fiscal",
                yuan * _YUAN,
                clock.today(),
                document_no=document_no,
                purpose_words="困难家庭帮扶补助",
                bank_reference=f"CZ{clock.today():%Y%m%d}",
            )
            receipts.record(fund, income, by=manager, key=f"demo:receive:fiscal:{month}")
    with clock.frozen_at(_on(1, 12)):
        whole = _allocated(fund, county, 950_000, "岚财社〔2026〕5号", n=1)
        local = _divided(whole, township, "", 900_000, "岚财社〔2026〕6号", n=1)
        relief = _divided(local, township, "disaster_relief", 600_000, "青政〔2026〕2号")
        _divided(local, township, "housing_aid", 300_000, "青政〔2026〕3号")
    with clock.frozen_at(_on(3, 20)):
        whole = _allocated(fund, county, 750_000, "岚财社〔2026〕12号", n=2)
        local = _divided(whole, township, "", 600_000, "岚财社〔2026〕13号", n=2)
        elderly = _divided(local, township, "elderly_support", 500_000, "青政〔2026〕6号")
    budget.set_plan(relief, [yuan * _YUAN for yuan in _RELIEF_BY_MONTH])
    _waits_for_a_second_person(elderly, manager)


def _allocated(fund: Fund, county: OrgUnit, yuan: int, document_no: str, *, n: int) -> Allocation:
    return funds.allocate(
        fund,
        yuan * _YUAN,
        programme="",
        unit=county,
        year=YEAR,
        key=f"demo:allocate:{n}",
        document_no=document_no,
    )


def _divided(
    whole: Allocation, township: OrgUnit, programme: str, yuan: int, document_no: str, *, n: int = 1
) -> Allocation:
    return budget.divide(
        whole,
        yuan * _YUAN,
        programme=programme,
        unit=township,
        key=f"demo:divide:{programme or 'township'}:{n}",
        document_no=document_no,
    )


def _waits_for_a_second_person(allocation: Allocation, manager: Staff) -> None:
    budget.propose_take_back(
        allocation,
        5_000_000,
        by=manager,
        key="demo:take-back",
        reason="养老项目下半年才开工，先收回 5 万元给救灾",
        document_no="青政〔2026〕9号",
    )


def _raised(county: OrgUnit, township: OrgUnit, manager: Staff) -> None:
    """Two appeals of the township, one of them longer than six months, with donations large and small."""
    with clock.frozen_at(_on(1, 5)):
        fund = funds.open_fund(
            "GA-2026",
            "青禾乡关爱基金",
            source="raised",
            unit=township,
            programmes=["education_grant"],
            document_no="青协〔2026〕1号",
            only_unit=township,
            last_year=YEAR + 1,
        )
        warm = receipts.open_campaign(
            fund, "暖冬助学", purpose_words="给困难家庭的学生添冬衣、交学费", starts_on=datetime.date(YEAR - 1, 9, 1)
        )
        receipts.publish_campaign(warm, where="乡政府公开栏")
        spring = receipts.open_campaign(
            fund,
            "2026 年春季助学募捐",
            purpose_words="资助本乡困难家庭子女上学",
            starts_on=_on(2, 10),
            ends_on=_on(5, 31),
        )
    volunteers, first, second, person, nameless = (
        receipts.add_donor(township, kind, name, key=f"demo:donor:{n}")
        for n, (kind, name) in enumerate(
            (
                (Donor.Kind.ORGANISATION, "禾源县志愿者协会"),
                (Donor.Kind.COMPANY, "爱心企业甲"),
                (Donor.Kind.COMPANY, "爱心企业乙"),
                (Donor.Kind.PERSON, "云望舒"),
                (Donor.Kind.ANONYMOUS, ""),
            )
        )
    )
    for n, (day, donor, campaign, yuan, words) in enumerate(
        (
            (_on(1, 12), volunteers, warm, 30_000, "冬衣和学费"),
            (_on(2, 12), first, spring, 120_000, "助学，优先高中生"),
            (_on(2, 26), volunteers, spring, 80_000, "助学"),
            (_on(3, 9), second, spring, 60_000, "助学"),
            (_on(3, 23), person, spring, 5_000, "不指定"),
            (_on(4, 2), nameless, spring, 5_000, ""),
        ),
        start=1,
    ):
        with clock.frozen_at(day):
            income = receipts.Income(
                "donation",
                yuan * _YUAN,
                day,
                donor=donor,
                campaign=campaign,
                receipt_no=f"QH{YEAR}{n:04}",
                purpose_words=words,
            )
            receipts.record(fund, income, by=manager, key=f"demo:receive:raised:{n}")
    with clock.frozen_at(_on(4, 8)):
        funds.allocate(
            fund,
            20_000_000,
            programme="education_grant",
            unit=township,
            year=YEAR,
            key="demo:allocate:education_grant",
            document_no="青协〔2026〕4号",
        )
