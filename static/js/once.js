/* A form goes out once, however often its button is pressed; the server keeps to that too wherever it counts. */
(function () {
  "use strict";
  document.addEventListener("submit", function (event) {
    if (event.target.method !== "post") return;
    if (event.target.getAttribute("aria-busy")) event.preventDefault();
    else event.target.setAttribute("aria-busy", "true");
  });
  // Coming back through the browser's history shows the page as it was left.
  window.addEventListener("pageshow", function () {
    document.querySelectorAll("form[aria-busy]").forEach(function (form) { form.removeAttribute("aria-busy"); });
  });
})();
