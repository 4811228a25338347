from django.urls import path

from casework.desks.stock import counting, report, shelves, slips, writing

app_name = "stock"
urlpatterns = [
    path("", shelves.home, name="home"),
    path("open/", shelves.open_store, name="open"),
    path("items/add/", shelves.add_item, name="add_item"),
    path("<int:store_id>/", shelves.store, name="store"),
    path("<int:store_id>/custodian/", shelves.custodian, name="custodian"),
    path("<int:store_id>/items/<int:item_id>/", shelves.item, name="item"),
    path("<int:store_id>/receive/", writing.receive, name="receive"),
    path("<int:store_id>/issue/", writing.choose_household, name="issue"),
    path("<int:store_id>/issue/<int:household_id>/", writing.issue, name="issue_to"),
    path("<int:store_id>/transfer/", writing.transfer, name="transfer"),
    path("<int:store_id>/count/", counting.begin, name="begin_count"),
    path("counts/<int:count_id>/", counting.count, name="count"),
    path("counts/<int:count_id>/<slug:step>/", counting.step, name="count_step"),
    path("slips/", slips.slip_list, name="slips"),
    path("slips/<int:slip_id>/", slips.slip, name="slip"),
    path("slips/<int:slip_id>/sign/", slips.sign, name="sign"),
    path("slips/<int:slip_id>/back/", slips.back, name="back"),
    path("slips/<int:slip_id>/lost/", slips.lost, name="lost"),
    path("slips/<int:slip_id>/reverse/", slips.reverse_slip, name="reverse"),
    path("slips/<int:slip_id>/accept/", slips.accept, name="accept"),
    path("moves/", report.moves, name="moves"),
    path("report/", report.report, name="report"),
]
