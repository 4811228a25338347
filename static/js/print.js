/* A button that prints the page. Without this script it stays hidden, and the browser's own menu prints as well. */
(function () {
  "use strict";
  document.querySelectorAll("[data-print]").forEach(function (place) {
    place.hidden = false;
    place.addEventListener("click", function () { window.print(); });
  });
})();
