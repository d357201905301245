/* Keeps the page up to date without loading it anew. Without it everything works by hand.
   1. Every part marked data-live is fetched again each second and put in place only where it has changed.
   2. What somebody is about to change - a knob, a field - is left alone, and the focus stays where it was. */
(function () {
  "use strict";
  var code = document.getElementById("code"), touched = false;
  if (code && location.hash.length > 8) { code.value = decodeURIComponent(location.hash.slice(1)); }
  if (location.hash) { history.replaceState(null, "", location.pathname); }

  function knobs() {
    var outside = document.getElementById("outside"), inside = document.getElementById("inside");
    if (!outside) { return; }
    function show(moved) {
      if (+outside.value >= +inside.value) {
        if (moved === outside) { outside.value = +inside.value - 1; } else { inside.value = +outside.value + 1; }
      }
      var band = document.querySelectorAll(".band rect"), least = +outside.min, most = +outside.max;
      document.getElementById("outside-told").textContent = outside.value;
      document.getElementById("inside-told").textContent = inside.value;
      band[0].setAttribute("width", outside.value - least);
      band[1].setAttribute("x", outside.value - least); band[1].setAttribute("width", inside.value - outside.value);
      band[2].setAttribute("x", inside.value - least); band[2].setAttribute("width", most - inside.value);
    }
    [outside, inside].forEach(function (one) { one.addEventListener("input", function () { touched = true; show(one); }); });
  }

  function put(place, fresh) {
    if (place.outerHTML === fresh.outerHTML) { return; }
    if (place.dataset.zones !== undefined && (touched || place.dataset.zones === fresh.dataset.zones)) { return; }
    var held = document.activeElement, at = held && place.contains(held) ? [held.id, held.value] : null;
    place.replaceWith(fresh);
    if (fresh.id === "zones") { knobs(); }
    if (at) {
      var again = Array.prototype.find.call(fresh.querySelectorAll("button, a, input"), function (one) { return one.id === at[0] && one.value === at[1]; });
      if (again && !again.disabled) { again.focus(); }
    }
  }

  function look() {
    if (document.hidden) { return; }
    fetch(location.href, { cache: "no-store", credentials: "same-origin" }).then(function (answer) { return answer.text(); }).then(function (text) {
      var fresh = new DOMParser().parseFromString(text, "text/html");
      document.querySelectorAll("[data-live]").forEach(function (place) {
        var one = fresh.getElementById(place.id);
        if (one) { put(place, document.importNode(one, true)); }
      });
      if (!!fresh.querySelector("#next form") !== !!document.querySelector("#next form") && !(code && code.value)) { location.reload(); }
    }).catch(function () { /* the sensor is away for a moment: what was last seen stays */ });
  }

  knobs();
  if (document.querySelector("[data-live]")) { setInterval(look, 1000); document.addEventListener("visibilitychange", look); }
})();
