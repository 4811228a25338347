from django.urls import path

from casework.desks.account import factor

app_name = "account"
urlpatterns = [
    path("factor/", factor.page, name="factor"),
]
