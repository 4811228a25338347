from django.utils.translation import gettext as _


class FlowsError(Exception):
    """Base of every refusal of this app. str() is for the person who was refused."""


class NoSuchEdge(FlowsError):
    """The programme's spec does not know this action in this state."""


class CalendarMissing(FlowsError):
    """Working days of a year are asked for that nobody has loaded."""

    def __init__(self, year: int) -> None:
        self.year = year
        super().__init__(
            _(
                "还没有导入 %(year)d 年的工作日历，不能推算日期。请管理员导入国务院公布的放假安排（manage.py import_calendar）。"
            )
            % {"year": year}
        )

    def __reduce__(self) -> tuple:
        """Celery passes errors on as copies; what it cannot copy it replaces by the base class."""
        return type(self), (self.year,)


class BadCalendar(FlowsError):
    """The file of working days cannot be read; nothing was changed."""


class BadParameters(FlowsError):
    """The parameters of a programme version contradict themselves."""


class BadVersion(FlowsError):
    """A programme version may not be written or published like this."""
