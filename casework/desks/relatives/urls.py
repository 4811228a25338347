from django.urls import path

from casework.desks.relatives import cadres, flagged, lists, mine

app_name = "relatives"
urlpatterns = [
    path("mine/", mine.mine, name="mine"),
    path("mine/state/", mine.state, name="state"),
    path("", lists.home, name="home"),
    path("silent/", lists.silent, name="silent"),
    path("export/", lists.export, name="export"),
    path("<int:pk>/", lists.declaration, name="declaration"),
    path("<int:pk>/confirm/", lists.confirm, name="confirm"),
    path("<int:pk>/end/", lists.end, name="end"),
    path("<int:pk>/number/", lists.reveal, name="reveal"),
    path("cadres/", cadres.cadres, name="cadres"),
    path("cadres/<int:pk>/", cadres.cadre, name="cadre"),
    path("cadres/<int:pk>/state/", cadres.state, name="state_for"),
    path("cadres/<int:pk>/end/", cadres.end, name="end_cadre"),
    path("cases/", flagged.cases, name="cases"),
    path("cases/<int:pk>/", flagged.flag, name="flag"),
    path("cases/<int:pk>/review/", flagged.review, name="review"),
    path("cases/<int:pk>/identify/", flagged.identify, name="identify"),
    path("cases/<int:pk>/end/", flagged.end, name="end_flag"),
]
