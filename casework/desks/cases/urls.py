from django.urls import path, re_path

from casework.desks.cases import family, gone, services, views
from casework.desks.relatives.flagged import home_check

app_name = "cases"
urlpatterns = [
    path("cases/<int:pk>/", views.detail, name="detail"),
    path("cases/<int:pk>/act/<slug:action>/", views.act, name="act"),
    path("cases/<int:pk>/papers/", views.case_papers, name="papers"),
    path("cases/<int:pk>/plan/", views.plan, name="plan"),
    re_path(
        r"^cases/(?P<pk>\d+)/plan/(?P<measure_id>\d+)/(?P<verb>start|deliver|drop)/$", views.measure, name="measure"
    ),
    path("cases/<int:pk>/deliberation/", views.deliberation, name="deliberation"),
    path("cases/<int:pk>/home-check/", home_check, name="home_check"),
    path("cases/<int:pk>/survey/", views.survey, name="survey"),
    path("cases/<int:pk>/account/", family.reveal_account, name="reveal_account"),
    path("cases/<int:pk>/services/", services.log, name="services"),
    path("cases/<int:pk>/services/<int:entry_id>/withdraw/", services.withdraw, name="service_withdraw"),
    path("cases/<int:pk>/services/<int:year>-<int:month>/", services.sheet, name="service_sheet"),
    path(
        "providers/<int:provider_id>/services/<int:year>-<int:month>/", services.provider_sheet, name="provider_sheet"
    ),
    path("documents/<int:pk>/", views.document, name="document"),
    path("documents/<int:pk>/picture/", views.picture, name="picture"),
    path("families/<int:pk>/", family.family, name="family"),
    path("families/<int:pk>/people/<int:person>/", family.reveal_person, name="reveal_person"),
    path("families/<int:pk>/people/<int:person>/death/", gone.death, name="death"),
    path("families/<int:pk>/people/<int:person>/death/correct/", gone.correct_death, name="correct_death"),
    path("families/<int:pk>/people/<int:person>/departure/", gone.departure, name="departure"),
    path("families/<int:pk>/people/<int:person>/departure/correct/", gone.correct_departure, name="correct_departure"),
]
