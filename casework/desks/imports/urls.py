from django.urls import path

from casework.desks.imports import views

app_name = "imports"
urlpatterns = [
    path("", views.home, name="home"),
    path("<int:pk>/", views.job, name="job"),
    path("<int:pk>/reply/", views.reply, name="reply"),
    path("<int:pk>/cancel/", views.cancel, name="cancel"),
    path("<int:pk>/findings.csv", views.findings_csv, name="findings"),
]
