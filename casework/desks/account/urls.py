from django.urls import path

from casework.desks.account import factor, places

app_name = "account"
urlpatterns = [
    path("factor/", factor.page, name="factor"),
    path("places/", places.page, name="places"),
]
