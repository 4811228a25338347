/* On a page with a search: "/" goes to the box, the arrows move through what was found. Without this file both are links. */
(function () {
  "use strict";
  var box = document.querySelector("[data-search]");
  var list = document.querySelector("[data-hits]");
  if (!box) return;

  function isTyping(target) {
    return target !== box && target.matches("input, textarea, select, [contenteditable]");
  }

  document.addEventListener("keydown", function (event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || isTyping(event.target)) return;
    if (event.key === "/" && event.target !== box) {
      event.preventDefault();
      box.focus();
      box.select();
      return;
    }
    if (!list || (event.key !== "ArrowDown" && event.key !== "ArrowUp")) return;
    var links = Array.prototype.slice.call(list.querySelectorAll("a[href]"));
    var at = links.indexOf(document.activeElement);
    if (at < 0 && event.target !== box) return; // the arrows scroll the page as ever
    var next = at + (event.key === "ArrowDown" ? 1 : -1);
    event.preventDefault();
    (links[next] || (next < 0 ? box : links[links.length - 1])).focus();
  });
})();
