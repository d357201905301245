/* The count at the door: one tap a person, kept on this phone with every tap, sent when there is a line.
   1. What was tapped survives a reload, a flat battery and a lost line: it lies in localStorage until the cloud has answered.
   2. A count has an id of its own, so sending it twice is sending it once.
   3. Times are the cloud's: by how much this phone's clock is off was asked while there was a line. */
(function () {
  "use strict";
  var place = document.getElementById("count"), shop = place.dataset.shop, api = place.dataset.api;
  var RUNNING = "footfall-count-" + shop, QUEUE = "footfall-counts-" + shop, OFF = "footfall-off-by", ENOUGH_S = 900;
  var big = document.getElementById("tap"), number = document.getElementById("number"), spent = document.getElementById("spent");
  var start = document.getElementById("start"), undo = document.getElementById("undo"), done = document.getElementById("done");
  var told = document.getElementById("told"), bar = document.getElementById("bar"), lock = null;

  function load(key, otherwise) { try { return JSON.parse(localStorage.getItem(key)) || otherwise; } catch (error) { return otherwise; } }
  function save(key, value) { if (value === null) { localStorage.removeItem(key); } else { localStorage.setItem(key, JSON.stringify(value)); } }
  function now() { return Math.floor(Date.now() / 1000) + load(OFF, 0); }
  function say(words) { told.textContent = words; }

  function ask() {
    if (load(RUNNING, null)) { return; }  // a count that runs keeps the clock it began by
    fetch(api + "/healthz").then(function (answer) { return answer.json(); }).then(function (said) {
      save(OFF, said.now - Math.floor(Date.now() / 1000));
    }).catch(function () {});
  }

  function show() {
    var running = load(RUNNING, null), lasted = running ? now() - running.begun : 0;
    place.classList.toggle("running", Boolean(running));
    start.hidden = Boolean(running);
    [big, undo, done, bar].forEach(function (one) { one.hidden = !running; });
    number.textContent = running ? running.taps.length : 0;
    spent.textContent = running ? Math.floor(lasted / 60) + ":" + String(lasted % 60).padStart(2, "0") : "";
    bar.value = Math.min(lasted, ENOUGH_S);
    undo.disabled = !running || !running.taps.length;
  }

  function awake() { if ("wakeLock" in navigator) { navigator.wakeLock.request("screen").then(function (one) { lock = one; }, function () {}); } }

  function finish(running) {
    var queue = load(QUEUE, []);
    queue.push({ id: running.id, session: { id: running.id, begun: running.begun, ended: now(), taps: running.taps } });
    save(QUEUE, queue);
    save(RUNNING, null);
    if (lock) { lock.release(); lock = null; }
    show();
    send();
  }

  function send() {
    var queue = load(QUEUE, []);
    if (!queue.length) { return; }
    if (!navigator.onLine) { say(place.dataset.kept); return; }
    say(place.dataset.sending);
    var one = queue[0];
    fetch(api + "/shops/" + encodeURIComponent(shop) + "/doorcounts/" + one.id, {
      method: "PUT", headers: { "Content-Type": "application/json" }, body: JSON.stringify(one.session)
    }).then(function (answer) {
      if (answer.status >= 500) { throw new Error("again"); }
      return answer.json().then(function (said) {
        save(QUEUE, load(QUEUE, []).filter(function (other) { return other.id !== one.id; }));
        // The page says it in the language of whoever reads; the answer itself is in English.
        if (answer.ok) { location.replace(location.pathname + "?told=" + one.id); } else { say(said.error); send(); }
      });
    }).catch(function () { say(place.dataset.kept); });
  }

  start.addEventListener("click", function () {
    var id = Array.from(crypto.getRandomValues(new Uint8Array(12)), function (one) { return one.toString(16).padStart(2, "0"); }).join("");
    save(RUNNING, { id: id, begun: now(), taps: [] });
    say("");
    awake();
    show();
    big.focus();
  });
  big.addEventListener("click", function () {
    var running = load(RUNNING, null);
    if (!running) { return; }
    running.taps.push(now());
    save(RUNNING, running);
    if (navigator.vibrate) { navigator.vibrate(15); }
    show();
  });
  undo.addEventListener("click", function () {
    var running = load(RUNNING, null);
    if (running) { running.taps.pop(); save(RUNNING, running); show(); }
  });
  done.addEventListener("click", function () { var running = load(RUNNING, null); if (running) { finish(running); } });
  addEventListener("online", send);
  document.addEventListener("visibilitychange", function () { if (!document.hidden && load(RUNNING, null)) { awake(); } });
  setInterval(show, 1000);
  ask();
  show();
  send();
})();
