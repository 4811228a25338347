/* Keys for whoever decides all day. The page works without them; the hint shows only where they do. */
(function () {
  "use strict";
  var form = document.querySelector("form[data-review]");
  if (!form) return;
  var hint = form.querySelector("[data-keys]");
  if (hint) hint.hidden = false;

  var AGREE = ["check", "approve", "approve_plan", "review", "confirm", "countersign", "approve_exit",
    "dismiss_objection", "overturn_refusal"];
  var KEYS = { a: AGREE, r: ["return", "uphold_objection", "keep_open"], x: ["refuse", "uphold_refusal"] };

  function choose(actions) {
    for (var i = 0; i < actions.length; i++) {
      var card = form.querySelector('input[name="decision"][value="' + actions[i] + '"]');
      if (card) {
        card.checked = true;
        var field = actions === AGREE ? form.querySelector("textarea") : form.querySelector("select, textarea");
        (field || card).focus();
        return true;
      }
    }
    return false;
  }

  document.addEventListener("keydown", function (event) {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      form.requestSubmit ? form.requestSubmit() : form.submit();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (/^(input|textarea|select)$/i.test(event.target.tagName) && event.target.type !== "radio") {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    var key = event.key.toLowerCase();
    if (key === "j" && form.dataset.next) location.assign(form.dataset.next);
    else if (key === "k" && form.dataset.previous) location.assign(form.dataset.previous);
    else if (KEYS[key] && choose(KEYS[key])) event.preventDefault();
  });
})();
