from django.urls import path

from casework.desks.approvals import views

app_name = "approvals"
urlpatterns = [
    path("", views.home, name="home"),
    path("<slug:kind>/<int:pk>/", views.decide, name="decide"),
]
