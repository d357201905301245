/* Saves a chart as a picture: what is drawn, under the name of the figure and of the shop, on the ground of the page. */
(function () {
  "use strict";
  function colour(name) { return getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim(); }

  function save(figure) {
    var drawn = figure.querySelector(".chart canvas"), title = document.querySelector("h1").textContent.trim() + ": " + figure.querySelector("h2").textContent.trim();
    if (!drawn) { return; }
    var px = devicePixelRatio, top = 40 * px, made = document.createElement("canvas"), ctx = made.getContext("2d");
    made.width = drawn.width; made.height = drawn.height + top;
    ctx.fillStyle = colour("card"); ctx.fillRect(0, 0, made.width, made.height);
    ctx.fillStyle = colour("ink"); ctx.font = 15 * px + "px system-ui, sans-serif"; ctx.textBaseline = "middle";
    ctx.fillText(title + ", " + new Date().toLocaleDateString(document.documentElement.lang), 12 * px, top / 2, made.width - 24 * px);
    ctx.drawImage(drawn, 0, top);
    made.toBlob(function (picture) {
      var link = document.createElement("a");
      link.href = URL.createObjectURL(picture);
      link.download = title.replace(/[^\p{L}\p{N}]+/gu, "-").toLowerCase() + ".png";
      link.click();
      setTimeout(function () { URL.revokeObjectURL(link.href); }, 1000);
    });
  }

  document.addEventListener("click", function (event) {
    var button = event.target.closest(".picture");
    if (button) { save(button.closest("figure")); }
  });
})();
