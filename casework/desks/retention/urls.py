from django.urls import path

from casework.desks.retention import views

app_name = "retention"
urlpatterns = [
    path("", views.home, name="home"),
    path("propose/", views.propose, name="propose"),
    path("<int:pk>/", views.order, name="order"),
]
