/* Escape, or a click beside it, closes the open menu of the header. Without this script its own word closes it. */
(function () {
  "use strict";
  function close(but) {
    var closed = null;
    document.querySelectorAll("details.menu[open]").forEach(function (menu) {
      if (menu.contains(but)) return;
      menu.open = false;
      closed = menu;
    });
    return closed;
  }
  document.addEventListener("click", function (event) { close(event.target); });
  document.addEventListener("keydown", function (event) {
    var menu = event.key === "Escape" && close(null);
    if (menu) menu.querySelector("summary").focus();
  });
})();
