from django.contrib.auth.views import LogoutView
from django.urls import include, path

from casework.desks.township.urls import county_urls, township_urls
from casework.views import session, style
from casework.watching import pages as watching

urlpatterns = [
    path("", session.home, name="home"),
    path("login/", session.Login.as_view(), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("password/", session.PasswordChange.as_view(), name="password_change"),
    path("account/", include("casework.desks.account.urls")),
    path("preferences/", session.preferences, name="preferences"),
    path("emergency/", include("casework.desks.emergency.urls")),
    path("help/", session.help_page, name="help"),
    path("help/<slug:name>/", session.guide, name="guide"),
    path("style/", style.guide, name="style"),
    path("style/<slug:frame>/", style.frame, name="style_frame"),
    path("township/", include(township_urls)),
    path("county/", include(county_urls)),
    path("admin/", include("casework.desks.admin.urls")),
    path("", include("casework.desks.flows.urls")),
    path("funds/", include("casework.desks.funds.urls")),
    path("stock/", include("casework.desks.stock.urls")),
    path("audit/", include("casework.desks.audit.urls")),
    path("packs/", include("casework.desks.packs.urls")),
    path("village/", include("casework.desks.village.urls")),
    path("notices/", include("casework.desks.public.urls")),
    path("", include("casework.desks.cases.urls")),
    path("history/", include("casework.desks.history.urls")),
    path("approvals/", include("casework.desks.approvals.urls")),
    path("countersigns/", include("casework.desks.countersigns.urls")),
    path("relatives/", include("casework.desks.relatives.urls")),
    path("rosters/", include("casework.desks.rosters.urls")),
    path("questions/", include("casework.desks.audit.question_urls")),
    path("retention/", include("casework.desks.retention.urls")),
    path("imports/", include("casework.desks.imports.urls")),
    path("healthz", watching.healthz, name="healthz"),
    path("readyz", watching.readyz, name="readyz"),
    path("metrics", watching.numbers, name="metrics"),
]
handler500 = "casework.watching.unavailable.server_error"
