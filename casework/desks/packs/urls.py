from django.urls import path

from casework.desks.packs import views

app_name = "packs"
urlpatterns = [
    path("", views.home, name="home"),
    path("new/", views.new, name="new"),
    path("jobs/<int:job_id>/", views.job, name="job"),
    path("jobs/<int:job_id>/cancel/", views.cancel, name="cancel"),
    path("<int:pack_id>/", views.pack, name="pack"),
    path("<int:pack_id>/volumes/<int:n>/", views.take, name="take"),
]
