/* Says on every page when it is not fresh, and has the service worker keep what was seen. */
(function () {
  "use strict";
  var told = document.getElementById("offline"), loaded = new Date(document.lastModified);

  function tell() {
    told.hidden = navigator.onLine;
    if (!navigator.onLine) { told.textContent = told.dataset.told.replace("%s", loaded.toLocaleString(document.documentElement.lang)); }
  }

  addEventListener("online", tell);
  addEventListener("offline", tell);
  tell();
  if ("serviceWorker" in navigator) { navigator.serviceWorker.register("/worker.js"); }
})();
