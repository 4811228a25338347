from django.urls import path

from casework.desks.history import views

app_name = "history"
urlpatterns = [
    path("cases/<int:pk>/", views.as_of, {"subject": "case"}, name="case"),
    path("cases/<int:pk>/between/", views.between, {"subject": "case"}, name="case_between"),
    path("cases/<int:pk>/timeline/", views.timeline, {"subject": "case"}, name="case_timeline"),
    path("families/<int:pk>/", views.as_of, {"subject": "family"}, name="family"),
    path("families/<int:pk>/between/", views.between, {"subject": "family"}, name="family_between"),
    path("families/<int:pk>/timeline/", views.timeline, {"subject": "family"}, name="family_timeline"),
    path("families/<int:pk>/surveys/", views.surveys, name="surveys"),
    path("funds/<int:pk>/", views.as_of, {"subject": "fund"}, name="fund"),
    path("funds/<int:pk>/between/", views.between, {"subject": "fund"}, name="fund_between"),
    path("posts/<int:pk>/", views.as_of, {"subject": "post"}, name="post"),
    path("posts/<int:pk>/between/", views.between, {"subject": "post"}, name="post_between"),
    path("records/<slug:kind>/<int:pk>/", views.as_of, {"subject": "record"}, name="record"),
    path("records/<slug:kind>/<int:pk>/between/", views.between, {"subject": "record"}, name="record_between"),
]
