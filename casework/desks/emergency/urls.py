from django.urls import path

from casework.desks.emergency import looking, reviewing

app_name = "emergency"
urlpatterns = [
    path("", reviewing.home, name="home"),
    path("begin/", looking.begin, name="begin"),
    path("look/", looking.look, name="look"),
    path("leave/", looking.leave, name="leave"),
    path("<int:pk>/", reviewing.page, name="page"),
]
