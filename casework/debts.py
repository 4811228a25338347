"""What a family owes is neither given up nor put off by anybody of that family, in whatever way it is asked for: a write-off
when proposed and when confirmed, instalments when agreed."""

from typing import Any

from django.db import connection

from access import reach
from casework.recusal import refuse_own_family
from funds import proposals
from funds.models import Recovery


@proposals.bars("write_off")
@reach.beyond()
def nobody_gives_up_her_familys_debt(details: dict[str, Any], by: Any) -> None:
    """Raises Recused. PostgreSQL asks the same (nobody_acts_for_own_family)."""
    subject = Recovery.objects.values_list("subject", flat=True).get(pk=details["recovery"])
    with connection.cursor() as cursor:
        cursor.execute("SELECT casework_household_of(%s)", [subject])
        household_id = cursor.fetchone()[0]
    if household_id is not None:
        refuse_own_family(household_id, by)
