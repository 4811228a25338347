from django.urls import path

from casework.desks.countersigns import views

app_name = "countersigns"
urlpatterns = [
    path("", views.home, name="home"),
    path("<int:pk>/", views.one, name="one"),
    path("<int:pk>/again/", views.again, name="again"),
    path("<int:pk>/receipt/", views.receipt, name="receipt"),
    path("<int:pk>/receipt/small/", views.small, name="small"),
]
