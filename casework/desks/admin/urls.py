from django.urls import path

from casework.desks.admin import people, rules, running, second

app_name = "administration"
urlpatterns = [
    path("", running.home, name="home"),
    path("staff/", people.staff_list, name="staff_list"),
    path("staff/new/", people.staff_new, name="staff_new"),
    path("staff/<int:pk>/", people.staff_page, name="staff"),
    path("staff/<int:pk>/appoint/", people.staff_appoint, name="staff_appoint"),
    path("staff/<int:pk>/switch/", people.staff_switch, name="staff_switch"),
    path("staff/<int:pk>/reset/<slug:what>/", second.ask_reset, name="staff_reset"),
    path("waiting/", second.waiting, name="waiting"),
    path("waiting/<slug:kind>/<int:pk>/", second.decide, name="decide"),
    path("delegations/<int:pk>/end/", people.delegation_end, name="delegation_end"),
    path("posts/<int:pk>/end/", people.post_end, name="post_end"),
    path("posts/<int:pk>/delegate/", people.post_delegate, name="post_delegate"),
    path("grants/", people.grants, name="grants"),
    path("grants/<int:pk>/revoke/", people.grant_revoke, name="grant_revoke"),
    path("units/", running.units, name="units"),
    path("programmes/", rules.programmes, name="programmes"),
    path("programmes/<slug:code>/draft/", rules.draft, name="draft"),
    path("programmes/versions/<int:pk>/", rules.version, name="version"),
    path("calendar/", running.working_days, name="calendar"),
    path("clock/", running.business_clock, name="clock"),
    path("health/", running.health, name="health"),
]
