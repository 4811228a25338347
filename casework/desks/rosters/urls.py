from django.urls import path

from casework.desks.rosters import deciding, lists, making, money

app_name = "rosters"
urlpatterns = [
    path("", lists.home, name="home"),
    path("new/", making.new, name="new"),
    path("returned/", money.returned, name="returned"),
    path("jobs/<int:job_id>/", deciding.job, name="job"),
    path("jobs/<int:job_id>/cancel/", deciding.cancel_job, name="cancel_job"),
    path("payments/<int:payment_id>/handover/", money.handover, name="handover"),
    path("payments/<int:payment_id>/not-taken/", money.not_taken, name="not_taken"),
    path("payments/<int:payment_id>/unlist/", money.unlist, name="unlist"),
    path("<int:roster_id>/", lists.roster, name="roster"),
    path("<int:roster_id>/print/", lists.printed, name="print"),
    path("<int:roster_id>/fill/", making.fill, name="fill"),
    path("<int:roster_id>/accounts/", making.accounts, name="accounts"),
    path("<int:roster_id>/put-up/", deciding.put_up, name="put_up"),
    path("<int:roster_id>/approve/", deciding.approve, name="approve"),
    path("<int:roster_id>/cancel/", deciding.cancel, name="cancel"),
    path("<int:roster_id>/pay/", money.pay, name="pay"),
    path("lines/<int:line_id>/", making.line, name="line"),
    path("lines/<int:line_id>/out/", making.take_out, name="take_out"),
    path("lines/<int:line_id>/stop/", deciding.stop, name="stop"),
    path("lines/<int:line_id>/sign/", deciding.sign, name="sign"),
]
